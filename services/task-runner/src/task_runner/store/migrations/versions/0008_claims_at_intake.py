"""Gives the transaction that stores a run the means to claim it: the lock of an idle tenant."""

from onboarding_shared.postgres.migrate import run_script

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """The function is volatile: its query sees what the transaction committed that held the lock before."""
    run_script("""
CREATE FUNCTION lock_idle_tenant(tenant bigint) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(tenant) THEN
        RETURN false;
    END IF;
    RETURN NOT EXISTS (
        SELECT FROM executions WHERE tenant_id = tenant AND state IN ('running', 'cancelling')
    ) AND NOT EXISTS (
        SELECT FROM executions
        WHERE tenant_id = tenant AND state IN ('queued', 'waiting') AND resume_at <= clock_timestamp()
    );
END $$;
""")
