"""The checks of `doctor` on a deployment: its certificate, the token, the clocks, and the state of its services."""

import socket
import ssl
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from onboarding_devstack.cli.exits import CommandError, ours
from onboarding_devstack.cli.finding import Finding
from onboarding_devstack.cli.operate.client import Client, Row
from onboarding_devstack.cli.work_checks import CLOCK_SECONDS, OLDEST_MESSAGE_SECONDS, OLDEST_RUN_SECONDS, of_end

HANDSHAKE_SECONDS = 10.0


def examine_deployment(client: Client) -> list[Finding]:
    """Run all checks. Raises ``CommandError`` if session-api does not answer or refuses the token."""
    me, date = client.get_dated("/me")
    now = datetime.now(UTC)
    findings = [Finding("session-api", True, f"answers at {client.target.url}")]
    findings += [*_of_certificate(client.target.url, now), _of_token(me), of_clock(date, now)]
    try:
        services = client.get("/onboarding/services")
    except CommandError as refused:
        return [*findings, Finding("services", False, f"unknown: {refused.message}", refused.next_step or "")]
    return [*findings, *of_services(services)]


def of_clock(date: str | None, now: datetime) -> Finding:
    """Return the finding on the difference of the deployment's clock, which an answer has in whole seconds."""
    try:
        offset = (parsedate_to_datetime(date or "") - now).total_seconds()
    except ValueError:
        return Finding("clock", False, "unknown: the answer has no Date", "look at the proxy in front of session-api")
    ok = abs(offset) <= CLOCK_SECONDS
    direction = "ahead of" if offset > 0 else "behind"
    told = f"that of the deployment is {abs(offset):.0f} s {direction} this machine"
    return Finding("clock", ok, told, "" if ok else "timedatectl set-ntp true")


def of_services(services: Sequence[Row]) -> Iterator[Finding]:
    """Return the findings on each process, and on the work that waits in each service."""
    for process in services:
        yield _of_process(process)
    known = [process for process in services if process["reachable"]]
    yield _of_dead_letters(known)
    yield _of_age("messages to publish", "outbox_age_seconds", OLDEST_MESSAGE_SECONDS, known)
    runners = [process for process in known if process["service"] == "task-runner"]
    yield _of_age("runs that are due", "queue_age_seconds", OLDEST_RUN_SECONDS, runners)


def _of_token(me: Row) -> Finding:
    operator = "an operator" if me["operates_platform"] else "no operator"
    return Finding("token", True, f"of user {me['user_id']}, {operator}, until {me['expires_at'][:16]} UTC")


def _of_process(process: Row) -> Finding:
    name = process["service"] if process["instance"] is None else f"{process['service']} {process['instance']}"
    if not process["reachable"]:
        return Finding(name, False, str(process["error"]), "see that it runs, and its health address in the settings")
    down = [check["name"] for check in process["checks"] if check["status"] != "UP"]
    if process["ready"]:
        return Finding(name, True, f"ready, version {process['version']}")
    return Finding(name, False, f"not ready: {', '.join(down) or 'starting'}", "look at its log and /health/ready")


def _of_dead_letters(processes: Sequence[Row]) -> Finding:
    kept = {process["service"]: process["dead_letters"] for process in processes if process["dead_letters"] != 0}
    if not kept:
        return Finding("dead letters", True, "none") if processes else _unknown("dead letters")
    told = ", ".join(f"{'unknown' if count is None else count} of {service}" for service, count in kept.items())
    return Finding("dead letters", False, told, ours("dlq groups"))


def _of_age(name: str, figure: str, limit: float, processes: Sequence[Row]) -> Finding:
    ages = {process["service"]: process[figure] for process in processes}
    if not ages or None in ages.values():
        return _unknown(name)
    service, age = max(ages.items(), key=lambda waiting: float(waiting[1]))
    if age <= limit:
        return Finding(name, True, "none waits for long")
    remedy = ours("runs list --state queued") if figure == "queue_age_seconds" else "see that Kafka answers"
    return Finding(name, False, f"one of {service} has waited {age:.0f} s", remedy)


def _unknown(name: str) -> Finding:
    return Finding(name, False, "unknown", "see that all services and their databases answer")


def _of_certificate(url: str, now: datetime) -> Iterator[Finding]:
    """Return the finding on the certificate of an https address; none for another one."""
    parts, name = urlsplit(url), "certificate of session-api"
    if parts.scheme != "https" or parts.hostname is None:
        return
    try:
        end = _certificate_end(parts.hostname, parts.port or 443)
    except OSError as error:
        yield Finding(name, False, f"unknown: {error}", "see that this machine reaches the address without a proxy")
        return
    yield of_end(name, end, now)


def _certificate_end(host: str, port: int) -> datetime:
    """The end of the certificate that a server shows. Raises ``OSError``, also for one that is not trusted."""
    with (
        socket.create_connection((host, port), timeout=HANDSHAKE_SECONDS) as connection,
        ssl.create_default_context().wrap_socket(connection, server_hostname=host) as secured,
    ):
        certificate = secured.getpeercert() or {}
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
