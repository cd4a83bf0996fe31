"""Cursors: explicit acknowledgement, replay, and messages that a reader cannot take."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from functools import partial

import pytest
import structlog

from notifier.consumers import delivery
from notifier.consumers.sinks import Callback
from notifier.telemetry import metrics
from support.desk import HOUR_MS, ME
from support.world import PATIENCE_S


@pytest.fixture(autouse=True)
def no_delay(monkeypatch):
    """Attempts follow each other at once."""
    monkeypatch.setattr(delivery, "Backoff", lambda _entropy: delivery_backoff())


def delivery_backoff():
    class AtOnce:
        async def wait(self):
            await asyncio.sleep(0)

    return AtOnce()


@contextlib.asynccontextmanager
async def reading(desk, *args, **options):
    """A subscriber, and the messages of a cursor."""
    async with (
        desk.subscribed() as subscriber,
        asyncio.timeout(PATIENCE_S),
        contextlib.aclosing(subscriber.messages(*args, **options)) as messages,
    ):
        yield subscriber, messages


async def read(desk, count, *, acks=(), **options):
    """The numbers of the next `count` messages that a cursor yields; those of `acks` are acknowledged."""
    seen = []
    async with reading(desk, **options) as (_, messages):
        while len(seen) < count:
            message = await anext(messages)
            seen.append(message.seq)
            if message.seq in acks:
                await message.ack()
    return seen


async def test_a_message_comes_again_until_it_is_acknowledged(hub, desk):
    """Acknowledging one covers those before it; the next iteration begins behind it."""
    for _ in range(3):
        await hub.deliver("TUR/spoc")
    assert await read(desk, 3, cursor="case-system") == [1, 2, 3]
    assert await read(desk, 3, cursor="case-system", acks={2}) == [1, 2, 3]
    assert await read(desk, 1, cursor="case-system") == [3]


async def test_cursors_do_not_disturb_each_other(hub, desk):
    """Each goes on from its own place, the implicit one too."""
    for _ in range(2):
        await hub.deliver("TUR/spoc")
    assert await read(desk, 2, cursor="one", acks={1, 2}) == [1, 2]
    assert await read(desk, 1, cursor="two", acks={1}) == [1]
    assert await read(desk, 1) == [1]
    assert await read(desk, 1, cursor="two") == [2]


async def test_an_old_acknowledgement_moves_no_cursor_back(hub, desk):
    """Whoever acknowledges out of order loses nothing and repeats nothing."""
    for _ in range(3):
        await hub.deliver("TUR/spoc")
    async with reading(desk, "case-system") as (_, messages):
        first, second = await anext(messages), await anext(messages)
        await second.ack()
        await first.ack()
    assert await read(desk, 1, cursor="case-system") == [3]


async def test_a_new_cursor_begins_where_it_is_told_and_an_old_one_does_not(hub, desk, world):
    """`since` is a row or a time; a cursor that exists goes on from its own place."""
    await hub.deliver("TUR/spoc")
    await desk.receive()
    world.clock.now += HOUR_MS
    for _ in range(2):
        await hub.deliver("TUR/spoc")
    await desk.receive()
    at = dt.datetime.fromtimestamp(world.clock.now / 1000, dt.UTC)
    assert await read(desk, 2, cursor="by time", since=at, acks={2}) == [2, 3]
    assert await read(desk, 1, cursor="by row", since=3) == [3]
    assert await read(desk, 3, cursor="all", since=0) == [1, 2, 3]
    assert await read(desk, 1, cursor="by time", since=0) == [3]
    with pytest.raises(ValueError, match="offset from UTC"):
        await read(desk, 1, cursor="naive", since=at.replace(tzinfo=None))


async def test_seek_replays_one_cursor(hub, desk):
    """It goes back, and forward behind what was not read; the others stay."""
    for _ in range(3):
        await hub.deliver("TUR/spoc")
    for cursor in ("one", "two"):
        await read(desk, 3, cursor=cursor, acks={3})
    async with desk.subscribed() as subscriber:
        await subscriber.seek("one", 2)
    assert await read(desk, 2, cursor="one") == [2, 3]
    await hub.deliver("TUR/spoc")
    assert await read(desk, 1, cursor="two") == [4]


async def test_a_sink_replays_from_where_it_is_told(hub, desk):
    """`since` of the subscriber moves its sinks and nothing else."""
    for _ in range(3):
        await hub.deliver("TUR/spoc")
    seen = []
    sinks = [Callback("desk", lambda one: seen.append(one.seq))]
    await desk.receive(sinks=sinks)
    assert await read(desk, 1, cursor="case-system", acks={1}) == [1]
    await desk.receive(sinks=sinks, since=2)
    assert seen == [1, 2, 3, 2, 3]
    assert await read(desk, 1, cursor="case-system") == [2]


async def test_a_message_that_a_sink_cannot_take_is_parked_and_the_next_ones_go_on(hub, desk):
    """It is tried a few times, then stored with its reason; log and gauge say so, without the text of the error."""
    for _ in range(3):
        await hub.deliver("TUR/spoc")
    seen, attempts = [], []

    def picky(message):
        if message.seq == 2:
            attempts.append(message.seq)
            raise KeyError(message.notification.subject)
        seen.append(message.seq)

    with structlog.testing.capture_logs() as lines:
        await desk.receive(sinks=[Callback("desk", picky)])
    assert seen == [1, 3]
    assert len(attempts) == delivery.ATTEMPTS
    (line,) = [one for one in lines if one["event"] == "message parked"]
    assert (line["cursor"], line["reason"]) == ("desk", "KeyError")
    assert "ERIKSSON" not in repr(lines).upper()
    assert metrics.PARKED._value.get() == 1
    async with desk.subscribed() as subscriber:
        (parked,) = await subscriber.parked("desk")
        assert await subscriber.parked("another") == []
    assert (parked.message.seq, parked.reason, parked.attempts, parked.due) == (2, "KeyError", 5, False)


async def test_a_parked_message_is_delivered_again_on_request_alone(hub, desk):
    """A start does not try it again; `retry` does, and what is taken is parked no longer."""
    await hub.deliver("TUR/spoc")

    def broken(_message, tried=None):
        if tried is not None:
            tried.set()
        raise KeyError

    await desk.receive(sinks=[Callback("desk", broken)])
    seen = []
    mended = [Callback("desk", lambda one: seen.append(one.seq))]
    await desk.receive(sinks=mended)
    assert seen == []
    tried = asyncio.Event()
    async with desk.subscribed(sinks=[Callback("desk", partial(broken, tried=tried))]) as subscriber:
        assert await subscriber.retry("desk") == 1
        async with asyncio.timeout(PATIENCE_S):
            await tried.wait()
    async with desk.subscribed(sinks=mended) as subscriber, asyncio.timeout(PATIENCE_S):
        await subscriber.retry()
        while await subscriber.parked():
            await subscriber._next_change()
    assert seen == [1]
    assert metrics.PARKED._value.get() == 0


async def test_a_program_parks_a_message_and_gets_it_again_on_request(hub, desk):
    """`park` acknowledges, too; after `retry` the cursor yields it once more, and `ack` ends it."""
    for _ in range(2):
        await hub.deliver("TUR/spoc")
    async with reading(desk, "case-system") as (subscriber, messages):
        await (await anext(messages)).park("no such case")
        await (await anext(messages)).ack()
        await subscriber.retry("case-system")
        again = await anext(messages)
        assert (again.seq, [one.reason for one in await subscriber.parked()]) == (1, ["no such case"])
        await again.ack()
        assert await subscriber.parked() == []
        await hub.deliver("TUR/spoc")
        assert (await anext(messages)).seq == 3, "nothing was moved back"


async def test_a_parked_message_that_a_replay_delivers_is_parked_no_longer(hub, desk):
    """What the sink takes at last needs no other attempt; what it cannot take again stays."""
    for _ in range(2):
        await hub.deliver("TUR/spoc")

    def broken(message, seqs=(1, 2)):
        if message.seq in seqs:
            raise KeyError

    await desk.receive(sinks=[Callback("desk", broken)])
    await desk.receive(sinks=[Callback("desk", partial(broken, seqs=(2,)))], since=0)
    async with desk.subscribed() as subscriber:
        assert [(one.message.seq, one.attempts) for one in await subscriber.parked()] == [(2, 10)]


@pytest.mark.parametrize("name", ["", "x" * 65])
async def test_a_cursor_s_name_fits_the_database(hub, desk, name):
    """A server would refuse it only once something is acknowledged there, or cut it."""
    await hub.deliver("TUR/spoc")
    with pytest.raises(ValueError, match="1 to 64"):
        await read(desk, 1, cursor=name, acks={1})


async def test_rows_of_parked_messages_are_bound(hub, desk):
    """The inbox verifies with them, and another process finds them."""
    await hub.deliver("TUR/spoc")

    def broken(_message):
        raise KeyError

    await desk.receive(sinks=[Callback("desk", broken)])
    inbox = await desk.open_inbox()
    try:
        await inbox.verify()
        assert [one.message.originator for one in await inbox.cursors.parked()] == ["TUR/spoc"]
        assert await inbox.cursors.retry() == 1
        await inbox.verify()
        assert inbox.authority == ME
    finally:
        await inbox.close()
