"""The subscriber on the broker in memory: what it stores, refuses, misses, and what a crash leaves behind."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import io
import json
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import sqlalchemy as sa
import structlog

from notifier.consumers.inbox import tables
from notifier.consumers.inbox.gaps import Gap
from notifier.consumers.inbox.inbox import Inbox
from notifier.consumers.inbox.transaction import InboxTransaction
from notifier.consumers.service import SubscriberService
from notifier.consumers.sinks import Callback, JsonLines
from notifier.crypto.keys import DecryptionKey, KeyUse
from notifier.directory.model import CLOCK_SKEW_MS, AuthorityState, Key, KeyState
from notifier.directory.snapshot import Snapshot, StaticDirectory
from notifier.errors import DirectoryError, OwnershipLostError, StorageError
from notifier.lifecycle import Parts
from notifier.notification import encode, for_sealing, parse
from support.desk import ARREST, HOUR_MS, ME, STORAGE_KEY, Desk, Hub
from support.world import PATIENCE_S


async def test_what_a_router_delivers_comes_into_the_inbox(world, hub, desk):
    """What a router delivered is read; a message is stored with all its facts, and each delivery is receipted."""
    sealed = world.make("TUR/spoc")
    async with world.routing():
        await world.put("TUR/spoc", sealed.envelope)
        await world.until(lambda: len(world.feed(ME)) == 1)
    digest = await hub.deliver("TUR/spoc", sequence=2)
    (message,) = await desk.receive()
    assert (message.originator, message.type, message.state, message.seq) == ("TUR/spoc", "arrest", "opened", 2)
    assert message.notification.subject.births == ("1974-08-12",)
    assert message.notification.local is None
    assert message.stream == world.stream("TUR/spoc").hex()
    assert (message.accepted_at, message.received_at) == (world.clock(), world.clock())
    assert await desk.receipts() == {sealed.digest: [("refused", "malformed")], digest: [("opened", None)]}
    assert await desk.look("gaps") == [], "a refused delivery of a known number is not missing"


async def test_a_missing_number_is_reported_by_name_until_it_comes(hub, desk, world):
    """1, 2, 5: 3 and 4 are missing, by name; 4 comes late, and only 3 still is."""
    for sequence in (1, 2, 5):
        await hub.deliver("TUR/spoc", sequence=sequence)
    await hub.deliver("FRA/spoc")
    assert len(await desk.receive()) == 4
    stream = world.stream("TUR/spoc").hex()
    assert await desk.look("gaps") == [Gap("TUR/spoc", stream, 3, 4, 2)]
    await hub.deliver("TUR/spoc", sequence=4)
    assert len(await desk.receive()) == 5
    assert await desk.look("gaps") == [Gap("TUR/spoc", stream, 3, 3, 1)]


async def test_a_jump_without_measure_does_not_fill_the_disk(hub, desk):
    """An originator that skips 2**62 numbers: they are one gap, and one of them that comes makes it two."""
    await hub.deliver("TUR/spoc", sequence=2**62)
    await hub.deliver("FRA/spoc")
    assert len(await desk.receive()) == 2
    assert [(gap.first, gap.last) for gap in await desk.look("gaps")] == [(1, 2**62 - 1)]
    await hub.deliver("TUR/spoc", sequence=1000)
    assert len(await desk.receive()) == 3
    assert [(gap.first, gap.last) for gap in await desk.look("gaps")] == [(1, 999), (1001, 2**62 - 1)]


@pytest.mark.parametrize("sequence", [0, 2**63, 2**64 - 1])
async def test_a_number_that_no_stream_has_is_refused(hub, desk, sequence):
    """Numbers begin at 1 and end where databases' integers do: others are refused, and the feed goes on."""
    refused = await hub.deliver("TUR/spoc", sequence=sequence)
    await hub.deliver("FRA/spoc")
    assert [one.originator for one in await desk.receive()] == ["FRA/spoc"]
    assert (await desk.receipts())[refused] == [("refused", "cannot_open")]


