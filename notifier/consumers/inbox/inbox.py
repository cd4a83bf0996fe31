"""The inbox: what came in, stored once, together with the feed's offset, in one database transaction."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

import sqlalchemy as sa

from notifier.consumers.inbox import migrations, queries, tables
from notifier.consumers.inbox.cipher import InboxCipher
from notifier.consumers.inbox.cursors import Cursors
from notifier.consumers.inbox.gaps import Gap
from notifier.consumers.inbox.records import MessageState, Received, RefusedRecord
from notifier.consumers.inbox.transaction import (
    BatchResult,
    InboxTransaction,
    Kept,
    MessageMetadata,
    receipt_context,
    refusal_context,
)
from notifier.consumers.verification import Result, claimed_originator
from notifier.crypto.keys import SigningKey
from notifier.crypto.row_cipher import RowCipher
from notifier.errors import Cure, NotFoundError, OwnershipLostError, StorageError
from notifier.names import NotificationId
from notifier.notification import decode
from notifier.notification.digest import is_named_by, named_by
from notifier.runtime import Runtime
from notifier.storage.base import Connection
from notifier.storage.database import Database
from notifier.storage.integrity import Ledger
from notifier.storage.lease import Lease
from notifier.storage.migrations import open_migrated

READER_LEASE: Final = "inbox-reader"
ALARM: Final = 3
"""So many deliveries refused one after the other that may be cured are an alarm: clock or directory is wrong."""


class Inbox:
    """One authority's inbox; one process fills it, by the lease, and any number read it."""

    def __init__(self, database: Database, authority: str, cipher: InboxCipher, runtime: Runtime) -> None:
        self._database = database
        self._authority = authority
        self._cipher = cipher
        self._runtime = runtime
        self.cursors = Cursors(self)

    @classmethod
    async def open(cls, address: str, authority: str, key: bytes, runtime: Runtime) -> Inbox:
        """Open or create the inbox of `authority`; `key` is the 32-byte storage key.

        Raises `StorageError`, also where the database is another authority's or was made with another key.
        """
        cipher = InboxCipher(key, runtime.entropy)
        database = await open_migrated(
            address,
            tables.TABLES,
            schema=tables.SCHEMA,
            oldest=migrations.OLDEST,
            migrations=migrations.MIGRATIONS,
            cipher=cipher,
            clock=runtime.clock,
            check=lambda connection: _is_made(connection, authority, cipher),
        )
        inbox = cls(database, authority, cipher, runtime)
        try:
            await inbox._begin()
        except BaseException:
            await database.close()
            raise
        return inbox

    async def _begin(self) -> None:
        async with self.writing() as connection:
            if not await _is_made(connection, self._authority, self._cipher):
                check = self._cipher.seal(b"instance/check", b"")
                values = {"id": 1, "authority": self._authority, "check": check, "feed_offset": 0}
                await connection.begin(**values, last_message=0, last_gap_range=0)

    def writing(self) -> AbstractAsyncContextManager[Ledger]:
        """Return a transaction whose writes are bound."""
        return Ledger.writing(self._database, self._cipher, tables.SCHEME)

    def reading(self) -> AbstractAsyncContextManager[Ledger]:
        """Return a transaction that checks what it reads."""
        return Ledger.reading(self._database, self._cipher, tables.SCHEME)

    async def verify(self) -> None:
        """Check every row and their sum.

        Raises `StorageError` (rows_changed) that names the first that somebody else made, changed or removed.
        """
        async with self.reading() as connection:
            await connection.verify()

    def lease(self) -> Lease:
        """Return the lease of the process that fills this inbox."""
        return Lease(self._database, READER_LEASE, self._runtime.clock)

    async def offset(self) -> int:
        """Return the offset of the feed's next record."""
        async with self.reading() as connection:
            found: int = (await connection.own())["feed_offset"]
            return found

    async def store(
        self, results: Sequence[Result], offsets: Sequence[int], begun_at: int, lease: Lease, signing: SigningKey
    ) -> BatchResult:
        """Store a batch of the feed, and move the offset from `begun_at` to behind the last of `offsets`.

        All or nothing. Raises `OwnershipLostError` where the lease is lost or the stored offset is not `begun_at`:
        then another instance went on, and nothing here may.
        """
        async with self.writing() as connection:
            await lease.check(connection)
            if (await connection.own())["feed_offset"] != begun_at:
                raise OwnershipLostError(detail="the inbox went on without this instance")
            await connection.set_own(feed_offset=offsets[-1] + 1)
            batch = InboxTransaction(connection, self._cipher, self._authority, signing, self.now())
            for offset, result in zip(offsets, results, strict=True):
                await batch.apply(offset, result)
            return batch.stored()

    async def store_again(
        self, kept: Sequence[Kept], results: Sequence[Result], begun_at: int, lease: Lease, signing: SigningKey
    ) -> BatchResult:
        """Store the new results of records that were refused before; the feed's offset stays at `begun_at`.

        All or nothing. Raises `OwnershipLostError` as `store` does.
        """
        async with self.writing() as connection:
            await lease.check(connection)
            if (await connection.own())["feed_offset"] != begun_at:
                raise OwnershipLostError(detail="the inbox went on without this instance")
            batch = InboxTransaction(connection, self._cipher, self._authority, signing, self.now())
            for one, result in zip(kept, results, strict=True):
                await batch.apply_again(one, result)
            return batch.stored()

    async def kept(self, after: int = -1, due_by: int | None = None, limit: int = 1000) -> list[Kept]:
        """Return refused records that may be cured, in the feed's order, after the offset `after`.

        With `due_by` only those whose time has come then.
        """
        query = queries.CURABLE_AFTER if due_by is None else queries.CURABLE_DUE
        which = {"after": after, "limit": limit} | ({} if due_by is None else {"due_by": due_by})
        async with self.reading() as connection:
            rows = (await connection.execute(query, which)).all()
            for row in rows:
                connection.check(tables.refusals, row)
        return [Kept(row.feed_offset, self._raw(row), row.reason, Cure(row.cure)) for row in rows]

    async def ask_again(self) -> int:
        """Mark every curable refusal as due for another attempt by the subscriber; return their count."""
        async with self.writing() as connection:
            rows = (await connection.execute(queries.CURABLE)).all()
            await connection.change(tables.refusals, rows, due=queries.ASKED)
        return len(rows)

    async def asked(self) -> int:
        """Return how much of what somebody asked for was not tried again yet."""
        async with self.reading() as connection:
            return await connection.scalar(queries.ASKED_COUNT) or 0

    async def refused_in_a_row(self) -> int:
        """Return how many of the feed's last records were refused and may be cured, one directly after the other."""
        async with self.reading() as connection:
            last = (await connection.own())["feed_offset"]
            offsets = (await connection.scalars(queries.LAST_CURABLE, {"limit": ALARM})).all()
        return sum(1 for back, offset in enumerate(offsets, 1) if offset == last - back)

    async def refused(self) -> list[RefusedRecord]:
        """Return every refused record, in the feed's order."""
        async with self.reading() as connection:
            rows = (await connection.execute(queries.REFUSALS)).all()
            for row in rows:
                connection.check(tables.refusals, row)
        return [
            RefusedRecord(
                offset=row.feed_offset,
                envelope=row.digest.hex(),
                reason=row.reason,
                received_at=row.received,
                cure=None if row.cure is None else Cure(row.cure),
                due=row.due if row.due != queries.ASKED else None,
                claims=claimed_originator(self._raw(row)),
            )
            for row in rows
        ]

    async def messages(self, after: int = 0, limit: int = 1000) -> list[Received]:
        """Return at most `limit` messages after row `after`, in the order in which they came."""
        async with self.reading() as connection:
            rows = (await connection.execute(queries.MESSAGES_AFTER, {"row": after, "limit": limit})).all()
            return [self.received(connection, row) for row in rows]

    async def find(self, message_id: str) -> list[Received]:
        """Return the messages of a notification id (UUID text): more than one only where ids conflict.

        Raises `NotFoundError`.
        """
        try:
            wanted = NotificationId.parse(message_id)
        except ValueError as error:
            raise NotFoundError(
                detail="a notification's id is a UUID", hint="notifier inbox list shows them"
            ) from error
        async with self.reading() as connection:
            rows = (await connection.execute(queries.MESSAGES_BY_ID, {"notification": wanted})).all()
            found = [self.received(connection, row) for row in rows]
        if not found:
            raise NotFoundError(
                detail="the inbox has no notification of that id", hint="notifier inbox list shows them"
            )
        return found

    async def check_reference(self, message: Received) -> str | None:
        """Compare the notification that `message` refers to with the copy in this inbox.

        Return `verified`, `differs` or `not_here`; None if `message` refers to no notification.
        """
        named = named_by(message.notification)
        if named is None:
            return None
        originator, other = named
        try:
            blind_index = self._cipher.blind_index(originator.encode(), NotificationId.parse(other.id))
        except ValueError:  # nobody checked what another's software wrote there
            return "not_here"
        async with self.reading() as connection:
            row = (await connection.execute(queries.MESSAGE_BY_INDEX, {"which": blind_index})).one_or_none()
            known = None if row is None else self.received(connection, row).notification
        if known is None:
            return "not_here"
        return "verified" if is_named_by(message.notification, known) else "differs"

    async def gaps(self) -> list[Gap]:
        """Return the gaps that are open now."""
        async with self.reading() as connection:
            rows = (await connection.execute(queries.GAPS)).all()
            for row in rows:
                connection.check(tables.gap_ranges, row)
        return [Gap(*self.stream_name(row.blind_index, row.name), row.first, row.last, row.missing) for row in rows]

    async def refusals(self) -> list[tuple[str, str]]:
        """Every refused record: its digest in hex, and the reason."""
        async with self.reading() as connection:
            rows = (await connection.execute(queries.REFUSALS)).all()
        return [(row.digest.hex(), row.reason) for row in rows]

    async def receipts(self) -> list[bytes]:
        """Every receipt that was made: signature (64 bytes) and the receipt's encoding."""
        async with self.reading() as connection:
            rows = (await connection.execute(queries.RECEIPTS)).all()
            for row in rows:
                connection.check(tables.receipts, row)
        return [self._cipher.open(receipt_context(row.envelope, row.outcome), row.signed) for row in rows]

    async def close(self) -> None:
        """Close all connections to the database."""
        await self._database.close()

    @property
    def authority(self) -> str:
        """Return the authority that owns this inbox."""
        return self._authority

    def now(self) -> int:
        """Return the time now, in Unix milliseconds."""
        return self._runtime.clock()

    def stream_name(self, blind_index: bytes, sealed: bytes) -> tuple[str, str]:
        """Originator and stream (hex) of a stream's row."""
        originator, stream = json.loads(self._cipher.open(b"stream/" + blind_index, sealed))
        return originator, stream

    def _raw(self, row: sa.Row[tuple[object, ...]]) -> bytes:
        return self._cipher.open(refusal_context(row.feed_offset), row.raw)

    def received(self, connection: Ledger, row: sa.Row[Any]) -> Received:
        """Return the message of a row; raise `StorageError` where somebody else changed the row."""
        connection.check(tables.messages, row)
        blind_index: bytes = row.blind_index
        facts = MessageMetadata(**json.loads(self._cipher.open(b"facts/" + blind_index, row.metadata)))
        content = self._cipher.open(b"content/" + blind_index, row.content)
        return Received(
            row=row.id,
            id=NotificationId(row.notification_id).text,
            originator=facts.originator,
            stream=facts.stream,
            seq=facts.seq,
            envelope=facts.envelope,
            accepted_at=facts.accepted_at,
            rules_version=facts.rules_version,
            received_at=row.received,
            state=MessageState(row.state),
            notification=decode(content),
        )


async def _is_made(connection: Connection, authority: str, cipher: RowCipher) -> bool:
    """Return whether the database is in use already.

    Raises `StorageError` where it is another authority's, or was made with another key.
    """
    row = (await connection.execute(queries.INSTANCE)).one_or_none()
    if row is None:
        return False
    if row.authority != authority:
        raise StorageError(detail=f"the inbox belongs to {row.authority}, not {authority}")
    cipher.open(b"instance/check", row.check)
    return True
