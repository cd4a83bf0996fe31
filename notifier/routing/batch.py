"""One transaction's worth of decisions, and everything that is written for it. Pure.

`decide_batch` authorises each record's signer, and of what may be said finds the place in its stream, in order;
`write` turns the decisions into records: a delivery per recipient, a notice for every originator that may be told, an
audit entry for every decision and delivery, a rejection for what was refused, the changed streams and the next intake
offset. One signature of the hub covers all statements of the transaction (docs/reference/envelope.md, "Statements").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from notifier.audit.entry import AuditEntry
from notifier.audit.merkle import leaf_hash
from notifier.codec.single_object import codec
from notifier.crypto.keys import SigningKey
from notifier.envelope import SignedStatement, Statement, delivery, inputs_digest, notice, sign_statements, stream_key
from notifier.routing.admission import NOBODY_IS_TOLD, Admission, OpenedEnvelope, RejectedRecord
from notifier.routing.budget import Budget, output_of
from notifier.routing.sequence import SequenceCheck, StreamState, advance, check_sequence
from notifier.routing.streams import Draft, StreamName, Streams
from notifier.runtime import Entropy, buffered
from notifier.topics import AUDIT, REJECTED, STREAMS, feed_of
from notifier.transport.base import Headers, Outgoing

POSITION_KEY: Final = b"position"
CLOCK_KEY: Final = b"clock"  # of what a router writes to learn the broker's time
NO_STREAM: Final = frozenset({POSITION_KEY, CLOCK_KEY})
"""The keys of those records of the streams topic that are no stream's."""


@dataclass(frozen=True, slots=True)
class RecordDecision:
    """One intake record's decision; `offset` is the record's.

    `place` is the check of its stream number, None where its signer was refused before. `told` tells whether its
    originator is given a statement.
    """

    offset: int
    item: OpenedEnvelope | RejectedRecord
    reason: str | None
    place: SequenceCheck | None = None
    told: bool = True

    @property
    def accepted(self) -> bool:
        """Whether it is delivered."""
        return self.reason is None

    @property
    def outcome(self) -> Literal["accepted", "rejected"]:
        """The same in the word of statements and audit entries."""
        return "accepted" if self.reason is None else "rejected"


@dataclass(frozen=True, slots=True)
class TransactionContext:
    """What is the same for every record of one transaction.

    The hub's id and statement key, the versions that it decided with, the intake partition, the topics that
    exist (an originator whose own feed is missing cannot be told), the hub's time in Unix milliseconds.
    """

    hub_id: bytes
    key: SigningKey
    rules_version: int
    directory_version: int
    partition: int
    feeds: frozenset[str]
    now: int
    entropy: Entropy


def decide_batch(
    items: Sequence[tuple[int, OpenedEnvelope | RejectedRecord]],
    streams: Streams,
    admission: Admission,
    budget: Budget,
) -> tuple[list[RecordDecision], dict[StreamName, StreamState]]:
    """Return the decisions upon `items` (offset, what was read) in order, and the streams that changed.

    `streams` is what is committed; it stays as it is. `budget` counts what is delivered, committed or not.
    """
    draft = Draft(streams)
    decided = [_decide(offset, item, draft, admission, budget) for offset, item in items]
    return decided, draft.changed


def _decide(
    offset: int, item: OpenedEnvelope | RejectedRecord, draft: Draft, admission: Admission, budget: Budget
) -> RecordDecision:
    """Decide one record. Whoever may not say it comes near no stream."""
    reason = admission.unauthorised(item)
    if reason is not None:
        return RecordDecision(offset, item, reason, told=reason not in NOBODY_IS_TOLD)
    if isinstance(item, RejectedRecord):
        return RecordDecision(offset, item, item.reason, told=item.envelope is not None)
    header, slip = item.header, item.slip
    if not admission.lives_here(header):
        return RecordDecision(offset, item, "wrong_partition")
    if not budget.allows(header.originator, admission.now):
        return RecordDecision(offset, item, "quota_exceeded")
    name = (header.originator, header.stream)
    known = draft.get(name)
    state = known or StreamState()
    turn = check_sequence(state, slip.number, slip.previous, item.digest)
    if turn != "in_turn":
        return RecordDecision(offset, item, turn, turn)
    if known is None and not draft.has_room(header.originator, lambda: admission.revoked_keys(header.originator)):
        return RecordDecision(offset, item, "too_many_streams")
    reason = admission.rejection_reason(item)
    if reason is None:
        budget.spend(header.originator, output_of(item), admission.now)
    signer = item.envelope.signer_key_id
    draft.put(name, advance(state, slip.number, item.digest, accepted=reason is None, signer=signer))
    return RecordDecision(offset, item, reason, turn)


def write(
    decided: Sequence[RecordDecision],
    changed: Mapping[StreamName, StreamState],
    next_offset: int,
    scene: TransactionContext,
) -> list[Outgoing]:
    """Every record of the transaction, in the order in which it is written."""
    scene = replace(scene, entropy=buffered(scene.entropy))
    told = _once(decided)
    groups = [_statements(one, scene, told=index in told) for index, one in enumerate(decided)]
    flat = [statement for group in groups for statement in group]
    signed = sign_statements(flat, hub_id=scene.hub_id, key=scene.key, entropy=scene.entropy)
    out: list[Outgoing] = []
    cursor = 0
    for one, group in zip(decided, groups, strict=True):
        out += _records(one, list(zip(group, signed[cursor : cursor + len(group)], strict=True)), scene)
        cursor += len(group)
    out += [_stream_record(name, state, scene.partition) for name, state in changed.items()]
    position = codec("IntakePosition").encode({"next_offset": next_offset})
    out.append(Outgoing(STREAMS, position, POSITION_KEY, scene.partition))
    return out


