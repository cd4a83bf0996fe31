"""What persons decide about holds: found, checked, recorded, and what follows, in one transaction of the outbox."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from notifier.directory.snapshot import Snapshot
from notifier.errors import NotFoundError, RefusedError
from notifier.outbox import tables
from notifier.outbox.key_separation import OutboxCipher
from notifier.outbox.payloads import AuditEvent
from notifier.outbox.transaction import OutboxTransaction, StoredMessage
from notifier.persons.approvals import ReviewDecision, approvals_of, check
from notifier.policy.case import planned
from notifier.policy.decision import Entry
from notifier.policy.plan import released
from notifier.runtime import Runtime
from notifier.storage.integrity import Ledger


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A message as its reviewer sees it: with everything that was ruled about it, in order."""

    message: StoredMessage
    rulings: tuple[ReviewDecision, ...]

    def holds(self, hold: str, state: str | None) -> tuple[Entry, ...]:
        """The entries of named states that wait for this hold (of `state`, or of all)."""
        return tuple(
            entry
            for entry in self.message.plan.holds
            if hold in entry.because
            and entry.authority is not None
            and state in (None, entry.authority.partition("/")[0])
        )

    def refused_by(self, hold: str, authority: str | None) -> list[str]:
        """Who refused this hold of this authority."""
        state = (authority or "").partition("/")[0]
        return [one.by for one in self.rulings if one.kind == "refusal" and one.applies_to(hold, state)]


class Review:
    """One transaction in which a person decides."""

    def __init__(self, connection: Ledger, cipher: OutboxCipher, runtime: Runtime) -> None:
        self._connection = connection
        self._runtime = runtime
        self._work = OutboxTransaction(connection, cipher, runtime)

    async def find(self, notification_id: bytes) -> Reviewed:
        """The message of that notification; `NotFoundError`."""
        query = sa.select(tables.messages).where(tables.messages.c.notification_id == notification_id)
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            raise NotFoundError(detail="the outbox has no notification of that id")
        return await self.opened(row)

    async def opened(self, row: sa.Row[Any]) -> Reviewed:
        """A row of the messages, with what was ruled about it."""
        return Reviewed(self._work.opened(row), tuple(await self._work.people.rulings(row.id)))

    async def refuse(self, found: Reviewed, ruling: ReviewDecision) -> None:
        """Records that a person refused: the hold stays, and nobody approves it any more."""
        await self._admit(found, ruling)
        await self._record(found, ruling)

    async def approve(self, found: Reviewed, ruling: ReviewDecision, snapshot: Snapshot) -> tuple[str, ...]:
        """Records an approval; whom it releases, each of whom is in a new letter now.

        Raises `RefusedError` with the reasons of `approvals.check`, `not_found` where no such hold waits, or
        `hold_refused` where a person refused it before.
        """
        await self._admit(found, ruling)
        if any(_refuses(one, ruling) for one in found.rulings):
            raise RefusedError("hold_refused", hint="an update, or a new notification, is decided anew")
        await self._record(found, ruling)
        message, persons = found.message, await self._work.people.persons()
        ties, notification = message.plan.ties, message.notification
        earlier, now = (
            approvals_of(rulings, message.held, persons) for rulings in (found.rulings, (*found.rulings, ruling))
        )
        before = planned(notification, ties, snapshot, earlier).recipients
        after = planned(notification, ties, snapshot, now).recipients
        allowed = message.plan.approved | released(message.plan, before, after, ruling.hold, ruling.state)
        kept = await self._work.replace_plan(message, planned(notification, ties, snapshot, now, allowed))
        return tuple(name for name in kept.recipients if name not in message.plan.recipients)

    async def _admit(self, found: Reviewed, ruling: ReviewDecision) -> None:
        check(ruling, found.message.held, await self._work.people.persons(), self._runtime.clock())
        if not found.holds(ruling.hold, ruling.state):
            raise NotFoundError(detail="no such hold waits here", hint="notifier review show lists those that do")

    async def _record(self, found: Reviewed, ruling: ReviewDecision) -> None:
        await self._work.people.record(found.message.row, ruling, self._runtime.clock())
        await self._work.enqueue([(found.message.row, AuditEvent.of(ruling.kind, self._runtime, ruling.document()))])


def _refuses(earlier: ReviewDecision, ruling: ReviewDecision) -> bool:
    """Whether a person refused what `ruling` would release: all of it or any part."""
    overlaps = earlier.state is None or ruling.state is None or earlier.state == ruling.state
    return earlier.kind == "refusal" and earlier.hold == ruling.hold and overlaps
