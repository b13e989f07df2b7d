"""A worker in a process of its own whose tasks output secrets in every possible way: ``python -m … URL``.

Each of the 40 secrets carries its own number, ``canary07``, so that a test can look for all of them in every output.
The log of the process is JSON.
"""

import asyncio
import logging
import sys

import structlog

from onboarding_shared.postgres.database import Database
from onboarding_shared.process.service_settings import LogSettings
from onboarding_shared.telemetry.logging import configure_logging
from task_runner.tasks import CannotTell, Result, TaskContext, TaskFault, Wait, task
from tests.integration.task_runner.runner_harness import RunnerHarness

NAMES = (
    "password", "userPassword", "clientSecret", "client_secret", "secretText", "accessToken", "refresh_token",
    "id_token", "Authorization", "Set-Cookie", "cookies", "privateKey", "private_key_pem", "apiKey", "x-api-key",
    "AccountKey", "connectionString", "client_assertion", "passwordCredentials", "credentials",
)  # fmt: skip
"""Names whose values are secrets whatever they look like."""

SHAPES = (
    "eyJhbGciOiJSUzI1NiJ9.{}.c2lnbmF0dXJl",
    "it sent Bearer {}-abcdefgh.ij",
    "Authorization: Basic {}",
    "a header basic {}QWxhZGRpbjpvcGVu==",
    "Cookie: session={}; path=/",
    "set-cookie: {}",
    "grant_type=client_credentials&client_secret={}&scope=x",
    '{{"refresh_token": "{}"}}',
    "password={};",
    "Password: {}",
    "https://graph.example/x?access_token={}&a=b",
    "https://x.blob.core.windows.net/c?sv=2024&sig={}%3D&se=1",
    "postgresql://app:{}@db/x",
    "Endpoint=sb://x/;SharedAccessKeyName=root;SharedAccessKey={}=",
    "AccountName=x;AccountKey={}==;EndpointSuffix=y",
    "api-key: {}",
    "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----",
    "abc8Q~{}" + "x" * 24,
    "0.A{}" + "y" * 60,
    "{}" + "Zz1+" * 19 + "ab==",
)
"""Texts that are secrets in any position; ``{}`` is the place of the number."""

CANARIES = tuple(f"canary{number:02}" for number in range(len(NAMES) + len(SHAPES)))
TEXTS = tuple(shape.format(canary) for shape, canary in zip(SHAPES, CANARIES[len(NAMES) :], strict=True))
BY_NAME = {name: f"plain-{canary}" for name, canary in zip(NAMES, CANARIES[: len(NAMES)], strict=True)}
ALL_TEXTS = "\n".join(TEXTS)
HARMLESS = {
    "policy": "TokenLifetimePolicy.Read.All",
    "tokenLifetimePolicies": ["3f2504e0-4f89-41d3-9a0c-0305e82c3301"],
    "credential_ref": "env:CONTOSO_SECRET",
    "hasPassword": True,
}
PAYLOAD = {
    **BY_NAME,
    **HARMLESS,
    "texts": list(TEXTS),
    "nested": [[{"deep": [BY_NAME, {"lists": {name: [[value]] for name, value in BY_NAME.items()}}]}]],
    "by_text": dict.fromkeys(TEXTS, 1),
    "together": ALL_TEXTS,
}


@task("leak.result", step=1, title="Says it in a result", scope="tenant")
async def result(context: TaskContext) -> Result:
    """Log the texts, report them as progress for two heartbeats, and return them."""
    structlog.get_logger("task").info("found", **{**BY_NAME, "texts": TEXTS, "shown": repr(TEXTS)})
    for text in TEXTS:
        logging.getLogger("task").warning("found %s", text)
        await context.progress(1, 2, text)
        await asyncio.sleep(0.12)
    return Result.warn("LEAKED", ALL_TEXTS[:3000], PAYLOAD)


@task("leak.unknown", step=1, title="Says it where it cannot tell", scope="tenant")
async def unknown(context: TaskContext) -> Result:
    """Raises it as a reason."""
    raise CannotTell("LEAKED", ALL_TEXTS[:3000], PAYLOAD)


@task("leak.fault", step=1, title="Says it in a fault", scope="tenant")
async def fault(context: TaskContext) -> Result:
    """Raises it as a fault."""
    raise TaskFault("LEAKED", ALL_TEXTS[:3000], payload=PAYLOAD)


@task("leak.wait", step=1, title="Says it while it waits", scope="tenant")
async def wait(context: TaskContext) -> Result:
    """Waits with it."""
    raise Wait("LEAKED", ALL_TEXTS[:3000], seconds=600, payload=PAYLOAD)


@task("leak.crash", step=1, title="Crashes with it", scope="tenant")
async def crash(context: TaskContext) -> Result:
    """Crashes, and the cause of that had it too."""
    try:
        raise KeyError(TEXTS[0])
    except KeyError as cause:
        raise ValueError(ALL_TEXTS) from cause


TASKS = {declared.name: declared for declared in (result, unknown, fault, wait, crash)}


async def work(url: str) -> None:
    harness = RunnerHarness(Database(url, application_name="leaky"))
    harness.new_worker(*TASKS.values(), name="leaky", lease_seconds=1.0).start()
    await asyncio.sleep(3600)


if __name__ == "__main__":
    configure_logging(LogSettings(format="json", level="INFO"), service="task-runner")
    asyncio.run(work(sys.argv[1]))
