"""``session-api bindings``: its arguments. What it does is imported when it runs."""

import argparse
import re
from typing import Final

from onboarding_shared.contracts.clouds import CLOUDS
from onboarding_shared.contracts.types import GUID_PATTERN, MAX_ID
from onboarding_shared.process.settings import load_for
from onboarding_shared.service import OperatorCommand
from session_api.settings import BindingsSettings, SessionApiSettings

SUMMARY = "List, set and remove tenant bindings, or make them those of a file. Safe while the service works."
_GUID = re.compile(GUID_PATTERN)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the four actions."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = _action(actions, "list", "Print the bindings, newest first.")
    listing.add_argument("--tenant", type=_id, metavar="ID", help="only those of this tenant")
    setting = _action(actions, "set", "Bind a Microsoft tenant, in place of its binding so far.")
    setting.add_argument("--tenant", type=_id, metavar="ID", required=True, help="the tenant of the platform")
    _add_microsoft_tenant(setting)
    setting.add_argument("--client-id", type=_guid, metavar="GUID", required=True, help="the application")
    setting.add_argument("--credential", metavar="NAME", required=True, help="name of the credential of task-runner")
    removing = _action(actions, "remove", "Remove the binding of a Microsoft tenant.")
    _add_microsoft_tenant(removing)
    applying = _action(actions, "apply", "Set and remove bindings until they are those of a file.")
    applying.add_argument("file", metavar="FILE", help="the file that ONBOARDING_TENANT_BINDINGS of task-runner names")
    applying.add_argument("--dry-run", action="store_true", help="only print what would be changed")
    for changing in (setting, removing, applying):
        changing.add_argument(
            "--user", type=_id, metavar="ID", required=True, help="your user id, which audit events contain"
        )


def run(arguments: argparse.Namespace) -> None:
    """Load the settings and carry out the action. Raises ``SettingsError`` and ``CannotStart``."""
    settings = load_for(BindingsSettings, SessionApiSettings)
    from session_api.commands.binding_actions import carry_out

    carry_out(settings, arguments)


BINDINGS: Final = OperatorCommand("bindings", SUMMARY, add_arguments, run)


def _action(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, summary: str
) -> argparse.ArgumentParser:
    return actions.add_parser(name, help=summary, description=summary)


def _add_microsoft_tenant(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--microsoft-tenant", type=_guid, metavar="GUID", required=True, help="the tenant at Microsoft")
    parser.add_argument("--cloud", choices=tuple(CLOUDS), default="public", help="its cloud; left out = public")


def _id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MAX_ID):
        raise argparse.ArgumentTypeError(f"must be between 1 and {MAX_ID}")
    return int(text)


def _guid(text: str) -> str:
    if not _GUID.fullmatch(text):
        raise argparse.ArgumentTypeError("must be a GUID such as 3f2504e0-4f89-41d3-9a0c-0305e82c3301")
    return text.lower()
