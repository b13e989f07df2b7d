"""The HTTP API: one module of route handlers per resource."""
