"""The only place with SQL: executions, and the messages that tell of their changes, in one commit."""
