"""What the live feed tells its streams of the records that it is given."""

from onboarding_shared.contracts.cloudevents import Received
from onboarding_shared.contracts.run_keys import RunKeys
from onboarding_shared.contracts.task_runner import TaskTypeDeclaration, TaskTypesAnnounced
from onboarding_shared.contracts.topics import TASK_TYPES
from onboarding_shared.contracts.types import PLATFORM_TENANT, Mode, Scope
from onboarding_shared.process.message_settings import KafkaSettings
from session_api.settings import StreamSettings
from session_api.use_cases.live_feed import LiveFeed
from session_api.use_cases.stream_ids import StreamIds

PLACE = (TASK_TYPES.name, 0)


def announced(version: str) -> Received:
    declaration = TaskTypeDeclaration(
        name="graph.connectivity",
        title="Connectivity",
        step=4,
        scope=Scope.CONNECTION,
        mode=Mode.SHARED,
        time_limit_seconds=60.0,
        version=version,
    )
    return Received(
        message=TaskTypesAnnounced(tenant_id=PLATFORM_TENANT, task_types=(declaration,)),
        topic=TASK_TYPES.name,
        tenant_id=PLATFORM_TENANT,
        sequence=1,
        message_id="m",
        source="s",
        time="2026-11-24T09:30:00.000000Z",
    )


async def test_task_types_are_told_when_they_change_also_back_again() -> None:
    feed = LiveFeed(
        KafkaSettings(bootstrap_servers="127.0.0.1:9"), StreamSettings(), RunKeys(["k" * 32]), StreamIds([])
    )
    feed.began({PLACE: 0})
    feed.caught_up()
    stream = await feed.open(None, lambda _: False, None)
    for offset, version in enumerate(["1", "1", "2", "2", "1"]):
        feed.take(PLACE, offset, announced(version))

    assert (await stream.frames.next(1.0)).count(b"event: catalogue") == 3


def test_the_latest_announcement_is_kept() -> None:
    feed = LiveFeed(
        KafkaSettings(bootstrap_servers="127.0.0.1:9"), StreamSettings(), RunKeys(["k" * 32]), StreamIds([])
    )
    feed.began({PLACE: 0})
    first, second = announced("1"), announced("2")
    feed.take(PLACE, 0, first)
    feed.take(PLACE, 1, second)
    feed.take(PLACE, 2, None)

    assert feed.announced == second.message