async def test_the_same_text_again_is_a_duplicate(hub, desk):
    """The same delivery twice and the same text in another envelope: one message, a receipt for each envelope."""
    sealed = hub.sealed("TUR/spoc")
    await hub.put(hub.delivery(sealed), hub.delivery(sealed))
    body = parse(ARREST)
    notification_id = b"\x01" * 16
    encoded = encode(replace(for_sealing(body), id=notification_id))
    first = await hub.deliver(notification_id=notification_id, encoded=encoded)
    second = await hub.deliver(notification_id=notification_id, encoded=encoded)
    assert [one.state for one in await desk.receive()] == ["opened", "opened"]
    assert await desk.receipts() == {digest: [("opened", None)] for digest in (sealed.digest, first, second)}


async def test_a_statement_s_time_is_bounded_by_expiry_and_not_by_opening(world, hub, desk):
    """A delivery that waited past its expiry opens, where the hub accepted it in time; else it does not."""
    in_time, late = hub.sealed("TUR/spoc"), hub.sealed("FRA/spoc")
    kept = hub.delivery(in_time)
    world.clock.now += 8 * 24 * HOUR_MS
    await hub.put(kept, hub.delivery(late))
    assert [one.originator for one in await desk.receive()] == ["TUR/spoc"]
    assert await desk.reasons() == ["bad_statement"]


@pytest.mark.parametrize(("notification_id", "originator"), [(b"\x03" * 16, "TUR/spoc"), (b"\x04" * 16, "FRA/spoc")])
async def test_a_notification_that_contradicts_its_envelope_is_refused(hub, desk, notification_id, originator):
    """A body of another id, or in another's name."""
    encoded = encode(replace(for_sealing(parse(ARREST | {"originator": originator})), id=b"\x04" * 16))
    await hub.deliver("TUR/spoc", notification_id=notification_id, encoded=encoded)
    assert await desk.receive() == []
    assert await desk.reasons() == ["malformed"]


@pytest.mark.parametrize("missing", ["signer", "permission"])
async def test_what_a_later_directory_cures_is_looked_for_once_before_refusing(world, hub, desk, missing):
    """The directory here is older than the signer or its permission: one look for a later version finds it."""
    latest = world.directory.snapshot()
    older = dict(latest.directory.authorities)
    if missing == "signer":
        del older["TUR/spoc"]
    else:
        older["TUR/spoc"] = replace(older["TUR/spoc"], publishes=frozenset())

    class Later(StaticDirectory):
        refreshed = 0

        async def refresh(self):
            self.refreshed += 1
            if self.refreshed == 2:
                self.put(latest)

    await hub.deliver("TUR/spoc")
    await hub.deliver("FRA/spoc")
    later = Later(Snapshot(replace(latest.directory, authorities=older), latest.rules))
    assert len(await desk.receive(directory=later)) == 2
    assert (later.refreshed, await desk.reasons()) == (2, [])


class Warned:
    """A log that says when something was warned of, and why."""

    def __init__(self):
        self.event = asyncio.Event()
        self.reasons = []

    def warning(self, _event, *, reason, **_named):
        self.reasons.append(reason)
        self.event.set()

    error = warning


async def early(hub, originator="TUR/spoc", ahead=HOUR_MS):
    """A delivery that a hub accepted whose clock is ahead of everybody else's."""
    sealed = hub.sealed(originator)
    signed = hub.world.stated(sealed.digest, ME, accepted_at=hub.world.clock() + ahead)
    await hub.put(hub.delivery(sealed, signed=signed))
    return sealed.digest


async def comes_in(subscriber, count):
    """Returns the originators of what is in the inbox, once there are `count`."""
    while len(found := await subscriber.inbox.messages()) < count:
        await subscriber.until_idle(0)
        await asyncio.sleep(0.01)
    return [one.originator for one in found]


async def turns(subscriber, *, ready):
    """Returns when it is ready, or is not any more."""
    while subscriber.ready() != ready:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0.01)


