"""The publisher with a router on the broker in memory: durable answers, order, refusals, doubt, take-over."""

from __future__ import annotations

import asyncio
import contextvars
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from notifier.codec.single_object import codec
from notifier.crypto.keys import DecryptionKey, KeyUse
from notifier.directory.model import AuthorityState
from notifier.directory.snapshot import Snapshot, StaticDirectory
from notifier.errors import (
    DirectoryError,
    NotificationInvalidError,
    OutcomeUnknownError,
    RefusedError,
    TransportError,
)
from notifier.lifecycle import Parts
from notifier.notification import decode
from notifier.outbox.outbox import Outbox
from notifier.persons.acceptance import WarningsNotAccepted
from notifier.producers.publisher import Publisher
from notifier.routing.batch import NO_STREAM
from notifier.storage.database import Database
from notifier.topics import INTAKE, REJECTED, STREAMS, feed_of
from support import virtual
from support.samples import DEPORTATION, document
from support.world import PATIENCE_S

STORAGE_KEY = b"k" * 32
TOLD = ("AUT/spoc", "DEU/spoc", "UTO/spoc")


@pytest.fixture
def publishing(tmp_path):
    """Opens a publisher of TUR/spoc on the same outbox each time, as a process that starts would."""

    @asynccontextmanager
    async def opened(world, directory=None, name="TUR/spoc"):
        outbox = await Outbox.open(f"sqlite:///{tmp_path}/outbox.db", name, STORAGE_KEY, world.runtime)
        parts = Parts(outbox, world.broker.transport(), directory or world.directory, world.keys[name].signing)
        async with Publisher.of(name, parts, world.runtime) as publisher:
            yield publisher

    return opened


def deliveries(world, authority):
    """What an authority can open on its feed: (notification, seq_i), verified as it would."""
    return [(decode(one.body.notification), one.sequence) for _, one in world.opened(authority)]


def intake(world):
    """Every value on intake, in order."""
    return [record.value for record in world.broker.records(INTAKE, world_partition(world))]


def world_partition(world):
    """The partition on which the publisher's stream turned out to live."""
    return next((number for number in range(2) if world.broker.records(INTAKE, number)), 0)


async def test_a_notification_reaches_exactly_those_who_are_expected(world, publishing):
    """Submitted, decided, sealed, routed: the recipients open what was written, without its local part."""
    async with world.routing(), publishing(world) as publisher:
        submitted = await publisher.publish(document())
        assert submitted.recipients == TOLD
        assert submitted.state == "waiting"
        status = await publisher.wait(submitted.id, PATIENCE_S)
    assert status.state == "told"
    assert {one.authority: one.state for one in status.recipients} == dict.fromkeys(TOLD, "told")
    for authority in TOLD:
        ((notification, sequence),) = deliveries(world, authority)
        assert notification.narrative == "a narrative that only recipients may read"
        assert notification.local is None
        assert sequence == 1
    assert {name for name in world.keys if world.feed(name)} == {*TOLD, "TUR/spoc"}


async def test_dates_are_compared_with_the_clock_when_submitting_and_never_again(world, publishing):
    """What has not happened yet, or is over, is refused by its pointer and not stored; what was taken stays taken."""
    past = {"review_date": "2026-01-01", "erase_date": "2026-02-01", "reply_by": "2026-11-01T00:00:00Z"}
    future = document(type="arrest", stage=None, event_time="2027-03-01T08:15:00+03:00")
    async with world.routing(), publishing(world) as publisher:
        for wrong, pointers in (
            (document(**past), ["/review_date", "/erase_date", "/reply_by"]),
            (future, ["/event_time"]),
        ):
            with pytest.raises(NotificationInvalidError) as error:
                await publisher.publish(wrong)
            assert [fault.pointer for fault in error.value.faults] == pointers
        assert await publisher.pending() == []
        taken = document(review_date="2026-11-24", reply_by="2026-11-24T00:00:00Z")
        first = await publisher.publish(taken)
        await publisher.wait(first.id, PATIENCE_S)
        digest = await publisher.digest(first.id)
        world.clock.now += 3 * 86_400_000
        assert await publisher.digest(first.id) == digest
        about = {"id": first.id, "digest": digest}
        over = taken | {"type": "update", "stage": None, "about": about}
        update = await publisher.publish(over)
        assert (await publisher.wait(update.id, PATIENCE_S)).state == "told"
        said = {warning.pointer for warning in update.warnings if warning.kind == "date_untimely"}
        assert said == {"/review_date", "/reply_by"}


