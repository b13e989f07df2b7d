"""One row that the readiness check overwrites."""

from onboarding_shared.postgres.migrate import run_script
from onboarding_shared.postgres.write_probe import WRITE_PROBES_V1

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    run_script(WRITE_PROBES_V1)
