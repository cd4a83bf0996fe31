"""The cases of an outbox: the message that an update is about, and the updates before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from notifier.crypto.primitives import blake
from notifier.errors import NotFoundError
from notifier.names import NotificationId
from notifier.notification import Notification
from notifier.outbox import queries, tables
from notifier.outbox.message_store import StoredMessage
from notifier.outbox.recipients import rows_of
from notifier.outbox.states import RecipientState
from notifier.outbox.transaction import OutboxTransaction
from notifier.policy.case import CaseMessage
from notifier.policy.plan import Plan
from notifier.storage.integrity import tampered

UPDATES: Final = frozenset({"update", "release"})
ABOUT, PARENT = "about", "parent"
"""Relations of a link: to what an update is about, and to what a forwarded notification was made from."""


class Cases:
    """Reads and writes the links between messages in one transaction. `secret` keys them."""

    def __init__(self, transaction: OutboxTransaction, secret: bytes) -> None:
        self._connection = transaction.connection
        self._transaction = transaction
        self._secret = secret

    async def messages_of(self, update: Notification) -> list[StoredMessage]:
        """Return the messages of an update's case: first the one that it is about, then those that updated it.

        Raises `NotFoundError` where the outbox has no notification of that id.
        """
        if update.about is None:
            raise ValueError("an update is about something")
        about = {"id": NotificationId.parse(update.about.id)}
        rows = (await self._connection.execute(queries.MESSAGE_BY_NOTIFICATION, about)).all()
        if not rows:
            raise NotFoundError(
                detail="the outbox has no notification of the id that it is about",
                hint="a notification is updated by its originator alone",
            )
        later = await self.linked(ABOUT, update.originator, update.about.id)
        if later:
            rows = [*rows, *await self._connection.execute(queries.MESSAGES_BY_ROW, {"messages": later})]
        return [self._transaction.messages.opened(row) for row in rows]

    async def case_message(self, message: StoredMessage) -> CaseMessage:
        """Return a message as its case is planned: with those who were told, or will be, and its approvals."""
        states = [row.state for row in await rows_of(self._connection, [message.row])]
        if len(states) != len(message.plan.entries):
            raise tampered("the number of recipients")
        by_state: dict[str, set[str]] = {}
        for entry, state in zip(message.plan.entries, states, strict=True):
            if entry.authority is not None:
                by_state.setdefault(state, set()).add(entry.authority)
        told, coming = (frozenset(by_state.get(state, ())) for state in (RecipientState.TOLD, RecipientState.WAITING))
        approvals = tuple(await self._transaction.messages.approvals(message))
        return CaseMessage(message.notification, message.plan, told, coming, approvals)

    async def store(self, messages: Sequence[StoredMessage], plans: Sequence[Plan]) -> None:
        """Replace the plans of a case's messages where an update changed them."""
        for message, plan in zip(messages, plans, strict=True):
            if plan != message.plan:
                await self._transaction.messages.replace_plan(message, plan)

    async def link(self, message: int, notification: Notification) -> None:
        """Store what a new message is about, or was made from."""
        if notification.parent is not None:
            relation, other = PARENT, (notification.parent.originator, notification.parent.id)
        elif notification.about is not None and notification.type in UPDATES:
            relation, other = ABOUT, (notification.originator, notification.about.id)
        else:
            return
        row = {"message": message, "relation": relation, "target": self._target(*other)}
        await self._connection.insert(tables.links, [row])

    async def linked(self, relation: str, originator: str, notification_id: str) -> list[int]:
        """Return the messages that are about, or were made from, that notification, in order."""
        target = {"relation": relation, "target": self._target(originator, notification_id)}
        rows = (await self._connection.execute(queries.LINKS_TO, target)).all()
        for row in rows:
            self._connection.check(tables.links, row)
        return [row.message for row in rows]

    def _target(self, originator: str, notification_id: str) -> bytes:
        """Return the blind index of a notification: rows are found without telling whose they are."""
        return blake(b"ntf1/link", f"{originator} {notification_id}".encode(), key=self._secret)
