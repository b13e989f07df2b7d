"""Definition of the embedded system: databases, processes, environments, dependencies and readiness checks."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import platformdirs

from microsoft_emulator.app_roles import APP_ROLES
from microsoft_emulator.recorded import EMERGENCY_ACCESS
from microsoft_emulator.tenants import PARTNER_TENANT
from onboarding_devstack.child import http_status
from onboarding_devstack.engines import broker, postgres
from onboarding_devstack.engines.broker import Broker
from onboarding_devstack.identity import AUDIENCE, ISSUER
from onboarding_devstack.place import Place
from onboarding_devstack.ports import HOST
from onboarding_devstack.provider.people import CLIENT_ID

SERVICES = ("session-api", "task-runner", "evidence-store")
ENGINES = ("postgres", "broker", "graph", "identity")
PROCESSES = (*ENGINES, *SERVICES)
CREDENTIAL_VARIABLE = "ONBOARDING_DEMO_CLIENT_SECRET"
DEMO_CLIENT_ID = "66666666-7777-4888-9999-aaaaaaaaaaaa"
"""The application that is registered at the emulator, with the secret in CREDENTIAL_VARIABLE."""
DEMO_CREDENTIAL = "demo"
CREDENTIALS = {
    DEMO_CREDENTIAL: {
        "kind": "secret",
        "source": f"env:{CREDENTIAL_VARIABLE}",
        "client_id": DEMO_CLIENT_ID,
        "tenants": "all",
    }
}
"""The credentials that connections can name, for the tenants that are bound."""

CALLER_RATE = "ONBOARDING_CALLER_REQUESTS_PER_MINUTE"
"""A setting that the environment may give, because measurements have one caller for all requests."""
# Settings that the environment of `onboarding up` may override, with their defaults.
TUNING = {
    "ONBOARDING_SILENCE_SECONDS": "5",
    "ONBOARDING_CONFIRM_SECONDS": "5",
    "ONBOARDING_LEASE_SECONDS": "5",
}


async def _nothing() -> None:
    return None


@dataclass(frozen=True)
class Process:
    """A child process of the embedded system."""

    name: str
    address: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    ready: Callable[[], Awaitable[bool]]
    probe_every: float = 0.05
    """Seconds between readiness checks."""
    needs: tuple[str, ...] = ()
    before_start: Callable[[], Awaitable[None]] = _nothing
    """Awaited before each start."""
    setup: tuple[str, ...] | None = None
    """A command that must succeed once, before the first start."""
    once_ready: Callable[[], Awaitable[None]] = _nothing
    """Awaited after each start once the process is ready, before its dependents start."""
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    """The signal that the kernel sends if the supervisor is killed."""


def databases(place: Place) -> dict[str, postgres.ServiceDatabase]:
    """Service name → its database, with its own login role."""
    names = {service: service.replace("-", "_") for service in SERVICES}
    return {service: postgres.ServiceDatabase(name, name, place.secrets[name]) for service, name in names.items()}


def addresses(place: Place) -> dict[str, str]:
    """Process name → its address: an http:// or postgresql:// URL, or the broker's host:port."""
    web = {name: f"http://{HOST}:{place.ports[name]}" for name in ("graph", "identity", *SERVICES)}
    outside, engines = place.engines.outside, place.engines
    own_server = f"postgresql://{HOST}:{place.ports['postgres']}"
    return web | {
        "postgres": postgres.server_of(engines.postgres) if "postgres" in outside else own_server,
        "broker": engines.broker if "broker" in outside else broker.bootstrap_servers(place.ports),
    }


def database_urls(place: Place) -> dict[str, str]:
    """Database name → `postgresql://` URL with role and password."""
    outside = "postgres" in place.engines.outside
    server = place.engines.postgres if outside else addresses(place)["postgres"]
    return {database.name: postgres.url_on(server, *database) for database in databases(place).values()}


