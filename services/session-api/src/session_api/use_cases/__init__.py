"""The use cases: each loads rows, applies a rule of ``domain``, and writes the result."""
