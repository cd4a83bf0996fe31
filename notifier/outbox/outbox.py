"""The outbox: what an authority wants to say, durable before the caller has its answer, and what became of it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import sqlalchemy as sa

from notifier.config import refuse_oversight
from notifier.crypto.keys import SigningKey
from notifier.crypto.row_cipher import RowCipher
from notifier.envelope import record_digest
from notifier.errors import NotFoundError, NotifierError, RefusedError, StorageError
from notifier.notification import Notification, restore, to_json
from notifier.notification.model import Approval
from notifier.outbox import migrations, tables
from notifier.outbox.cases import Cases, Planner
from notifier.outbox.key_separation import OutboxCipher
from notifier.outbox.payloads import AuditEvent, Payload, first_payloads
from notifier.outbox.person_chain import RULING, START, Chain, bound
from notifier.outbox.persons import PersonRegistry
from notifier.outbox.recipients import RecipientStatus, as_they_stand, recipients_of, states_of
from notifier.outbox.restoration import Restored, new_stream
from notifier.outbox.review import Review, Reviewed
from notifier.outbox.states import SET_ASIDE, UNDECIDED, EntryState, LogState, RecipientState, is_set_aside, summed
from notifier.outbox.transaction import (
    IS_DUE,
    OutboxTransaction,
    hold_event,
    id_of,
    letter_context,
    recipient_rows,
    review_subject_of,
    slip_context,
)
from notifier.persons.acceptance import REPEAT_MS, REPEATED, WarningsNotAccepted, fingerprint
from notifier.persons.adoptions import Signer
from notifier.persons.approvals import ReviewSubject, approvals_of
from notifier.persons.model import Person, PersonKind, canonical, register
from notifier.persons.submissions import Submitter, submit
from notifier.policy.decision import Entry
from notifier.policy.plan import Plan
from notifier.runtime import Runtime
from notifier.storage.base import Connection
from notifier.storage.database import Database, Upgrade
from notifier.storage.integrity import Ledger, tampered
from notifier.storage.lease import Lease
from notifier.storage.migrations import MigrationContext, migrate
from notifier.times import rfc3339

SERVICE: Final = "service"
"""The name under which a submitter is registered that has none."""
SENDER_LEASE: Final = "outbox-sender"
SERVICE_LEASE: Final = "outbox-service"
CHUNK: Final = 500  # ids in one query
PAGE: Final = 100  # notifications in memory, where all are read

# Statements of every message, built once: building costs as much as running.
_IN_FLIGHT: Final = tables.envelopes.c.state == "in_flight"
IN_FLIGHT: Final = sa.select(tables.envelopes.c.digest).where(_IN_FLIGHT).order_by(tables.envelopes.c.number)
SEALED: Final = (
    sa.select(tables.envelopes.c.digest, tables.envelopes.c.stream, tables.envelopes.c.bytes)
    .where(tables.envelopes.c.digest.in_(sa.bindparam("digests", expanding=True)), _IN_FLIGHT)
    .order_by(tables.envelopes.c.number)
)
IS_WAITING: Final = tables.entries.c.state.in_(UNDECIDED) & (
    tables.entries.c.reason.is_(None) | tables.entries.c.reason.not_in(SET_ASIDE)
)
"""Whether a letter is to be sent or decided, and its recipient can be reached."""
DUE: Final = sa.select(tables.entries.c.id).where(IS_DUE).limit(1)
WAITING: Final = (
    sa.select(tables.messages.c.notification_id, tables.entries.c.event)
    .join_from(tables.entries, tables.messages, tables.messages.c.id == tables.entries.c.message, isouter=True)
    .where(IS_WAITING)
    .order_by(tables.entries.c.message, tables.entries.c.id)
)
DEPTH: Final = sa.select(sa.func.count().label("depth"), sa.func.min(tables.entries.c.created).label("oldest")).where(
    IS_WAITING
)
UNREACHABLE: Final = sa.select(tables.entries).where(
    tables.entries.c.state.in_(UNDECIDED), tables.entries.c.reason.in_(SET_ASIDE)
)
SET_ASIDE_BY_REASON: Final = (
    sa.select(tables.entries.c.reason, sa.func.count().label("number"))
    .where(tables.entries.c.state.in_(UNDECIDED), tables.entries.c.reason.in_(SET_ASIDE))
    .group_by(tables.entries.c.reason)
)
CARRIES: Final = sa.exists().where(tables.recipients.c.entry == tables.entries.c.id)
"""Whether a letter carries its message to anybody; one that was emptied in its place in the stream does not."""
LETTERS: Final = (
    sa.select(tables.entries, CARRIES.label("carries"))
    .where(tables.entries.c.message.in_(sa.bindparam("messages", expanding=True)), tables.entries.c.event.is_(None))
    .order_by(tables.entries.c.updated)
)
ACTS: Final = (
    sa.select(tables.entries.c.event, tables.entries.c.created, tables.entries.c.state)
    .where(tables.entries.c.message == sa.bindparam("message"), tables.entries.c.event.is_not(None))
    .order_by(tables.entries.c.id)
)
PROOFS: Final = (
    sa.select(
        tables.entries.c.event,
        tables.entries.c.created,
        tables.entries.c.state,
        tables.entries.c.message,
        tables.entries.c.contents,
        tables.envelopes.c.digest,
        tables.envelopes.c.slip,
    )
    .join_from(
        tables.entries,
        tables.envelopes,
        (tables.envelopes.c.entry == tables.entries.c.id) & (tables.envelopes.c.state == "accepted"),
        isouter=True,
    )
    .where(tables.entries.c.event.is_not(None))
    .order_by(tables.entries.c.id)
)
HELD: Final = (
    sa.select(tables.messages)
    .where(
        tables.messages.c.id.in_(
            sa.select(tables.recipients.c.message).where(tables.recipients.c.state == RecipientState.HELD)
        )
    )
    .order_by(tables.messages.c.id)
)
MESSAGES: Final = sa.select(tables.messages).where(
    tables.messages.c.notification_id.in_(sa.bindparam("ids", expanding=True))
)
SAID: Final = sa.select(tables.messages.c.fingerprint, tables.messages.c.notification_id).where(
    tables.messages.c.fingerprint.in_(sa.bindparam("fingerprints", expanding=True)),
    tables.messages.c.created > sa.bindparam("since"),
    tables.messages.c.id.not_in(
        sa.select(tables.entries.c.message).where(
            tables.entries.c.state == EntryState.REJECTED, tables.entries.c.message.is_not(None)
        )
    )
    | tables.messages.c.id.in_(
        sa.select(tables.recipients.c.message).where(tables.recipients.c.state == RecipientState.TOLD)
    ),
)
"""What somebody was told, or may yet be: that is what is not to be said again."""


@dataclass(frozen=True, slots=True)
class AuditEventState:
    """One act upon a message: what was done, when, and whether the hub's log has it."""

    kind: str
    at: int
    state: LogState


