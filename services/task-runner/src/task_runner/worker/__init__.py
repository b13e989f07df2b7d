"""Runs tasks: claims runs, renews their leases, and settles their outcomes."""
