"""Tenant bindings: the Microsoft tenants of a tenant, each with an application and a credential."""

from onboarding_shared.postgres.migrate import run_script

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    run_script("""
CREATE TABLE tenant_bindings (
    external_tenant_id text NOT NULL,
    cloud text NOT NULL,
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    tenant_id bigint NOT NULL,
    client_id text NOT NULL,
    credential text NOT NULL,
    set_at timestamptz NOT NULL DEFAULT now(),
    set_by_user_id bigint NOT NULL,
    PRIMARY KEY (external_tenant_id, cloud),
    CONSTRAINT tenant_bindings_id UNIQUE (id),
    CONSTRAINT tenant_bindings_tenant_positive CHECK (tenant_id > 0)
);
""")
