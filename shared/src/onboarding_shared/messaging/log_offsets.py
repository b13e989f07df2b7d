"""Positions of a client in its partitions, and the end offsets of these."""

from collections.abc import Collection, Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition


async def positions_and_ends(client: AIOKafkaConsumer) -> dict[TopicPartition, tuple[int, int]]:
    """Position and end offset of each assigned partition. The position is read first, so none is after its end."""
    positions = {partition: await client.position(partition) for partition in client.assignment()}
    ends = await ends_of(client, positions.keys()) if positions else {}
    still_assigned = client.assignment()
    return {partition: (positions[partition], end) for partition, end in ends.items() if partition in still_assigned}


async def ends_of(client: AIOKafkaConsumer, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
    """The end offset of each of these partitions.

    The embedded broker lists the end before the last batch's second record; its fetches have the right one.
    """
    listed = await client.end_offsets(list(partitions))
    assigned = client.assignment()
    known = {partition: client.highwater(partition) or 0 for partition in listed if partition in assigned}
    return {partition: max(end, known.get(partition, 0)) for partition, end in listed.items()}
