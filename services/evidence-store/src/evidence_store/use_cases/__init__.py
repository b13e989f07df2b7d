"""The use cases: each reads rows, applies a rule of ``domain``, and writes the result."""
