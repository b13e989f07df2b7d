"""The checks and changes of the product, written with the kit in `task_runner.tasks` as a foreign package would be."""
