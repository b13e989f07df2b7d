"""Connections may name a credential that the operator has defined; the old references stay valid."""

from onboarding_shared.postgres.migrate import run_script

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    run_script("""
ALTER TABLE provider_connections DROP CONSTRAINT provider_connections_credential_is_a_reference;
ALTER TABLE provider_connections ADD CONSTRAINT provider_connections_credential_is_a_reference
    CHECK (credential_ref ~ '^(env:[A-Za-z_]|file:/|[a-z][a-z0-9-]{0,62}$)');
""")
