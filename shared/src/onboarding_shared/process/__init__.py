"""A service's process: settings, and the loops that run beside its HTTP server."""
