"""The command line of evidence-store."""

from typing import TYPE_CHECKING

from evidence_store.commands.verify import VERIFY
from evidence_store.settings import EvidenceStoreSettings
from onboarding_shared.commands.dead_letters import dead_letter_command
from onboarding_shared.service import run_service

if TYPE_CHECKING:
    from onboarding_shared.messaging.dead_letter_actions import DeadLetterActions
    from onboarding_shared.postgres.database import Database
    from onboarding_shared.web.app import HttpApplication

SUMMARY = "Stores the results of onboarding runs, append-only and sealed, and serves queries on them."


def wire(settings: EvidenceStoreSettings) -> "HttpApplication":
    """Return the application to serve. The import is local because ``migrate`` does not need the application."""
    from evidence_store.app import build

    return build(settings).http


def open_dead_letters(settings: EvidenceStoreSettings, database: "Database") -> "DeadLetterActions":
    """Return what operators do with dead letters. The import is local for the same reason."""
    from evidence_store.app import dead_letters

    return dead_letters(settings, database)


def main() -> None:
    """Run the command line; ``run_service`` documents commands and exit codes."""
    more = [VERIFY, dead_letter_command("evidence-store", EvidenceStoreSettings, open_dead_letters)]
    run_service("evidence-store", SUMMARY, EvidenceStoreSettings, wire, more)


if __name__ == "__main__":
    main()
