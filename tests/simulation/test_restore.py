"""An outbox that was restored from a backup closes its stream by itself, and goes on in another one."""

from __future__ import annotations

import shutil
from contextlib import asynccontextmanager

import pytest

from notifier.crypto.keys import SigningKey
from notifier.errors import RefusedError
from notifier.lifecycle import Parts
from notifier.outbox.outbox import Outbox
from notifier.producers.publisher import Publisher
from notifier.topics import feed_of
from support import virtual
from support.samples import document
from support.world import PATIENCE_S

ADA = SigningKey.from_secret(b"a" * 32)
STORAGE_KEY = b"k" * 32
HOUR_MS = 3_600_000


@pytest.fixture
def outbox(tmp_path):
    return tmp_path / "outbox.db"


@pytest.fixture
def back_up(tmp_path, outbox):
    """Copies the outbox; what is returned puts the copy in its place."""

    def restore():
        shutil.copy(tmp_path / "backup.db", outbox)

    def copied():
        shutil.copy(outbox, tmp_path / "backup.db")
        return restore

    return copied


@pytest.fixture
def publishing(outbox):
    """Opens a publisher of TUR/spoc on the outbox, as a process that starts would."""

    @asynccontextmanager
    async def opened(world):
        database = await Outbox.open(f"sqlite:///{outbox}", "TUR/spoc", STORAGE_KEY, world.runtime)
        parts = Parts(database, world.broker.transport(), world.directory, world.keys["TUR/spoc"].signing)
        async with Publisher.of("TUR/spoc", parts, world.runtime) as publisher:
            yield publisher, database

    return opened


def numbered(number):
    return document(id=f"01997e5c-1c00-7c55-9a3e-{number:012x}", narrative=f"number {number}")


def received(world, name="DEU/spoc"):
    """The numbers of the notifications on a feed, in order, and the streams that they came in."""
    found = [one.body for _, one in world.opened(name)]
    return [int.from_bytes(one.notification_id[-6:], "big") for one in found], [one.stream for one in found]


async def send(publisher, *numbers):
    for number in numbers:
        await publisher.publish(numbered(number))
    assert await publisher.flush(PATIENCE_S) == []


async def closed(database, world):
    """What is known of the restore, once the stream is closed."""
    found = await database.restored()
    while found is None or not found.closed:
        await world.broker.wait(50, lambda: False)
        found = await database.restored()
    return found


async def test_an_outbox_two_messages_old_goes_on_in_a_new_stream(world, publishing, back_up):
    """Nobody is told twice, nothing is lost of what is given afterwards, and what is gone is counted."""
    async with world.routing():
        async with publishing(world) as (publisher, _):
            await send(publisher, 1)
        restore = back_up()
        async with publishing(world) as (publisher, _):
            await send(publisher, 2, 3)
        restore()
        world.clock.now += HOUR_MS
        async with publishing(world) as (publisher, database):
            await send(publisher, 4)
            found = await closed(database, world)
            assert (found.unknown, found.parked) == (2, ())
            assert (await publisher.status(numbered(1)["id"])).state == "told"
            await send(publisher, 5)
    numbers, streams = received(world)
    assert numbers == [1, 2, 3, 4, 5]
    assert len(set(streams[:3])) == len(set(streams[3:])) == 1
    assert streams[0] != streams[3]


async def test_what_the_backup_still_had_to_send_waits_for_a_person(world, publishing, back_up):
    """The hub accepted it since, and may have accepted another text: the outbox says so, and sends when told to."""
    async with publishing(world) as (publisher, _):
        await publisher.publish(numbered(1))
    restore = back_up()
    async with world.routing():
        async with publishing(world) as (publisher, _):
            assert await publisher.flush(PATIENCE_S) == []
            await send(publisher, 2)
        restore()
        async with publishing(world) as (publisher, database):
            found = await closed(database, world)
            ((waiting, accepted),) = [(one.id[-1], one.accepted) for one in found.parked]
            assert (waiting, accepted, found.unknown) == (1, 1, 1)
            assert (await publisher.status(numbered(1)["id"])).state == "held"
            await send(publisher, 3)
            await database.add_person("ada", ADA.public, ("release",))
            assert await database.adopt([numbered(1)["id"]], send=True, by="ada", key=ADA) == [numbered(1)["id"]]
            assert await publisher.flush(PATIENCE_S) == []
            status = await publisher.status(numbered(1)["id"])
            assert status.state == "told"
            assert "adoption" in [one.kind for one in status.acts]
            found = await database.restored()
            assert (found.parked, [(one.decision, one.by) for one in found.decided]) == ((), [("sent_again", "ada")])
            await database.verify()
    assert received(world)[0] == [1, 2, 3, 1], "a recipient knows the same notification again"


