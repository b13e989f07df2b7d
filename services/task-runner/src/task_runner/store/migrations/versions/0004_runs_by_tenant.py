"""A run is identified by its id and its tenant, so that a forged command takes no other tenant's run id.

Processes of the former version cannot write to the new key, so they have to be stopped before.
"""

from onboarding_shared.postgres.migrate import run_script

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    run_script("""
ALTER TABLE executions DROP CONSTRAINT executions_pkey, ADD PRIMARY KEY (run_id, tenant_id);
""")
