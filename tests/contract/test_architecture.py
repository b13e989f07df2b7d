"""The arrows between the rooms hold, and each rule would notice a violation."""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = (
    ROOT / "shared/src/onboarding_shared",
    ROOT / "devstack/src/onboarding_devstack",
    ROOT / "emulator/src/microsoft_emulator",
    ROOT / "services/session-api/src/session_api",
    ROOT / "services/task-runner/src/task_runner",
    ROOT / "services/evidence-store/src/evidence_store",
    ROOT / "testing/src/onboarding_testing",
)
SERVICES = ("session_api", "task_runner", "evidence_store")
ALLOWED_IN_DOMAIN = ("msgspec", "onboarding_shared.contracts")
CLOCKS = {"now", "utcnow", "today", "time", "monotonic", "perf_counter", "time_ns", "monotonic_ns"}
EXECUTING = {"execute", "executemany", "exec_driver_sql"}
TRANSACTION = ("sqlalchemy.ext.asyncio", "AsyncConnection")

# The beginnings of the rules' names in .importlinter.
INDEPENDENT = "Services never import each other"
SHARED = "The shared package knows no service"
SHARED_LAYERS = "The rooms of the shared package"
CONTRACTS = "Contracts are plain data"
PRODUCTION = "Nothing that runs in production"
EMULATOR = "The emulator knows nothing"
DEVSTACK_LAYERS = "The command line builds on the embedded system"
TESTING_LAYERS = "The pytest plugin builds on a running system"
TESTING = "Nothing of the product imports the distribution for tests"
TEST_HELPERS = "Only tests import the test helpers"
SESSION_API = "session-api: "
TASK_RUNNER = "task-runner: "
EVIDENCE_STORE = "evidence-store: "
SESSION_API_USE_CASES = "Use cases of session-api"
TASK_RUNNER_USE_CASES = "Use cases of task-runner"
EVIDENCE_STORE_USE_CASES = "Use cases of evidence-store"
CIRCLES = "No circle of imports"
DOMAIN = "The domain decides on values alone"
DATABASE = "Domain, tasks and providers never touch"
DRIVER = "Services reach PostgreSQL through"
KAFKA = "Services reach Kafka through"

