"""The banner that `up` prints when the system is ready: addresses, persistence and next commands."""

import contextlib
import sys

from onboarding_devstack.cli.exits import ours
from onboarding_devstack.place import Place
from onboarding_devstack.system import addresses, web_application_addresses


def print_banner(place: Place) -> None:
    """Print the addresses of the system."""
    at = addresses(place)
    own = place.engines.own_broker
    label = "external broker" if own is None else own.label
    kept = "databases, keys and ports survive a restart; the broker's messages do not and need not"
    if own is None or own.keeps_messages:
        kept = "databases, messages, keys and ports survive a restart"
    lines = [
        "",
        "The onboarding system is ready.",
        "",
        f"  web application  {web_application_addresses(place)[0]}      (sign in: choose a person on the page)",
        f"  session API      {at['session-api']}      (API pages: {at['session-api']}/docs)",
        f"  evidence store   {at['evidence-store']}",
        f"  events           {at['broker']}             ({label})",
        f"  databases        {at['postgres']}",
        f"  Graph-shaped     {at['graph']}",
        f"  data             {place.folder}",
        f"                   {kept}",
        "",
        "Next:",
        f"  {ours('demo')} --url {at['session-api']} --data {place.folder}",
        f'  eval "$({ours("env")} --data {place.folder})"   # addresses and a token for your shell',
        f"  {ours('status')} --data {place.folder}",
        "",
    ]
    with contextlib.suppress(OSError):  # the reader closed the pipe
        print("\n".join(lines), file=sys.stdout, flush=True)
