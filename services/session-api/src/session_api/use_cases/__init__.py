"""What a request or a message asks for: load, decide, keep."""
