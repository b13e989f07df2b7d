"""The process: its commands, its exit codes, and a service that serves, gets ready and stops."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest

from onboarding_devstack.identity import ISSUER, Identity
from onboarding_shared.contracts.topics import published_by
from onboarding_shared.messaging.kafka import ensure_topics
from tests.support.engines import client_environment, free_port, kafka_broker, kafka_settings, topics_at
from tests.support.waiting import eventually

SPOKEN = {"onboarding.task-commands.v1", "onboarding.sessions.v1", "onboarding.audit.session-api.v1"}


@pytest.fixture
def environment(database_url: str, kafka: str, identity: Identity) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": database_url,
        **client_environment(kafka),
        "ONBOARDING_ALLOW_ROOT": "true",
        "ONBOARDING_JWKS": str(identity.jwks),
        "ONBOARDING_JWT_ISSUER": ISSUER,
        "ONBOARDING_EVIDENCE_STORE_URL": "http://127.0.0.1:9",
    }


async def start(*arguments: str, env: dict[str, str], output: int = PIPE) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "session_api", *arguments, env=env, stdout=output, stderr=output
    )


async def run(*arguments: str, env: dict[str, str]) -> tuple[int, str, str]:
    process = await start(*arguments, env=env)
    async with asyncio.timeout(60):
        out, error = await process.communicate()
    return process.returncode or 0, out.decode(), error.decode()


@asynccontextmanager
async def serving(env: dict[str, str]) -> AsyncIterator[tuple[Process, str]]:
    port = free_port()
    process = await start("serve", env={**env, "ONBOARDING_PORT": str(port)}, output=DEVNULL)
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_help_needs_no_settings() -> None:
    code, out, _ = await run("--help", env={"PATH": os.environ["PATH"]})

    assert code == 0
    assert "serve" in out
    assert "migrate" in out


async def test_every_missing_setting_is_named_with_exit_code_2() -> None:
    code, _, error = await run("serve", env={"PATH": os.environ["PATH"]})

    assert code == 2
    for name in ("DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "ONBOARDING_JWT_ISSUER", "ONBOARDING_EVIDENCE_STORE_URL"):
        assert name in error


async def test_a_key_set_that_cannot_be_read_is_named(environment: dict[str, str]) -> None:
    code, _, error = await run("serve", env={**environment, "ONBOARDING_JWKS": "/nowhere/jwks.json"})

    assert code == 2
    assert "ONBOARDING_JWKS" in error


async def test_a_bad_value_is_named(environment: dict[str, str]) -> None:
    code, _, error = await run("serve", env={**environment, "ONBOARDING_EDIT_LOCK_SECONDS": "soon"})

    assert code == 2
    assert "ONBOARDING_EDIT_LOCK_SECONDS" in error


async def test_migrating_four_times_at_once_makes_schema_and_topics(environment: dict[str, str]) -> None:
    with kafka_broker() as own:  # creating topics at once leaves the embedded broker with doubles
        env = {**environment, "KAFKA_BOOTSTRAP_SERVERS": own}
        codes = [code for code, _, _ in await asyncio.gather(*(run("migrate", env=env) for _ in range(4)))]
        again, _, _ = await run("migrate", env=env)
        topics = await topics_at(own)

    assert (codes, again) == ([0, 0, 0, 0], 0)
    assert topics == SPOKEN | {f"{name}.dlq" for name in SPOKEN}


async def test_it_is_not_ready_before_task_types_are_announced(environment: dict[str, str]) -> None:
    assert (await run("migrate", env=environment))[0] == 0
    await ensure_topics(kafka_settings(environment["KAFKA_BOOTSTRAP_SERVERS"]), published_by("task-runner"))
    async with serving(environment) as (process, url), httpx2.AsyncClient(base_url=url) as client:

        async def down() -> list[str]:
            try:
                checks = (await client.get("/health/ready")).json()["checks"]
            except httpx2.TransportError:
                return ["unreachable"]
            return [check["name"] for check in checks if check["status"] == "DOWN"]

        await eventually(down, equals=["task_types"], seconds=30)
        assert (await client.get("/health/live")).status_code == 200
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            assert await process.wait() == 0


async def test_without_a_broker_it_serves_but_is_not_ready(environment: dict[str, str]) -> None:
    assert (await run("migrate", env=environment))[0] == 0
    env = {**environment, "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9"}
    async with serving(env) as (process, url), httpx2.AsyncClient(base_url=url) as client:

        async def alive() -> bool:
            try:
                return (await client.get("/health/live")).status_code == 200
            except httpx2.TransportError:
                return False

        await eventually(alive, seconds=30)
        ready = await client.get("/health/ready")
        assert ready.status_code == 503
        status = {check["name"]: check["status"] for check in ready.json()["checks"]}
        assert (status["relay"], status["consumer"], status["database"]) == ("DOWN", "DOWN", "UP")
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(40):
            assert await process.wait() == 0
