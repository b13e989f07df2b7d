"""The tasks of the product. They use the API ``task_runner.tasks``, as task packages of other authors do."""
