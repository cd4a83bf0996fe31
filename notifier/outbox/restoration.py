"""The steps of one transaction when an outbox is older than its stream: it was restored from a backup.

The stream is closed by an audit event to nobody, in the place that the hub's statements name (`stream`). Then a new
stream begins, which the closing event names. What the statements settle is settled. What the backup still had to send
waits for a person: it may have been sent, stopped or changed since, and the database does not know.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from notifier.directory.model import CLOCK_SKEW_MS
from notifier.envelope import envelope_id_of
from notifier.errors import NotFoundError, RefusedError
from notifier.outbox import queries, tables
from notifier.outbox.entry_store import PARKED, EntryStore
from notifier.outbox.message_store import MessageStore
from notifier.outbox.payloads import AuditEvent
from notifier.outbox.person_chain import ADOPTION
from notifier.outbox.persons import PersonRegistry
from notifier.outbox.states import CLOSING, EntryState, StreamState
from notifier.outbox.stream import HubDecision, StreamWindow
from notifier.outbox.stream_store import StreamStore
from notifier.persons.adoptions import NEEDS, Adopted, Adoption, Signer, Subject, check, sign
from notifier.persons.model import entitled
from notifier.runtime import Runtime
from notifier.storage.integrity import Ledger
from notifier.times import rfc3339

RESTORED: Final = "outbox_restored"
"""The reason of what waits for a person after a restore."""


@dataclass(frozen=True, slots=True)
class Parked:
    """A notification that waits for a person after a restore, and the number of its envelopes accepted since."""

    id: bytes
    accepted: int


@dataclass(frozen=True, slots=True)
class Restored:
    """The last restore. Times are Unix milliseconds; `closed` tells whether the stream is closed.

    What was given to the outbox between `backup_at` and `noticed_at` is not in it. `unknown` counts the envelopes
    that the hub accepted since and that belong to nothing in the outbox; `refused` is the last refusal of the closing
    event, and `decided` the decisions of persons, in order.
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

    def __init__(
        self,
        connection: Ledger,
        runtime: Runtime,
        registry: PersonRegistry,
        streams: StreamStore,
        entries: EntryStore,
        messages: MessageStore,
    ) -> None:
        self._connection = connection
        self._runtime = runtime
        self._registry = registry
        self._streams = streams
        self._entries = entries
        self._messages = messages

    async def begin(self, at: int | None = None) -> None:
        """Begin to close the stream: nothing else is sent in it. `at` is when the hub decided what is not known here.

        That was after the backup, so what is younger, for certain by any clock, was given after the restore.
        """
        now = self._runtime.clock()
        before = now if at is None else min(now, at + CLOCK_SKEW_MS)
        times = [await self._connection.scalar(query, {"before": before}) for query in queries.LAST_TIMES]
        opened = (await self._streams.row()).opened
        await self._streams.change(
            state=StreamState.CLOSING,
            closing_since=now,
            backup_before=before,
            backup_at=max((one for one in times if one is not None), default=opened),
        )
        await self._streams.void_all()
        await self.resume()

    async def resume(self) -> None:
        """Enqueue the closing event of a stream that is to be closed, where there is none."""
        stream = await self._streams.row()
        if stream.state != StreamState.CLOSING:
            return
        if (await self._connection.execute(queries.OPEN_CLOSING_EVENT)).first() is not None:
            return
        facts = {
            "stream": stream.id.hex(),
            "next": self._runtime.entropy(16).hex(),
            "backup": rfc3339(stream.backup_at),
            "at": rfc3339(self._runtime.clock()),
        }
        await self._entries.enqueue([(None, AuditEvent.of(CLOSING, self._runtime, facts))])

    async def missed(self) -> bool:
        """Apply that statements are gone which were not read; return whether the stream is closed for that.

        An outbox that never sent anything has nothing to close.
        """
        stream = await self._streams.row()
        sent = (await self._connection.execute(queries.ANY_ENVELOPE)).first() is not None
        if stream.state != StreamState.OPEN or not (sent or stream.number):
            return False
        await self.begin()
        return True

    async def add_stray(self, window: StreamWindow, decision: HubDecision, secret: bytes) -> None:
        """Store an accepted envelope that is not known here; `window` is the stream before it.

        Its id names the notification, where the envelope before it is known.
        """
        message = None
        if decision.envelope_id is not None and decision.number == window.number + 1:
            for row in (await self._connection.execute(queries.UNSETTLED_MESSAGES)).all():
                if envelope_id_of(secret, row.notification_id, window.tail) == decision.envelope_id:
                    message = row.id
        known = await self._connection.execute(queries.STRAY_BY_DIGEST, {"digest": decision.digest})
        if known.first() is None:
            stray = {
                "digest": decision.digest,
                "stream": decision.stream,
                "number": decision.number,
                "decided": decision.at,
                "message": message,
            }
            await self._connection.insert(tables.strays, [stray])

    async def finish(self) -> None:
        """Close the stream: park what the backup had to send, and begin the stream that the closing event names."""
        backup_before = (await self._streams.row()).backup_before
        last = (await self._connection.execute(queries.LAST_CLOSING_EVENT)).one()
        facts = json.loads(self._entries.event_of(last).said)
        await self._streams.change(state=StreamState.CLOSED)
        await self._streams.void_all()
        await self._streams.begin(bytes.fromhex(facts["next"]))
        await self._park(backup_before)

    async def _park(self, backup_before: int) -> None:
        """Park the payloads of before the backup; the rest goes in the new stream.

        An event in the place of an entry has no place to take any more. Other events go again: the log is told twice
        rather than never.
        """
        now = self._runtime.clock()
        obsolete = (await self._connection.execute(queries.OBSOLETE_EVENTS)).all()
        await self._change(obsolete, state=EntryState.REJECTED, reason=RESTORED, updated=now)
        parked = (await self._connection.execute(queries.PAYLOADS_BEFORE, {"before": backup_before})).all()
        await self._change(parked, state=EntryState.PARKED, reason=RESTORED, updated=now)
        rest = (await self._connection.execute(queries.UNDECIDED_ENTRIES)).all()
        await self._change(rest, state=EntryState.PENDING, reason=None, attempts=0, due=now, updated=now)

    async def _change(self, rows: Sequence[sa.Row[Any]], **values: int | str | None) -> None:
        await self._connection.change(tables.entries, rows, **values)

    async def found(self) -> Restored | None:
        """Return the last restore; None where there was none."""
        stream = await self._last_restored()
        if stream is None:
            return None
        accepted: dict[int | None, int] = {}
        for one in (await self._connection.execute(queries.STRAYS)).all():
            self._connection.check(tables.strays, one)
            accepted[one.message] = accepted.get(one.message, 0) + 1
        waiting = {
            row.message: row.notification_id for row in (await self._connection.execute(queries.PARKED_ENTRIES)).all()
        }
        parked = tuple(Parked(notification, accepted.get(message, 0)) for message, notification in waiting.items())
        closing_event = (await self._connection.execute(queries.OPEN_CLOSING_EVENT)).first()
        refused = None if closing_event is None else closing_event.reason
        closed = stream.state == StreamState.CLOSED
        decided = tuple(one for one in await self._registry.adoptions() if one.stream == stream.id.hex())
        unknown = accepted.get(None, 0)
        return Restored(stream.closing_since, stream.backup_at, closed, unknown, parked, refused, decided)

    async def _last_restored(self) -> sa.Row[Any] | None:
        """Return the stream that the last restore closed, or is to close."""
        row = (await self._connection.execute(queries.LAST_RESTORED_STREAM)).first()
        if row is not None:
            self._connection.check(tables.streams, row)
        return row

    async def settle(self, notifications: Collection[bytes], signer: Signer, *, send: bool) -> list[bytes]:
        """Send again, or give up, what is parked of these notifications, as `signer` decides; return which.

        All of them or none. What is given up counts as refused for good: the hub may have accepted it before the
        restore. Raises `RefusedError`: the reasons of `adoptions.check`, and
        `NotFoundError` where nothing is parked of one.
        """
        await self._permit(signer)
        rows = [
            row
            for row in (await self._connection.execute(queries.PARKED_ENTRIES)).all()
            if row.notification_id in notifications
        ]
        found = {row.notification_id for row in rows}
        if missing := [one for one in notifications if one not in found]:
            named = uuid.UUID(bytes=missing[0])
            raise NotFoundError(detail=f"of {named} nothing waits after a restore", hint="notifier outbox status")
        decision = Adopted.SENT_AGAIN if send else Adopted.GIVEN_UP
        for message in dict.fromkeys(row.message for row in rows):
            await self._adopt(decision, signer, message)
        which = [row.id for row in rows]
        if send:
            await self._entries.release(which)
        else:
            await self._entries.reject(which, RESTORED, only=PARKED)
        return list(dict.fromkeys(row.notification_id for row in rows))

    async def begin_stream(self, signer: Signer) -> bool:
        """Begin a new stream, as `signer` decides, though the former one is not closed; return whether one was to be.

        Raises `RefusedError` with the reasons of `adoptions.check`.
        """
        await self._permit(signer)
        if not (await self._streams.window()).closing:
            return False
        adoption = await self._signed(Adopted.NEW_STREAM, signer)
        await self.finish()
        await self._record(adoption, None)
        return True

    async def _permit(self, signer: Signer) -> None:
        """Raise `RefusedError` where `signer` may not decide, whether or not anything waits.

        `check` says the rest.
        """
        person = entitled(signer.by, NEEDS, await self._registry.persons(), "what a restore left")
        if person.public != signer.key.public:
            raise RefusedError("bad_signature", "the key is not that of the registered person")

    async def _adopt(self, decision: Adopted, signer: Signer, message: int) -> None:
        held = (await self._messages.by_row(message)).held
        adoption = await self._signed(decision, signer, held.notification_id, held.notification_digest)
        await self._record(adoption, message)

    async def _signed(
        self, decision: Adopted, signer: Signer, notification_id: str | None = None, digest: str | None = None
    ) -> Adoption:
        stream = await self._last_restored()
        if stream is None:
            raise RuntimeError("nothing waits for a person but after a restore")
        authority = await self._connection.scalar(queries.OWNER)
        subject = Subject(authority, stream.id.hex(), stream.closing_since, notification_id, digest)
        now = self._runtime.clock()
        adoption = sign(decision, subject, signer, now)
        check(adoption, subject, await self._registry.persons(), now)
        return adoption

    async def _record(self, adoption: Adoption, message: int | None) -> None:
        await self._registry.adopt(adoption, self._runtime.clock())
        await self._entries.enqueue([(message, AuditEvent.of(ADOPTION, self._runtime, adoption.document()))])