async def test_what_was_accepted_survives_a_broker_that_is_down(make_world, publishing):
    """The answer does not wait for the broker; a later process sends what an earlier one stored."""
    down = True

    async def fault(step):
        if down and step in ("sender.open", "reader.open"):
            raise TransportError("broker_unavailable")

    world = make_world(1, fault)
    async with publishing(world) as publisher:
        submitted = await publisher.publish(document())
        assert (await publisher.wait(submitted.id, 0.3)).state == "waiting"
    assert not intake(world)
    down = False
    async with world.routing(), publishing(world) as publisher:
        assert await publisher.flush(PATIENCE_S) == []
        assert (await publisher.status(submitted.id)).state == "told"
    assert len(deliveries(world, "DEU/spoc")) == 1


async def test_after_a_doubt_the_same_bytes_go_again(make_world, publishing):
    """A send of which the outcome is unknown is repeated, never resealed: one delivery, one text on intake."""
    doubts = ["send.after", "send.before", "send.after"]

    async def fault(step):
        if doubts and step == doubts[0]:
            doubts.pop(0)
            raise OutcomeUnknownError

    world = make_world(1, fault)
    async with publishing(world) as publisher:
        submitted = await publisher.publish(document())
        await world.until(lambda: len(intake(world)) == 3)
        async with world.routing():
            assert (await publisher.wait(submitted.id, PATIENCE_S)).state == "told"
    assert len(set(intake(world))) == 1
    assert [sequence for _, sequence in deliveries(world, "DEU/spoc")] == [1]


def test_what_is_out_of_order_waits_for_what_was_lost_before_it(world, publishing, monkeypatch):
    """The first of two is lost on its way: the second, refused, is not sent in vain until both go again."""
    append, lost = world.broker.append, []

    async def losing(batch, **options):
        if batch[0].topic == INTAKE and not lost:
            lost.append(batch.pop(0).value)
        await append(batch, **options)

    async def main():
        async with world.routing(), publishing(world) as publisher:
            await publisher.publish_all([document(narrative=f"number {index}") for index in range(2)])
            assert await publisher.flush(PATIENCE_S) == []

    monkeypatch.setattr(world.broker, "append", losing)
    virtual.run(main())
    first, (second,) = lost, set(intake(world)) - set(lost)
    assert intake(world) == [second, *first, second]
    assert [sequence for _, sequence in deliveries(world, "DEU/spoc")] == [1, 2]


def test_a_hub_without_the_key_that_the_directory_names_is_not_flooded(make_world, publishing):
    """Sealed anew at once and then after growing pauses, until the directory names the key that the hub holds."""
    world = make_world(1, clock=virtual.VirtualClock())
    named = world.directory.snapshot()
    key = DecryptionKey.from_secret(world.random.randbytes(32))
    world.hub = replace(world.hub, decryption=key)

    async def main():
        async with world.routing(), publishing(world) as publisher:
            submitted = await publisher.publish(document())
            assert (await publisher.wait(submitted.id, PATIENCE_S)).reason == "hub_key_retired"
            world.directory.put(with_slip_key(named, key))
            assert (await publisher.wait(submitted.id, PATIENCE_S)).state == "told"

    virtual.run(main())
    assert len(intake(world)) < 10


def with_slip_key(snapshot, key):
    """The snapshot in which the hub has this key for slips, and no other."""
    hub = snapshot.directory.hub
    keys = [
        replace(one, key_id=key.key_id, public=key.public) if one.use is KeyUse.ENCRYPT else one for one in hub.keys
    ]
    return replace(snapshot, directory=replace(snapshot.directory, hub=replace(hub, keys=tuple(keys))))


async def test_many_are_delivered_in_order_without_gap(world, publishing):
    """A hundred notifications, more than the window: each once, numbered from 1 for each recipient."""
    async with world.routing(), publishing(world) as publisher:
        submitted = await publisher.publish_all([document(narrative=f"number {index}") for index in range(100)])
        assert await publisher.flush(PATIENCE_S) == []
    found = deliveries(world, "DEU/spoc")
    assert [sequence for _, sequence in found] == list(range(1, 101))
    assert [one.narrative for one, _ in found] == [f"number {index}" for index in range(100)]
    assert len({one.id for one in submitted}) == 100


