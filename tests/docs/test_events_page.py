"""docs/events.md names every topic, message, field, header and dead-letter reason, and no other."""

import re
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

import onboarding_shared.contracts.cloudevents as cloudevents
import onboarding_shared.messaging.dead_letter_replay as dead_letter_replay
import onboarding_shared.messaging.guarded_fetch as guarded_fetch
import onboarding_shared.messaging.inbox as inbox
import onboarding_shared.messaging.record_batches as record_batches
from onboarding_shared.contracts.catalogue import MESSAGES
from onboarding_shared.contracts.dead_letters import DeadLettered
from onboarding_shared.contracts.topics import ALL_TOPICS, Topic
from tests.docs.tables import DOCS, first_words, rows, words

PAGE = DOCS / "events.md"
_REASON = (
    r"(?:Undecodable\(\s*|Rejected\(record, |UnusableBatch\(|unreadable\(frame, |ReplayOutcome\.REJECTED, |"
    r'Unreadable\([^"]+, )"([A-Z_]+)"'
)


def test_the_events_page_has_every_topic_with_its_publisher() -> None:
    assert {words(row[0])[0]: row[1] for row in rows(PAGE, "Topics")} == {
        topic.name: topic.publisher for topic in ALL_TOPICS
    }


@pytest.mark.parametrize("topic", ALL_TOPICS, ids=lambda topic: topic.name)
def test_the_events_page_has_every_message_with_its_fields(topic: Topic) -> None:
    documented = {words(row[0])[0]: set(words(row[2])) for row in rows(PAGE, topic.name)}

    assert documented == {
        message.__name__: {field.encode_name for field in msgspec.structs.fields(message)} - {"tenant_id"}
        for message in MESSAGES[topic]
    }


def test_the_events_page_has_every_header() -> None:
    headers = cloudevents.encode_headers(
        message_id="1", source="/s", event_type="t", time=datetime.now(UTC), subject="s", tenant_id=1, sequence=1,
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", mac="0" * 64,
    )  # fmt: skip

    assert set(first_words(PAGE, "A record")) == {name for name, _ in headers}


def test_the_events_page_has_every_dead_letter_reason() -> None:
    given = {
        code
        for module in (cloudevents, inbox, guarded_fetch, record_batches, dead_letter_replay)
        for code in re.findall(_REASON, Path(module.__file__).read_text())
    }

    assert set(first_words(PAGE, "Dead letters")) == given


def test_every_field_of_a_dead_letter_is_named() -> None:
    text = PAGE.read_text(encoding="utf-8").partition("## Dead letters")[2]

    assert {field.name for field in msgspec.structs.fields(DeadLettered)} - {"tenant_id"} <= set(words(text))
