"""Decisions of persons about holds: found, checked, recorded, and applied, in one transaction of the outbox."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from notifier.directory.snapshot import Snapshot
from notifier.errors import NotFoundError, RefusedError
from notifier.names import AuthorityName
from notifier.outbox import queries
from notifier.outbox.message_store import StoredMessage
from notifier.outbox.payloads import AuditEvent
from notifier.outbox.transaction import OutboxTransaction
from notifier.persons.approvals import ReviewDecision, approvals_of, check
from notifier.policy.decision import Entry
from notifier.policy.revision import evaluate_approval
from notifier.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A message as its reviewer sees it: with all rulings about it, in order."""

    message: StoredMessage
    rulings: tuple[ReviewDecision, ...]

    def holds(self, hold: str, state: str | None) -> tuple[Entry, ...]:
        """Return the plan's entries of named states that wait for this hold (of `state`, or of all)."""
        return tuple(
            entry
            for entry in self.message.plan.holds
            if hold in entry.because
            and entry.authority is not None
            and state in (None, AuthorityName(entry.authority).participant)
        )

    def refused_by(self, hold: str, authority: str | None) -> list[str]:
        """Return the names of those who refused this hold of this authority."""
        state = AuthorityName(authority or "").participant
        return [one.by for one in self.rulings if one.kind == "refusal" and one.applies_to(hold, state)]


class Review:
    """One transaction in which a person decides."""

    def __init__(self, transaction: OutboxTransaction, runtime: Runtime) -> None:
        self._transaction = transaction
        self._runtime = runtime

    async def find(self, notification_id: bytes) -> Reviewed:
        """Return the message of that notification. Raises `NotFoundError`."""
        found = await self._transaction.connection.execute(queries.MESSAGE_BY_NOTIFICATION, {"id": notification_id})
        row = found.one_or_none()
        if row is None:
            raise NotFoundError(detail="the outbox has no notification of that id")
        return await self.opened(row)

    async def opened(self, row: sa.Row[Any]) -> Reviewed:
        """Return the message in a row of the messages, with all rulings about it."""
        rulings = await self._transaction.registry.rulings(row.id)
        return Reviewed(self._transaction.messages.opened(row), tuple(rulings))

    async def refuse(self, found: Reviewed, ruling: ReviewDecision) -> None:
        """Record that a person refused: the hold stays, and nobody approves it any more."""
        await self._admit(found, ruling)
        await self._record(found, ruling)

    async def approve(self, found: Reviewed, ruling: ReviewDecision, snapshot: Snapshot) -> tuple[str, ...]:
        """Record an approval; return the authorities that it releases, to each of which a new entry goes.

        Raises `RefusedError` with the reasons of `approvals.check`, or `hold_refused` where a person refused it
        before; `NotFoundError` where no such hold waits.
        """
        await self._admit(found, ruling)
        if any(_refuses(one, ruling) for one in found.rulings):
            raise RefusedError("hold_refused", hint="publish an update, or a new notification")
        await self._record(found, ruling)
        message, persons = found.message, await self._transaction.registry.persons()
        earlier = approvals_of(found.rulings, message.held, persons)
        now = approvals_of((*found.rulings, ruling), message.held, persons)
        plan = evaluate_approval(
            message.notification, message.plan, snapshot, (earlier, now), ruling.hold, ruling.state
        )
        stored = await self._transaction.messages.replace_plan(message, plan)
        return tuple(name for name in stored.recipients if name not in message.plan.recipients)

    async def _admit(self, found: Reviewed, ruling: ReviewDecision) -> None:
        persons = await self._transaction.registry.persons()
        check(ruling, found.message.held, persons, self._runtime.clock())
        if not found.holds(ruling.hold, ruling.state):
            raise NotFoundError(detail="no such hold waits here", hint="notifier review show lists those that do")

    async def _record(self, found: Reviewed, ruling: ReviewDecision) -> None:
        row = found.message.row
        await self._transaction.registry.record(row, ruling, self._runtime.clock())
        event = AuditEvent.of(ruling.kind, self._runtime, ruling.document())
        await self._transaction.entries.enqueue([(row, event)])


def _refuses(earlier: ReviewDecision, ruling: ReviewDecision) -> bool:
    """Return whether a person refused all or any part of what `ruling` would release."""
    overlaps = earlier.state is None or ruling.state is None or earlier.state == ruling.state
    return earlier.kind == "refusal" and earlier.hold == ruling.hold and overlaps