async def test_a_refusal_in_turn_renumbers_the_followers(world, publishing):
    """A feed that is missing for a while: the others go on, and the one without it follows when it is there."""
    missing = world.broker.log.pop(feed_of("DEU/spoc"))
    async with publishing(world) as publisher:
        refused = await publisher.publish(document())
        others = await publisher.publish_all(
            [document(movement__destination="FRA", narrative=f"number {index}") for index in range(3)]
        )
        async with world.routing():
            assert set(await publisher.flush(PATIENCE_S, of=[one.id for one in others])) == set()
            assert (await publisher.wait(refused.id, PATIENCE_S)).state == "told", "the others are"
            world.broker.log[feed_of("DEU/spoc")] = missing
            world.clock.now += 3_600_000
            async with asyncio.timeout(PATIENCE_S):
                while await publisher.set_aside():  # the hub looks for feeds once in a while, and refuses until then
                    world.clock.now += 60_000
                    await asyncio.sleep(0.05)
            status = await publisher.status(refused.id)
            assert {one.state for one in status.recipients} == {"told"}
    assert [sequence for _, sequence in deliveries(world, "FRA/spoc")] == [1, 2, 3]
    assert [sequence for _, sequence in deliveries(world, "UTO/spoc")] == [1, 2, 3, 4]
    assert [sequence for _, sequence in deliveries(world, "DEU/spoc")] == [1]


async def test_a_final_refusal_is_told_and_the_rest_goes_on(world, publishing):
    """A permission taken away on the way: that message is rejected with its reason, by recipient too.

    An act takes its place, so that it can never be accepted; what was chained behind it follows.
    """
    behind = StaticDirectory(world.directory.snapshot())
    world.directory.put(permitted(world.directory.snapshot(), "TUR/spoc", {"travel"}))
    async with publishing(world, behind) as publisher:
        first, last = document(), document(narrative="the last")
        submitted = await publisher.publish_all([first, document(type="travel", stage="departed"), last])
        async with world.routing():
            assert await publisher.flush(PATIENCE_S) == []
        found = [await publisher.status(one.id) for one in submitted]
    forbidden = ("rejected", "not_permitted")
    assert [(one.state, one.reason) for one in found] == [forbidden, ("told", None), forbidden]
    for one in found[::2]:
        assert {recipient.state for recipient in one.recipients} == {"rejected"}
        assert [(act.kind, act.state) for act in one.acts] == [("not_permitted", "logged")]
    assert [one.type for one, _ in deliveries(world, "DEU/spoc")] == ["travel"]
    assert not [kept for kept in streams(world) if kept["tail"] in refused(world)], "a refusal is nobody's tail"


def refused(world):
    """The digests of what was rejected."""
    return {codec("Rejection").decode(record.value)["digest"] for record in world.broker.records(REJECTED)}


def streams(world):
    """Every state that a stream ever had."""
    for number in range(2):
        for record in world.broker.records(STREAMS, number):
            if record.key not in NO_STREAM:
                yield codec("StreamState").decode(record.value)


def suspended(snapshot, name):
    """The snapshot in which `name` is suspended."""
    one = replace(snapshot.directory.authorities[name], state=AuthorityState.SUSPENDED)
    later = {"version": snapshot.directory.version + 1, "authorities": snapshot.directory.authorities | {name: one}}
    return replace(snapshot, directory=replace(snapshot.directory, **later), previous_directory=snapshot.directory)


async def test_a_suspended_authority_stops_says_so_and_goes_on_once_it_is_active(make_world, publishing):
    """Known from the directory: nothing is sent in vain, nothing is lost, nobody has to type anything again."""
    down = True

    async def fault(step):
        if down and step == "sender.open":
            raise TransportError("broker_unavailable")

    world = make_world(1, fault)
    active = world.directory.snapshot()
    async with publishing(world) as publisher:
        submitted = await publisher.publish(document())
        world.directory.put(suspended(active, "TUR/spoc"))
        down = False
        await until_said(publisher, submitted.id, "signer_suspended")
        with pytest.raises(DirectoryError) as raised:
            await publisher.publish(document())
        assert raised.value.reason == "signer_suspended"
        assert not intake(world)
        world.directory.put(replace(active, directory=replace(active.directory, version=3)))
        async with world.routing():
            status = await publisher.wait(submitted.id, PATIENCE_S)
        assert (status.state, status.reason) == ("told", None)
    assert [sequence for _, sequence in deliveries(world, "DEU/spoc")] == [1]


