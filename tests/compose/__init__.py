"""docker-compose.yml on a real Docker engine."""
