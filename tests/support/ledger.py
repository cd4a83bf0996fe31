"""What lies in the topics of a real broker, counted by its administrator, who can open none of it."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from notifier.codec.single_object import codec
from notifier.envelope import ParsedDelivery, parse_feed
from notifier.routing.batch import NO_STREAM, POSITION_KEY
from notifier.sandbox.processes import wait_until
from notifier.sandbox.sandbox import PARTITIONS
from notifier.topics import AUDIT, INTAKE, STREAMS, feed_of
from notifier.transport.base import Outgoing
from support import sandbox as support


@dataclass(frozen=True)
class Standing:
    """Where each feed ended, by its authority, and how many entries the audit log had."""

    ends: Mapping[str, int]
    entries: int


class Delivery(NamedTuple):
    """An envelope on a feed: whose feed, by whom and which, and where it stands since when (Unix ms)."""

    recipient: str
    originator: str
    digest: bytes
    offset: int
    timestamp: int


async def standing(world):
    """As it is now."""
    authorities = [one["name"] for one in world.json("directory", "show")["authorities"]]
    feeds = {name: await world.records(feed_of(name)) for name in authorities}
    ends = {name: records[-1].offset + 1 if records else 0 for name, records in feeds.items()}
    return Standing(ends, len(world.entries()))


async def deliveries(world, since):
    """What came upon the feeds since then."""
    found = []
    for name, end in since.ends.items():
        for record in await world.records(feed_of(name)):
            parts = parse_feed(record.value)
            if record.offset >= end and isinstance(parts, ParsedDelivery):
                place = record.offset, record.timestamp
                found.append(Delivery(name, parts.header.originator, parts.digest, *place))
    return found


async def assert_exactly_once(world, wanted, since):
    """All of `wanted` arrived once, in order, nothing else did, and the log says the same.

    `wanted` has, for each originator, the recipients of every id that was accepted; `since` is how it stood before
    anything was published.
    """
    expected = Counter(
        (recipient, name) for name, ids in wanted.items() for told in ids.values() for recipient in told
    )
    recipients = {recipient for recipient, _ in expected}
    assert len(recipients) > 2
    found = [one for one in await deliveries(world, since) if one.originator in wanted]
    assert doubled(found) == []
    assert Counter((one.recipient, one.originator) for one in found) == expected
    for recipient in recipients:
        received = await world.receive(recipient)
        for name, ids in wanted.items():
            mine = {one for one, told in ids.items() if recipient in told}
            support.assert_exactly_once(received, name, mine)
    end = len(await world.records(AUDIT))
    assert wait_until(lambda: world.json("audit", "verify")["size"] >= end, support.PATIENCE_S)
    everything = world.entries()
    entries = [one for one in everything[since.entries :] if one.originator in wanted]
    accepted = Counter(one.digest for one in entries if one.kind == "decision" and one.outcome == "accepted")
    assert (len(accepted), set(accepted.values())) == (sum(map(len, wanted.values())), {1})
    told = Counter((one.audience, one.digest) for one in entries if one.kind == "delivery")
    assert told == Counter((one.recipient, one.digest) for one in found)
    assert {digest for _, digest in told} == set(accepted)
    await assert_decided_once(world, everything)


def doubled(found):
    """Every envelope that stands on a feed more than once, and where: there the search for the cause begins."""
    places = defaultdict(list)
    for one in found:
        places[one.recipient, one.originator, one.digest.hex()].append((one.offset, one.timestamp))
    return [(*which, where) for which, where in places.items() if len(where) > 1]


async def next_decisions(world, since):
    """When each partition decided something again, for the first time after `since` (Unix ms, as the result).

    A record that is no envelope is put into each, so that none has nothing to decide. The hub's own records say
    when: what a router that did nothing any more at `since` had written is older.
    """
    transport = world.transport("admin")
    try:
        sender = await transport.sender()
        await sender.send([Outgoing(INTAKE, b"no envelope", partition=number) for number in range(PARTITIONS)])
        await sender.close()
        async with asyncio.timeout(support.PATIENCE_S):
            return [await _next_decision(transport, number, since) for number in range(PARTITIONS)]
    finally:
        await transport.close()


async def _next_decision(transport, number, since):
    reader = await transport.reader(STREAMS, number, 0)
    try:
        while True:
            for record in await reader.read(500, 500):
                if record.key == POSITION_KEY and record.timestamp > since:
                    return record.timestamp
    finally:
        await reader.close()


async def assert_decided_once(world, entries):
    """Every record of intake is decided once, in order, in the log too, and no stream went back."""
    intake = 0
    for number in range(PARTITIONS):
        intake += len(await world.records(INTAKE, number))
        positions, numbers = [0], {}
        for record in await world.records(STREAMS, number):
            if record.key == POSITION_KEY:
                positions.append(codec("IntakePosition").decode(record.value)["next_offset"])
            elif record.key not in NO_STREAM:
                state = codec("StreamState").decode(record.value)
                assert state["number"] >= numbers.get(record.key, 0), "a stream went back"
                numbers[record.key] = state["number"]
        assert positions == sorted(set(positions)), "an intake offset was decided twice"
    assert sum(one.kind == "decision" for one in entries) == intake