async def until_said(publisher, message_id, reason):
    """Returns when the publisher says why a message waits."""
    async with asyncio.timeout(PATIENCE_S):
        while (await publisher.status(message_id)).reason != reason:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def permitted(snapshot, name, types):
    """The snapshot in which `name` may publish these types."""
    one = replace(snapshot.directory.authorities[name], publishes=frozenset(types))
    directory = replace(snapshot.directory, authorities={**snapshot.directory.authorities, name: one})
    return replace(snapshot, directory=directory)


class Following:
    """A directory source that sees the world's only when it is refreshed."""

    def __init__(self, world):
        self._world = world
        self._snapshot = world.directory.snapshot()

    def snapshot(self):
        return self._snapshot

    async def refresh(self):
        self._snapshot = self._world.directory.snapshot()


async def test_outdated_rules_are_evaluated_again_and_nobody_is_added(world, publishing):
    """New rules tell more states: the publisher sends again to those approved, and holds the addition."""
    async with publishing(world, Following(world)) as publisher:
        submitted = await publisher.publish(document())
        world.directory.put(newer(world.directory.snapshot()))
        async with world.routing():
            status = await publisher.wait(submitted.id, PATIENCE_S)
    assert status.state == "told"
    assert status.rules_version == 7
    states = {one.authority: one.state for one in status.recipients}
    assert states == {**dict.fromkeys(TOLD, "told"), "FRA/spoc": "held"}
    (held,) = [entry for entry in status.entries if entry.authority == "FRA/spoc"]
    assert held.because == ("rules_changed",)
    assert not world.feed("FRA/spoc")
    assert len(deliveries(world, "UTO/spoc")) == 1


def newer(snapshot):
    """Version 7 of the rules, by which a deportation is told to the state of residence too."""
    rules = snapshot.rules
    row = next(one for one in rules.rows if (one.type, one.rule) == ("deportation", "nationality"))
    changed = replace(rules, version=7, rows=(*rules.rows, replace(row, rule="residence")))
    return Snapshot(snapshot.directory, changed)


async def test_a_refugee_s_states_are_not_told_and_nobody_reads_why(world, publishing):
    """Nationality and destination hear nothing; whoever is told reads no status, no code, no refugee's document."""
    fled = document(
        local={**DEPORTATION["local"], "refugee": {"status": "refugee", "feared": []}},
        subject__nationalities=[{"state": "UTO", "status": "documented"}, {"state": "XXB", "status": "documented"}],
        subject__documents=[{"kind": "CTD", "issuer": "FRA", "number": "RD1951"}],
    )
    async with world.routing(), publishing(world) as publisher:
        submitted = await publisher.publish(fled)
        status = await publisher.wait(submitted.id, PATIENCE_S)
    states = {one.authority: one.state for one in status.recipients}
    assert states == {"AUT/spoc": "told", "DEU/spoc": "not_told", "UTO/spoc": "not_told"}
    assert not world.feed("UTO/spoc")
    assert not world.feed("DEU/spoc")
    ((told, _),) = deliveries(world, "AUT/spoc")
    assert told.local is None
    assert [one.state for one in told.subject.nationalities] == ["UTO"]
    assert told.subject.documents == ()


async def test_a_child_s_notification_waits_and_that_it_waits_is_recorded(world, publishing):
    """Nobody is told; the hub's log has an envelope to nobody, and the act of holding."""
    async with world.routing(), publishing(world) as publisher:
        submitted = await publisher.publish(document(subject__age="child"))
        assert await publisher.flush(PATIENCE_S) == []
        status = await publisher.status(submitted.id)
    assert status.state == "held"
    assert [(act.kind, act.state) for act in status.acts] == [("hold", "logged")]
    assert {one.authority: one.state for one in status.recipients} == dict.fromkeys(TOLD, "held")
    assert len(intake(world)) == 2
    assert {name for name in world.keys if world.feed(name)} == {"TUR/spoc"}


