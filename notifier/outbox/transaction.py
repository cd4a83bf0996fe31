"""What is done to the outbox inside one transaction: seal, hear what the hub decided, evaluate again."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import sqlalchemy as sa

from notifier.aio import backoff_ms
from notifier.directory.snapshot import Snapshot
from notifier.envelope.format import notification_digest
from notifier.errors import OwnershipLostError
from notifier.notification import Notification, restore
from notifier.notification.model import Approval
from notifier.outbox import tables
from notifier.outbox.deferral import Deferral
from notifier.outbox.key_separation import OutboxCipher
from notifier.outbox.payloads import AuditEvent, Payload, payloads_for
from notifier.outbox.person_chain import letter_context as letter_context
from notifier.outbox.persons import PersonRegistry
from notifier.outbox.restoration import CLOSING, Restoration
from notifier.outbox.sealer import SealedEnvelope, SealRequest
from notifier.outbox.states import INITIAL, NO_FEED, NO_KEY, SET_ASIDE, EntryState, RecipientState, StreamState
from notifier.outbox.stream import (
    BARRED,
    HubDecision,
    InFlightEnvelope,
    Resend,
    StreamWindow,
    Transition,
    apply_decision,
    without,
)
from notifier.persons.approvals import ReviewSubject, approvals_of
from notifier.persons.model import canonical
from notifier.persons.submissions import SignedSubmission, Submitter, submit
from notifier.policy.case import NO_CANDIDATE, planned
from notifier.policy.decision import Entry
from notifier.policy.plan import Plan, nothing
from notifier.runtime import Runtime
from notifier.storage.integrity import Ledger, tampered
from notifier.times import rfc3339

BACKOFF_INITIAL_MS: Final = 1_000
BACKOFF_MAX_MS: Final = 300_000
MAX_REMEMBERED: Final = 5_000
"""How many envelopes, as they were read and checked last, a process remembers."""

IS_DUE: Final = (tables.entries.c.state == EntryState.PENDING) & (
    (tables.entries.c.due <= sa.bindparam("now"))
    # No pause is so long: the clock was ahead when it was set, and was put right since.
    | (tables.entries.c.due > sa.bindparam("now") + BACKOFF_MAX_MS)
)
"""Whether a letter is to be sealed at the time `now`."""
DONE: Final = frozenset({RecipientState.TOLD, RecipientState.REJECTED})
_ON_ITS_WAY: Final = (EntryState.SEALED, EntryState.PENDING)
# Statements of every message, built once: building costs as much as running.
_PLACES: Final = sa.select(*(column for column in tables.envelopes.c if column.name != "bytes"))
IN_FLIGHT: Final = _PLACES.where(tables.envelopes.c.state == "in_flight").order_by(tables.envelopes.c.number)
PENDING: Final = sa.select(tables.entries).where(IS_DUE).order_by(tables.entries.c.id).limit(sa.bindparam("limit"))
PENDING_SUBSTITUTES: Final = (  # few; before all others, so that each comes into the place that it is for
    sa.select(tables.entries)
    .where(tables.entries.c.stands_for.is_not(None), IS_DUE)
    .order_by(tables.entries.c.stands_for)
    .limit(sa.bindparam("limit"))
)
PENDING_CLOSING: Final = PENDING.where(tables.entries.c.event == CLOSING)
SUBSTITUTED: Final = sa.select(tables.entries.c.stands_for).where(
    tables.entries.c.id.in_(sa.bindparam("letters", expanding=True)), tables.entries.c.stands_for.is_not(None)
)
MESSAGES_OF_ENTRIES: Final = sa.select(tables.entries.c.id, tables.entries.c.message, tables.entries.c.event).where(
    tables.entries.c.id.in_(sa.bindparam("letters", expanding=True))
)
MESSAGES_BY_ROW: Final = (
    sa.select(tables.messages)
    .where(tables.messages.c.id.in_(sa.bindparam("messages", expanding=True)))
    .order_by(tables.messages.c.id)
)
DECIDED_ENVELOPES: Final = _PLACES.where(tables.envelopes.c.digest.in_(sa.bindparam("digests", expanding=True)))
ENVELOPE_BYTES: Final = sa.select(tables.envelopes.c.digest, tables.envelopes.c.bytes).where(
    tables.envelopes.c.digest.in_(sa.bindparam("digests", expanding=True))
)
ENTRIES_BY_ROW: Final = sa.select(tables.entries).where(
    tables.entries.c.id.in_(sa.bindparam("letters", expanding=True))
)
RECIPIENTS_OF_ENTRIES: Final = sa.select(tables.recipients).where(
    tables.recipients.c.entry.in_(sa.bindparam("letters", expanding=True))
)
RECIPIENT_AT: Final = sa.select(tables.recipients).where(
    tables.recipients.c.message == sa.bindparam("message"), tables.recipients.c.place == sa.bindparam("place")
)


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message of the outbox: its row id, the notification, what a ruling on it must name, and its plan."""

    row: int
    notification: Notification
    held: ReviewSubject
    plan: Plan


