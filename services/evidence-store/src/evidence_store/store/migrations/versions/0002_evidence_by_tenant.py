"""Evidence is unique by run id and tenant, so that a forged result takes no other tenant's run id.

Processes of the former version refuse such results, and have to be stopped before.
"""

from onboarding_shared.postgres.migrate import run_script

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    run_script("""
ALTER TABLE evidence DROP CONSTRAINT evidence_once_per_run,
    ADD CONSTRAINT evidence_once_per_run UNIQUE (run_id, tenant_id);
""")