async def test_each_profile_has_an_envelope_of_its_own(world, publishing):
    """A consular service and the contact points are told of one notification, each no more than its role may see."""
    snapshot = world.directory.snapshot()
    row = next(one for one in snapshot.rules.rows if (one.type, one.rule) == ("deportation", "nationality"))
    rules = replace(snapshot.rules, rows=(*snapshot.rules.rows, replace(row, role="consular")))
    world.directory.put(Snapshot(snapshot.directory, rules))
    async with world.routing(), publishing(world) as publisher:
        submitted = await publisher.publish(document())
        status = await publisher.wait(submitted.id, PATIENCE_S)
    assert {one.authority: one.state for one in status.recipients} == dict.fromkeys((*TOLD, "UTO/consular"), "told")
    assert len(intake(world)) == 2
    ((visited, _),) = deliveries(world, "UTO/consular")
    ((told, _),) = deliveries(world, "UTO/spoc")
    assert visited.id == told.id
    assert visited.subject.names == told.subject.names
    assert (visited.subject.category, visited.subject.grounds, visited.narrative) == ("not_told", (), None)
    assert (told.subject.category, told.narrative) == ("suspect", DEPORTATION["narrative"])


async def test_a_withholding_from_everybody_is_recorded(world, publishing):
    """Where nobody is told, the hub's log has an envelope without recipients all the same."""
    nobody = document(handling={**DEPORTATION["handling"], "not_to": ["AUT", "DEU", "UTO"]})
    async with world.routing(), publishing(world) as publisher:
        submitted = await publisher.publish(nobody)
        assert submitted.recipients == ()
        status = await publisher.wait(submitted.id, PATIENCE_S)
    assert status.state == "not_told"
    assert {one.state for one in status.recipients} == {"not_told"}
    assert len(intake(world)) == 1
    assert {name for name in world.keys if world.feed(name)} == {"TUR/spoc"}


async def test_the_same_notification_twice_is_one(world, publishing):
    """Under one id the same text is answered with what is there; another text is refused."""
    known = document(id="01997e5c-1c00-7c55-9a3e-0d3f5e0b8a11")
    async with world.routing(), publishing(world) as publisher:
        await publisher.publish(known)
        await publisher.wait(known["id"], PATIENCE_S)
        assert (await publisher.publish(known)).state == "told"
        with pytest.raises(RefusedError) as raised:
            await publisher.publish({**known, "narrative": "another text"})
    assert raised.value.reason == "id_taken"
    assert len(deliveries(world, "DEU/spoc")) == 1


async def test_nobody_publishes_in_another_s_name(world, publishing):
    """A document of another originator is refused at the field that says so."""
    async with publishing(world) as publisher:
        with pytest.raises(NotificationInvalidError) as raised:
            await publisher.publish(document(originator="FRA/spoc"))
    assert [fault.pointer for fault in raised.value.faults] == ["/originator"]


async def test_two_that_publish_the_same_at_once_are_noticed(world, publishing):
    """One of them is stored: the other is refused in the transaction itself, unless it is accepted."""
    async with publishing(world) as first, publishing(world) as second:
        given = [one.publish(document()) for one in (first, second)]
        found = await asyncio.gather(*given, return_exceptions=True)
        refused = [one for one in found if isinstance(one, WarningsNotAccepted)]
        assert [[one.kind for one in error.warnings] for error in refused] == [["repeated"]]
        assert len(await first.pending()) == 1
        accepted = await first.publish(document(), accept_warnings=["repeated"])
        assert "repeated" in [one.kind for one in accepted.warnings]
        world.clock.now += 25 * 3_600_000
        world.directory.put(replace(world.directory.snapshot(), fresh_until=world.clock.now + 3_600_000))
        assert (await second.publish(document())).warnings == ()


async def test_what_the_hub_refused_may_be_given_again(world, publishing):
    """It reached nobody: the same under another id repeats nothing."""
    behind = StaticDirectory(world.directory.snapshot())
    world.directory.put(permitted(world.directory.snapshot(), "TUR/spoc", {"arrest"}))
    async with world.routing(), publishing(world, behind) as publisher:
        submitted = await publisher.publish(document())
        assert (await publisher.wait(submitted.id, PATIENCE_S)).state == "rejected"
        assert (await publisher.publish(document())).state == "waiting"


