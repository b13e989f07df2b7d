"""The database of evidence-store: the only modules with SQL."""
