"""What must be true of a whole system when nothing more happens, whatever happened before."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from notifier.audit.entry import AuditEntry
from notifier.auditor.verify import verify_folder
from notifier.codec.single_object import codec
from notifier.envelope import ParsedDelivery, parse_feed, verify_statement
from notifier.errors import RefusedError
from notifier.routing.batch import NO_STREAM
from notifier.topics import AUDIT, INTAKE, STREAMS, feed_of
from support.world import PARTITIONS

RECIPIENTS = ("TUR/spoc", "AUT/spoc", "DEU/spoc", "FRA/spoc", "UTO/spoc")


@dataclass(frozen=True)
class Delivered:
    """What the hub put on a feed, as its owner opens it; `known` is its notification's id and originator."""

    known: tuple[str, str]
    stream: bytes
    sequence: int
    envelope: bytes


async def check(whole):
    """Raises `AssertionError` where a promise is broken; `whole` is a `support.simulation.Whole` at its end."""
    check_streams(whole)
    accepted, told = check_audit(whole)
    feeds = {name: deliveries(whole, name) for name in RECIPIENTS}
    check_feeds(whole, feeds, accepted, told)
    given = await check_outboxes(whole, feeds)
    for name in whole.subscribers:
        await check_inbox(whole, name, feeds[name], given)


def check_streams(whole):
    """Intake is decided once, in order, and no stream goes back."""
    for steps in whole.positions():
        assert steps == sorted(set(steps)), "an intake offset was decided twice"
    for number in range(PARTITIONS):
        numbers = {}
        for record in whole.world.broker.records(STREAMS, number):
            if record.key not in NO_STREAM:
                state = codec("StreamState").decode(record.value)
                assert state["number"] >= numbers.get(record.key, 0), "a stream went back"
                numbers[record.key] = state["number"]


def check_audit(whole):
    """Every decision is in the audit topic once, and the auditor's log is that topic.

    The digests of the accepted, and (digest, audience) of the deliveries.
    """
    values = [record.value for record in whole.world.broker.records(AUDIT)]
    entries = [AuditEntry.decode(value) for value in values]
    intake = sum(len(whole.world.broker.records(INTAKE, number)) for number in range(PARTITIONS))
    assert sum(entry.kind == "decision" for entry in entries) == intake
    accepted = Counter(one.digest for one in entries if one.kind == "decision" and one.outcome == "accepted")
    assert set(accepted.values()) <= {1}, "an envelope was accepted twice"
    told = Counter((one.digest, one.audience) for one in entries if one.kind == "delivery")
    assert set(told.values()) <= {1}, "an envelope was delivered twice"
    assert {digest for digest, _ in told} <= set(accepted), "what was not accepted was delivered"
    report = verify_folder(whole.folder / "log", whole.signer.verifier)
    assert report.ok, report.faults
    assert report.size == len(values)
    return set(accepted), set(told)


def deliveries(whole, name):
    """What the hub put on the feed of `name`, without what somebody else put there again."""
    copied = {offset for feed, offset in whole.copied if feed == feed_of(name)}
    found = []
    for verified, opened in whole.world.opened(name, besides=copied):
        known = opened.body.notification_id.hex(), opened.body.originator
        found.append(Delivered(known, opened.body.stream, opened.sequence, verified.digest))
    return found


def accepted_numbers(whole, name):
    """The numbers of the accepted envelopes of `name`, as the hub told it, in order."""
    hub = whole.world.directory.snapshot().directory.hub
    for record in whole.world.feed(name):
        parsed = parse_feed(record.value)
        if (feed_of(name), record.offset) in whole.copied or isinstance(parsed, ParsedDelivery):
            continue
        statement = verify_statement(parsed, hub_id=hub.hub_id, hub_signer=hub.signing_key)
        if statement.outcome == "accepted":
            yield statement.number


def check_feeds(whole, feeds, accepted, told):
    """Each accepted message is delivered exactly once to each recipient, in order, without a gap."""
    for name, found in feeds.items():
        assert sorted((one.envelope, name) for one in found) == sorted(pair for pair in told if pair[1] == name)
        assert max(Counter(one.known for one in found).values(), default=1) == 1, f"{name} was told twice"
        for stream in {one.stream for one in found}:
            sequences = [one.sequence for one in found if one.stream == stream]
            assert sequences == list(range(1, len(sequences) + 1)), f"a gap or a repeat at {name}"
    numbers = {name: list(accepted_numbers(whole, name)) for name in whole.tasks}
    for found in numbers.values():
        assert found == list(range(1, len(found) + 1)), "a stream's numbers have a gap"
    assert sum(map(len, numbers.values())) == len(accepted)


async def check_outboxes(whole, feeds):
    """What was answered is there, nothing waits, who was to be told is told. Each text by what is known of it."""
    given = {}
    for name, tasks in whole.tasks.items():
        outbox = await whole.outbox(name)
        assert await outbox.waiting() == []
        for task in tasks:
            known = task.document["id"].replace("-", ""), name
            try:
                status = await outbox.status(task.document["id"])
            except RefusedError:
                assert not task.patient, "what was answered is lost"
                continue
            given[known] = task.document["narrative"]
            told = {one.authority for one in status.recipients if one.state == "told"}
            assert told == {feed for feed, found in feeds.items() if known in [one.known for one in found]}
            if status.state == "rejected":
                assert task.refusable, f"refused for good: {status}"
                # Recipients that once had no feed have an envelope of their own: one may be accepted, another not.
                assert task.told is None or told < set(task.told), status
            else:
                assert (status.state == "told") is bool(told), status
                assert task.told is None or told == set(task.told)
        await outbox.close()
    everything = {one.known for found in feeds.values() for one in found}
    assert everything <= set(given), "nobody gave what was delivered"
    return given


async def check_inbox(whole, name, found, given):
    """The inbox is the feed: each message once, in its order, and nothing is missing."""
    inbox = await whole.inbox(name)
    messages = await inbox.messages()
    shown = [((one.id.replace("-", ""), one.originator), bytes.fromhex(one.stream), one.seq) for one in messages]
    assert shown == [(one.known, one.stream, one.sequence) for one in found]
    assert [one.state for one in messages] == ["opened"] * len(messages)
    assert [one.notification.narrative for one in messages] == [given[one.known] for one in found]
    assert (await inbox.gaps(), await inbox.refusals()) == ([], [])
    await inbox.close()