async def test_what_is_not_yet_valid_holds_nothing_up_and_comes_in_by_itself_in_time(world, hub, desk):
    """Two of an hour ahead: kept, with no gap and no receipt; the rest is read; then each when its time has come."""
    await hub.deliver("TUR/spoc")
    await early(hub, "TUR/spoc", HOUR_MS)
    await early(hub, "FRA/spoc", 2 * HOUR_MS)
    await hub.deliver("TUR/spoc")
    async with desk.subscribed() as subscriber, asyncio.timeout(PATIENCE_S):
        await subscriber.until_idle(0)
        assert await comes_in(subscriber, 2) == ["TUR/spoc", "TUR/spoc"]
        first, second = await subscriber.inbox.refused()
        assert (first.reason, first.cure, first.claims) == ("not_yet_valid", "time", "TUR/spoc")
        assert (first.due, second.due) == tuple(world.clock() + hours * HOUR_MS - CLOCK_SKEW_MS for hours in (1, 2))
        assert await subscriber.inbox.gaps() == []
        world.clock.now = first.due
        assert await comes_in(subscriber, 3) == ["TUR/spoc", "TUR/spoc", "TUR/spoc"]
        world.clock.now = second.due
        assert len(await comes_in(subscriber, 4)) == 4
        assert await subscriber.inbox.refused() == []
        assert await subscriber.inbox.gaps() == []
    assert {tuple(answers) for answers in (await desk.receipts()).values()} == {(("opened", None),)}


async def test_a_clock_that_is_put_right_a_week_later_brings_everything(world, hub, desk):
    """Ours is a week behind: all is refused, which is an alarm; once it is right all is read, in order."""
    right = world.clock.now
    for _ in range(5):
        await hub.deliver("TUR/spoc")
    world.clock.now = right - 7 * 24 * HOUR_MS
    async with desk.subscribed() as subscriber, asyncio.timeout(PATIENCE_S):
        await subscriber.until_idle(0)
        assert await subscriber.inbox.messages() == []
        assert not subscriber.ready()
        world.clock.now = right
        await comes_in(subscriber, 5)
        await turns(subscriber, ready=True)
        assert [one.seq for one in await subscriber.inbox.messages()] == [1, 2, 3, 4, 5]
    assert await desk.reasons() == []
    assert await desk.look("gaps") == []


async def test_an_alarm_outlives_a_restart_and_ends_with_the_first_that_is_read(world, hub, desk):
    """Two are none, the third raises it; what is no delivery neither raises nor ends it."""
    for _ in range(2):
        await early(hub)
    async with desk.subscribed() as subscriber, asyncio.timeout(PATIENCE_S):
        await subscriber.until_idle(0)
        assert subscriber.ready()
        await hub.put(b"no delivery")
        await early(hub)
        await turns(subscriber, ready=False)
        for _ in range(3):
            await early(hub)
        await subscriber.until_idle(0)
    async with desk.subscribed() as subscriber, asyncio.timeout(PATIENCE_S):
        await subscriber.until_idle(0)
        assert not subscriber.ready()
        await hub.deliver("FRA/spoc")
        await turns(subscriber, ready=True)


def changed(snapshot, **facts):
    """The snapshot in which these facts of TUR/spoc are others."""
    directory = snapshot.directory
    one = replace(directory.authorities["TUR/spoc"], **facts)
    authorities = dict(directory.authorities) | {"TUR/spoc": one}
    return Snapshot(replace(directory, version=directory.version + 1, authorities=authorities), snapshot.rules)


def keyed(keys, **facts):
    """The signing keys of `keys` with these facts changed."""
    return tuple(replace(key, **facts) if key.use is KeyUse.SIGN else key for key in keys)


def without_signer(snapshot):
    """Nobody knows TUR's keys."""
    return changed(snapshot, keys=())


def suspended(snapshot):
    """TUR is suspended, as if it had been so always."""
    return changed(snapshot, state=AuthorityState.SUSPENDED)


def retired(snapshot):
    """TUR's key was retired long ago."""
    keys = snapshot.directory.authorities["TUR/spoc"].keys
    return changed(snapshot, keys=keyed(keys, state=KeyState.RETIRING, changed_at=0))


def to_come(snapshot):
    """TUR's key is not yet valid."""
    keys = snapshot.directory.authorities["TUR/spoc"].keys
    return changed(snapshot, keys=keyed(keys, not_before=2**61, not_after=2**62))


def not_permitted(snapshot):
    """TUR may send nothing."""
    return changed(snapshot, publishes=frozenset())


def without_hub_key(snapshot):
    """Nobody knows the hub's keys."""
    directory = snapshot.directory
    return Snapshot(replace(directory, version=9, hub=replace(directory.hub, keys=())), snapshot.rules)