VIOLATIONS = [
    (INDEPENDENT, "session_api/routes/steps.py", "import evidence_store.domain.chain"),
    (INDEPENDENT, "task_runner/consumers.py", "from session_api.domain import guard"),
    (SHARED, "onboarding_shared/service.py", "import task_runner.app"),
    (SHARED_LAYERS, "onboarding_shared/messaging/outbox.py", "import onboarding_shared.service"),
    (SHARED_LAYERS, "onboarding_shared/web/app.py", "import onboarding_shared.messaging.relay"),
    (SHARED_LAYERS, "onboarding_shared/postgres/database.py", "import onboarding_shared.web.errors"),
    (SHARED_LAYERS, "onboarding_shared/telemetry/health.py", "import onboarding_shared.postgres.database"),
    (SHARED_LAYERS, "onboarding_shared/process/loop.py", "import onboarding_shared.telemetry.metrics"),
    (CONTRACTS, "onboarding_shared/contracts/topics.py", "import onboarding_shared.process.settings"),
    (CONTRACTS, "onboarding_shared/contracts/types.py", "import sqlalchemy"),
    (PRODUCTION, "session_api/app.py", "from onboarding_devstack import ports"),
    (PRODUCTION, "evidence_store/__main__.py", "import onboarding_devstack.cli.exits"),
    (PRODUCTION, "onboarding_shared/messaging/relay.py", "import onboarding_devstack.engines.broker"),
    (PRODUCTION, "task_runner/worker/pool.py", "import psutil"),
    (PRODUCTION, "task_runner/checks/lists.py", "import microsoft_emulator.app_roles"),
    (EMULATOR, "microsoft_emulator/app.py", "import onboarding_shared.contracts.types"),
    (DEVSTACK_LAYERS, "onboarding_devstack/ports.py", "import onboarding_devstack.cli.exits"),
    (TESTING_LAYERS, "onboarding_testing/events.py", "import onboarding_testing.onboarding"),
    (TESTING, "onboarding_devstack/cli/up.py", "import onboarding_testing.embedded"),
    (TEST_HELPERS, "task_runner/app.py", "import task_runner.testing"),
    (SESSION_API, "session_api/app.py", "import session_api.__main__"),
    (SESSION_API, "session_api/health.py", "import session_api.app"),
    (SESSION_API, "session_api/routes/steps.py", "import session_api.health"),
    (SESSION_API, "session_api/consumers.py", "import session_api.routes.session_bodies"),
    (SESSION_API, "session_api/use_cases/starts.py", "import session_api.routes.run_bodies"),
    (SESSION_API, "session_api/clients/evidence_store.py", "import session_api.use_cases.preflights"),
    (SESSION_API, "session_api/store/runs.py", "import session_api.use_cases.runs"),
    (SESSION_API, "session_api/store/sessions.py", "import session_api.routes.problems"),
    (SESSION_API, "session_api/domain/guard.py", "import session_api.store.starts"),
    (SESSION_API, "session_api/settings.py", "import session_api.domain.sessions"),
    (TASK_RUNNER, "task_runner/app.py", "import task_runner.__main__"),
    (TASK_RUNNER, "task_runner/health.py", "import task_runner.app"),
    (TASK_RUNNER, "task_runner/worker/pool.py", "import task_runner.consumers"),
    (TASK_RUNNER, "task_runner/use_cases/claims.py", "import task_runner.worker.pool"),
    (TASK_RUNNER, "task_runner/providers/http.py", "import task_runner.checks.lists"),
    (TASK_RUNNER, "task_runner/tasks/context.py", "import task_runner.providers.credentials"),
    (TASK_RUNNER, "task_runner/store/rows.py", "import task_runner.tasks.registry"),
    (TASK_RUNNER, "task_runner/domain/leases.py", "import task_runner.store.rows"),
    (TASK_RUNNER, "task_runner/metrics.py", "import task_runner.domain.leases"),
    (EVIDENCE_STORE, "evidence_store/app.py", "import evidence_store.__main__"),
    (EVIDENCE_STORE, "evidence_store/health.py", "import evidence_store.app"),
    (EVIDENCE_STORE, "evidence_store/use_cases/recording.py", "import evidence_store.routes.bodies"),
    (EVIDENCE_STORE, "evidence_store/store/ledger.py", "import evidence_store.use_cases.verification"),
    (EVIDENCE_STORE, "evidence_store/domain/chain.py", "import evidence_store.store.ledger"),
    (SESSION_API_USE_CASES, "session_api/use_cases/sessions.py", "import session_api.use_cases.preflights"),
    (TASK_RUNNER_USE_CASES, "task_runner/use_cases/overdue.py", "import task_runner.use_cases.leases"),
    (EVIDENCE_STORE_USE_CASES, "evidence_store/use_cases/recording.py", "import evidence_store.use_cases.verification"),
    (CIRCLES, "task_runner/providers/settings.py", "import task_runner.providers.tokens"),
    (DOMAIN, "session_api/domain/guard.py", "import onboarding_shared.messaging.outbox"),
    (DOMAIN, "task_runner/domain/claiming.py", "import time"),
    (DOMAIN, "evidence_store/domain/chain.py", "from litestar import get"),
    (DATABASE, "task_runner/checks/lists.py", "import sqlalchemy"),
    (DATABASE, "task_runner/providers/graph.py", "import onboarding_shared.postgres.faults"),
    (DRIVER, "evidence_store/store/reading.py", "import asyncpg"),
    (KAFKA, "session_api/use_cases/resends.py", "from aiokafka import AIOKafkaProducer"),
    (KAFKA, "task_runner/app.py", "from faststream.kafka import KafkaBroker"),
]
"""A rule, and an import that breaks it: the module it is appended to, and the line."""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder with the rules and all our packages, free to be spoiled."""
    for source in SOURCES:
        shutil.copytree(source, tmp_path / source.name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", tmp_path)
    return tmp_path


def test_the_real_packages_keep_every_rule() -> None:
    done = lint_imports(ROOT, [source.parent for source in SOURCES])
    assert done.returncode == 0, done.stdout
    assert ", 0 broken" in done.stdout


def test_an_unspoiled_copy_keeps_every_rule(copy: Path) -> None:
    assert lint_imports(copy, [copy]).returncode == 0


@pytest.mark.parametrize(("rule", "module", "line"), VIOLATIONS)
def test_an_import_against_a_rule_is_found_and_the_rule_named(copy: Path, rule: str, module: str, line: str) -> None:
    append(copy / module, line)
    done = lint_imports(copy, [copy])
    assert done.returncode == 1
    assert [text for text in broken(done.stdout) if text.startswith(rule)], done.stdout


def test_each_rule_has_a_violation_here() -> None:
    names = re.findall(r"^name = (.+)$", (ROOT / ".importlinter").read_text(), re.MULTILINE)
    assert [name for name in names if not any(name.startswith(rule) for rule, _, _ in VIOLATIONS)] == []


@pytest.mark.parametrize(
    "folder",
    [
        "onboarding_shared",
        "onboarding_devstack",
        "onboarding_testing",
        *SERVICES,
        *(f"{service}/use_cases" for service in SERVICES),
    ],
)
def test_a_new_module_needs_its_place_in_the_layers(copy: Path, folder: str) -> None:
    (copy / folder / "loose.py").write_text("")
    done = lint_imports(copy, [copy])
    assert done.returncode == 1
    assert "loose" in done.stdout


def test_no_rule_has_an_exception() -> None:
    rules = (ROOT / ".importlinter").read_text()
    assert [word for word in ("ignore_imports", "(routes)", "unmatched_ignore") if word in rules] == []


def test_the_domain_imports_nothing_but_contracts_and_the_standard_library() -> None:
    assert [finding for source in SOURCES for finding in foreign_to_domain(source)] == []


def test_a_domain_that_imports_another_package_is_found(copy: Path) -> None:
    append(copy / "session_api/domain/guard.py", "import yaml")
    assert foreign_to_domain(copy / "session_api") == ["session_api/domain/guard.py: yaml"]


def test_no_domain_reads_a_clock() -> None:
    assert [finding for source in SOURCES for finding in clocks_in_domain(source)] == []


def test_a_domain_that_reads_a_clock_is_found(copy: Path) -> None:
    append(copy / "task_runner/domain/leases.py", "NOW = datetime.now(UTC)")
    findings = clocks_in_domain(copy / "task_runner")
    assert [place.partition(":")[0] for place in findings] == ["task_runner/domain/leases.py"]


def test_sql_is_written_and_executed_in_stores_only() -> None:
    assert [finding for source in SOURCES for finding in sql_outside_stores(source)] == []


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("session_api/routes/runs.py", "from sqlalchemy import text"),
        ("evidence_store/consumers.py", "import sqlalchemy"),
        ("task_runner/worker/worker.py", "from sqlalchemy.ext.asyncio import create_async_engine"),
        ("session_api/use_cases/starts.py", "async def peep(connection): return await connection.execute(SQL)"),
        ("onboarding_shared/telemetry/health.py", "from sqlalchemy import select"),
    ],
)
def test_sql_outside_a_store_is_found(copy: Path, module: str, line: str) -> None:
    append(copy / module, line)
    findings = sql_outside_stores(copy / module.partition("/")[0])
    assert [place.partition(":")[0] for place in findings] == [module]


def lint_imports(folder: Path, import_from: list[Path]) -> subprocess.CompletedProcess[str]:
    """Check the rules in ``folder`` on the packages found first in ``import_from``."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, import_from)), "COLUMNS": "300"}
    return subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def broken(report: str) -> list[str]:
    """The names of the broken rules."""
    return [line for line in report.splitlines() if "BROKEN" in line]


