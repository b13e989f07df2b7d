"""The key of a run, and of the message authentication code of a message."""

from onboarding_shared.messaging.schema import MESSAGING_TABLES_V2
from onboarding_shared.postgres.migrate import run_script

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    run_script(MESSAGING_TABLES_V2 + "ALTER TABLE executions ADD COLUMN run_key text;")