def hub_key_retired(snapshot):
    """The hub's key was retired long ago."""
    directory = snapshot.directory
    keys = keyed(directory.hub.keys, state=KeyState.RETIRING, changed_at=0)
    return Snapshot(replace(directory, version=9, hub=replace(directory.hub, keys=keys)), snapshot.rules)


WRONG = {
    without_signer: "unknown_signer",
    suspended: "signer_revoked",
    retired: "signer_revoked",
    to_come: "signer_revoked",
    not_permitted: "not_permitted",
    without_hub_key: "bad_statement",
    hub_key_retired: "bad_statement",
}


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.__name__)
@pytest.mark.parametrize("restarted", [False, True], ids=["by itself", "after a restart"])
async def test_what_a_later_directory_cures_is_kept_and_comes_in_with_it(world, hub, desk, wrong, restarted):
    """In order, without a gap, each once; what nothing cures stays refused."""
    right = world.directory.snapshot()
    world.directory.put(wrong(right))
    directory, world.directory = world.directory, StaticDirectory(right)  # the hub's is as it must be
    for _ in range(3):
        await hub.deliver("TUR/spoc")
    await hub.put(b"no delivery")
    async with desk.subscribed(directory=directory) as subscriber, asyncio.timeout(PATIENCE_S):
        await subscriber.until_idle(0)
        refused = await subscriber.inbox.refused()
        assert [(one.reason, one.cure) for one in refused] == [(WRONG[wrong], "directory")] * 3 + [
            ("malformed", None)
        ]
        assert not subscriber.ready()
        if not restarted:
            directory.put(right)
            await comes_in(subscriber, 3)
            await turns(subscriber, ready=True)
    directory.put(right)
    assert [one.seq for one in await desk.receive(directory=directory)] == [1, 2, 3]
    assert await desk.reasons() == ["malformed"]
    assert await desk.look("gaps") == []


async def test_what_was_sealed_to_a_key_that_is_not_at_hand_comes_in_with_it(world, hub, desk):
    """An old private key that was forgotten when the machine was made anew."""
    new, old = DecryptionKey.from_secret(b"n" * 32), world.keys[ME].decryption
    world.directory.put(rotated(world.directory.snapshot(), new, world.clock()))
    await hub.deliver("TUR/spoc")
    assert await desk.receive(keys={new.key_id: new}) == []
    (refused,) = await desk.look("refused")
    assert (refused.reason, refused.cure) == ("not_addressed", "key")
    assert len(await desk.receive(keys={new.key_id: new, old.key_id: old})) == 1
    assert await desk.look("refused") == []


async def test_many_that_are_refused_hold_up_nobody(world, hub, desk, monkeypatch):
    """They are tried again a few at a time; a message that comes meanwhile is read between two of the batches."""
    monkeypatch.setattr("notifier.consumers.retrial.BATCH", 2)
    right = world.directory.snapshot()
    directory, world.directory = StaticDirectory(without_signer(right)), StaticDirectory(right)
    for _ in range(9):
        await hub.deliver("TUR/spoc")
    async with desk.subscribed(directory=directory) as subscriber, asyncio.timeout(PATIENCE_S):
        await subscriber.until_idle(0)
        await hub.deliver("FRA/spoc")
        directory.put(right)
        found = await comes_in(subscriber, 10)
    assert found.index("FRA/spoc") < 9
    assert [one.seq for one in await desk.look("messages") if one.originator == "TUR/spoc"] == [*range(1, 10)]


async def test_what_somebody_asks_for_is_tried_again_by_the_subscriber_at_work(world, hub, desk):
    """Another process asks; what is refused again is no longer asked for."""
    await early(hub)
    async with desk.subscribed() as subscriber, asyncio.timeout(PATIENCE_S):
        await subscriber.until_idle(0)
        other = await desk.open_inbox()
        assert await other.ask_again() == 1
        while await other.asked():  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.01)
        (refused,) = await other.refused()
        assert refused.due == world.clock() + HOUR_MS - CLOCK_SKEW_MS
        await other.close()