def append(module: Path, line: str) -> None:
    with module.open("a") as file:
        file.write(f"\n{line}\n")


def modules(package: Path) -> Iterator[tuple[str, ast.Module]]:
    """Each module's path, which begins with the package's name, and its syntax tree."""
    for path in sorted(package.rglob("*.py")):
        yield str(path.relative_to(package.parent)), ast.parse(path.read_text())


def imports(tree: ast.Module) -> Iterator[tuple[str, str | None]]:
    """Module and name of each import; the name is None for ``import module``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)


def foreign_to_domain(package: Path) -> list[str]:
    allowed = (*ALLOWED_IN_DOMAIN, f"{package.name}.domain")
    return [
        f"{path}: {module}"
        for path, tree in modules(package)
        if path.startswith(f"{package.name}/domain/")
        for module, _ in imports(tree)
        if module.partition(".")[0] not in sys.stdlib_module_names
        and not any(module == package_name or module.startswith(f"{package_name}.") for package_name in allowed)
    ]


def clocks_in_domain(package: Path) -> list[str]:
    return [
        f"{path}:{node.lineno}"
        for path, tree in modules(package)
        if path.startswith(f"{package.name}/domain/")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCKS
    ]


def sql_outside_stores(package: Path) -> list[str]:
    """SQL, or the means to write it, where it does not belong.

    Others hold a transaction open and hand its ``AsyncConnection`` on: that type is all they may know of SQLAlchemy.
    """
    rooms = ("store",) if package.name in SERVICES else ("messaging", "postgres")
    outside = [(path, tree) for path, tree in modules(package) if path.split("/")[1] not in rooms]
    imported = [
        f"{path}: {module} {name}"
        for path, tree in outside
        for module, name in imports(tree)
        if module.partition(".")[0] == "sqlalchemy" and (module, name) != TRANSACTION
    ]
    executed = [
        f"{path}: line {node.lineno}"
        for path, tree in outside
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in EXECUTING
    ]
    return imported + executed
