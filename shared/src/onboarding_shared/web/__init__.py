"""The HTTP edge of a service: identity, errors, request bodies, serving."""
