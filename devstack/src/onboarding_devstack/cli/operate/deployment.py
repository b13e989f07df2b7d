"""Which deployment a command of operators works on: its options, its address and its token."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

from cyclopts import Parameter

from onboarding_devstack.cli.exits import CommandError, Exit, ours
from onboarding_devstack.cli.options import Data, Json

if TYPE_CHECKING:
    from onboarding_devstack.place import Place

ADDRESS_VARIABLE = "ONBOARDING_ADDRESS"
TOKEN_VARIABLE = "ONBOARDING_TOKEN"  # noqa: S105 - the name of a variable
_TOKEN_SECONDS = 600.0


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Deployment:
    """The options that every command of operators has."""

    address: Annotated[
        str | None,
        Parameter(
            name="--address",
            env_var=ADDRESS_VARIABLE,
            help="URL of session-api. Default: that of the running embedded system.",
        ),
    ] = None
    token: Annotated[
        str | None,
        Parameter(
            name="--token",
            env_var=TOKEN_VARIABLE,
            help="Access token of the caller. Other users of this machine see the option, not the variable. Default: "
            "an operator's token of the embedded system.",
        ),
    ] = None
    as_json: Json = False
    data: Data = None


HERE = Deployment()


@dataclass(frozen=True)
class Target:
    """The address of session-api, the token of the caller, and what to do if nobody answers.

    ``place`` is the data folder of an embedded system; None for any other one.
    """

    url: str
    token: str
    remedy: str
    place: "Place | None" = None


def target_of(deployment: Deployment) -> Target:
    """The deployment that the options name. Raises ``CommandError`` if they name none, or no system runs."""
    if not deployment.address:
        return _embedded(deployment)
    _check_address(deployment.address)
    token = _sendable(deployment.token or "")
    if not token:
        raise CommandError(
            Exit.CONFLICT, f"no token for {deployment.address}", f"export {TOKEN_VARIABLE}=…, or --token"
        )
    return Target(deployment.address.rstrip("/"), token, "check the address, and that session-api runs")


def _check_address(address: str) -> None:
    """Raise ``CommandError`` unless a token may be sent to the address. A password in it is never repeated."""
    if "@" in address:  # also where a parser sees no user, such as without https://
        raise CommandError(Exit.USAGE, "--address must have no user and no password", "give a token instead")
    if not _is_url(address):
        raise CommandError(Exit.USAGE, f"--address must be an http:// or https:// URL, not {address}")


def _is_url(address: str) -> bool:
    try:
        parts = urlsplit(address)
        whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        return False
    return bool(whole and not parts.query and not parts.fragment)


def _sendable(token: str) -> str:
    """The token without the line end of the file that it came from. Raises ``CommandError``, which never repeats it."""
    token = token.strip()
    if not (token.isascii() and token.isprintable()):
        raise CommandError(
            Exit.USAGE, "the token has characters that no access token has", f"export {TOKEN_VARIABLE}=… again"
        )
    return token


def _embedded(deployment: Deployment) -> Target:
    from onboarding_devstack.cli.located import must_run, option
    from onboarding_devstack.identity import PERMISSIONS, PLATFORM
    from onboarding_devstack.system import addresses
    from onboarding_devstack.tenant_bindings import OPERATOR

    place = must_run(deployment.data).place
    permissions = (*PERMISSIONS, PLATFORM)
    token = _sendable(deployment.token or "") or place.identity.token(OPERATOR, "all", permissions, _TOKEN_SECONDS)
    return Target(addresses(place)["session-api"], token, ours(f"status{option(deployment.data)}"), place)