async def test_a_crash_while_something_is_tried_again_stores_it_once(world, hub, desk, monkeypatch):
    """The transaction is whole: the record is refused, or it is a message, and never both or neither."""
    await early(hub)
    await desk.receive()
    world.clock.now += HOUR_MS
    answer = InboxTransaction._answer

    async def cut(self, result):
        await answer(self, result)
        raise Cut

    monkeypatch.setattr(InboxTransaction, "_answer", cut)
    with pytest.raises(Cut):
        await desk.receive()
    assert (await desk.look("messages"), await desk.reasons()) == ([], ["not_yet_valid"])
    monkeypatch.undo()
    assert [one.seq for one in await desk.receive()] == [1]
    assert await desk.reasons() == []


class Cut(Exception):
    """The process ends here."""


@pytest.mark.parametrize("spoiled", ["signing", "decryption", "authority"])
async def test_with_keys_that_are_not_its_own_nothing_is_read(world, hub, desk, spoiled):
    """A delivery would be refused, or acknowledged in vain: the inbox stays, and goes on with the right ones."""
    await hub.deliver("TUR/spoc")
    latest = world.directory.snapshot()
    other = world.keys["FRA/spoc"]
    keys, directory = {other.decryption.key_id: other.decryption}, world.directory
    if spoiled != "decryption":
        keys = None
        authorities = dict(latest.directory.authorities)
        if spoiled == "authority":
            del authorities[ME]
        else:
            authorities[ME] = replace(authorities[ME], keys=authorities["FRA/spoc"].keys)
        directory = StaticDirectory(Snapshot(replace(latest.directory, authorities=authorities), latest.rules))
    with pytest.raises(DirectoryError) as error:
        await desk.receive(keys=keys, directory=directory)
    reasons = {"signing": "unknown_signer", "decryption": "cannot_open", "authority": "unknown_authority"}
    assert error.value.reason == reasons[spoiled]
    assert len(await desk.receive()) == 1


async def test_keys_that_are_replaced_while_it_runs_stop_it(world, hub, desk):
    """The directory lists a new key that this process does not have: it ends before it would lose what comes."""
    async with desk.subscribed() as subscriber, asyncio.timeout(PATIENCE_S):
        await subscriber.until_idle(0)
        world.directory.put(rotated(world.directory.snapshot(), DecryptionKey.from_secret(b"n" * 32), world.clock()))
        await hub.deliver("TUR/spoc")
        with pytest.raises(DirectoryError) as error:
            await subscriber.until_idle(float("inf"))
    assert error.value.reason == "cannot_open"
    assert await desk.look("messages") == []


def rotated(snapshot, new, at):
    """The directory after ME's encryption key was replaced by `new` and the old one retired."""
    directory = snapshot.directory
    old = [replace(key, state=KeyState.RETIRING, changed_at=at) if key.use is KeyUse.ENCRYPT else key
           for key in directory.authorities[ME].keys]  # fmt: skip
    added = Key(new.key_id, KeyUse.ENCRYPT, new.public, at - 1, at + 1000 * HOUR_MS)
    authorities = dict(directory.authorities) | {ME: replace(directory.authorities[ME], keys=(*old, added))}
    return Snapshot(replace(directory, version=2, authorities=authorities), snapshot.rules)


async def test_an_old_key_opens_what_was_sealed_to_it_until_it_is_destroyed(world, hub, desk):
    """Two decryption keys are held: both open; with the old one destroyed, its delivery is not addressed to us."""
    new = DecryptionKey.from_secret(b"n" * 32)
    old = world.keys[ME].decryption
    world.directory.put(rotated(world.directory.snapshot(), new, world.clock()))
    await hub.deliver("TUR/spoc")
    assert len(await desk.receive(keys={new.key_id: new, old.key_id: old})) == 1
    await hub.deliver("TUR/spoc")
    assert len(await desk.receive(keys={new.key_id: new})) == 1
    assert await desk.reasons() == ["not_addressed"]


async def test_a_crash_at_any_step_stores_everything_once(make_world, tmp_path):
    """The broker fails at every call in turn, and the process starts again: each message once, in order."""

    class Crash(Exception):
        pass

    async def run(crash_at):
        steps = 0

        async def fault(step):
            nonlocal steps
            if not step.startswith("read"):
                return
            steps += 1
            if steps == crash_at:
                raise Crash(step)

        world = make_world(crash_at, fault)
        desk = Desk(world, f"sqlite:///{tmp_path}/{crash_at}.db")
        hub = Hub(world)
        for _ in range(3):
            await hub.deliver("TUR/spoc")
        crashed = False
        try:
            await desk.receive()
        except Crash:
            crashed = True
        assert [one.seq for one in await desk.receive()] == [1, 2, 3]
        assert await desk.look("gaps") == []
        return crashed

    crash_at = 1
    while await run(crash_at):
        crash_at += 1
    assert crash_at > 2, "opening the reader and reading were both crashed at"


