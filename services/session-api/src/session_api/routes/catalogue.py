"""The catalogue: the task types, and the reason codes of results."""

from collections.abc import Collection

from litestar import Controller, get

from onboarding_shared.contracts.reason_codes import Reason
from onboarding_shared.contracts.steps import STEP_WORDS
from onboarding_shared.contracts.task_runner import TaskTypeDeclaration, UnusableTasks
from onboarding_shared.postgres.database import Database
from onboarding_shared.web.errors import DependencyDown
from onboarding_shared.web.identity import requires_platform
from session_api.domain.catalogue import unusable_task_types
from session_api.routes.session_bodies import TaskType, WizardStep
from session_api.store.task_types import list_task_types
from session_api.use_cases.live_feed import LiveFeed
from session_api.use_cases.reasons import ReasonCodes

ANNOUNCED_SECONDS = 60
"""Seconds in which every runner announces its tasks again."""


class CatalogueRoutes(Controller):
    """The operations on data without a tenant. Every caller with a valid token may read it."""

    path = "/onboarding"
    tags = ("catalogue",)

    database: Database
    reasons: ReasonCodes
    feed: LiveFeed

    @get(
        "/task-types",
        summary="List the task types that runners have announced",
        operation_id="listTaskTypes",
    )
    async def list_announced_task_types(self) -> list[TaskType]:
        """Return the declaration of each task type: its step, its limits, and the permissions it needs."""
        declarations = await self.database.run_single(list_task_types)
        unusable = unusable_task_types(
            {declaration.name: declaration.distribution for declaration in declarations}, self.feed.announced
        )
        return [_task_type(declaration, unusable) for declaration in declarations]

    @get(
        "/unusable-tasks",
        guards=[requires_platform()],
        summary="List the installed tasks that cannot be run",
        operation_id="listUnusableTasks",
    )
    async def list_unusable_tasks(self) -> list[UnusableTasks]:
        """Return the problems of installed task packages, as a runner announced them last; it does so every minute.

        ``task_types`` are those that are known by name: a package that cannot be imported names none. 503 until this
        process has read an announcement.
        """
        if self.feed.announced is None:
            raise DependencyDown(message="No announcement of a runner has been read yet", retry_after=ANNOUNCED_SECONDS)
        return list(self.feed.announced.unusable)

    @get("/steps", summary="List the steps of the wizard", operation_id="listWizardSteps")
    async def list_wizard_steps(self) -> list[WizardStep]:
        """Return the number, the title and the description of each step."""
        return [
            WizardStep(step=step, title=words.title, description=words.description)
            for step, words in STEP_WORDS.items()
        ]

    @get(
        "/reason-codes",
        summary="List the reason codes with their meaning and remediation",
        operation_id="listReasonCodes",
    )
    async def list_reason_codes(self) -> list[Reason]:
        """Return the reason codes of results and of waiting runs, with meaning, remediation and a link.

        Those of task packages come after those of the product.
        """
        return list((await self.reasons.current()).values())


def _task_type(declaration: TaskTypeDeclaration, unusable: Collection[str]) -> TaskType:
    return TaskType(
        name=declaration.name,
        title=declaration.title,
        description=declaration.description,
        step=declaration.step,
        scope=declaration.scope,
        mode=declaration.mode,
        required=declaration.required,
        permissions=declaration.permissions,
        licence=declaration.licence,
        time_limit_seconds=declaration.time_limit_seconds,
        max_attempts=declaration.max_attempts,
        fresh_seconds=declaration.fresh_seconds,
        wait_limit_seconds=declaration.wait_limit_seconds,
        distribution=declaration.distribution,
        version=declaration.version,
        inputs_schema=declaration.inputs_schema,
        supports_dry_run=declaration.supports_dry_run,
        inputs_from=declaration.inputs_from,
        unusable=declaration.name in unusable,
        reasons=declaration.reasons,
    )
