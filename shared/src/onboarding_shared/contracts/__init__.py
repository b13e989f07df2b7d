"""The messages that the services exchange: one module per publisher, data only."""
