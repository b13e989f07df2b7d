"""The commands for task authors: `task new`, `task check` and `task run`."""
