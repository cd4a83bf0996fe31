"""The outbox: notifications and audit events of one authority, durable before the caller has its answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any, Final

import sqlalchemy as sa

from notifier.config import refuse_oversight
from notifier.crypto.keys import SigningKey
from notifier.crypto.row_cipher import RowCipher
from notifier.envelope import record_digest
from notifier.errors import StorageError
from notifier.names import NotificationId
from notifier.notification import Notification
from notifier.notification.model import Approval
from notifier.outbox import migrations, queries, tables
from notifier.outbox.cases import PARENT, Cases
from notifier.outbox.group_commit import GroupCommit
from notifier.outbox.ids import parse_id
from notifier.outbox.key_separation import OutboxCipher
from notifier.outbox.person_chain import RULING, SCHEME, START, Chain
from notifier.outbox.persons import PersonRegistry
from notifier.outbox.registration import Registration
from notifier.outbox.restoration import Restored
from notifier.outbox.review import Review, Reviewed
from notifier.outbox.status import AuditEventProof, Backlog, Status, StatusReader
from notifier.outbox.stream_store import StreamStore
from notifier.outbox.submissions import AddResult, Submission, SubmissionStore
from notifier.outbox.transaction import OutboxTransaction
from notifier.persons.adoptions import Signer
from notifier.persons.approvals import approvals_of
from notifier.persons.model import Person, PersonKind
from notifier.persons.submissions import Submitter
from notifier.policy.plan import Plan
from notifier.runtime import Runtime
from notifier.storage.base import Connection
from notifier.storage.database import Database
from notifier.storage.integrity import Ledger, tampered
from notifier.storage.lease import Lease
from notifier.storage.migrations import open_migrated

SENDER_LEASE: Final = "outbox-sender"
SERVICE_LEASE: Final = "outbox-service"
PAGE: Final = 100  # notifications in memory, where all are read


class Outbox:
    """One authority's outbox. Any number of processes may add; one, by the lease, seals and sends."""

    def __init__(self, database: Database, authority: str, cipher: OutboxCipher, runtime: Runtime) -> None:
        self._database = database
        self._authority = authority
        self._cipher = cipher
        self._runtime = runtime
        self.secret = b""
        """The key of this database's envelope ids (32 bytes)."""
        self._commits = GroupCommit(self._add_all)

    @classmethod
    async def open(cls, address: str, authority: str, key: bytes, runtime: Runtime) -> Outbox:
        """Open or create the outbox of `authority` at `address`; `key` is the 32-byte storage key.

        Creating mints the stream and the secret of its envelope ids. Raises `StorageError`, also where the
        database is another authority's or was made with another key, and `RefusedError` (not_permitted) for
        oversight.
        """
        refuse_oversight(authority)
        cipher = OutboxCipher(key, runtime.entropy)
        database = await open_migrated(
            address,
            tables.TABLES,
            schema=tables.SCHEMA,
            oldest=migrations.OLDEST,
            migrations=migrations.MIGRATIONS,
            cipher=cipher,
            clock=runtime.clock,
            check=lambda connection: _secret(connection, authority, cipher),
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
            await StreamStore(connection, self._cipher, self._runtime).begin(stream)

    def _writing(self) -> AbstractAsyncContextManager[Ledger]:
        """Return a transaction that binds what it writes."""
        return Ledger.writing(self._database, self._cipher, SCHEME)

    def _reading(self) -> AbstractAsyncContextManager[Ledger]:
        """Return a transaction that checks what it reads."""
        return Ledger.reading(self._database, self._cipher, SCHEME)

    def _transaction(self, connection: Ledger) -> OutboxTransaction:
        return OutboxTransaction(connection, self._cipher, self._runtime)

    def _status(self, connection: Ledger) -> StatusReader:
        return StatusReader(self._transaction(connection), self._cipher)

    def _submissions(self, connection: Ledger) -> SubmissionStore:
        return SubmissionStore(self._transaction(connection), self._cipher, self._runtime, self.secret)

    def _review(self, connection: Ledger) -> Review:
        return Review(self._transaction(connection), self._runtime)

    def _registration(self, connection: Ledger) -> Registration:
        return Registration(self._transaction(connection), self._authority, self._runtime)

    # The life of an outbox.

    def lease(self) -> Lease:
        """Return the lease under which one instance seals and sends."""
        return Lease(self._database, SENDER_LEASE, self._runtime.clock)

    def service_lease(self) -> Lease:
        """Return the lease by which a service says that it carries this outbox, for as long as it runs."""
        return Lease(self._database, SERVICE_LEASE, self._runtime.clock)

    async def carried(self) -> bool:
        """Return whether a service carries this outbox: what waits is sent without being asked for again."""
        return await self.service_lease().held_by_other()

    async def close(self) -> None:
        """Close the database, once all that is being stored is stored."""
        await self._commits.close()
        await self._database.close()

    async def verify(self) -> None:
        """Check every row and their sum, and that every audit event names a head of the chain.

        Raises `StorageError` (rows_changed) that names the first row that somebody else made, changed or removed.
        """
        async with self._reading() as connection:
            self._cipher.known = None
            chain, registry = Chain(connection, self._cipher), PersonRegistry(connection, self._cipher)
            known = await chain.known()
            await registry.persons()
            await registry.adoptions()
            ruled = set(await connection.scalars(queries.RULED_MESSAGES))
            for message in sorted(ruled | {subject for table, subject in known.rows if table == RULING}):
                await registry.rulings(message)

            def look(table: sa.Table, row: sa.Row[Any]) -> None:
                if table is tables.entries and row.event is not None and not known.has(chain.said(row)):
                    raise tampered(f"audit event {row.id}, or the chain of persons and rulings,")
                if table is tables.envelopes and row.bytes is not None and record_digest(row.bytes) != row.digest:
                    raise tampered("the bytes of an envelope")

            await connection.verify(look)

    # Submissions.

    async def add(self, items: Sequence[Submission]) -> list[AddResult]:
        """Store all of `items`, or none; durable when it returns. Every notification has its id.

        The same notification under the same id gives what is stored already; another one raises `RefusedError`
        (`id_taken`). Raises for an update `NotFoundError` and `RefusedError` (`about_mismatch`), too.
        """
        return await self._commits.add(items)

    async def _add_all(self, calls: Sequence[Sequence[Submission]]) -> list[list[AddResult]]:
        async with self._writing() as connection:
            submissions = self._submissions(connection)
            return [await submissions.add(items) for items in calls]

    async def repeats(self, notification: Notification) -> bool:
        """Return whether the same was submitted a short time ago under another id, and not refused by the hub."""
        async with self._reading() as connection:
            return await self._submissions(connection).repeats(notification)

    async def resubmit(self, message_id: str, submitter: Submitter) -> Reviewed:
        """Have a registered submitter sign a notification that nobody had; a signed one is left as it is.

        Raises `NotFoundError`, and `RefusedError` (`unknown_person`, `person_retired`).
        """
        async with self._writing() as connection:
            transaction = self._transaction(connection)
            found = await Review(transaction, self._runtime).find(parse_id(message_id))
            if found.message.held.submitter(await transaction.registry.persons()) is None:
                found = replace(found, message=await transaction.messages.sign(found.message, submitter))
        return found

    # Reading.

    async def status(self, message_id: str) -> Status:
        """Return the status of a notification. Raises `NotFoundError`."""
        async with self._reading() as connection:
            return await self._status(connection).status(message_id)

    async def made_from(self, originator: str, message_id: str) -> list[Status]:
        """Return the status of every notification made from one that `originator` sent, in order."""
        async with self._reading() as connection:
            transaction = self._transaction(connection)
            about = parse_id(message_id).text
            found = await Cases(transaction, self.secret).linked(PARENT, originator, about)
            rows = (await connection.execute(queries.MESSAGES_BY_ROW, {"messages": found})).all() if found else ()
            reader = StatusReader(transaction, self._cipher)
            return [await reader.status_of(row) for row in rows]

    async def notification(self, message_id: str) -> Notification:
        """Return a notification as it was submitted, with its local part. Raises `NotFoundError`."""
        async with self._reading() as connection:
            transaction = self._transaction(connection)
            row = await StatusReader(transaction, self._cipher).row(message_id)
            return transaction.messages.opened(row).notification

    async def messages(self) -> AsyncIterator[tuple[str, Notification, Plan, list[Approval]]]:
        """Yield every message: id, notification, plan, and the approvals that count; oldest first, page by page."""
        last = 0
        while True:
            async with self._reading() as connection:
                page = {"after": last, "limit": PAGE}
                rows = (await connection.execute(queries.MESSAGES_AFTER, page)).all()
                review = self._review(connection)
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
        """Return the audit events about a notification, or about none (persons), in order, with their proofs."""
        async with self._reading() as connection:
            return await self._status(connection).proofs(message_id)

    async def waiting(self) -> list[str]:
        """Return the ids of what the hub has not decided, in the order of submission.

        An audit event about no message has its kind in place of an id.
        """
        async with self._reading() as connection:
            return await self._status(connection).waiting()

    async def backlog(self) -> Backlog:
        """Return how much waits."""
        async with self._reading() as connection:
            return await self._status(connection).backlog()

    async def unreachable(self) -> dict[str, list[str]]:
        """Return by reason the recipients that wait until they can be reached, each once and in order of name."""
        async with self._reading() as connection:
            return await self._status(connection).unreachable()

    # Persons and their decisions.

    async def persons(self) -> list[Person]:
        """Return everybody who is, or was, registered with the authority, in the order of registration."""
        async with self._reading() as connection:
            return await PersonRegistry(connection, self._cipher).persons()

    async def add_person(
        self, name: str, public: bytes, permissions: Collection[str], kind: PersonKind = PersonKind.PERSON
    ) -> Person:
        """Register a person or service with an Ed25519 key; an audit event. Raises as `persons.register`."""
        async with self._writing() as connection:
            return await self._registration(connection).add(name, public, permissions, kind)

    async def enlist(self, submitter: Submitter) -> None:
        """Register a submitter as a service, if nobody has its key yet. No audit event: it decides nothing."""
        public = submitter.key.public
        if any(one.public == public for one in await self.persons()):
            return
        async with self._writing() as connection:
            await self._registration(connection).enlist(submitter)

    async def retire_person(self, name: str) -> Person:
        """Retire a person, whose decisions stand; an audit event."""
        async with self._writing() as connection:
            return await self._registration(connection).retire(name)

    async def held(self) -> list[Reviewed]:
        """Return every message of which something waits for a person or for facts, in the order of submission."""
        async with self._reading() as connection:
            review = self._review(connection)
            return [await review.opened(row) for row in (await connection.execute(queries.HELD_MESSAGES)).all()]

    async def reviewed(self, message_id: str) -> Reviewed:
        """Return one message, as its reviewer sees it. Raises `NotFoundError`."""
        async with self._reading() as connection:
            return await self._review(connection).find(parse_id(message_id))

    @asynccontextmanager
    async def reviewing(self) -> AsyncIterator[Review]:
        """Yield one transaction in which a person decides."""
        async with self._writing() as connection:
            yield self._review(connection)

    async def restored(self) -> Restored | None:
        """Return the last restore from a backup; None where there was none."""
        async with self._reading() as connection:
            return await self._transaction(connection).restoration.found()

    async def adopt(self, ids: Collection[str], *, send: bool, by: str, key: SigningKey) -> list[str]:
        """Send again, or give up, what waits for a person after a restore: all of `ids` or none; return which.

        `by` decides and signs with `key`; an audit event for each. Raises `RefusedError` with the reasons of
        `adoptions.check`, and `NotFoundError` for what is no id or does not wait.
        """
        wanted = [parse_id(one) for one in ids]
        async with self._writing() as connection:
            restoration = self._transaction(connection).restoration
            return [NotificationId(one).text for one in await restoration.settle(wanted, Signer(by, key), send=send)]

    async def begin_stream(self, *, by: str, key: SigningKey) -> bool:
        """Begin a new stream though the former one could not be closed; return whether one was being closed.

        `by` decides and signs with `key`; an audit event. Raises `RefusedError` with the reasons of
        `adoptions.check`.
        """
        async with self._writing() as connection:
            return await self._transaction(connection).restoration.begin_stream(Signer(by, key))

    # The relay's.

    async def due(self, now: int) -> bool:
        """Return whether an entry is to be sealed at time `now`."""
        async with self._reading() as connection:
            return (await connection.execute(queries.ANY_DUE_ENTRY, {"now": now})).first() is not None

    @asynccontextmanager
    async def working(self, lease: Lease) -> AsyncIterator[OutboxTransaction]:
        """Yield one transaction of the lease-holder. Raises `OwnershipLostError` where another instance took over."""
        async with self._writing() as connection:
            await lease.check(connection)
            yield self._transaction(connection)

    async def in_flight(self) -> list[bytes]:
        """Return the digests of all envelopes in flight, in the order of their numbers."""
        async with self._reading() as connection:
            return list(await connection.scalars(queries.DIGESTS_IN_FLIGHT))

    async def sealed(self, known: Collection[bytes]) -> list[tuple[bytes, bytes, bytes]]:
        """Return digest, stream and bytes of the envelopes in flight, in stream order, without those in `known`."""
        async with self._reading() as connection:
            digests = [one for one in await connection.scalars(queries.DIGESTS_IN_FLIGHT) if one not in known]
            found = await connection.execute(queries.BYTES_IN_FLIGHT, {"digests": digests}) if digests else ()
            return [(row.digest, row.stream, row.bytes) for row in found]

    async def feed_offset(self) -> int:
        """Return the next offset of the own feed."""
        async with self._reading() as connection:
            found: int = (await connection.own())["feed_offset"]
            return found


async def _secret(connection: Connection, authority: str, cipher: RowCipher) -> bytes | None:
    """Return the key of the database's envelope ids; None of a new one.

    Raises `StorageError` where it is another authority's, or was made with another key.
    """
    row = (await connection.execute(queries.OWNER_AND_SECRET)).one_or_none()
    if row is None:
        return None
    if row.authority != authority:
        raise StorageError(detail=f"the outbox belongs to {row.authority}, not {authority}")
    return cipher.open(b"instance/secret", row.secret)
