"""The schema's history; ``task-runner migrate`` brings a database to its end."""
