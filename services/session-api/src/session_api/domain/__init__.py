"""The rules of onboarding: pure functions over frozen values, without input, output or clock."""
