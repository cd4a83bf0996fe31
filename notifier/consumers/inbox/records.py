"""Records of an inbox as its readers see them: messages, refused records, parked messages. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from notifier.errors import Cure
from notifier.notification import Notification


class MessageState(StrEnum):
    """State of a message of the inbox."""

    OPENED = "opened"
    """It was verified, opened and stored."""
    CONFLICT = "conflict"
    """As `OPENED`, but another text came before under the same originator and id."""


@dataclass(frozen=True, slots=True)
class RefusedRecord:
    """A record that was refused: where it stands on the feed, its digest (hex), why, and what may cure it.

    `due` is when it is tried again by itself, where that is known; times in Unix milliseconds. `claims` is the
    originator that it names: nobody's word but its own.
    """

    offset: int
    envelope: str
    reason: str
    received_at: int
    cure: Cure | None
    due: int | None
    claims: str | None


@dataclass(frozen=True, slots=True)
class Received:
    """One message of the inbox. `id` is the notification's, as UUID text; `stream` in hex; times in Unix ms.

    `row` numbers the messages of this inbox in the order in which they came.
    """

    row: int
    id: str
    originator: str
    stream: str
    seq: int
    envelope: str
    accepted_at: int
    rules_version: int
    received_at: int
    state: MessageState
    notification: Notification

    @property
    def type(self) -> str:
        """The notification's type."""
        return self.notification.type

    @property
    def exercise(self) -> bool:
        """Return True if the notification is a drill."""
        return self.notification.exercise


@dataclass(frozen=True, slots=True)
class Parked:
    """A message that the reader of a cursor could not take, set aside so that later messages go on.

    `reason` is a stable reason or the name of an exception's class; `parked_at` is in Unix milliseconds. `due` says
    that somebody asked for another attempt.
    """

    cursor: str
    message: Received
    reason: str
    attempts: int
    parked_at: int
    due: bool
