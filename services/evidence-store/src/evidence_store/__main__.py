"""The command line of evidence-store."""

from typing import TYPE_CHECKING

from evidence_store.settings import EvidenceStoreSettings
from onboarding_shared.service import run_service

if TYPE_CHECKING:
    from onboarding_shared.web.app import HttpApplication

SUMMARY = "Keeps what onboarding runs found: append-only, sealed, and open to queries."


def wire(settings: EvidenceStoreSettings) -> "HttpApplication":
    """The application to serve; the wiring is imported here because ``migrate`` needs none of it."""
    from evidence_store.app import build

    return build(settings).http


def main() -> None:
    """See ``run_service`` for commands and exit codes."""
    run_service("evidence-store", SUMMARY, EvidenceStoreSettings, wire)


if __name__ == "__main__":
    main()