async def test_messages_and_offset_are_stored_together_or_not_at_all(hub, desk, monkeypatch):
    """A crash in the middle of the batch's transaction leaves no row and no offset; the next start has all."""
    await hub.deliver("TUR/spoc")
    await hub.deliver("TUR/spoc")
    whole = InboxTransaction.apply

    async def cut(self, offset, result):
        if offset == 1:
            raise StorageError(detail="the disk is full")
        await whole(self, offset, result)

    monkeypatch.setattr(InboxTransaction, "apply", cut)
    log = Warned()
    monkeypatch.setattr("notifier.consumers.retries.log", log)
    async with desk.subscribed() as subscriber, asyncio.timeout(PATIENCE_S):
        await log.event.wait()
        assert log.reasons == ["storage_failed"]
        assert await subscriber.inbox.messages() == []
        assert await subscriber.inbox.offset() == 0
    monkeypatch.undo()
    assert [one.seq for one in await desk.receive()] == [1, 2]


async def test_an_inbox_has_one_reader_and_the_next_goes_on(hub, desk):
    """A second process is refused while the first lives; then it goes on where the first ended."""
    await hub.deliver("TUR/spoc")
    async with desk.subscribed() as first, asyncio.timeout(PATIENCE_S):
        await first.until_idle(0)
        with pytest.raises(StorageError) as refused:
            async with desk.subscribed():
                pass
        assert refused.value.reason == "storage_locked"
    await hub.deliver("TUR/spoc")
    assert [one.seq for one in await desk.receive()] == [1, 2]


async def test_a_reader_that_was_taken_over_writes_nothing_more(hub, desk, world):
    """The lease runs out unnoticed and another takes it: the old one ends with `fenced`, nothing is doubled."""
    async with desk.subscribed() as old, asyncio.timeout(PATIENCE_S):
        await old.until_idle(0)
        world.clock.now += HOUR_MS
        async with desk.subscribed() as new:
            await hub.deliver("TUR/spoc")
            await new.until_idle(0)
            with pytest.raises(OwnershipLostError):
                await old.until_idle(3600)
            assert not old.ready()
            assert len(await new.inbox.messages()) == 1


async def test_a_reader_that_outlives_a_restore_cannot_skip(make_world, tmp_path):
    """A backup put back under a running reader: it is fenced, and the next start reads again what was lost."""
    reads = 0
    read_again = asyncio.Condition()

    async def count(step):
        nonlocal reads
        if step == "read":
            async with read_again:
                reads += 1
                read_again.notify_all()

    world = make_world(1, count)
    hub, desk = Hub(world), Desk(world, f"sqlite:///{tmp_path}/inbox.db")
    for _ in range(3):
        await hub.deliver("TUR/spoc")
    async with desk.subscribed() as subscriber, asyncio.timeout(PATIENCE_S):
        await subscriber.until_idle(0)
        async with subscriber.inbox.writing() as connection:
            for table in (tables.messages, tables.gap_ranges, tables.streams, tables.receipts):
                await connection.remove(table, (await connection.execute(sa.select(table))).all())
            await connection.set_own(feed_offset=0)
        async with read_again:
            enough = reads + 2
            await read_again.wait_for(lambda: reads >= enough)
        await hub.deliver("TUR/spoc")
        with pytest.raises(OwnershipLostError):
            await subscriber.until_idle(3600)
        assert await subscriber.inbox.offset() == 0
    assert [one.seq for one in await desk.receive()] == [1, 2, 3, 4]
    assert await desk.look("gaps") == []