@dataclass(slots=True)
class ApplyResult:
    """What a batch of decisions came to: how many were this outbox's, and what is to be done besides."""

    decided: list[str | None]  # one reason per decision of an own envelope; None: accepted
    moved: bool = False  # the stream's state changed: something was decided in turn
    refresh: bool = False  # the directory should be looked at before sealing anew
    reached: frozenset[str] = frozenset()  # whom the hub has a feed for
    missed: frozenset[str] = frozenset()  # whom it has none for
    restored: bool = False  # the hub knows more of the stream than this outbox
    closed: bool = False  # that stream is closed, and a new one begun


@dataclass(slots=True)
class _Effects:
    """What a batch of decisions changes in the tables, gathered so that it takes few statements."""

    foreign: int | None = None  # when the hub decided what is not known here
    refresh: bool = False
    envelopes: dict[bytes, str] = field(default_factory=dict)  # digest -> state
    routed: set[int] = field(default_factory=set)
    decided: set[int] = field(default_factory=set)  # letters of which an envelope was decided in turn
    freed: set[int] = field(default_factory=set)
    barred: set[int] = field(default_factory=set)  # letters whose place an act is to take
    refused: dict[int, tuple[str, bool]] = field(default_factory=dict)  # letter -> reason, whether it goes again
    said: dict[int, str] = field(default_factory=dict)  # reasons that decide nothing, for whoever waits
    addressed: dict[int, tuple[str, ...]] = field(default_factory=dict)  # refused letter -> whom it was sealed to

    def add(self, before: StreamWindow, step: Transition, told: HubDecision, mine: InFlightEnvelope | None) -> None:
        """One decision's step; what it says of a letter replaces what earlier ones said."""
        self.foreign = told.at if step.foreign and self.foreign is None else self.foreign
        again = step.resend is Resend.AFRESH or step.barred is not None
        self.refresh = self.refresh or step.retry or again
        self.leave(before, step)
        if told.reason is None:
            self.envelopes[told.digest] = "accepted"
        elif told.digest in self.envelopes and step.refused is not None:
            self.envelopes[told.digest] = "rejected"
        if step.barred is not None:
            self.barred.add(step.barred)
        if step.refused is not None and told.reason is not None:
            self.refused[step.refused] = (told.reason, step.retry)
            self.addressed[step.refused] = tuple(mine.sequences) if mine is not None else ()
            self.decided.add(step.refused)
        if step.resend is not None and mine is not None and mine.letter is not None and told.reason is not None:
            if step.resend is Resend.AFRESH:
                # With pauses: the directory may go on naming a key that the hub does not hold any longer.
                self.refused[mine.letter] = (told.reason, True)
            else:
                self.said[mine.letter] = told.reason
        if step.routed is not None:
            self.routed.add(step.routed)
            self.decided.add(step.routed)
            self.barred.discard(step.routed)
            self.freed.discard(step.routed)
            self.refused.pop(step.routed, None)
            self.said.pop(step.routed, None)

    def leave(self, before: StreamWindow, step: Transition) -> None:
        """Take note of what is not on its way any more, and of the letters that this frees.

        The bytes go; the digest stays, to be known whenever it is decided.
        """
        left = {one.digest for one in before.in_flight} - {one.digest for one in step.pipeline.in_flight}
        self.envelopes.update(dict.fromkeys(left, "void"))
        self.freed.update(step.freed)


