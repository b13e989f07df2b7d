"""The rules of the evidence store: pure functions over frozen values."""
