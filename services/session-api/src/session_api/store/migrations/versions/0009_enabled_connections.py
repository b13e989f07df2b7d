"""The enabled connections of a tenant, to be counted and offered without the disabled ones."""

from onboarding_shared.postgres.migrate import run_script

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    run_script("""
CREATE INDEX provider_connections_enabled ON provider_connections (tenant_id, id) WHERE disabled_at IS NULL;
""")
