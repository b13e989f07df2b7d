"""What every service process runs on: settings, logs, traces, identity, HTTP, health and the server itself."""