def environments(place: Place) -> dict[str, dict[str, str]]:
    """Service name → the variables of its process in addition to the inherited environment."""
    at = addresses(place)
    urls = database_urls(place)
    kafka = {"KAFKA_BOOTSTRAP_SERVERS": at["broker"]} | place.engines.client_settings()
    identity = {
        "ONBOARDING_JWKS": str(place.identity.jwks),
        "ONBOARDING_JWT_ISSUER": ISSUER,
        "ONBOARDING_JWT_AUDIENCE": AUDIENCE,
    }
    run_secrets = {"ONBOARDING_RUN_SECRETS": place.secrets["run_secret"]}
    command_secrets = {"ONBOARDING_COMMAND_SECRETS": place.secrets["command_secret"]}
    own = {
        "session-api": identity
        | run_secrets
        | command_secrets
        | {
            "ONBOARDING_EVIDENCE_STORE_URL": at["evidence-store"],
            "ONBOARDING_EVIDENCE_STORE_HEALTH_URL": at["evidence-store"],
            "ONBOARDING_TASK_RUNNER_HEALTH_URL": at["task-runner"],
            "ONBOARDING_OIDC_AUTHORITY": at["identity"],
            "ONBOARDING_OIDC_CLIENT_ID": CLIENT_ID,
            "ONBOARDING_CONSENT_REDIRECT_URL": consent_redirect(place),
            "ONBOARDING_GRAPH_URL": at["graph"],
            "ONBOARDING_LOGIN_URL": at["graph"],
            "ONBOARDING_PARTNER_TENANT_ID": PARTNER_TENANT,
        },
        "task-runner": command_secrets
        | {
            "ONBOARDING_GRAPH_URL": at["graph"],
            "ONBOARDING_LOGIN_URL": at["graph"],
            "ONBOARDING_PARTNER_TENANT_ID": PARTNER_TENANT,
            "ONBOARDING_EMERGENCY_ACCESS": json.dumps(EMERGENCY_ACCESS),
            "ONBOARDING_CREDENTIALS": json.dumps(CREDENTIALS),
            "ONBOARDING_TENANT_BINDINGS": str(place.bindings),
            CREDENTIAL_VARIABLE: place.secrets["client_secret"],
        },
        "evidence-store": identity | run_secrets,
    }
    tuning = {name: os.environ.get(name, value) for name, value in TUNING.items()}
    return {
        name: tuning
        | kafka
        | own[name]
        | {
            "DATABASE_URL": urls[name.replace("-", "_")],
            "ONBOARDING_ALLOW_ROOT": "true",
            "ONBOARDING_HOST": HOST,
            "ONBOARDING_PORT": str(place.ports[name]),
        }
        for name in SERVICES
    }


def processes(place: Place) -> tuple[Process, ...]:
    """All child processes, ordered by their dependencies. Raises `EngineError`."""
    own_broker = place.engines.own_broker
    engines = [] if "postgres" in place.engines.outside else [_postgres(place)]
    engines += [] if own_broker is None else [_broker(place, own_broker)]
    return (*engines, _graph(place), _identity(place), *(_service(place, name) for name in SERVICES))


def _postgres(place: Place) -> Process:
    folder, port = place.postgres, place.ports["postgres"]

    async def prepare() -> None:
        await asyncio.to_thread(postgres.prepare, folder)

    async def create_databases() -> None:
        administrator = postgres.superuser_url(folder, port)
        await asyncio.to_thread(postgres.create_databases, administrator, list(databases(place).values()))

    async def ready() -> bool:
        return postgres.is_ready(folder)

    return Process(
        name="postgres",
        address=addresses(place)["postgres"],
        command=tuple(postgres.command(folder, port)),
        environment=postgres.environment(),
        before_start=prepare,
        ready=ready,
        once_ready=create_databases,
        stop_signal=signal.SIGINT,
        death_signal=signal.SIGINT,
    )


def _broker(place: Place, own: Broker) -> Process:
    address = broker.bootstrap_servers(place.ports)

    async def prepare() -> None:
        await asyncio.to_thread(own.prepare, place.broker, place.ports)

    async def ready() -> bool:
        return await asyncio.to_thread(broker.is_ready, address)

    return Process(
        name="broker",
        address=address,
        command=tuple(own.command(place.broker, place.ports)),
        environment=own.environment(),
        before_start=prepare,
        ready=ready,
    )