async def test_what_is_given_up_is_refused_for_good(world, publishing, back_up):
    """A person who knows that it was told, or must not be any more, says so."""
    async with publishing(world) as (publisher, _):
        await publisher.publish(numbered(1))
    restore = back_up()
    async with world.routing():
        async with publishing(world) as (publisher, _):
            assert await publisher.flush(PATIENCE_S) == []
        restore()
        async with publishing(world) as (publisher, database):
            await closed(database, world)
            await database.add_person("ada", ADA.public, ("release",))
            with pytest.raises(RefusedError, match="not_found"):
                await database.adopt([numbered(1)["id"], numbered(9)["id"]], send=False, by="ada", key=ADA)
            assert (await database.restored()).decided == (), "all that is named, or nothing"
            await database.adopt([numbered(1)["id"]], send=False, by="ada", key=ADA)
            status = await publisher.status(numbered(1)["id"])
            assert (status.state, status.reason) == ("rejected", "outbox_restored")
            assert await publisher.flush(PATIENCE_S) == []
    assert received(world)[0] == [1]


async def test_the_right_to_update_stays(world, publishing, back_up):
    """History, and whom an update goes to, are those of the backup."""
    async with world.routing():
        async with publishing(world) as (publisher, _):
            await send(publisher, 1)
        restore = back_up()
        async with publishing(world) as (publisher, _):
            await send(publisher, 2)
        restore()
        async with publishing(world) as (publisher, database):
            await closed(database, world)
            about = {"id": numbered(1)["id"], "digest": await publisher.digest(numbered(1)["id"])}
            await publisher.publish(numbered(7) | {"type": "update", "stage": None, "about": about})
            assert await publisher.flush(PATIENCE_S) == []
    assert received(world)[0] == [1, 2, 7]


async def test_an_outbox_older_than_its_feed_closes_its_stream_too(world, publishing, back_up):
    """What the hub said in between is gone: the last statement that is left names the place."""
    async with world.routing():
        async with publishing(world) as (publisher, _):
            await send(publisher, 1)
        restore = back_up()
        async with publishing(world) as (publisher, _):
            await send(publisher, 2, 3, 4)
        restore()
        log = world.broker.log[feed_of("TUR/spoc")][0]
        gone = max(place for place, record in enumerate(log.records) if record is not None)
        del log.records[:gone]
        log.start += gone
        async with publishing(world) as (publisher, database):
            assert (await closed(database, world)).parked == ()
            await send(publisher, 5)
    assert received(world)[0] == [1, 2, 3, 4, 5]


def test_a_feed_without_any_statement_is_for_a_person(make_world, publishing, back_up):
    """Nobody can say where the stream stands: the closing act is refused, and a person lets a new stream begin."""
    world = make_world(1, clock=virtual.VirtualClock())

    async def main():
        async with world.routing():
            async with publishing(world) as (publisher, _):
                await send(publisher, 1)
            restore = back_up()
            async with publishing(world) as (publisher, _):
                await send(publisher, 2)
            restore()
            log = world.broker.log[feed_of("TUR/spoc")][0]
            log.start += len(log.records)
            log.records.clear()
            async with publishing(world) as (publisher, database):
                await publisher.publish(numbered(3))
                assert await publisher.flush(60) == ["closing", numbered(3)["id"]]
                found = await database.restored()
                assert (found.closed, found.refused) == (False, "replayed")
                with pytest.raises(RefusedError, match="unknown_person"):
                    await database.begin_stream(by="ada", key=ADA)
                await database.add_person("ada", ADA.public, ("release",))
                assert await database.begin_stream(by="ada", key=ADA)
                assert await publisher.flush(PATIENCE_S) == []
                await send(publisher, 4)
                decided = (await database.restored()).decided
                assert [(one.decision, one.by) for one in decided] == [("new_stream", "ada")]
                assert not await database.begin_stream(by="ada", key=ADA)
                assert "adoption" in [one.state.kind for one in await database.proofs(None)]
            assert received(world)[0][-1] == 4

    virtual.run(main())


async def test_a_stream_is_closed_once(world, publishing, back_up):
    """A process that starts later goes on in the new stream, and finds nothing to close."""
    async with world.routing():
        async with publishing(world) as (publisher, _):
            await send(publisher, 1)
        restore = back_up()
        async with publishing(world) as (publisher, _):
            await send(publisher, 2)
        restore()
        async with publishing(world) as (publisher, database):
            found = await closed(database, world)
            assert found.unknown == 1
        async with publishing(world) as (publisher, database):
            await send(publisher, 3)
            assert await database.restored() == found
    assert received(world)[0] == [1, 2, 3]