def _once(decided: Sequence[RecordDecision]) -> frozenset[int]:
    """Return the indexes of the decisions that are told: of one digest the one in turn, else the first.

    What is put on intake a hundred times makes one notice, not a hundred.
    """
    found: dict[bytes, int] = {}
    for index, one in enumerate(decided):
        if one.told and (one.place == "in_turn" or one.item.digest not in found):
            found[one.item.digest] = index
    return frozenset(found.values())


def _statements(one: RecordDecision, scene: TransactionContext, *, told: bool) -> list[Statement]:
    """The decision's statement where its originator is `told`, then one per delivery."""
    header = one.item.header
    if header is None or not told:
        return []
    readable = one.item if isinstance(one.item, OpenedEnvelope) else None
    digest, draw = one.item.digest, scene.entropy
    said = (one.outcome, one.reason, scene.now, scene.rules_version, scene.directory_version)
    stream, number = _looked_at(one)
    signer = readable.envelope.signer_key_id if readable and one.place == "in_turn" else None
    where = (stream, number, header.envelope_id, signer)
    statements = [Statement(draw(16), "decision", digest, header.originator, *said, *where)]
    if readable and one.accepted:
        statements += [Statement(draw(16), "delivery", digest, name, *said) for name in readable.rids]
    return statements


def _records(
    one: RecordDecision, told: Sequence[tuple[Statement, SignedStatement]], scene: TransactionContext
) -> list[Outgoing]:
    """Deliveries or a rejection, the notice to the originator, and the audit entries of one decision."""
    out: list[Outgoing] = []
    facts = _facts(one, scene)
    for statement, signed in told:
        audience = statement.audience
        feed = feed_of(audience)
        if statement.kind == "delivery" and isinstance(one.item, OpenedEnvelope):
            value = delivery(one.item.envelope, one.item.rids[audience], signed)
            out.append(Outgoing(feed, value, headers=_headers("delivery", scene)))
        elif feed in scene.feeds:
            out.append(Outgoing(feed, notice(signed), headers=_headers("notice", scene)))
        entry = facts._replace(
            salt=scene.entropy(16),
            kind=statement.kind,
            audience=audience,
            statement_leaf=leaf_hash(signed.statement),
        )
        out.append(Outgoing(AUDIT, entry.encode()))
    if not told:
        out.append(Outgoing(AUDIT, facts.encode()))
    if one.reason is not None:
        out.append(_rejection_record(one, one.reason, scene))
    return out


def _looked_at(one: RecordDecision) -> tuple[bytes | None, int | None]:
    """The stream and the number, where the place was looked at."""
    if one.place is None or not isinstance(one.item, OpenedEnvelope):
        return None, None
    return one.item.header.stream, one.item.slip.number


def _facts(one: RecordDecision, scene: TransactionContext) -> AuditEntry:
    """What all audit entries of one decision have in common; as it is, the entry of a record that says nothing."""
    header = one.item.header
    readable = one.item if isinstance(one.item, OpenedEnvelope) else None
    stream, number = _looked_at(one)
    return AuditEntry(
        salt=scene.entropy(16),
        kind="decision",
        digest=one.item.digest,
        originator=header.originator if header else None,
        audience=None,
        stream=stream,
        number=number,
        outcome=one.outcome,
        reason=one.reason,
        accepted_at=scene.now,
        statement_leaf=None,
        inputs_digest=inputs_digest(readable.slip) if readable else None,
        rules_version=scene.rules_version,
        directory_version=scene.directory_version,
    )


def _rejection_record(one: RecordDecision, reason: str, scene: TransactionContext) -> Outgoing:
    record = {
        "digest": one.item.digest,
        "reason": reason,
        "originator": one.item.header.originator if one.item.header else None,
        "partition": scene.partition,
        "offset": one.offset,
        "decided_at": scene.now,
    }
    return Outgoing(REJECTED, codec("Rejection").encode(record))


def _stream_record(name: StreamName, state: StreamState, partition: int) -> Outgoing:
    originator, stream = name
    record = {
        "originator": originator,
        "stream": stream,
        "number": state.number,
        "tail": state.tail,
        "signer": state.signer,
        "dropped": state.dropped,
    }
    return Outgoing(STREAMS, codec("StreamState").encode(record), stream_key(originator, stream), partition)


def _headers(what: Literal["delivery", "notice"], scene: TransactionContext) -> Headers:
    """CloudEvents binary mode and a trace of its own for each delivery, for tools; trusted by nobody."""
    token = scene.entropy(40).hex()
    return (
        ("ce_specversion", b"1.0"),
        ("ce_id", token[:32].encode()),
        ("ce_source", b"/notifier/hub"),
        ("ce_type", _TYPES[what]),
        ("content-type", b"application/vnd.notifier.feed.v1"),
        ("traceparent", f"00-{token[32:64]}-{token[64:]}-01".encode()),
    )


_TYPES: Final = {what: f"org.notifier.{what}.v1".encode() for what in ("delivery", "notice")}
