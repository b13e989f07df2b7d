"""Tests of other teams against the product: the pytest fixture ``onboarding``, and the same on docker-compose.yml."""
