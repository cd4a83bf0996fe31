"""Whatever can be read of a running sandbox without the keys of a message: where a canary may be nowhere."""

from __future__ import annotations

from collections.abc import Iterator

from aiokafka import AIOKafkaConsumer, TopicPartition

from notifier.sandbox.processes import Supervised
from support.canary import Piece, files, processes
from support.sandbox import World

PAGES = ("/metrics", "/readyz", "/healthz")
INTERNAL = "__"  # so begin the broker's own topics, which are searched as files


async def haystack(world: World) -> list[Piece]:
    """Return all places that an attacker may read.

    They are the files below the home (broker, logs, audit, databases, temporary files), the processes, their web
    pages, and the topics and records that the broker's administrator sees.
    """
    return [*files(world.home), *_processes(world), *_pages(world), *await _topics(world)]


def running(world: World) -> dict[str, int]:
    """The processes of the sandbox by name: whatever wrote its file into `run`."""
    supervised = (Supervised(world.home, file.stem) for file in sorted((world.home / "run").glob("*.json")))
    return {one.name: process.pid for one in supervised if (process := one.process()) is not None}


def _processes(world: World) -> Iterator[Piece]:
    for name, pid in running(world).items():
        yield from ((place.replace(f"process {pid}", name), data) for place, data in processes([pid]))


def _pages(world: World) -> Iterator[Piece]:
    there = running(world)
    for service in sorted(there.keys() & world.ports().keys()):
        yield from ((f"page {path} of {service}", world.page(service, path)[1].encode()) for path in PAGES)


async def _topics(world: World) -> list[Piece]:
    """Names, keys, headers and values, those of aborted transactions too."""
    transport = world.transport("admin")
    consumer = AIOKafkaConsumer(**transport._common, isolation_level="read_uncommitted", auto_offset_reset="earliest")
    await consumer.start()
    try:
        cluster = await consumer._client.fetch_all_metadata()
        names = sorted(cluster.topics(exclude_internal_topics=False))
        places = [
            TopicPartition(name, number)
            for name in names
            if not name.startswith(INTERNAL)
            for number in cluster.partitions_for_topic(name)
        ]
        consumer.assign(places)
        await consumer.seek_to_beginning()
        ends = await consumer.end_offsets(places)
        found = [(f"name of topic {name}", name.encode()) for name in names]
        while [place for place in places if await consumer.position(place) < ends[place]]:
            for place, records in (await consumer.getmany(timeout_ms=500)).items():
                for record in records:
                    found.append((f"key in {place.topic}", record.key or b""))
                    found.append((f"value in {place.topic}", record.value or b""))
                    for name, value in record.headers:
                        found.append((f"header in {place.topic}", f"{name}\n".encode() + value))
        return found
    finally:
        await consumer.stop()
