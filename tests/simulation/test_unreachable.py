"""A recipient without a key, or without a feed, waits by itself: the others are told at once, and it later."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from notifier.crypto.keys import KeyUse
from notifier.directory.model import KeyState
from notifier.envelope import parse_feed
from notifier.lifecycle import Parts
from notifier.notification import decode
from notifier.outbox.outbox import Outbox
from notifier.producers.publisher import Publisher
from notifier.topics import INTAKE, feed_of
from support import virtual
from support.samples import document
from support.world import PARTITIONS, PATIENCE_S

STORAGE_KEY = b"k" * 32
TOLD = ("AUT/spoc", "DEU/spoc", "UTO/spoc")
ONE = "DEU/spoc"
OTHERS = ("AUT/spoc", "UTO/spoc")


@pytest.fixture
def publishing(tmp_path):
    """Opens a publisher of TUR/spoc on the same outbox each time, as a process that starts would."""

    @asynccontextmanager
    async def opened(world):
        outbox = await Outbox.open(f"sqlite:///{tmp_path}/outbox.db", "TUR/spoc", STORAGE_KEY, world.runtime)
        parts = Parts(outbox, world.broker.transport(), world.directory, world.keys["TUR/spoc"].signing)
        async with Publisher.of("TUR/spoc", parts, world.runtime) as publisher:
            yield publisher

    return opened


@pytest.fixture
def world(make_world):
    """A world in virtual time."""
    return make_world(1, clock=virtual.VirtualClock())


def change(world, name, of):
    """A later version of the directory, in which `of` made another tuple of the keys of `name`."""
    snapshot = world.directory.snapshot()
    directory = snapshot.directory
    authority = directory.authorities[name]
    authorities = {**directory.authorities, name: replace(authority, keys=tuple(of(authority.keys)))}
    later = replace(directory, version=directory.version + 1, issued_at=world.clock(), authorities=authorities)
    world.directory.put(replace(snapshot, directory=later, previous_directory=directory))


def revoked(world):
    """The keys, that to seal to revoked."""

    def of(keys):
        for key in keys:
            lost = key.use is KeyUse.ENCRYPT
            yield replace(key, state=KeyState.REVOKED, changed_at=world.clock()) if lost else key

    return of


def ended(world):
    """The keys, that to seal to at its end."""

    def of(keys):
        for key in keys:
            yield replace(key, not_after=world.clock() - 1) if key.use is KeyUse.ENCRYPT else key

    return of


def none(_world):
    """The keys without one to seal to."""
    return lambda keys: [key for key in keys if key.use is not KeyUse.ENCRYPT]


def deliveries(world, authority):
    """What an authority can open on its feed: (narrative, seq_i)."""
    return [(decode(one.body.notification).narrative, one.sequence) for _, one in world.opened(authority)]


async def states(publisher, message_id):
    """The state of each recipient, and because of what."""
    status = await publisher.status(message_id)
    return {one.authority: (one.state, list(one.because)) for one in status.recipients}


async def until(publisher, message_id, name, state):
    """Returns when the recipient has that state, in virtual time, and nothing is set aside any more."""
    async with asyncio.timeout(600):
        while (await states(publisher, message_id))[name][0] != state or await publisher.set_aside():  # noqa: ASYNC110
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("lost", [revoked, ended, none])
def test_whoever_has_no_key_holds_up_nobody_and_is_told_by_itself(world, publishing, lost):
    """However the key was lost: the others are told at once, the one once it has a key, each exactly once."""
    before = world.directory.snapshot().directory.authorities[ONE].keys

    async def main():
        change(world, ONE, lost(world))
        async with world.routing(), publishing(world) as publisher:
            submitted = await publisher.publish(document(narrative="first"))
            status = await publisher.wait(submitted.id, PATIENCE_S)
            assert status.state == "told"
            waits = {ONE: ("held", ["recipient_has_no_key"])}
            assert await states(publisher, submitted.id) == dict.fromkeys(OTHERS, ("told", [])) | waits
            await publisher.publish(document(narrative="second"))
            assert await publisher.flush(PATIENCE_S) == []
            assert await publisher.set_aside() == {"recipient_has_no_key": 2}
            assert not world.feed(ONE)
            change(world, ONE, lambda _keys: before)
            await until(publisher, submitted.id, ONE, "told")
            assert await publisher.flush(PATIENCE_S) == []
        for name in TOLD:
            assert deliveries(world, name) == [("first", 1), ("second", 2)]

    virtual.run(main())


def test_a_key_that_is_revoked_on_the_way_holds_up_nobody(world, publishing):
    """Sealed for all, and refused by a hub that knows better: sealed anew for those who can read it."""

    async def main():
        async with publishing(world) as publisher:
            submitted = await publisher.publish(document())
            await world.until(lambda: any(world.broker.records(INTAKE, one) for one in range(PARTITIONS)))
            change(world, ONE, revoked(world))
            async with world.routing():
                assert (await publisher.wait(submitted.id, PATIENCE_S)).state == "told"
                found = await states(publisher, submitted.id)
        assert {name: state for name, (state, _) in found.items()} == {
            ONE: "held",
            **dict.fromkeys(OTHERS, "told"),
        }

    virtual.run(main())


def test_where_nobody_has_a_key_the_withholding_is_recorded(world, publishing):
    """An envelope to nobody says that it is withheld, and the act says why; nothing waits for the hub."""

    async def main():
        for name in TOLD:
            change(world, name, none(world))
        async with world.routing(), publishing(world) as publisher:
            submitted = await publisher.publish(document())
            status = await publisher.wait(submitted.id, PATIENCE_S)
            assert status.state == "held"
            assert await publisher.flush(PATIENCE_S) == []
            status = await publisher.status(submitted.id)
            assert [(act.kind, act.state) for act in status.acts] == [("hold", "logged")]
            (act,) = await publisher.proofs(submitted.id)
        assert json.loads(act.said)["holds"] == [
            {"authority": name, "because": ["recipient_has_no_key"]} for name in TOLD
        ]
        assert {name for name in world.keys if world.feed(name)} == {"TUR/spoc"}

    virtual.run(main())


def test_whose_feed_is_missing_holds_up_nobody(world, publishing):
    """The hub refuses once and names nobody. Then the others are told at once, and it when its feed is there."""
    missing = world.broker.log.pop(feed_of(ONE))

    async def main():
        async with world.routing(), publishing(world) as publisher:
            submitted = await publisher.publish(document(narrative="first"))
            status = await publisher.wait(submitted.id, PATIENCE_S)
            assert status.state == "told"
            waits = {ONE: ("held", ["feed_missing"])}
            assert await states(publisher, submitted.id) == dict.fromkeys(OTHERS, ("told", [])) | waits
            asked = len(notices(world))
            await publisher.publish_all([document(narrative=f"number {index}") for index in range(20)])
            assert await publisher.flush(PATIENCE_S) == []
            # An act and a letter for each; whether the feed is there by now is asked a few times at most.
            assert len(notices(world)) - asked <= 20 * 2 + 5
            world.broker.log[feed_of(ONE)] = missing
            await until(publisher, submitted.id, ONE, "told")
        wanted = [("first", 1), *((f"number {index}", index + 2) for index in range(20))]
        for name in OTHERS:
            assert deliveries(world, name) == wanted
        assert sorted(deliveries(world, ONE), key=lambda one: one[1]) == wanted

    virtual.run(main())


def notices(world):
    """What the hub told the originator of its envelopes."""
    return [parse_feed(record.value) for record in world.feed("TUR/spoc")]


def test_what_waits_survives_the_process(world, publishing):
    """A later process tells whom an earlier one could not."""
    before = world.directory.snapshot().directory.authorities[ONE].keys

    async def main():
        change(world, ONE, revoked(world))
        async with world.routing():
            async with publishing(world) as publisher:
                submitted = await publisher.publish(document(narrative="first"))
                await publisher.wait(submitted.id, PATIENCE_S)
            change(world, ONE, lambda _keys: before)
            async with publishing(world) as publisher:
                await until(publisher, submitted.id, ONE, "told")
        assert deliveries(world, ONE) == [("first", 1)]

    virtual.run(main())
