"""Where session-api keeps its state: the only place with SQL."""