@dataclass(frozen=True, slots=True)
class AuditEventProof:
    """What was done, as text (canonical JSON), and what shows that the log has it: once it has, the digest of its
    envelope, which names the entry, and the slip that it went with (`letters.shows`)."""

    state: AuditEventState
    said: str
    envelope: bytes | None
    slip: bytes | None


@dataclass(frozen=True, slots=True)
class Status:
    """One message of the outbox. `id` is the notification's, as UUID text; times in Unix milliseconds.

    `state` sums its recipients up; `reason` is the last one that the hub gave against it. `entries` are those of the
    decision, each with the state of its recipient.
    """

    id: str
    state: RecipientState
    reason: str | None
    rules_version: int
    entries: tuple[Entry, ...]
    recipients: tuple[RecipientStatus, ...]
    submitted_at: int
    acts: tuple[AuditEventState, ...] = ()
    exercise: bool = False

    @property
    def settled(self) -> bool:
        """Whether the hub decided whatever could be sent."""
        return self.state is not RecipientState.WAITING


@dataclass(frozen=True, slots=True)
class Submission:
    """What is to be stored: a notification with its id, its plan, and who signs that they submit it (None: nobody).

    An update's plan is made when the messages of its case are at hand. `checks_repeats` says that what was said a
    short time before is noticed, and `may_repeat` that it is taken all the same.
    """

    notification: Notification
    plan: Plan | Planner
    submitter: Submitter | None = None
    checks_repeats: bool = False
    may_repeat: bool = False


@dataclass(frozen=True, slots=True)
class Backlog:
    """What has not left: how many letters and acts the hub has not decided, and since when the oldest waits.

    `oldest` is in Unix milliseconds, None where nothing waits; `set_aside` counts by reason the recipients that wait
    until they can be reached.
    """

    depth: int
    oldest: int | None
    set_aside: dict[str, int]


