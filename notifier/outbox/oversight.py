"""Read-only access of oversight to another authority's outbox: its decisions, never its contents."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Self

from notifier.crypto.row_cipher import RowCipher
from notifier.errors import NotFoundError, StorageError
from notifier.outbox import migrations, queries, tables
from notifier.outbox.ids import parse_id
from notifier.outbox.message_store import message_context, read_submission
from notifier.outbox.persons import PersonRegistry
from notifier.outbox.recipients import as_they_stand, recipients_of
from notifier.persons.approvals import ReviewDecision
from notifier.policy.decision import Entry
from notifier.policy.plan import Plan
from notifier.storage.database import Database


@dataclass(frozen=True, slots=True)
class OverseenDecision:
    """The decision about one message: its id, the rules' version, all entries with their states, and all rulings.

    `submitted_by` is who signed the submission (None: nobody), `submitted_at` when it came (Unix milliseconds).
    """

    id: str
    submitted_by: str | None
    submitted_at: int
    rules_version: int
    entries: tuple[Entry, ...]
    rulings: tuple[ReviewDecision, ...]
    exercise: bool


class OversightReader:
    """The decisions in one outbox; an asynchronous context manager.

    `key` is the key of decisions (`key_separation.decisions_key`): nothing else of the outbox opens with it.
    """

    def __init__(self, address: str, authority: str, key: bytes) -> None:
        self._address = address
        self._authority = authority
        self._cipher = RowCipher(key)
        self._database: Database | None = None

    async def __aenter__(self) -> Self:
        address, version = self._address, migrations.VERSION
        self._database = await Database.open_to_read(address, schema=tables.SCHEMA, version=version)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._database is not None:
            await self._database.close()

    async def decided(self, message_id: str) -> OverseenDecision:
        """Return the decision about a notification.

        Raises `NotFoundError` where the outbox has none of that id, and `StorageError` where it is another
        authority's outbox, or the key is not that of its decisions.
        """
        if self._database is None:
            raise RuntimeError("an oversight reader is used inside `async with`")
        wanted = parse_id(message_id)
        async with self._database.read() as connection:
            owner = await connection.scalar(queries.OWNER)
            if owner != self._authority:
                raise StorageError(detail=f"the outbox belongs to {owner}, not {self._authority}")
            row = (await connection.execute(queries.DECISION_BY_NOTIFICATION, {"id": wanted})).one_or_none()
            if row is None:
                raise NotFoundError(detail=f"the outbox of {self._authority} has no notification {message_id}")
            rulings = await PersonRegistry(connection, self._cipher).rulings(row.id)
            plan = Plan.from_document(self._cipher.open(message_context("plan", wanted), row.plan))
            entries = as_they_stand(plan.entries, await recipients_of(connection, row.id, plan.entries))
        by = None
        if row.submission is not None:
            by = read_submission(self._cipher.open(message_context("submission", wanted), row.submission)).by
        return OverseenDecision(
            message_id, by, row.created, plan.rules_version, entries, tuple(rulings), plan.exercise
        )
