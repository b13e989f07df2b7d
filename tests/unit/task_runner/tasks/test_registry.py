"""Discovery by entry points: what is found, and what is refused with a name."""

from collections.abc import Callable
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Any

import pytest

from onboarding_shared.contracts.task_runner import UnusableTasks
from task_runner.tasks import DeclarationError, Reason, Result, Task, TaskContext, discover, task
from task_runner.tasks.registry import Installed, installed, without


def a_task(name: str, version: str = "", reasons: tuple[Reason, ...] = ()) -> Task:
    @task(name, step=1, title=name, version=version, reasons=reasons)
    async def check(context: TaskContext) -> Result:
        return Result.ok("ALL_FINE")

    return check


class Distribution:
    def __init__(self, name: str, version: str) -> None:
        self.name = name
        self.version = version


def point(loaded: Any, distribution: str = "onboarding-extra", version: str = "1.2") -> EntryPoint:
    class Loaded(EntryPoint):
        def load(self) -> Any:
            return loaded() if isinstance(loaded, Callable) and not isinstance(loaded, Task) else loaded

    made = Loaded("some", "some.module:NAME", "onboarding.tasks")
    vars(made)["dist"] = Distribution(distribution, version)
    return made


def test_our_own_tasks_are_installed() -> None:
    assert list(discover()) == [
        "app.consent",
        "gdap.group_mapping",
        "gdap.invite",
        "gdap.map_groups",
        "gdap.relationship",
        "gdap.roles",
        "graph.connectivity",
        "identity.admin_mfa",
        "identity.baseline",
        "identity.emergency_access",
        "identity.global_admins",
        "identity.legacy_auth",
        "identity.user_consent",
        "license.inventory",
    ]


def test_a_found_task_names_its_distribution_and_version() -> None:
    declaration = discover([point(a_task("a.b"))])["a.b"].declaration

    assert (declaration.distribution, declaration.version) == ("onboarding-extra", "1.2")


def test_a_task_keeps_the_version_its_author_gave() -> None:
    assert discover([point(a_task("a.b", version="9"))])["a.b"].declaration.version == "9"


def test_an_entry_point_may_name_several_tasks() -> None:
    assert list(discover([point([a_task("b.b"), a_task("a.a")])])) == ["a.a", "b.b"]


def test_an_entry_point_may_name_a_module_with_tasks() -> None:
    module = ModuleType("extra")
    vars(module)["TASKS"] = (a_task("a.b"),)

    assert list(discover([point(module)])) == ["a.b"]


def test_a_name_declared_twice_is_refused_and_names_both_distributions() -> None:
    with pytest.raises(DeclarationError, match=r"'a\.b'.*'first'.*'second'"):
        discover([point(a_task("a.b"), "first"), point(a_task("a.b"), "second")])


@pytest.mark.parametrize("wrong", [7, ModuleType("empty"), [a_task("a.b"), "text"]])
def test_something_else_than_tasks_is_refused(wrong: Any) -> None:
    with pytest.raises(DeclarationError, match="onboarding-extra"):
        discover([point(wrong)])


def test_a_package_that_cannot_be_imported_is_refused_by_name() -> None:
    def broken() -> Any:
        raise ImportError("no such module")

    with pytest.raises(DeclarationError, match=r"onboarding-extra.*no such module"):
        discover([point(broken)])


def test_a_wrong_package_takes_no_task_of_others_down() -> None:
    found = installed([point(7, "first"), point(a_task("a.b"), "second")])

    assert list(found.tasks) == ["a.b"]
    assert len(found.problems) == 1
    assert "first" in found.problems[0].problem


def test_a_name_declared_twice_stays_that_of_the_product() -> None:
    found = installed([point(a_task("a.b"), "acme"), point(a_task("a.b"), "onboarding-task-runner")])

    assert found.tasks["a.b"].declaration.distribution == "onboarding-task-runner"
    assert "'acme'" in found.problems[0].problem


def test_a_name_declared_twice_by_one_entry_point_is_refused() -> None:
    assert "declared twice" in installed([point([a_task("a.b"), a_task("a.b")])]).problems[0].problem


def a_reason(meaning: str = "No domain.") -> Reason:
    return Reason(code="DOMAINS_NONE", meaning=meaning, remediation="Verify one.")


def test_a_reason_code_belongs_to_one_package() -> None:
    first, second = (a_task(name, reasons=(a_reason(),)) for name in ("a.b", "c.d"))
    found = installed([point(first, "acme"), point(second, "fabrikam")])

    assert list(found.tasks) == ["a.b"]
    assert "'acme' has declared the reason code DOMAINS_NONE" in found.problems[0].problem


def test_tasks_of_one_package_share_a_reason_code() -> None:
    first, second = (a_task(name, reasons=(a_reason(),)) for name in ("a.b", "c.d"))
    found = installed([point(first, "acme"), point(second, "acme")])

    assert (list(found.tasks), found.problems) == (["a.b", "c.d"], ())


def test_a_reason_code_has_one_meaning_in_a_package() -> None:
    tasks = [a_task("a.b", reasons=(a_reason(),)), a_task("c.d", reasons=(a_reason("Something else."),))]

    assert "DOMAINS_NONE" in installed([point(tasks, "acme")]).problems[0].problem


def test_a_task_that_is_left_out_is_not_offered() -> None:
    tasks = {name: a_task(name) for name in ("one.check", "two.check")}
    assert list(without(Installed(tasks, ()), ("two.check",)).tasks) == ["one.check"]


def test_a_task_of_a_wrong_package_may_be_left_out() -> None:
    found = Installed({"one.check": a_task("one.check")}, (UnusableTasks(problem="broken"),))
    assert without(found, ("two.check",)) == found


def test_excluding_a_task_that_is_not_installed_is_refused() -> None:
    with pytest.raises(DeclarationError, match=r"not installed: two\.chekc"):
        without(Installed({"two.check": a_task("two.check")}, ()), ("two.chekc",))
