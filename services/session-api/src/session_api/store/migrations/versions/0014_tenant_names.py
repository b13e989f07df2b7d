"""The display names of tenants, and the runs of all tenants in order."""

from onboarding_shared.postgres.migrate import run_script

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    run_script("""
CREATE TABLE tenant_names (
    tenant_id bigint NOT NULL PRIMARY KEY,
    display_name text NOT NULL,
    set_at timestamptz NOT NULL DEFAULT now(),
    set_by_user_id bigint NOT NULL,
    CONSTRAINT tenant_names_tenant_positive CHECK (tenant_id > 0)
);
CREATE INDEX operation_runs_newest ON operation_runs (id);
""")
