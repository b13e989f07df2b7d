"""The rules of task-runner: pure functions over immutable values, without I/O and without a clock."""