def _graph(place: Place) -> Process:
    async def ready() -> bool:
        return await http_status(HOST, place.ports["graph"], "/health/ready") == 200

    command = (sys.executable, "-m", "microsoft_emulator", "--port", str(place.ports["graph"]))
    return Process(
        name="graph",
        address=addresses(place)["graph"],
        command=command,
        environment=inherited() | {"MICROSOFT_EMULATOR_START": json.dumps(_first_state(place))},
        ready=ready,
    )


def _identity(place: Place) -> Process:
    async def ready() -> bool:
        return await http_status(HOST, place.ports["identity"], "/health/ready") == 200

    command = [sys.executable, "-m", "onboarding_devstack.provider", "--port", str(place.ports["identity"])]
    command += ["--keys", str(place.identity.folder)]
    for address in web_application_addresses(place):
        command += ["--redirect", address]
    return Process(
        name="identity",
        address=addresses(place)["identity"],
        command=tuple(command),
        environment=inherited(),
        ready=ready,
    )


def web_application_addresses(place: Place) -> tuple[str, ...]:
    """The addresses of the web application; the first one is shown to people."""
    return tuple(f"http://{host}:{place.ports['session-api']}/app/" for host in (HOST, "localhost"))


def consent_redirect(place: Place) -> str:
    """The address to which the consent page returns."""
    return f"{addresses(place)['session-api']}/onboarding/consent/callback"


def _first_state(place: Place) -> dict[str, object]:
    """The state of the emulator after each start: the registered application, with its side of the partner's tenant."""
    registration = {
        "display_name": "Onboarding demo",
        "secrets": [{"value": place.secrets["client_secret"]}],
        "redirect_uris": [consent_redirect(place)],
    }
    partner = {"consented": [DEMO_CLIENT_ID], "granted": APP_ROLES.partner_side}
    return {"applications": {DEMO_CLIENT_ID: registration}, "tenants": {PARTNER_TENANT: partner}}


def _service(place: Place, name: str) -> Process:
    async def ready() -> bool:
        return await http_status(HOST, place.ports[name], "/health/ready") == 200

    return Process(
        name=name,
        address=addresses(place)[name],
        command=service_command(name, "serve"),
        environment=inherited() | environments(place)[name],
        setup=service_command(name, "migrate"),
        needs=tuple(engine for engine in ("postgres", "broker") if engine not in place.engines.outside),
        probe_every=0.2,
        ready=ready,
    )


def service_command(name: str, command: str) -> tuple[str, ...]:
    """The command line of a service with one of its commands, as in production."""
    return (sys.executable, "-m", name.replace("-", "_"), command)


def inherited() -> dict[str, str]:
    """The environment of this process without addresses and credentials of other systems; loopback bypasses proxies."""
    kept_prefixes = ("ONBOARDING_LOG_", "ONBOARDING_TOPIC_PARTITIONS", "ONBOARDING_CONCURRENCY", CALLER_RATE, *TUNING)
    foreign = ("DATABASE_URL", "KAFKA_", "ONBOARDING_")
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(kept_prefixes) or not name.startswith(foreign)
    }
    past_proxy = ",".join(filter(None, [os.environ.get("NO_PROXY") or os.environ.get("no_proxy"), HOST]))
    return kept | _compiled_code(kept) | {"NO_PROXY": past_proxy, "no_proxy": past_proxy, "PYTHONUNBUFFERED": "1"}


def _compiled_code(environment: Mapping[str, str]) -> dict[str, str]:
    """Enable a byte code cache if Python may not write byte code beside its sources: compiling delays each start."""
    if not environment.get("PYTHONDONTWRITEBYTECODE") or environment.get("PYTHONPYCACHEPREFIX"):
        return {}
    cache = platformdirs.user_cache_path("onboarding", appauthor=False) / "bytecode"
    return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(cache)}
