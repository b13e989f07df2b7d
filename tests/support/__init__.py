"""Real engines, systems and callers for the tests."""