@dataclass(frozen=True, slots=True)
class AddResult:
    """One message as `add` found or made it."""

    id: str
    plan: Plan
    state: RecipientState
    reason: str | None
    repeats: bool = False  # the same was said a short time before, under another id


State = tuple[RecipientState, str | None]
"""What became of a message, and the hub's last word against it."""

_Ready = tuple[Submission, Plan]
_Arrived = tuple[Sequence[Submission], asyncio.Future[list[AddResult]]]


class Outbox:
    """One authority's outbox. Many processes may add; one, by the lease, seals and sends."""

    def __init__(self, database: Database, authority: str, cipher: OutboxCipher, runtime: Runtime) -> None:
        self._database = database
        self._authority = authority
        self._cipher = cipher
        self._runtime = runtime
        self.secret = b""
        """What makes this database's envelope ids its own (32 bytes)."""
        self._arrived: list[_Arrived] = []
        self._adding: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, address: str, authority: str, key: bytes, runtime: Runtime) -> Outbox:
        """Opens or creates the outbox of `authority` at `address`; `key` is the 32-byte storage key.

        Creating mints the stream and the secret of its envelope ids. Raises `StorageError`, also where the
        database is another authority's or was made with another key, and `RefusedError` (not_permitted) for
        oversight.
        """
        refuse_oversight(authority)
        cipher = OutboxCipher(key, runtime.entropy)

        async def upgrade(connection: Connection, found: int) -> None:
            await _secret(connection, authority, cipher)  # another's database is left as it is
            context = MigrationContext(connection, cipher, runtime.clock())
            await migrate(migrations.MIGRATIONS, found, context)

        database = await Database.open(
            address,
            tables.TABLES,
            schema=tables.SCHEMA,
            version=migrations.VERSION,
            upgrade=Upgrade(migrations.OLDEST, upgrade),
        )
        outbox = cls(database, authority, cipher, runtime)
        try:
            await outbox._begin()
        except BaseException:
            await database.close()
            raise
        return outbox

    async def _begin(self) -> None:
        async with self._writing() as connection:
            secret = await _secret(connection, self._authority, self._cipher)
            if secret is not None:
                self.secret = secret
                return
            stream = self._runtime.entropy(16)
            self.secret = self._runtime.entropy(32)
            secret = self._cipher.seal(b"instance/secret", self.secret)
            await connection.begin(
                id=1,
                authority=self._authority,
                secret=secret,
                feed_offset=0,
                chain_number=0,
                chain_head=START,
                last_message=0,
                last_entry=0,
            )
            counters = self._cipher.seal(b"stream/counters/" + stream, b"{}")
            await connection.insert(tables.streams, [new_stream(stream, counters, self._runtime.clock())])

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[Ledger]:
        """One transaction whose writes are bound."""
        async with self._database.write() as connection:
            ledger = bound(connection, self._cipher)
            yield ledger
            await ledger.settle()

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[Ledger]:
        """One transaction that reads, and checks what it reads."""
        async with self._database.read() as connection:
            yield bound(connection, self._cipher)

    def lease(self) -> Lease:
        """The lease under which one instance seals and sends."""
        return Lease(self._database, SENDER_LEASE, self._runtime.clock)

    def service_lease(self) -> Lease:
        """The lease by which a service says that it carries this outbox, for as long as it runs."""
        return Lease(self._database, SERVICE_LEASE, self._runtime.clock)

    async def carried(self) -> bool:
        """Whether a service carries this outbox: what waits needs nobody to ask again."""
        return await self.service_lease().held_by_other()

    async def close(self) -> None:
        """Lets go of the database, after what is being stored is."""
        if self._adding is not None:
            await asyncio.gather(self._adding, return_exceptions=True)
        await self._database.close()

    async def add(self, items: Sequence[Submission]) -> list[AddResult]:
        """Stores all of `items`, or none; durable when it returns. Every notification has its id.

        The same notification under the same id is answered with what is already there; another one raises
        `RefusedError` with reason `id_taken`. An update raises `not_found` and `about_mismatch`, too.
        """
        done: asyncio.Future[list[AddResult]] = asyncio.get_running_loop().create_future()
        self._arrived.append((items, done))
        if self._adding is None or self._adding.done():
            self._adding = asyncio.create_task(self._add_arrived())
        return await done

    async def _add_arrived(self) -> None:
        """Calls that arrive while a transaction runs share the next one: one fsync for all of them."""
        while self._arrived:
            group, self._arrived = self._arrived, []
            await self._add_group(group)

    async def _add_group(self, group: Sequence[_Arrived]) -> None:
        """One transaction; where one call of several is refused, each has its own."""
        try:
            async with self._writing() as connection:
                stored = [await self._add(connection, items) for items, _ in group]
        except NotifierError as error:
            if len(group) > 1:
                for one in group:
                    await self._add_group([one])
            elif not group[0][1].done():
                group[0][1].set_exception(error)
        except BaseException as error:
            for _, done in group:
                if not done.done():
                    done.set_exception(error if isinstance(error, Exception) else StorageError())
            raise
        else:
            for (_, done), found in zip(group, stored, strict=True):
                if not done.done():  # a caller that was cancelled does not wait for it any more
                    done.set_result(found)

    async def _add(self, connection: Ledger, items: Sequence[Submission]) -> list[AddResult]:
        rows = await self._rows(connection, {id_of(item.notification) for item in items})
        states = await self._states(connection, [row.id for row in rows.values()])
        marks = [fingerprint(item.notification, self.secret) if item.checks_repeats else None for item in items]
        said = await self._said(connection, {one for one in marks if one is not None})
        stored: list[AddResult] = []
        fresh: dict[bytes, _Ready] = {}
        added: dict[bytes, _Ready] = {}
        for item, mark in zip(items, marks, strict=True):
            notification, notification_id = item.notification, id_of(item.notification)
            row, twin = rows.get(notification_id), added.get(notification_id)
            if row is not None:
                stored.append(self._known(connection, row, notification, states[row.id]))
                if row.submission is None and item.submitter is not None:
                    work = OutboxTransaction(connection, self._cipher, self._runtime)
                    await work.sign(work.opened(row), item.submitter)
                continue
            if twin is not None and _content(twin[0].notification) != _content(notification):
                raise _taken()
            again = mark is not None and bool(said[mark] - {notification_id})
            if again and not item.may_repeat:
                raise WarningsNotAccepted([REPEATED])
            if mark is not None:
                said[mark].add(notification_id)
            if twin is None and isinstance(item.plan, Plan):
                fresh[notification_id] = added[notification_id] = (item, item.plan)
            elif twin is None and not isinstance(item.plan, Plan):
                # What it is about may be among these very items.
                await self._insert(connection, fresh)
                planned = await self._cases(connection).follow(notification, item.plan)
                fresh = {notification_id: (item, planned)}
                added[notification_id] = (item, planned)
            plan = added[notification_id][1]
            stored.append(AddResult(_text(notification_id), plan, RecipientState.WAITING, None, again))
        await self._insert(connection, fresh)
        return stored

    async def repeats(self, notification: Notification) -> bool:
        """Whether the same was given a short time ago under another id, and not refused by the hub."""
        mark = fingerprint(notification, self.secret)
        if mark is None:
            return False
        async with self._reading() as connection:
            return bool((await self._said(connection, {mark}))[mark] - {id_of(notification)})

    async def _said(self, connection: Ledger, fingerprints: Collection[bytes]) -> dict[bytes, set[bytes]]:
        """Under which ids each of `fingerprints` was given a short time ago."""
        since = self._runtime.clock() - REPEAT_MS
        found: dict[bytes, set[bytes]] = {one: set() for one in fingerprints}
        for chunk in batched(sorted(fingerprints), CHUNK):
            for row in await connection.execute(SAID, {"fingerprints": chunk, "since": since}):
                found[row.fingerprint].add(row.notification_id)
        return found

    def _cases(self, connection: Ledger) -> Cases:
        work = OutboxTransaction(connection, self._cipher, self._runtime)
        return Cases(connection, self.secret, work)

    async def made_from(self, originator: str, message_id: str) -> list[Status]:
        """What was forwarded of a notification that `originator` sent: every derivative, in order."""
        async with self._reading() as connection:
            found = await self._cases(connection).linked("parent", originator, _text(parse_id(message_id)))
            query = sa.select(tables.messages.c.notification_id).where(tables.messages.c.id.in_(found))
            ids = list(await connection.scalars(query.order_by(tables.messages.c.id)))
        return [await self.status(_text(one)) for one in ids]

    def _known(self, connection: Ledger, row: sa.Row[Any], notification: Notification, state: State) -> AddResult:
        """What is there under this id; raises `RefusedError` where it is another notification."""
        connection.check(tables.messages, row)
        if self._open("content", row.notification_id, row.content) != _content(notification):
            raise _taken()
        plan = Plan.from_document(self._open("plan", row.notification_id, row.plan))
        return AddResult(_text(row.notification_id), plan, *state)

    async def _states(self, connection: Ledger, messages: Sequence[int]) -> dict[int, State]:
        """What became of each of these messages: of its letters, and of its recipients."""
        letters: dict[int, list[sa.Row[Any]]] = {message: [] for message in messages}
        if messages:
            for row in await connection.execute(LETTERS, {"messages": messages}):
                connection.check(tables.entries, row)
                letters[row.message].append(row)
        recipients = await states_of(connection, messages)
        return {message: _state(rows, recipients[message]) for message, rows in letters.items()}

    async def _insert(self, connection: Ledger, fresh: Mapping[bytes, _Ready]) -> None:
        if not fresh:
            return
        now = self._runtime.clock()
        contents = {notification_id: _content(item.notification) for notification_id, (item, _) in fresh.items()}
        persons: list[Person] = []
        if any(item.submitter is not None for item, _ in fresh.values()):
            persons = await PersonRegistry(connection, self._cipher).persons()
        holds = {
            notification_id: self._signed(item, contents[notification_id], persons, now)
            for notification_id, (item, _) in fresh.items()
        }
        rows = [
            {
                "notification_id": notification_id,
                "created": now,
                "content": self._seal("content", notification_id, contents[notification_id]),
                "submitted_by": self._seal("submitted_by", notification_id, (held.submitted_by or "").encode()),
                "plan": self._seal("plan", notification_id, plan.document()),
                "submission": None
                if held.submission is None
                else self._seal("submission", notification_id, canonical(held.submission.document())),
                "fingerprint": fingerprint(item.notification, self.secret) if item.checks_repeats else None,
            }
            for notification_id, (item, plan) in fresh.items()
            for held in (holds[notification_id],)
        ]
        ids = await connection.insert(tables.messages, rows)
        places = {row["notification_id"]: made for row, made in zip(rows, ids, strict=True)}
        letters: list[tuple[int | None, Payload | AuditEvent]] = []
        for notification_id, (item, plan) in fresh.items():
            place = places[notification_id]
            letters += [(place, one) for one in first_payloads(item.notification, plan.recipients, plan.ties)]
            if plan.holds:
                letters.append((place, hold_event(holds[notification_id], plan.holds, self._runtime)))
        carried = await OutboxTransaction(connection, self._cipher, self._runtime).enqueue(letters)
        told = [
            row | {"entry": carried.get((row["message"], entry.authority or ""))}
            for notification_id, (_, plan) in fresh.items()
            for row, entry in zip(recipient_rows(places[notification_id], plan, now), plan.entries, strict=True)
        ]
        await connection.insert(tables.recipients, told)
        cases = self._cases(connection)
        for notification_id, (item, _) in fresh.items():
            await cases.link(places[notification_id], item.notification)

    def _signed(self, item: Submission, content: bytes, persons: Collection[Person], now: int) -> ReviewSubject:
        """What a ruling on a new message must name, signed by its submitter if it has one."""
        held = review_subject_of(item.notification, content, None, now)
        if item.submitter is None:
            return held
        named = (held.authority, held.notification_id, held.notification_digest)
        return replace(held, submission=submit(*named, item.submitter, persons, now))

    async def resubmit(self, message_id: str, submitter: Submitter) -> Reviewed:
        """A registered submitter signs a notification that nobody had; nothing happens where somebody did.

        Raises `RefusedError`: `not_found`, `unknown_person`, `person_retired`.
        """
        async with self._writing() as connection:
            review = Review(connection, self._cipher, self._runtime)
            found = await review.find(parse_id(message_id))
            persons = await PersonRegistry(connection, self._cipher).persons()
            if found.message.held.submitter(persons) is None:
                message = await OutboxTransaction(connection, self._cipher, self._runtime).sign(
                    found.message, submitter
                )
                found = replace(found, message=message)
        return found

    async def _rows(self, connection: Ledger, ids: Collection[bytes]) -> dict[bytes, sa.Row[Any]]:
        found = {}
        for chunk in batched(sorted(ids), CHUNK):
            found.update({row.notification_id: row for row in await connection.execute(MESSAGES, {"ids": chunk})})
        return found

    async def status(self, message_id: str) -> Status:
        """What became of a notification; `NotFoundError` where it was never submitted here."""
        notification_id = parse_id(message_id)
        async with self._reading() as connection:
            row = await self._row(connection, notification_id)
            if row is None:
                raise NotFoundError(detail=f"the outbox has no notification {message_id}")
            plan = Plan.from_document(self._open("plan", notification_id, row.plan))
            recipients = await recipients_of(connection, row.id, plan.entries)
            state = (await self._states(connection, [row.id]))[row.id]
            acts = (await connection.execute(ACTS, {"message": row.id})).all()
        return Status(
            _text(notification_id),
            *state,
            plan.rules_version,
            as_they_stand(plan.entries, recipients),
            tuple(recipients),
            row.created,
            tuple(AuditEventState(one.event, one.created, LogState.of(one.state)) for one in acts),
            plan.exercise,
        )

    async def notification(self, message_id: str) -> Notification:
        """The notification as it was submitted, its local part too; `NotFoundError`."""
        notification_id = parse_id(message_id)
        async with self._reading() as connection:
            row = await self._row(connection, notification_id)
        if row is None:
            raise NotFoundError(detail=f"the outbox has no notification {message_id}")
        return restore(self._open("content", notification_id, row.content))

    async def messages(self) -> AsyncIterator[tuple[str, Notification, Plan, list[Approval]]]:
        """Every message: id, notification, plan, and the approvals that count; oldest first, a few at a time."""
        last = 0
        while True:
            query = sa.select(tables.messages).where(tables.messages.c.id > last).order_by(tables.messages.c.id)
            async with self._reading() as connection:
                rows = (await connection.execute(query.limit(PAGE))).all()
                review = Review(connection, self._cipher, self._runtime)
                found = [await review.opened(row) for row in rows]
                persons = await PersonRegistry(connection, self._cipher).persons()
            if not found:
                return
            for one in found:
                message = one.message
                approvals = approvals_of(one.rulings, message.held, persons)
                yield message.held.notification_id, message.notification, message.plan, approvals
            last = rows[-1].id

    async def proofs(self, message_id: str | None) -> list[AuditEventProof]:
        """The acts upon a notification, or upon none (persons), in order, with what shows each to an auditor."""
        async with self._reading() as connection:
            message = None
            if message_id is not None:
                row = await self._row(connection, parse_id(message_id))
                if row is None:
                    raise NotFoundError(detail=f"the outbox has no notification {message_id}")
                message = row.id
            mine = tables.entries.c.message.is_(None) if message is None else tables.entries.c.message == message
            rows = (await connection.execute(PROOFS.where(mine))).all()
        return [self._proof(row) for row in rows]

    def _proof(self, row: sa.Row[Any]) -> AuditEventProof:
        stored = self._cipher.open(letter_context(row.message), row.contents)
        said = AuditEvent.from_document(row.event, stored).said.decode()
        state = AuditEventState(row.event, row.created, LogState.of(row.state))
        slip = None if row.slip is None else self._cipher.open(slip_context(row.digest), row.slip)
        return AuditEventProof(state, said, row.digest, slip)

    async def verify(self) -> None:
        """Check every row and their sum, and that every act stands upon the chain of now.

        Raises `StorageError` (rows_changed) that names the first that somebody else made, changed or removed.
        """
        async with self._reading() as connection:
            self._cipher.known = None
            chain, people = Chain(connection, self._cipher), PersonRegistry(connection, self._cipher)
            known = await chain.known()
            await people.persons()
            await people.adoptions()
            ruled = set(await connection.scalars(sa.select(tables.rulings.c.message).distinct()))
            for message in sorted(ruled | {subject for table, subject in known.rows if table == RULING}):
                await people.rulings(message)

            def look(table: sa.Table, row: sa.Row[Any]) -> None:
                if table is tables.entries and row.event is not None and not known.has(chain.said(row)):
                    raise tampered(f"act {row.id}, or the chain of persons and rulings,")
                if table is tables.envelopes and row.bytes is not None and record_digest(row.bytes) != row.digest:
                    raise tampered("the bytes of an envelope")

            await connection.verify(look)

    async def persons(self) -> list[Person]:
        """Everybody who is, or was, registered with the authority, in the order of registration."""
        async with self._reading() as connection:
            return await PersonRegistry(connection, self._cipher).persons()

    async def add_person(
        self, name: str, public: bytes, permissions: Collection[str], kind: PersonKind = PersonKind.PERSON
    ) -> Person:
        """Register a person or service with an Ed25519 key; the reasons of `persons.register`. An act for the log."""
        async with self._writing() as connection:
            people = PersonRegistry(connection, self._cipher)
            person = register(name, public, permissions, self._runtime.clock(), await people.persons(), kind)
            await people.add(person)
            await self._log(connection, "person_added", person)
        return person

    async def enlist(self, submitter: Submitter) -> None:
        """Register a submitter as a service, if nobody has its key yet; no act of its own, for it decides nothing."""
        public = submitter.key.public
        if any(one.public == public for one in await self.persons()):
            return
        async with self._writing() as connection:
            people = PersonRegistry(connection, self._cipher)
            known = await people.persons()
            if all(one.public != public for one in known):
                named, now = submitter.name or SERVICE, self._runtime.clock()
                await people.add(register(named, public, (), now, known, PersonKind.SERVICE))

    async def retire_person(self, name: str) -> Person:
        """The person decides nothing from now on; what he or she decided stands. An act for the log."""
        async with self._writing() as connection:
            person = await PersonRegistry(connection, self._cipher).retire(name, self._runtime.clock())
            await self._log(connection, "person_retired", person)
        return person

    async def _log(self, connection: Ledger, kind: str, person: Person) -> None:
        facts = {
            "authority": self._authority,
            "name": person.name,
            "public": person.public.hex(),
            "permissions": sorted(person.permissions),
            "person_kind": person.kind,
            "at": rfc3339(self._runtime.clock()),
        }
        await OutboxTransaction(connection, self._cipher, self._runtime).enqueue(
            [(None, AuditEvent.of(kind, self._runtime, facts))]
        )

    async def held(self) -> list[Reviewed]:
        """Every message of which something waits for a person or for facts, in the order of submission."""
        async with self._reading() as connection:
            review = Review(connection, self._cipher, self._runtime)
            return [await review.opened(row) for row in (await connection.execute(HELD)).all()]

    async def reviewed(self, message_id: str) -> Reviewed:
        """One message, as its reviewer sees it; `NotFoundError`."""
        async with self._reading() as connection:
            return await Review(connection, self._cipher, self._runtime).find(parse_id(message_id))

    @asynccontextmanager
    async def reviewing(self) -> AsyncIterator[Review]:
        """One transaction in which a person decides."""
        async with self._writing() as connection:
            yield Review(connection, self._cipher, self._runtime)

    async def waiting(self) -> list[str]:
        """The ids of what the hub has not decided yet, in the order of submission; of an act upon none, its kind."""
        async with self._reading() as connection:
            found = (await connection.execute(WAITING)).all()
        named = (row.event if row.notification_id is None else _text(row.notification_id) for row in found)
        return list(dict.fromkeys(named))

    async def backlog(self) -> Backlog:
        """How much waits."""
        async with self._reading() as connection:
            waiting = (await connection.execute(DEPTH)).one()
            aside = {row.reason: row.number for row in await connection.execute(SET_ASIDE_BY_REASON)}
        return Backlog(waiting.depth, waiting.oldest, aside)

    async def unreachable(self) -> dict[str, list[str]]:
        """The recipients that wait until they can be reached, by reason, each once and in order of name."""
        async with self._reading() as connection:
            rows = (await connection.execute(UNREACHABLE)).all()
            work = OutboxTransaction(connection, self._cipher, self._runtime)
            names = [(row.reason, name) for row in rows for name in work.payload_of(row).names]
        return {reason: sorted({name for why, name in names if why == reason}) for reason, _ in names}

    async def restored(self) -> Restored | None:
        """Return what is known of the last restore from a backup; None where there was none."""
        async with self._reading() as connection:
            return await OutboxTransaction(connection, self._cipher, self._runtime).restoration.found()

    async def adopt(self, ids: Collection[str], *, send: bool, by: str, key: SigningKey) -> list[str]:
        """Send again, or give up, what waits for a person after a restore: all of `ids` or none; return which.

        `by` decides and signs with `key`; an act for the log, for each. Raises `RefusedError`: the reasons of
        `adoptions.check`, and `not_found` for what is no id or does not wait.
        """
        wanted = [parse_id(one) for one in ids]
        async with self._writing() as connection:
            restoration = OutboxTransaction(connection, self._cipher, self._runtime).restoration
            return [_text(one) for one in await restoration.settle(wanted, Signer(by, key), send=send)]

    async def begin_stream(self, *, by: str, key: SigningKey) -> bool:
        """Begin a new stream though the former one could not be closed; return whether one was being closed.

        `by` decides and signs with `key`; an act for the log. Raises `RefusedError` with the reasons of
        `adoptions.check`.
        """
        async with self._writing() as connection:
            return await OutboxTransaction(connection, self._cipher, self._runtime).restoration.begin_stream(
                Signer(by, key)
            )

    async def due(self, now: int) -> bool:
        """Whether a message waits to be sealed at time `now`."""
        async with self._reading() as connection:
            return (await connection.execute(DUE, {"now": now})).first() is not None

    @asynccontextmanager
    async def working(self, lease: Lease) -> AsyncIterator[OutboxTransaction]:
        """One transaction of the lease-holder; `OwnershipLostError` where another instance took over."""
        async with self._writing() as connection:
            await lease.check(connection)
            yield OutboxTransaction(connection, self._cipher, self._runtime)

    async def in_flight(self) -> list[bytes]:
        """The digests of all envelopes on their way, in the order of their numbers."""
        async with self._reading() as connection:
            return list(await connection.scalars(IN_FLIGHT))

    async def sealed(self, known: Collection[bytes]) -> list[tuple[bytes, bytes, bytes]]:
        """Return digest, stream and bytes of the envelopes in flight, in stream order, without those in `known`."""
        async with self._reading() as connection:
            digests = [digest for digest in await connection.scalars(IN_FLIGHT) if digest not in known]
            found = await connection.execute(SEALED, {"digests": digests}) if digests else ()
            return [(row.digest, row.stream, row.bytes) for row in found]

    async def feed_offset(self) -> int:
        """The next offset of the own feed."""
        async with self._reading() as connection:
            found: int = (await connection.own())["feed_offset"]
            return found

    async def _row(self, connection: Ledger, notification_id: bytes) -> sa.Row[Any] | None:
        query = sa.select(tables.messages).where(tables.messages.c.notification_id == notification_id)
        row = (await connection.execute(query)).one_or_none()
        if row is not None:
            connection.check(tables.messages, row)
        return row

    def _seal(self, column: str, notification_id: bytes, value: bytes) -> bytes:
        return self._cipher.seal(f"message/{column}/".encode() + notification_id, value)

    def _open(self, column: str, notification_id: bytes, value: bytes) -> bytes:
        return self._cipher.open(f"message/{column}/".encode() + notification_id, value)


