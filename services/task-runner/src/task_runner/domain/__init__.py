"""The rules of the task runner: pure functions over frozen values, without IO and without a clock."""
