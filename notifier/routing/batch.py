"""The decisions of one transaction, and all records that are written for it. Pure.

`decide_batch` decides each record in order: its signer, its partition, its originator's budget, its place in the
stream, and then its content. `write` turns the decisions into records: a delivery per recipient, a notice for every
originator that may be told, an audit entry for every decision and delivery, a rejection for what was refused, the
changed streams and the next intake offset. One signature of the hub covers all statements of the transaction
(docs/reference/envelope.md, "Statements").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Literal

from notifier.audit.entry import AuditEntry
from notifier.audit.merkle import leaf_hash
from notifier.codec.single_object import codec
from notifier.envelope import SignedStatement, Statement, delivery, inputs_digest, notice, sign_statements, stream_key
from notifier.routing import admission
from notifier.routing.admission import NOBODY_IS_TOLD, OpenedEnvelope, RejectedRecord, TransactionContext
from notifier.routing.budget import Budget, output_of
from notifier.routing.sequence import SequenceCheck, StreamState, advance, check_sequence
from notifier.routing.streams import Draft, StreamName, Streams
from notifier.runtime import buffered
from notifier.topics import AUDIT, REJECTED, STREAMS, feed_of
from notifier.transport.base import Outgoing
from notifier.transport.cloudevents import headers

POSITION_KEY: Final = b"position"
CLOCK_KEY: Final = b"clock"  # of the record that a router writes to learn the broker's time
NO_STREAM: Final = frozenset({POSITION_KEY, CLOCK_KEY})
"""The keys of the records of the streams topic that belong to no stream."""


@dataclass(frozen=True, slots=True)
class RecordDecision:
    """The decision on the intake record at `offset`.

    `place` is the check of its stream number, None where the record was refused before that. `told` tells whether
    its originator gets a statement.
    """

    offset: int
    item: OpenedEnvelope | RejectedRecord
    reason: str | None
    place: SequenceCheck | None = None
    told: bool = True

    @property
    def accepted(self) -> bool:
        """Return whether the envelope is delivered."""
        return self.reason is None

    @property
    def outcome(self) -> Literal["accepted", "rejected"]:
        """Return the outcome in the word of statements and audit entries."""
        return "accepted" if self.reason is None else "rejected"


def decide_batch(
    items: Sequence[tuple[int, OpenedEnvelope | RejectedRecord]],
    streams: Streams,
    context: TransactionContext,
    budget: Budget,
) -> tuple[list[RecordDecision], dict[StreamName, StreamState]]:
    """Return the decisions on `items` (offset, record) in order, and the streams that changed.

    `streams` holds the committed states and is not changed. `budget` counts what is delivered, committed or not.
    """
    draft = Draft(streams)
    decided = [_decide(offset, item, draft, context, budget) for offset, item in items]
    return decided, draft.changed


def _decide(
    offset: int, item: OpenedEnvelope | RejectedRecord, draft: Draft, context: TransactionContext, budget: Budget
) -> RecordDecision:
    """Decide one record; no stream is read or written before its signer is authorised."""
    reason = admission.check_signer(item, context)
    if reason is not None:
        return RecordDecision(offset, item, reason, told=reason not in NOBODY_IS_TOLD)
    if isinstance(item, RejectedRecord):
        return RecordDecision(offset, item, item.reason, told=item.envelope is not None)
    header, slip = item.header, item.slip
    if not admission.is_here(header, context):
        return RecordDecision(offset, item, "wrong_partition")
    if not budget.allows(header.originator, context.now):
        return RecordDecision(offset, item, "quota_exceeded")
    name = (header.originator, header.stream)
    known = draft.get(name)
    state = known or StreamState()
    turn = check_sequence(state, slip.number, slip.previous, item.digest)
    if turn != "in_turn":
        return RecordDecision(offset, item, turn, turn)
    revoked = partial(admission.revoked_keys, header.originator, context)
    if known is None and not draft.has_room(header.originator, revoked):
        return RecordDecision(offset, item, "too_many_streams")
    reason = admission.check(item, context)
    if reason is None:
        budget.spend(header.originator, output_of(item), context.now)
    signer = item.envelope.signer_key_id
    draft.put(name, advance(state, slip.number, item.digest, accepted=reason is None, signer=signer))
    return RecordDecision(offset, item, reason, turn)


def write(
    decided: Sequence[RecordDecision],
    changed: Mapping[StreamName, StreamState],
    next_offset: int,
    context: TransactionContext,
) -> list[Outgoing]:
    """Return all records of the transaction, in the order in which they are written."""
    context = replace(context, entropy=buffered(context.entropy))
    told = _told_once(decided)
    groups = [_statements(one, context, told=index in told) for index, one in enumerate(decided)]
    flat = [statement for group in groups for statement in group]
    signed = sign_statements(flat, hub_id=context.hub_id, key=context.key, entropy=context.entropy)
    out: list[Outgoing] = []
    cursor = 0
    for one, group in zip(decided, groups, strict=True):
        out += _records(one, list(zip(group, signed[cursor : cursor + len(group)], strict=True)), context)
        cursor += len(group)
    out += [_stream_record(name, state, context.partition) for name, state in changed.items()]
    position = codec("IntakePosition").encode({"next_offset": next_offset})
    out.append(Outgoing(STREAMS, position, POSITION_KEY, context.partition))
    return out


def _told_once(decided: Sequence[RecordDecision]) -> frozenset[int]:
    """Return the indexes of the decisions that are told: of one digest the one in turn, else the first.

    An envelope that is put on intake a hundred times makes one notice, not a hundred.
    """
    found: dict[bytes, int] = {}
    for index, one in enumerate(decided):
        if one.told and (one.place == "in_turn" or one.item.digest not in found):
            found[one.item.digest] = index
    return frozenset(found.values())


def _statements(one: RecordDecision, context: TransactionContext, *, told: bool) -> list[Statement]:
    """Return the statement of the decision, then one per delivery; none where the originator is not `told`."""
    header = one.item.header
    if header is None or not told:
        return []
    readable = one.item if isinstance(one.item, OpenedEnvelope) else None
    digest, draw = one.item.digest, context.entropy
    said = (one.outcome, one.reason, context.now, context.rules_version, context.directory_version)
    stream, number = _checked_place(one)
    signer = readable.envelope.signer_key_id if readable and one.place == "in_turn" else None
    where = (stream, number, header.envelope_id, signer)
    statements = [Statement(draw(16), "decision", digest, header.originator, *said, *where)]
    if readable and one.accepted:
        statements += [Statement(draw(16), "delivery", digest, name, *said) for name in readable.rids]
    return statements


def _records(
    one: RecordDecision, told: Sequence[tuple[Statement, SignedStatement]], context: TransactionContext
) -> list[Outgoing]:
    """Return the deliveries, the notice, the audit entries and the rejection record of one decision."""
    out: list[Outgoing] = []
    common = _audit_entry(one, context)
    for statement, signed in told:
        audience = statement.audience
        feed = feed_of(audience)
        if statement.kind == "delivery" and isinstance(one.item, OpenedEnvelope):
            value = delivery(one.item.envelope, one.item.rids[audience], signed)
            out.append(Outgoing(feed, value, headers=headers("delivery", context.entropy)))
        elif feed in context.feeds:
            out.append(Outgoing(feed, notice(signed), headers=headers("notice", context.entropy)))
        entry = common._replace(
            salt=context.entropy(16),
            kind=statement.kind,
            audience=audience,
            statement_leaf=leaf_hash(signed.statement),
        )
        out.append(Outgoing(AUDIT, entry.encode()))
    if not told:
        out.append(Outgoing(AUDIT, common.encode()))
    if one.reason is not None:
        out.append(_rejection_record(one, one.reason, context))
    return out


def _checked_place(one: RecordDecision) -> tuple[bytes | None, int | None]:
    """Return the stream and the number where the place was checked, else None twice."""
    if one.place is None or not isinstance(one.item, OpenedEnvelope):
        return None, None
    return one.item.header.stream, one.item.slip.number


def _audit_entry(one: RecordDecision, context: TransactionContext) -> AuditEntry:
    """Return what all audit entries of one decision have in common: the entry of a decision without statements."""
    header = one.item.header
    readable = one.item if isinstance(one.item, OpenedEnvelope) else None
    stream, number = _checked_place(one)
    return AuditEntry(
        salt=context.entropy(16),
        kind="decision",
        digest=one.item.digest,
        originator=header.originator if header else None,
        audience=None,
        stream=stream,
        number=number,
        outcome=one.outcome,
        reason=one.reason,
        accepted_at=context.now,
        statement_leaf=None,
        inputs_digest=inputs_digest(readable.slip) if readable else None,
        rules_version=context.rules_version,
        directory_version=context.directory_version,
    )


def _rejection_record(one: RecordDecision, reason: str, context: TransactionContext) -> Outgoing:
    record = {
        "digest": one.item.digest,
        "reason": reason,
        "originator": one.item.header.originator if one.item.header else None,
        "partition": context.partition,
        "offset": one.offset,
        "decided_at": context.now,
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
