"""The rules of onboarding: pure functions over immutable values, without I/O and without a clock."""
