"""What operators did with each dead letter."""

from onboarding_shared.messaging.schema import MESSAGING_TABLES_V3
from onboarding_shared.postgres.migrate import run_script

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    run_script(MESSAGING_TABLES_V3)