async def _secret(connection: Connection, authority: str, cipher: RowCipher) -> bytes | None:
    """Return what keys the envelope ids of the database; None of a new one.

    Raises `StorageError` where it is another authority's, or was made with another key.
    """
    columns = sa.select(tables.instance.c.authority, tables.instance.c.secret)
    row = (await connection.execute(columns)).one_or_none()
    if row is None:
        return None
    if row.authority != authority:
        raise StorageError(detail=f"the outbox belongs to {row.authority}, not {authority}")
    return cipher.open(b"instance/secret", row.secret)


def parse_id(text: str) -> bytes:
    """The 16 bytes of a notification's id; `NotFoundError` for what is no UUID."""
    try:
        return uuid.UUID(text).bytes
    except ValueError:
        raise NotFoundError(detail="that is not the id of a notification (a UUID)") from None


def _text(notification_id: bytes) -> str:
    return str(uuid.UUID(bytes=notification_id))


def _state(letters: Sequence[sa.Row[Any]], recipients: Collection[RecipientState]) -> State:
    """A message is what its letters are: under way while any is, refused where any was; else its recipients' sum.

    The refusal of a letter that carried it to nobody counts where it has no other.
    """
    waiting = [one.reason for one in letters if one.state in UNDECIDED and not is_set_aside(one.state, one.reason)]
    refused = [one for one in letters if one.state == EntryState.REJECTED]
    rejected = [one.reason for one in refused if one.carries or len(letters) == len(refused)]
    state = summed(recipients, waiting=bool(waiting), rejected=bool(rejected))
    return state, next((one[-1] for one in (waiting, rejected) if one), None)


def _content(notification: Notification) -> bytes:
    """The canonical JSON, by which the same submission is known again."""
    return canonical(to_json(notification, local=True))


def _taken() -> RefusedError:
    return RefusedError("id_taken", hint="give the other notification an id of its own")


def batched(items: Sequence[bytes], size: int) -> Iterator[Sequence[bytes]]:
    """`items` in pieces of at most `size`."""
    return (items[start : start + size] for start in range(0, len(items), size))