class OutboxTransaction:
    """One transaction: of the lease-holder, who checked it, or of whoever stores or decides something."""

    def __init__(self, connection: Ledger, cipher: OutboxCipher, runtime: Runtime) -> None:
        self._connection = connection
        self._cipher = cipher
        self._runtime = runtime
        self.people = PersonRegistry(connection, cipher)
        self.aside = Deferral(connection, self)
        self.restoration = Restoration(connection, cipher, runtime, self)

    async def pipeline(self) -> StreamWindow:
        """The stream as it stands."""
        row = await self.restoration.stream()
        flying = (await self._connection.execute(IN_FLIGHT)).all()
        counters = json.loads(self._cipher.open(b"stream/counters/" + row.id, row.counters))
        pipe = tuple(self._placed(one) for one in flying)
        closing = row.state == StreamState.CLOSING
        return StreamWindow(row.id, row.number, row.tail, counters, pipe, closing, row.decided_at)

    async def pending(self, limit: int, now: int, *, closing: bool = False) -> list[SealRequest]:
        """The next letters and deeds to be sealed, in order; while the stream is closed the closing act alone."""
        which = {"now": now, "limit": limit}
        if closing:
            return [self._load(row, {}) for row in (await self._connection.execute(PENDING_CLOSING, which)).all()]
        first = (await self._connection.execute(PENDING_SUBSTITUTES, which)).all()
        ids = {row.id for row in first}
        found = (await self._connection.execute(PENDING, which)).all()
        rows = [*first, *(row for row in found if row.id not in ids)][:limit]
        wanted = {row.message for row in rows if row.event is None}
        messages = {}
        if wanted:
            opened = await self._connection.execute(MESSAGES_BY_ROW, {"messages": sorted(wanted)})
            messages = {row.id: row for row in opened}
        return [self._load(row, messages) for row in rows]

    def _load(self, row: sa.Row[Any], messages: Mapping[int, sa.Row[Any]]) -> SealRequest:
        if row.event is not None:
            deed = self.event_of(row)
            return SealRequest(row.id, deed, row.message, deed.id, nothing(0, 0), row.reason)
        message = messages[row.message]
        self._check(message)
        plan = Plan.from_document(self._open("plan", message))
        return SealRequest(row.id, self.payload_of(row), message.id, message.notification_id, plan, row.reason)

    def event_of(self, row: sa.Row[Any]) -> AuditEvent:
        """The act in a row of the letters."""
        self._connection.check(tables.entries, row)
        return AuditEvent.from_document(row.event, self._cipher.open(letter_context(row.message), row.contents))

    def payload_of(self, row: sa.Row[Any]) -> Payload:
        """The letter in a row of the letters."""
        self._connection.check(tables.entries, row)
        return Payload.from_document(self._cipher.open(letter_context(row.message), row.contents))

    async def enqueue(
        self, letters: Sequence[tuple[int | None, Payload | AuditEvent]], *, stands_for: int | None = None
    ) -> dict[tuple[int | None, str], int]:
        """Store letters and deeds, each with the row of its message; return which letter carries a message to whom.

        `stands_for` is the letter whose place a deed takes.
        """
        if any(isinstance(letter, AuditEvent) for _, letter in letters):
            head = await self.people.head()
            letters = [(row, one.after(head) if isinstance(one, AuditEvent) else one) for row, one in letters]
        now = self._runtime.clock()
        rows = [
            {
                "message": message,
                "event": letter.kind if isinstance(letter, AuditEvent) else None,
                "created": now,
                "state": EntryState.PENDING,
                "reason": None,
                "attempts": 0,
                "due": now,
                "updated": now,
                "contents": self._cipher.seal(letter_context(message), letter.document()),
                "stands_for": stands_for,
            }
            for message, letter in letters
        ]
        ids = await self._connection.insert(tables.entries, rows)
        return {
            (message, name): row
            for (message, letter), row in zip(letters, ids, strict=True)
            if isinstance(letter, Payload)
            for name in letter.names
        }

    async def mark_in_flight(self, sealed: Sequence[SealedEnvelope]) -> None:
        """Envelopes of their letters were sealed: stored before their first sending."""
        if not sealed:
            return
        now = self._runtime.clock()
        rows = [
            {
                "digest": placed.digest,
                "entry": placed.letter,
                "stream": placed.stream,
                "number": placed.number,
                "previous": placed.previous,
                "sequences": self._seal_json(b"envelope/sequences/" + placed.digest, placed.sequences),
                "state": "in_flight",
                "bytes": one.envelope,
                "slip": None if one.slip is None else self._cipher.seal(slip_context(placed.digest), one.slip),
                "created": now,
            }
            for one in sealed
            for placed in (one.placed,)
        ]
        await self._connection.insert(tables.envelopes, rows)
        now = self._runtime.clock()
        letters = await self._lettered([one.placed.letter for one in sealed])
        keyless = [row for row in letters if row.reason == NO_KEY]
        others = [row for row in letters if row.reason != NO_KEY]
        sealing = {"state": EntryState.SEALED, "updated": now}
        await self._connection.change(tables.entries, keyless, reason=None, **sealing)
        await self._connection.change(tables.entries, others, **sealing)

    async def current(self, load: SealRequest, snapshot: Snapshot) -> SealRequest:
        """`load` under the versions of now, its message evaluated again where they changed."""
        versions = (snapshot.rules.version, snapshot.directory.version)
        if load.message is None or isinstance(load.letter, AuditEvent):
            return replace(load, plan=nothing(*versions))
        if (load.plan.rules_version, load.plan.directory_version) != versions:
            message = await self.message(load.message)
            again = message.plan
            if (again.rules_version, again.directory_version) != versions:
                approvals = await self.approvals(message)
                after = planned(message.notification, again.ties, snapshot, approvals, again.approved)
                again = await self.replace_plan(message, after)
            load = replace(load, plan=again)
        await self.drop(load)
        return load

    async def message(self, row: int) -> StoredMessage:
        """A message by its row id."""
        return self.opened((await self._connection.execute(MESSAGES_BY_ROW, {"messages": [row]})).one())

    def opened(self, row: sa.Row[Any]) -> StoredMessage:
        """A row of the messages, opened; `StorageError` (rows_changed) where it is not what was written."""
        self._check(row)
        content = self._open("content", row)
        notification = restore(content)
        signed = None if row.submission is None else read_submission(self._open("submission", row))
        held = review_subject_of(notification, content, signed, row.created)
        return StoredMessage(row.id, notification, held, Plan.from_document(self._open("plan", row)))

    def _check(self, row: sa.Row[Any]) -> None:
        self._connection.check(tables.messages, row)

    async def _change(self, row: int, **values: bytes) -> None:
        """Change columns of a message, and bind it again."""
        before = (await self._connection.execute(MESSAGES_BY_ROW, {"messages": [row]})).one()
        await self._connection.change(tables.messages, [before], **values)

    async def sign(self, message: StoredMessage, submitter: Submitter) -> StoredMessage:
        """A registered submitter signs what nobody had signed; `RefusedError` as `submissions.submit`. Logged."""
        held = message.held
        named = (held.authority, held.notification_id, held.notification_digest)
        signed = submit(*named, submitter, await self.people.persons(), self._runtime.clock())
        stored = self._cipher.seal(b"message/submission/" + id_of(message.notification), canonical(signed.document()))
        await self._change(message.row, submission=stored)
        await self.enqueue([(message.row, AuditEvent.of("submission", self._runtime, signed.document()))])
        return replace(message, held=replace(held, submission=signed))

    async def approvals(self, message: StoredMessage) -> list[Approval]:
        """The approvals of a message that count."""
        return approvals_of(await self.people.rulings(message.row), message.held, await self.people.persons())

    async def replace_plan(self, message: StoredMessage, plan: Plan) -> Plan:
        """Replaces the plan of a message, and posts letters to whoever is sent to now and is in none yet.

        What became of each recipient stays with it; that somebody waits who did not before is logged. Returns the
        plan as it is kept.
        """
        row, notification = message.row, message.notification
        kept = await self.replace_recipients(message, plan)
        stored = self._cipher.seal(b"message/plan/" + id_of(notification), kept.document())
        await self._change(row, plan=stored)
        if added := [entry for entry in kept.holds if entry not in message.plan.holds]:
            await self.enqueue_hold(message, added)
        mine = tables.recipients.c.message == row
        query = sa.select(tables.recipients.c.place).where(mine, tables.recipients.c.entry.is_(None))
        free = [kept.entries[place] for place in await self._connection.scalars(query)]
        names = [entry.authority for entry in free if entry.outcome == "send"]
        if letters := payloads_for(notification, names, kept.ties):
            places = {entry.authority: place for place, entry in enumerate(kept.entries)}
            for (_, name), letter in (await self.enqueue([(row, one) for one in letters])).items():
                await self.carry(row, places[name], letter)
        return kept

    async def carry(self, message: int, place: int, letter: int) -> None:
        """Note which letter carries a message to the recipient of one of its entries."""
        rows = (await self._connection.execute(RECIPIENT_AT, {"message": message, "place": place})).all()
        await self._connection.change(tables.recipients, rows, entry=letter)

    async def enqueue_hold(self, message: StoredMessage, entries: Sequence[Entry]) -> None:
        """Logs that a message waits, for whom and why."""
        await self.enqueue([(message.row, hold_event(message.held, entries, self._runtime))])

    async def rewrite(self, row: int, message: int, letter: Payload) -> None:
        """Stores a letter in place of another: for fewer recipients."""
        contents = self._cipher.seal(letter_context(message), letter.document())
        await self._connection.change(tables.entries, await self._lettered([row]), contents=contents)

    async def drop(self, load: SealRequest) -> None:
        """Whom a letter was for and is not any more: it does not carry the message to them."""
        names = () if isinstance(load.letter, AuditEvent) else load.letter.names
        gone = set(names) - set(load.recipients)
        for place, entry in enumerate(load.plan.entries) if gone else ():
            if entry.authority in gone:
                found = await self._connection.execute(RECIPIENT_AT, {"message": load.message, "place": place})
                rows = [row for row in found if row.entry == load.row]
                change = {"entry": None, "state": INITIAL[entry.outcome], "since": self._runtime.clock()}
                await self._connection.change(tables.recipients, rows, **change)

    async def replace_recipients(self, message: StoredMessage, plan: Plan) -> Plan:
        """The rows of the message's entries become those of `plan`'s, and of whoever was told and is not expected.

        Returns the plan with these entries, too.
        """
        mine = tables.recipients.c.message == message.row
        query = (
            sa.select(tables.recipients, tables.entries.c.state.label("entry_state"))
            .join(tables.entries, tables.entries.c.id == tables.recipients.c.entry, isouter=True)
            .where(mine)
            .order_by(tables.recipients.c.place)
        )
        rows_before = (await self._connection.execute(query)).all()
        if len(rows_before) != len(message.plan.entries):
            raise tampered("the number of recipients")
        before = list(zip(message.plan.entries, rows_before, strict=True))
        known = {entry.authority: row for entry, row in before if entry.authority is not None}
        await self._connection.remove(tables.recipients, rows_before)
        # Whoever was told, or may yet be by what flies, is not forgotten where no rule names it any more.
        kept = plan.with_extra_entries(
            replace(entry, outcome="suppress", because=(NO_CANDIDATE,))
            for entry, row in before
            if row.state == RecipientState.TOLD or row.entry_state == EntryState.SEALED
        )
        rows = recipient_rows(message.row, kept, self._runtime.clock())
        for entry, row in zip(kept.entries, rows, strict=True):
            was = known.get(entry.authority or "")
            if was is None or was.entry is None:
                continue
            row["entry"] = was.entry
            # What is on its way may arrive, whatever is right now.
            if was.state in (*DONE, row["state"]) or was.entry_state == EntryState.SEALED:
                row |= {"state": was.state, "since": was.since}
        await self._connection.insert(tables.recipients, rows)
        return kept

    async def apply_decisions(self, start: int, end: int, told: Sequence[HubDecision], secret: bytes) -> ApplyResult:
        """Applies decisions that stood in the feed from offset `start` up to `end`, and stores `end`.

        `secret` makes this outbox's envelope ids its own. Raises `OwnershipLostError` where the stored offset is not
        `start`: another instance, or a restored database.
        """
        if (await self._connection.own())["feed_offset"] != start:
            raise OwnershipLostError(detail="the outbox's place in the feed was moved by another instance")
        await self._connection.set_own(feed_offset=end)
        if not told:
            return ApplyResult([])
        rows = await self._connection.execute(DECIDED_ENVELOPES, {"digests": [one.digest for one in told]})
        mine = {row.digest: self._placed(row) for row in rows}
        pipeline = before = await self.pipeline()
        effects, closed = _Effects(), False
        for one in told:
            step = apply_decision(pipeline, one, mine.get(one.digest))
            effects.add(pipeline, step, one, mine.get(one.digest))
            if step.stray:
                await self.restoration.stray(pipeline, one, secret)
            pipeline = step.pipeline
            if step.closed:
                await self._end(before, pipeline, effects)
                await self.restoration.finish()
                pipeline, effects, closed = await self.pipeline(), _Effects(), True
        await self._end(before, pipeline, effects)
        known = [(one.reason, mine[one.digest].sequences) for one in told if one.digest in mine]
        return ApplyResult(
            [reason for reason, _ in known],
            pipeline != before,
            effects.refresh,
            frozenset(name for reason, names in known if reason is None for name in names),
            frozenset(name for reason, names in known if reason == NO_FEED and len(names) == 1 for name in names),
            effects.foreign is not None,
            closed,
        )

    async def _end(self, before: StreamWindow, pipeline: StreamWindow, effects: _Effects) -> None:
        """Store what came of decisions: the place in the stream, and what they change in the tables."""
        if pipeline != before:
            await self._store(pipeline)
        await self._apply(effects)

    async def _apply(self, effects: _Effects) -> None:
        if effects.foreign is not None:
            await self.restoration.begin(effects.foreign)
        if effects.envelopes:
            await self._landed(effects.envelopes)
        await self._letters(effects.freed, only=(EntryState.SEALED,), state=EntryState.PENDING)
        await self._routed(effects.routed)
        for letter, (reason, retry) in effects.refused.items():
            if retry and reason == NO_FEED and effects.addressed.get(letter):
                await self.aside.refused(letter, effects.addressed[letter])
            elif retry:
                await self.schedule_retry(letter, reason)
            else:
                await self._letters([letter], only=_ON_ITS_WAY, state=EntryState.REJECTED, reason=reason)
                await self._recipients([letter], (RecipientState.WAITING,), RecipientState.REJECTED)
        await self._bar(effects.barred)
        await self._give_up(effects.decided)
        for letter, reason in effects.said.items():
            await self._letters([letter], only=_ON_ITS_WAY, reason=reason)

    async def _landed(self, states: Mapping[bytes, str]) -> None:
        """Envelopes, by digest, are on their way no more; their bytes go."""
        by_state: dict[str, list[sa.Row[Any]]] = {}
        for row in await self._connection.execute(DECIDED_ENVELOPES, {"digests": list(states)}):
            by_state.setdefault(states[row.digest], []).append(row)
        for state, rows in by_state.items():
            await self._connection.change(tables.envelopes, rows, state=state, bytes=None)

    async def _bar(self, letters: Collection[int]) -> None:
        """Post an act in the place of each of these letters: the hub does not permit their type.

        The letter stays as it is until the act is decided: only then can it not be accepted any more.
        """
        if not letters:
            return
        await self._letters(letters, only=(EntryState.SEALED,), reason=BARRED)
        for row in (await self._connection.execute(MESSAGES_OF_ENTRIES, {"letters": sorted(letters)})).all():
            if row.event is not None or row.message is None:  # an act needs no permission: the hub will learn of it
                await self.schedule_retry(row.id, BARRED)
                continue
            held = (await self.message(row.message)).held
            await self.enqueue([(row.message, barred_event(held, self._runtime))], stands_for=row.id)

    async def _give_up(self, decided: Collection[int]) -> None:
        """The letters whose place one of the acts among `decided` took are rejected: it is taken for good."""
        if not decided:
            return
        gone = list(await self._connection.scalars(SUBSTITUTED, {"letters": sorted(decided)}))
        if gone:
            await self._recipients(gone, (RecipientState.WAITING,), RecipientState.REJECTED)
            await self._letters(gone, only=_ON_ITS_WAY, state=EntryState.REJECTED, reason=BARRED)

    async def leave(self, usable: Callable[[bytes], bool]) -> bool:
        """Take from what is on its way everything from the first envelope on whose bytes are not `usable`.

        Their letters are to be sealed anew. Returns whether there were any.
        """
        pipeline = await self.pipeline()
        digests = [one.digest for one in pipeline.in_flight]
        rows = await self._connection.execute(ENVELOPE_BYTES, {"digests": digests}) if digests else ()
        step = without(pipeline, {row.digest for row in rows if not usable(row.bytes)})
        if step.pipeline == pipeline:
            return False
        effects = _Effects()
        effects.leave(pipeline, step)
        await self._apply(effects)
        return True

    async def say(self, reason: str) -> None:
        """Note why nothing is sent, for whoever waits for any letter that has no reason of its own to wait."""
        own = tables.entries.c.reason.in_((*SET_ASIDE, BARRED))
        waiting = tables.entries.c.state.in_(_ON_ITS_WAY) & (tables.entries.c.reason.is_(None) | ~own)
        rows = (await self._connection.execute(sa.select(tables.entries).where(waiting))).all()
        await self._connection.change(tables.entries, rows, reason=reason)

    async def _routed(self, letters: Collection[int]) -> None:
        """An acceptance always wins, whatever this outbox thought of the letters before."""
        if letters:
            before = (RecipientState.WAITING, RecipientState.REJECTED)
            await self._recipients(letters, before, RecipientState.TOLD)
            await self._letters(letters, state=EntryState.ROUTED, reason=None)

    def now(self) -> int:
        """The time of this transaction, in Unix milliseconds."""
        return self._runtime.clock()

    async def release(self, letters: Collection[int]) -> None:
        """Parked letters are to be sealed after all."""
        change = {"state": EntryState.PENDING, "reason": None, "attempts": 0, "due": self.now()}
        await self._letters(letters, only=(EntryState.PARKED,), **change)

    async def refuse(self, letters: Collection[int], reason: str) -> None:
        """Parked letters are not sent any more."""
        await self._letters(letters, only=(EntryState.PARKED,), state=EntryState.REJECTED, reason=reason)
        await self._recipients(letters, (RecipientState.WAITING,), RecipientState.REJECTED)

    async def again(self, letter: int) -> None:
        """A letter is pending again, and due at once."""
        await self._letters([letter], only=_ON_ITS_WAY, state=EntryState.PENDING, reason=None, due=self.now())

    async def schedule_retry(self, letter: int, reason: str) -> None:
        """A letter is pending again: at once the first time, then after growing pauses."""
        table = tables.entries
        attempts: int = (
            await self._connection.execute(sa.select(table.c.attempts).where(table.c.id == letter))
        ).scalar_one()
        delay = backoff_ms(attempts - 1, BACKOFF_INITIAL_MS, BACKOFF_MAX_MS) if attempts else 0
        due = self._runtime.clock() + delay
        change = {"state": EntryState.PENDING, "reason": reason, "attempts": attempts + 1, "due": due}
        await self._letters([letter], only=_ON_ITS_WAY, **change)

    async def _store(self, pipeline: StreamWindow) -> None:
        counters = self._seal_json(b"stream/counters/" + pipeline.stream, pipeline.counters)
        place = {"number": pipeline.number, "tail": pipeline.tail, "counters": counters}
        place |= {"decided_at": pipeline.decided_at}
        await self._connection.change(tables.streams, [await self.restoration.stream()], **place)

    async def _letters(self, which: Collection[int | None], *, only: Sequence[str] = (), **values: Any) -> None:
        """Updates these letters, where their state is one of `only` (empty: any)."""
        if which:
            values["updated"] = self._runtime.clock()
            rows = [row for row in await self._lettered(which) if not only or row.state in only]
            await self._connection.change(tables.entries, rows, **values)

    async def _lettered(self, which: Collection[int | None]) -> Sequence[sa.Row[Any]]:
        return (await self._connection.execute(ENTRIES_BY_ROW, {"letters": list(which)})).all()

    async def _recipients(self, letters: Collection[int], only: Sequence[str], state: str) -> None:
        values = {"state": state, "since": self._runtime.clock()}
        found = await self._connection.execute(RECIPIENTS_OF_ENTRIES, {"letters": list(letters)})
        await self._connection.change(tables.recipients, [row for row in found if row.state in only], **values)

    def _placed(self, row: sa.Row[Any]) -> InFlightEnvelope:
        read, known = tuple(row), self._cipher.placed
        before = known.get(row.digest)
        if before is not None and before[0] == read and isinstance(before[1], InFlightEnvelope):
            return before[1]
        self._connection.check(tables.envelopes, row)
        sequences = json.loads(self._cipher.open(b"envelope/sequences/" + row.digest, row.sequences))
        placed = InFlightEnvelope(row.digest, row.entry, row.stream, row.number, row.previous, sequences)
        if len(known) >= MAX_REMEMBERED:
            known.clear()
        known[row.digest] = read, placed
        return placed

    def _open(self, column: str, row: sa.Row[Any]) -> bytes:
        value: bytes = getattr(row, column)
        return self._cipher.open(f"message/{column}/".encode() + row.notification_id, value)

    def _seal_json(self, context: bytes, value: Mapping[str, int]) -> bytes:
        return self._cipher.seal(context, json.dumps(dict(value)).encode())