async def test_iterating_yields_each_message_once_and_again_after_a_crash(hub, desk):
    """A loop that ends in the middle of a message gets that message again; what it finished it does not."""
    for _ in range(3):
        await hub.deliver("TUR/spoc")

    async def take(count):
        taken = []
        async with (
            desk.subscribed() as subscriber,
            asyncio.timeout(PATIENCE_S),
            contextlib.aclosing(aiter(subscriber)) as messages,
        ):
            async for message in messages:
                taken.append(message.seq)
                if len(taken) == count:
                    break
        return taken

    assert await take(2) == [1, 2]
    assert await take(2) == [2, 3]


async def test_sinks_take_in_order_go_on_after_a_restart_and_are_spared_exercises(hub, desk, tmp_path):
    """The file has each message on a line, without the drill; the callback that is not operational sees all."""
    path = tmp_path / "out.jsonl"
    seen = []
    options = {"sinks": [JsonLines(path), Callback("all", lambda one: seen.append(one.seq), operational=False)]}
    await hub.deliver("TUR/spoc")
    await hub.deliver("TUR/spoc", exercise=True)
    await desk.receive(**options)
    await hub.deliver("TUR/spoc", text="line one\nline two\u2028\x85\x1b[2J\u202e")
    received = await desk.receive(**options)
    assert [one.exercise for one in received] == [False, True, False]
    lines = path.read_text().splitlines()
    assert all(line.isprintable() for line in lines), "nothing in it acts on a terminal"
    assert [json.loads(line)["seq"] for line in lines] == [1, 3]
    assert seen == [1, 2, 3]


async def test_a_sink_that_has_no_room_gets_the_message_again(hub, desk):
    """It ends nothing: the same process goes on when there is room; the inbox has the message in any case."""
    for _ in range(3):
        await hub.deliver("TUR/spoc")
    seen, faults = [], []

    async def full(message):
        if message.seq == 2 and len(faults) < 3:
            faults.append(message.seq)
            raise StorageError(detail="the disk is full")
        seen.append(message.seq)

    assert len(await desk.receive(sinks=[Callback("file", full)])) == 3
    assert (seen, faults) == ([1, 2, 3], [2, 2, 2])


async def test_who_does_not_want_to_wait_for_a_sink_is_told(hub, desk):
    """`until_idle` raises what has kept a sink from its work for too long; the sink gets the message at last."""
    await hub.deliver("TUR/spoc")
    seen = []

    async def full(_message):
        raise StorageError(detail="the disk is full")

    async with desk.subscribed(sinks=[Callback("file", full)]) as subscriber, asyncio.timeout(PATIENCE_S):
        with pytest.raises(StorageError, match="the disk is full"):
            await subscriber.until_idle(0, patience=0.1)
    assert len(await desk.look("messages")) == 1
    await desk.receive(sinks=[Callback("file", lambda one: seen.append(one.seq))])
    assert seen == [1]


class Failing:
    """A database of which every transaction fails while `fault` is there."""

    def __init__(self, inbox, monkeypatch):
        self.fault = None
        self.failed = asyncio.Event()
        for name in ("read", "write"):
            monkeypatch.setattr(inbox._database, name, self.around(getattr(inbox._database, name)))

    def around(self, begin):
        @asynccontextmanager
        async def transaction():
            if self.fault is not None:
                self.failed.set()
                raise self.fault
            async with begin() as connection:
                yield connection

        return transaction


@pytest.mark.parametrize("fault", ["the disk is full", "the database's server cannot be reached"])
async def test_a_database_that_is_gone_for_a_while_ends_no_loop(hub, desk, monkeypatch, fault):
    """Feed, sinks, lease and iterator stand still while it is gone, and go on by themselves when it is back."""
    monkeypatch.setattr("notifier.consumers.subscriber.RENEW_SECONDS", 0.05)
    seen, iterated = [], []
    await hub.deliver("TUR/spoc")
    sinks = [Callback("all", lambda one: seen.append(one.seq))]
    async with desk.subscribed(sinks=sinks) as subscriber, asyncio.timeout(PATIENCE_S):
        database = Failing(subscriber.inbox, monkeypatch)

        async def iterate():
            async for message in subscriber:
                iterated.append(message.seq)  # noqa: PERF401 - each as soon as it is there

        iterating = asyncio.create_task(iterate())
        await subscriber.until_idle(0)
        database.fault = StorageError(detail=fault)
        await hub.deliver("TUR/spoc")
        for _ in range(8):  # whoever works on the database fails at least once
            database.failed.clear()
            await database.failed.wait()
        assert not iterating.done()
        database.fault = None
        await hub.deliver("TUR/spoc")
        while iterated != [1, 2, 3]:
            await subscriber.until_idle(0)
            await asyncio.sleep(0)
        assert subscriber.ready()
        iterating.cancel()
    assert seen == [1, 2, 3]


