"""What a message or the worker asks for: load, decide, keep."""