async def test_two_publishers_share_one_outbox(world, publishing):
    """The second process stores while the first one sends; each message goes out once, in one stream."""
    async with world.routing(), publishing(world) as first, publishing(world) as second:
        await first.publish(document())
        submitted = await second.publish(document(narrative="the second"))
        assert (await second.wait(submitted.id, PATIENCE_S)).state == "told"
        assert await first.flush(PATIENCE_S) == []
    assert [sequence for _, sequence in deliveries(world, "DEU/spoc")] == [1, 2]


async def test_the_outbox_file_tells_nothing(world, publishing, tmp_path):
    """Neither name, narrative, document number nor recipient stands in the database's files."""
    async with world.routing(), publishing(world) as publisher:
        submitted = await publisher.publish(document())
        await publisher.wait(submitted.id, PATIENCE_S)
        stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for secret in (b"Eriksson", b"ERIKSSON", b"narrative that", b"L898902C3", b"DEU/spoc", b"nationality"):
        assert secret not in stored, secret


killable = contextvars.ContextVar("killable", default=False)


class Crash(Exception):
    """The process ends here."""


async def test_a_publisher_killed_at_any_step_loses_and_doubles_nothing(make_world, publishing, tmp_path):
    """A crash at every step that the broker sees of the publisher; the next process finishes the work."""
    crash_at = 0
    while True:
        crash_at += 1
        for path in tmp_path.iterdir():
            path.unlink()
        crashed = await crash_once(make_world, publishing, crash_at)
        if not crashed:
            break
    assert crash_at > 4, "the steps of opening, sending and reading were all crashed at"


async def crash_once(make_world, publishing, crash_at):
    steps = 0

    async def fault(step):
        nonlocal steps
        if not killable.get():
            return
        steps += 1
        if steps == crash_at:
            raise Crash(step)

    world = make_world(crash_at, fault)
    crashed = False
    async with world.routing():
        killable.set(True)
        async with publishing(world) as publisher:
            await publisher.publish_all([document(narrative=f"number {index}") for index in range(3)])
            try:
                await publisher.flush(PATIENCE_S)
            except Crash:
                crashed = True
        killable.set(False)
        async with publishing(world) as publisher:
            assert await publisher.flush(PATIENCE_S) == []
    assert [sequence for _, sequence in deliveries(world, "DEU/spoc")] == [1, 2, 3]
    assert [one.narrative for one, _ in deliveries(world, "DEU/spoc")] == [f"number {index}" for index in range(3)]
    return crashed


@pytest.mark.parametrize("committed", [False, True])
async def test_a_publisher_killed_at_any_transaction_loses_and_doubles_nothing(
    make_world, publishing, tmp_path, monkeypatch, committed
):
    """A crash just before, or just after, every commit of the outbox; the caller submits again what got no answer."""
    write = Database.write
    steps = crash_at = 0

    @asynccontextmanager
    async def dying(database):
        nonlocal steps
        async with write(database) as connection:
            yield connection
            steps += killable.get()
            if killable.get() and steps == crash_at and not committed:
                raise Crash
        if killable.get() and steps == crash_at:
            raise Crash

    monkeypatch.setattr(Database, "write", dying)
    ids = [f"01997e5c-1c00-7c55-9a3e-0d3f5e0b8a1{index}" for index in range(3)]
    documents = [document(id=one, narrative=f"number {index}") for index, one in enumerate(ids)]
    crashed = True
    while crashed:
        crash_at, steps, crashed = crash_at + 1, 0, False
        for path in tmp_path.iterdir():
            path.unlink()
        world = make_world(crash_at)
        async with world.routing():
            killable.set(True)
            try:
                async with publishing(world) as publisher:
                    for one in documents:
                        await publisher.publish(one)
                    await publisher.flush(PATIENCE_S)
            except Crash:
                crashed = True
            killable.set(False)
            async with publishing(world) as publisher:
                await publisher.publish_all(documents)
                assert await publisher.flush(PATIENCE_S) == []
        found = deliveries(world, "DEU/spoc")
        assert sorted(one.narrative for one, _ in found) == ["number 0", "number 1", "number 2"], crash_at
        assert [sequence for _, sequence in found] == [1, 2, 3], crash_at
    assert crash_at > 6, "opening, storing, sealing and hearing were all crashed at"
