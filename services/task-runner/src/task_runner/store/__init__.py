"""The database of task-runner. Only these modules contain SQL."""
