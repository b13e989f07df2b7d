"""Benchmarks of the system, with the limits of its parts measured in the same run."""
