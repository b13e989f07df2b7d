"""Which stored task types cannot be run, as the latest announcement says."""

from onboarding_shared.contracts.task_runner import TaskTypeDeclaration, TaskTypesAnnounced, UnusableTasks
from onboarding_shared.contracts.types import Mode, Scope
from session_api.domain.catalogue import unusable_task_types


def declaration(name: str, distribution: str = "acme") -> TaskTypeDeclaration:
    return TaskTypeDeclaration(
        name=name,
        title="T",
        step=1,
        scope=Scope.TENANT,
        mode=Mode.SHARED,
        time_limit_seconds=60.0,
        distribution=distribution,
    )


DECLARED = [declaration("acme.a"), declaration("acme.b"), declaration("other.c", "other")]
STORED = {declared.name: declared.distribution for declared in DECLARED}


def announced(*names: str, unusable: UnusableTasks) -> TaskTypesAnnounced:
    usable = tuple(declared for declared in DECLARED if declared.name in names)
    return TaskTypesAnnounced(tenant_id=0, task_types=usable, unusable=(unusable,))


def test_a_named_task_type_is_unusable() -> None:
    named = UnusableTasks(task_types=("acme.b",), problem="No setting.")

    assert unusable_task_types(STORED, announced("acme.a", unusable=named)) == {"acme.b"}


def test_what_a_package_with_a_problem_no_longer_announces_is_unusable() -> None:
    package = UnusableTasks(distribution="acme", problem="It cannot be imported.")

    assert unusable_task_types(STORED, announced("acme.a", unusable=package)) == {"acme.b"}


def test_a_problem_of_a_named_task_type_is_that_of_no_other() -> None:
    named = UnusableTasks(distribution="acme", task_types=("acme.a",), problem="No setting.")

    assert unusable_task_types(STORED, announced(unusable=named)) == {"acme.a"}


def test_a_task_type_that_is_announced_is_usable() -> None:
    twice = UnusableTasks(distribution="acme", task_types=("acme.a",), problem="It is declared twice.")

    assert unusable_task_types(STORED, announced("acme.a", "acme.b", unusable=twice)) == frozenset()


def test_without_an_announcement_nothing_is_known() -> None:
    assert unusable_task_types(STORED, None) == frozenset()
