"""Benchmarks: what the whole system does, beside what its parts could do at most, in the same run."""
