"""What one transaction does about an outbox that is older than its stream: it was restored from a backup.

The stream is closed by an act to nobody, in the place that the hub's statements name (`pipeline`). Then a new stream
begins, which the closing act names. What the statements settle is settled. What the backup still had to send waits
for a person: it may have been sent, stopped or changed since, and the database does not know.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from notifier.crypto.row_cipher import RowCipher
from notifier.directory.model import CLOCK_SKEW_MS
from notifier.envelope import envelope_id_of
from notifier.errors import NotFoundError, RefusedError
from notifier.outbox import tables
from notifier.outbox.payloads import AuditEvent
from notifier.outbox.person_chain import ADOPTION
from notifier.outbox.states import UNDECIDED, EntryState, RecipientState, StreamState
from notifier.outbox.stream import NO_DIGEST, HubDecision, StreamWindow
from notifier.persons.adoptions import NEEDS, Adopted, Adoption, Signer, Subject, check, sign
from notifier.persons.model import entitled
from notifier.runtime import Runtime
from notifier.storage.integrity import Ledger, tampered
from notifier.times import rfc3339

if TYPE_CHECKING:
    from notifier.outbox.transaction import OutboxTransaction

CLOSING: Final = "closing"
"""The kind of a closing act."""
RESTORED: Final = "outbox_restored"
"""The reason of what waits for a person after a restore."""
LAST_THINGS: Final = (tables.messages.c.created, tables.entries.c.updated, tables.envelopes.c.created)

IS_UNDECIDED: Final = tables.entries.c.state.in_(UNDECIDED)
CURRENT: Final = tables.streams.c.state != StreamState.CLOSED
STREAM: Final = sa.select(tables.streams).where(CURRENT)
CLOSER: Final = sa.select(tables.entries).where(tables.entries.c.event == CLOSING, IS_UNDECIDED)
LAST_CLOSER: Final = (
    sa.select(tables.entries).where(tables.entries.c.event == CLOSING).order_by(tables.entries.c.id.desc()).limit(1)
)
LAST_RESTORED: Final = (
    sa.select(tables.streams)
    .where(tables.streams.c.closing_since.is_not(None))
    .order_by(tables.streams.c.closing_since.desc())
    .limit(1)
)
ON_THEIR_WAY: Final = sa.select(tables.envelopes).where(tables.envelopes.c.state == "in_flight")
PARKED: Final = (
    sa.select(tables.entries.c.id, tables.entries.c.message, tables.messages.c.notification_id)
    .join_from(tables.entries, tables.messages, tables.messages.c.id == tables.entries.c.message)
    .where(tables.entries.c.state == EntryState.PARKED)
    .order_by(tables.entries.c.message, tables.entries.c.id)
)


@dataclass(frozen=True, slots=True)
class Parked:
    """A notification that waits for a person after a restore; `accepted` envelopes of it the hub took since."""

    id: bytes
    accepted: int


@dataclass(frozen=True, slots=True)
class Restored:
    """What is known of the last restore. Times are Unix milliseconds; `closed` tells whether the stream is closed.

    What was given to the outbox between `backup_at` and `noticed_at` is not in it. `unknown` counts the envelopes
    that the hub accepted since and that belong to nothing in the outbox; `refused` says why the closing act was
    refused last, and `decided` what persons did, in order.
    """

    noticed_at: int
    backup_at: int
    closed: bool
    unknown: int
    parked: tuple[Parked, ...]
    refused: str | None
    decided: tuple[Adoption, ...] = ()


class Restoration:
    """The steps from a stream that the hub knows better to a new one."""

    def __init__(self, connection: Ledger, cipher: RowCipher, runtime: Runtime, work: OutboxTransaction) -> None:
        self._connection = connection
        self._cipher = cipher
        self._runtime = runtime
        self._work = work

    async def begin(self, at: int | None = None) -> None:
        """Close the stream: nothing else is sent in it. `at` is when the hub decided what is not known here.

        That was after the backup, so what is younger, for certain by any clock, was given after the restore.
        """
        now = self._runtime.clock()
        before = now if at is None else min(now, at + CLOCK_SKEW_MS)
        last = [await self._last(column, before) for column in LAST_THINGS]
        stream = await self.stream()
        await self._connection.change(
            tables.streams,
            [stream],
            state=StreamState.CLOSING,
            closing_since=now,
            backup_before=before,
            backup_at=max((one for one in last if one is not None), default=stream.opened),
        )
        await self._void()
        await self.resume()

    async def stream(self) -> sa.Row[Any]:
        """Return the row of the stream of now. Raises `StorageError` (rows_changed) where it is not what it was."""
        rows = (await self._connection.execute(STREAM)).all()
        if len(rows) != 1:
            raise tampered("the number of streams")
        self._connection.check(tables.streams, rows[0])
        return rows[0]

    async def _void(self) -> None:
        rows = (await self._connection.execute(ON_THEIR_WAY)).all()
        await self._connection.change(tables.envelopes, rows, state="void", bytes=None)

    async def _last(self, column: sa.Column[Any], before: int) -> int | None:
        found: int | None = await self._connection.scalar(sa.select(sa.func.max(column)).where(column <= before))
        return found

    async def resume(self) -> None:
        """Post the closing act of a stream that is to be closed, where there is none."""
        stream = await self.stream()
        if stream.state != StreamState.CLOSING or (await self._connection.execute(CLOSER)).first() is not None:
            return
        facts = {
            "stream": stream.id.hex(),
            "next": self._runtime.entropy(16).hex(),
            "backup": rfc3339(stream.backup_at),
            "at": rfc3339(self._runtime.clock()),
        }
        await self._work.enqueue([(None, AuditEvent.of(CLOSING, self._runtime, facts))])

    async def missed(self) -> bool:
        """Take in that statements are gone which were not read; return whether the stream is closed for that.

        An outbox that never sent anything has nothing to close.
        """
        stream = await self.stream()
        sent = (await self._connection.execute(sa.select(tables.envelopes.c.digest).limit(1))).first() is not None
        if stream.state != StreamState.OPEN or not (sent or stream.number):
            return False
        await self.begin()
        return True

    async def stray(self, pipeline: StreamWindow, told: HubDecision, secret: bytes) -> None:
        """Keep an accepted envelope that is not known here; `pipeline` is the stream before it.

        Its id names the notification, where it is known upon what it was chained.
        """
        message = None
        if told.envelope_id is not None and told.number == pipeline.number + 1:
            for row in (await self._connection.execute(_candidates())).all():
                if envelope_id_of(secret, row.notification_id, pipeline.tail) == told.envelope_id:
                    message = row.id
        known = sa.select(tables.strays.c.digest).where(tables.strays.c.digest == told.digest)
        if (await self._connection.execute(known)).first() is None:
            values = {"digest": told.digest, "stream": told.stream, "number": told.number, "decided": told.at}
            await self._connection.insert(tables.strays, [{**values, "message": message}])

    async def finish(self) -> None:
        """The stream is closed: park what the backup had to send, and begin the stream that the closing act names."""
        stream = await self.stream()
        now = self._runtime.clock()
        last = (await self._connection.execute(LAST_CLOSER)).one()
        said = json.loads(self._work.event_of(last).said)
        await self._connection.change(tables.streams, [stream], state=StreamState.CLOSED)
        await self._void()
        fresh = bytes.fromhex(said["next"])
        counters = self._cipher.seal(b"stream/counters/" + fresh, b"{}")
        await self._connection.insert(tables.streams, [new_stream(fresh, counters, now)])
        await self._park(stream.backup_before, now)

    async def _park(self, backup_before: int, now: int) -> None:
        entries = tables.entries
        before = IS_UNDECIDED & (entries.c.created <= backup_before)
        is_act = entries.c.event.is_not(None)
        # An act in the place of a letter has no place to take any more; other acts go again: the log is told twice
        # rather than never. What was given since goes in the new stream, too.
        gone = IS_UNDECIDED & is_act & (entries.c.stands_for.is_not(None) | (entries.c.event == CLOSING))
        rejected = {"state": EntryState.REJECTED, "reason": RESTORED, "updated": now}
        await self._all(gone, **rejected)
        parked = {"state": EntryState.PARKED, "reason": RESTORED, "updated": now}
        await self._all(before & ~is_act, **parked)
        again = {"state": EntryState.PENDING, "reason": None, "attempts": 0, "due": now, "updated": now}
        await self._all(IS_UNDECIDED, **again)

    async def _all(self, where: sa.ColumnElement[bool], **values: Any) -> None:
        rows = (await self._connection.execute(sa.select(tables.entries).where(where))).all()
        await self._connection.change(tables.entries, rows, **values)

    async def found(self) -> Restored | None:
        """Return what is known of the last restore; None where there was none."""
        stream = await self._last_restored()
        if stream is None:
            return None
        accepted: dict[int | None, int] = {}
        for one in (await self._connection.execute(sa.select(tables.strays))).all():
            self._connection.check(tables.strays, one)
            accepted[one.message] = accepted.get(one.message, 0) + 1
        waiting = {row.message: row.notification_id for row in (await self._connection.execute(PARKED)).all()}
        parked = tuple(Parked(notification, accepted.get(message, 0)) for message, notification in waiting.items())
        closer = (await self._connection.execute(CLOSER)).first()
        refused = None if closer is None else closer.reason
        closed = stream.state == StreamState.CLOSED
        decided = tuple(one for one in await self._work.people.adoptions() if one.stream == stream.id.hex())
        unknown = accepted.get(None, 0)
        return Restored(stream.closing_since, stream.backup_at, closed, unknown, parked, refused, decided)

    async def _last_restored(self) -> sa.Row[Any] | None:
        """Return the stream that the last restore closed, or is to close."""
        row = (await self._connection.execute(LAST_RESTORED)).first()
        if row is not None:
            self._connection.check(tables.streams, row)
        return row

    async def settle(self, notifications: Collection[bytes], signer: Signer, *, send: bool) -> list[bytes]:
        """Send again, or give up, what is parked of these notifications, as `signer` decides; return which.

        All of them or none. What is given up counts as refused for good: the hub may have accepted it before the
        restore. Raises `RefusedError`: the reasons of `adoptions.check`, and `not_found` where of one nothing is
        parked.
        """
        await self._permit(signer)
        rows = [row for row in (await self._connection.execute(PARKED)).all() if row.notification_id in notifications]
        found = {row.notification_id for row in rows}
        if missing := [one for one in notifications if one not in found]:
            named = uuid.UUID(bytes=missing[0])
            raise NotFoundError(detail=f"of {named} nothing waits after a restore", hint="notifier outbox status")
        decision = Adopted.SENT_AGAIN if send else Adopted.GIVEN_UP
        for message in dict.fromkeys(row.message for row in rows):
            await self._adopt(decision, signer, message)
        which = [row.id for row in rows]
        if send:
            await self._work.release(which)
        else:
            await self._work.refuse(which, RESTORED)
        return list(dict.fromkeys(row.notification_id for row in rows))

    async def begin_stream(self, signer: Signer) -> bool:
        """Begin a new stream, as `signer` decides, though the former one is not closed; return whether one was to be.

        Raises `RefusedError` with the reasons of `adoptions.check`.
        """
        await self._permit(signer)
        if not (await self._work.pipeline()).closing:
            return False
        adoption = await self._signed(Adopted.NEW_STREAM, signer)
        await self.finish()
        await self._record(adoption, None)
        return True

    async def _permit(self, signer: Signer) -> None:
        """Raise `RefusedError` where `signer` may not decide, whether or not anything waits.

        `check` says the rest.
        """
        person = entitled(signer.by, NEEDS, await self._work.people.persons(), "what a restore left")
        if person.public != signer.key.public:
            raise RefusedError("bad_signature", "the key is not that of the registered person")

    async def _adopt(self, decision: Adopted, signer: Signer, message: int) -> None:
        held = (await self._work.message(message)).held
        adoption = await self._signed(decision, signer, held.notification_id, held.notification_digest)
        await self._record(adoption, message)

    async def _signed(
        self, decision: Adopted, signer: Signer, notification_id: str | None = None, digest: str | None = None
    ) -> Adoption:
        stream = await self._last_restored()
        if stream is None:
            raise RuntimeError("nothing waits for a person but after a restore")
        authority = await self._connection.scalar(sa.select(tables.instance.c.authority))
        subject = Subject(authority, stream.id.hex(), stream.closing_since, notification_id, digest)
        now = self._runtime.clock()
        adoption = sign(decision, subject, signer, now)
        check(adoption, subject, await self._work.people.persons(), now)
        return adoption

    async def _record(self, adoption: Adoption, message: int | None) -> None:
        await self._work.people.adopt(adoption, self._runtime.clock())
        await self._work.enqueue([(message, AuditEvent.of(ADOPTION, self._runtime, adoption.document()))])


def new_stream(stream: bytes, counters: bytes, now: int) -> dict[str, Any]:
    """Return the row of a stream that begins; `counters` is sealed for it."""
    return {
        "id": stream,
        "number": 0,
        "tail": NO_DIGEST,
        "counters": counters,
        "state": StreamState.OPEN,
        "opened": now,
        "decided_at": 0,
        "closing_since": None,
        "backup_at": None,
        "backup_before": None,
    }


def _candidates() -> sa.Select[Any]:
    """Messages of which an envelope may have been made since the backup: something of them was not settled."""
    letters = sa.select(tables.entries.c.message).where(IS_UNDECIDED, tables.entries.c.message.is_not(None))
    held = sa.select(tables.recipients.c.message).where(tables.recipients.c.state == RecipientState.HELD)
    ids = tables.messages.c.id
    return sa.select(ids, tables.messages.c.notification_id).where(ids.in_(letters) | ids.in_(held))