async def test_a_log_that_cannot_be_written_ends_nothing(hub, desk, monkeypatch):
    """The log lies on the disk that is full."""
    from notifier.telemetry.logging import configure

    class Full(io.StringIO):
        refused = 0

        def write(self, _text):
            self.refused += 1
            raise OSError(errno.ENOSPC, "No space left on device")

    full = Full()
    monkeypatch.setattr("sys.stderr", full)
    configure(console=False)
    try:
        await hub.put(b"no delivery")
        await hub.deliver("TUR/spoc")
        assert len(await desk.receive()) == 1
    finally:
        structlog.reset_defaults()
    assert full.refused


async def test_the_inbox_tells_nothing_without_its_key(hub, desk, tmp_path):
    """Names, documents, originators and texts stand nowhere in its files, and another key opens nothing."""
    await hub.deliver("TUR/spoc")
    await hub.put(hub.delivery(hub.sealed("FRA/spoc", to="FRA/spoc"), "FRA/spoc"))
    async with desk.subscribed() as subscriber, asyncio.timeout(PATIENCE_S):
        await subscriber.until_idle(0)
        files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for canary in (
        b"Eriksson",
        b"ERIKSSON",
        b"L898902C3",
        b"1974-08-12",
        b"TUR/spoc",
        b"FRA/spoc",
        b"narrative",
    ):
        assert canary not in files
    with pytest.raises(StorageError):
        await Inbox.open(desk.address, ME, b"x" * 32, desk.world.runtime)
    with pytest.raises(StorageError, match="belongs to"):
        await Inbox.open(desk.address, "FRA/spoc", STORAGE_KEY, desk.world.runtime)


async def test_an_erased_row_s_number_is_not_given_again(hub, desk):
    """The last message is erased, another comes: a reader that took the first still gets the second."""
    await hub.deliver("TUR/spoc")
    seen = []
    options = {"sinks": [Callback("all", lambda one: seen.append(one.seq))]}
    await desk.receive(**options)
    inbox = await desk.open_inbox()
    async with inbox.writing() as connection:
        await connection.remove(tables.messages, (await connection.execute(sa.select(tables.messages))).all())
    await inbox.close()
    await hub.deliver("TUR/spoc")
    await desk.receive(**options)
    assert seen == [1, 2]


@asynccontextmanager
async def serving(desk, stop):
    """Run the service of `notifier run subscriber` on the desk's inbox; yield it with its task."""
    world, own = desk.world, desk.world.keys[ME]

    async def opened():
        decryption = {own.decryption.key_id: own.decryption}
        return Parts(await desk.open_inbox(), world.broker.transport(), world.directory, own.signing, decryption)

    service = SubscriberService(ME, opened, (), world.runtime)
    running = asyncio.create_task(service.run(stop))
    try:
        yield service, running
    finally:
        stop.set()
        with contextlib.suppress(StorageError):
            await running


async def test_the_service_fills_the_inbox_until_it_is_stopped(hub, desk):
    """It is ready once it follows the feed, and not after its end; what it read is in the inbox."""
    await hub.deliver()
    stop = asyncio.Event()
    async with serving(desk, stop) as (service, running), asyncio.timeout(PATIENCE_S):
        assert not service.ready()
        while not service.ready() or not await desk.look("messages"):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        stop.set()
        await running
        assert not service.ready()
    assert len(await desk.look("messages")) == 1


async def test_a_second_service_of_an_inbox_is_refused_for_a_while(desk):
    """The supervisor tries again: it stands by until the lease is free."""
    stop = asyncio.Event()
    async with serving(desk, stop) as (service, _), asyncio.timeout(PATIENCE_S):
        while not service.ready():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        async with serving(desk, asyncio.Event()) as (_, second):
            with pytest.raises(StorageError) as refused:
                await second
        assert (refused.value.reason, refused.value.retryable) == ("storage_locked", True)
