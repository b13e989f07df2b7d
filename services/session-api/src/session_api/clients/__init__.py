"""The other services that this one asks over HTTP."""
