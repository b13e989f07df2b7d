"""The `onboarding` command line."""
