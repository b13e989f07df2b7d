"""``evidence-store verify FILE``: its arguments. What it does is imported when it runs."""

import argparse
import re
from typing import Final

from onboarding_shared.contracts.types import MAX_ID
from onboarding_shared.service import OperatorCommand

SUMMARY = "Verify the sealed records in a file: a report as JSON, or an item of evidence. Needs no service."
_ANCHOR = re.compile(r"([1-9][0-9]{0,18}):([0-9a-f]{64})")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the file and the anchors."""
    parser.add_argument("file", metavar="FILE", help="the file; - = standard input")
    parser.add_argument(
        "--anchor",
        action="append",
        default=[],
        type=_anchor,
        metavar="POSITION:SEAL",
        help="position and seal of an EvidenceRecorded event, kept elsewhere; may be repeated",
    )


def run(arguments: argparse.Namespace) -> None:
    """Verify the file. Raises ``CannotStart``."""
    from evidence_store.commands.verification import carry_out
    from evidence_store.domain.verification import Anchor

    carry_out(arguments.file, [Anchor(*anchor) for anchor in arguments.anchor])


VERIFY: Final = OperatorCommand("verify", SUMMARY, add_arguments, run)


def _anchor(text: str) -> tuple[int, bytes]:
    match = _ANCHOR.fullmatch(text)
    if match is None or int(match[1]) > MAX_ID:
        raise argparse.ArgumentTypeError("must be POSITION:SEAL, such as 12:9f86…0a08 with 64 hexadecimal digits")
    return int(match[1]), bytes.fromhex(match[2])
