"""How long rows are kept that nothing needs any more."""

from typing import Annotated

from pydantic import AfterValidator, Field

from onboarding_shared.process.settings import Settings

FEWEST_DAYS = 7
"""Commands are repeated every ten minutes at most: a run that ended a week ago is not asked about any more."""


def _for_ever_or_long(days: int) -> int:
    if 0 < days < FEWEST_DAYS:
        raise ValueError(f"must be 0 (for ever) or at least {FEWEST_DAYS}")
    return days


KeptDays = Annotated[int, Field(ge=0, le=36_500), AfterValidator(_for_ever_or_long)]
"""Days; 0 = for ever."""


class RunRetentionSettings(Settings):
    """How long ended runs are kept."""

    run_days: KeptDays = Field(
        0,
        validation_alias="ONBOARDING_RUN_DAYS",
        description="Days after which ended runs that nothing needs are removed; 0 = never",
    )
