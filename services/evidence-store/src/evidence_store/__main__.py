"""The command line of evidence-store."""

from typing import TYPE_CHECKING

from evidence_store.commands.verify import VERIFY
from evidence_store.settings import EvidenceStoreSettings
from onboarding_shared.service import run_service

if TYPE_CHECKING:
    from onboarding_shared.web.app import HttpApplication

SUMMARY = "Stores the results of onboarding runs, append-only and sealed, and serves queries on them."


def wire(settings: EvidenceStoreSettings) -> "HttpApplication":
    """Return the application to serve. The import is local because ``migrate`` does not need the application."""
    from evidence_store.app import build

    return build(settings).http


def main() -> None:
    """Run the command line; ``run_service`` documents commands and exit codes."""
    run_service("evidence-store", SUMMARY, EvidenceStoreSettings, wire, [VERIFY])


if __name__ == "__main__":
    main()
