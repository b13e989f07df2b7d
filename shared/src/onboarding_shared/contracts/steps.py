"""The five steps of the wizard: what they are called, and what each is for."""

from collections.abc import Mapping
from typing import NamedTuple


class StepWords(NamedTuple):
    """Title and description of a step."""

    title: str
    description: str


STEP_WORDS: Mapping[int, StepWords] = {
    1: StepWords("Relationship", "The customer approves a GDAP relationship with the roles that the partner needs."),
    2: StepWords("Access", "The partner's security groups have the roles of the relationship."),
    3: StepWords("Consent", "An administrator of the customer consents to the application's permissions."),
    4: StepWords("Connectivity and licences", "Microsoft Graph answers for the tenant, and its licences are known."),
    5: StepWords("Security baseline", "The tenant's administrators and policies are as the security baseline asks."),
}
"""By number of the step, 1..5."""
