"""What the tests need to run against the real thing."""
