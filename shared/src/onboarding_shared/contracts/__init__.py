"""The messages that the services exchange: one file per speaker, plain data, no behaviour."""
