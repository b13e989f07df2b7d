"""Access to PostgreSQL: short transactions with time limits, group commit, migrations."""
