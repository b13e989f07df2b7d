"""The worker: claims runs, executes their tasks, renews their leases, and settles their outcomes."""
