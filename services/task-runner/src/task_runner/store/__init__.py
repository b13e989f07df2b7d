"""The database of task-runner: the only modules with SQL."""
