"""The messages of an outbox that hang together: what an update is about, what was made of a received notification."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any, Final

import sqlalchemy as sa

from notifier.crypto.primitives import blake
from notifier.errors import NotFoundError
from notifier.notification import Notification
from notifier.outbox import tables
from notifier.outbox.recipients import rows_of
from notifier.outbox.states import RecipientState
from notifier.outbox.transaction import OutboxTransaction, StoredMessage
from notifier.policy.case import CaseMessage, CaseUpdate
from notifier.policy.plan import Plan
from notifier.storage.integrity import Ledger, tampered

UPDATES: Final = frozenset({"update", "release"})

Planner = Callable[[Sequence[CaseMessage]], CaseUpdate]
"""What an update comes to, given the messages of its case: what it is about first, then what updated that."""


class Cases:
    """What one transaction asks of, or tells, the links between messages. `secret` keys them."""

    def __init__(self, connection: Ledger, secret: bytes, work: OutboxTransaction) -> None:
        self._connection = connection
        self._secret = secret
        self._work = work

    async def follow(self, update: Notification, planner: Planner) -> Plan:
        """Plans an update, and revises what it speaks of: what is held may be released, what is late stopped.

        Raises `RefusedError`: `not_found` where the outbox has nothing of that id, and what `planner` raises.
        """
        if update.about is None:
            raise ValueError("an update is about something")
        first = await self._messages(tables.messages.c.notification_id == uuid.UUID(update.about.id).bytes)
        if not first:
            raise NotFoundError(
                detail="the outbox has no notification of the id that it is about",
                hint="a notification is updated by its originator alone",
            )
        later = await self.linked("about", update.originator, update.about.id)
        rows = [*first, *(await self._messages(tables.messages.c.id.in_(later)) if later else ())]
        messages = [self._work.opened(row) for row in rows]
        followed = planner([await self._earlier(message) for message in messages])
        for message, plan in zip(messages, followed.earlier, strict=True):
            if plan != message.plan:
                await self._work.replace_plan(message, plan)
        return followed.plan

    async def link(self, message: int, notification: Notification) -> None:
        """Notes what a new message is about, or was made from."""
        if notification.parent is not None:
            relation, other = "parent", (notification.parent.originator, notification.parent.id)
        elif notification.about is not None and notification.type in UPDATES:
            relation, other = "about", (notification.originator, notification.about.id)
        else:
            return
        row = {"message": message, "relation": relation, "target": self._key(*other)}
        await self._connection.insert(tables.links, [row])

    async def linked(self, relation: str, originator: str, notification_id: str) -> list[int]:
        """The messages that are about, or were made from, that notification, in order."""
        links = tables.links
        query = sa.select(links).where(
            links.c.relation == relation, links.c.target == self._key(originator, notification_id)
        )
        rows = (await self._connection.execute(query.order_by(links.c.message))).all()
        for row in rows:
            self._connection.check(links, row)
        return [row.message for row in rows]

    async def _messages(self, where: sa.ColumnElement[bool]) -> list[sa.Row[Any]]:
        query = sa.select(tables.messages).where(where).order_by(tables.messages.c.id)
        return list(await self._connection.execute(query))

    async def _earlier(self, message: StoredMessage) -> CaseMessage:
        states = [row.state for row in await rows_of(self._connection, [message.row])]
        if len(states) != len(message.plan.entries):
            raise tampered("the number of recipients")
        by_state: dict[str, set[str]] = {}
        for entry, state in zip(message.plan.entries, states, strict=True):
            if entry.authority is not None:
                by_state.setdefault(state, set()).add(entry.authority)
        told, coming = (frozenset(by_state.get(state, ())) for state in (RecipientState.TOLD, RecipientState.WAITING))
        approvals = tuple(await self._work.approvals(message))
        return CaseMessage(message.notification, message.plan, told, coming, approvals)

    def _key(self, originator: str, notification_id: str) -> bytes:
        """Rows are found without telling whose they are."""
        return blake(b"ntf1/link", f"{originator} {notification_id}".encode(), key=self._secret)