def recipient_rows(message: int, plan: Plan, now: int) -> list[dict[str, Any]]:
    """The first state of every entry of `plan`, as rows; in no letter yet."""
    return [
        {"message": message, "place": place, "entry": None, "state": INITIAL[entry.outcome], "since": now}
        for place, entry in enumerate(plan.entries)
    ]


def review_subject_of(
    notification: Notification, content: bytes, submission: SignedSubmission | None, submitted_at: int
) -> ReviewSubject:
    """What a ruling on a notification must name; `content` is its canonical JSON."""
    return ReviewSubject(
        notification.originator,
        str(uuid.UUID(bytes=id_of(notification))),
        notification_digest(content).hex(),
        submitted_at,
        submission,
    )


def read_submission(stored: bytes) -> SignedSubmission:
    """Return the submission that was stored as canonical JSON."""
    return SignedSubmission.from_document(json.loads(stored))


def id_of(notification: Notification) -> bytes:
    """The id that a notification has from the moment when it is stored."""
    if notification.id is None:
        raise ValueError("a notification has its id before it is stored")
    return notification.id


def hold_event(held: ReviewSubject, entries: Sequence[Entry], runtime: Runtime) -> AuditEvent:
    """That a notification waits, for whom and why, for the log."""
    return AuditEvent.of(
        "hold",
        runtime,
        {
            "authority": held.authority,
            "notification_id": held.notification_id,
            "notification_digest": held.notification_digest,
            "submission": None if held.submission is None else held.submission.document(),
            "at": rfc3339(runtime.clock()),
            "holds": [{"authority": entry.authority, "because": list(entry.because)} for entry in entries],
        },
    )


def barred_event(held: ReviewSubject, runtime: Runtime) -> AuditEvent:
    """Return the act that takes the place of a notification whose type the hub does not permit, for the log."""
    return AuditEvent.of(
        BARRED,
        runtime,
        {
            "authority": held.authority,
            "notification_id": held.notification_id,
            "notification_digest": held.notification_digest,
            "at": rfc3339(runtime.clock()),
        },
    )


def slip_context(digest: bytes) -> bytes:
    """Where the slip of an act's envelope is sealed to."""
    return b"envelope/slip/" + digest
