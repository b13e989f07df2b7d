"""The HTTP side: each module makes the route handlers of one subject."""
