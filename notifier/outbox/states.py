"""The states of a recipient, and of what is sent: one enumeration for the verbs, the SDK and every document. Pure.

A recipient counts as told once the hub accepted an envelope to it, and not before. A message, summed up, has the
state of the recipient that matters most now (`summed`).
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from typing import Final


class RecipientState(StrEnum):
    """What became of one recipient of a message, or of a message as a whole."""

    HELD = "held"  # waits for a person, for facts, or until it can be sealed for
    NOT_TOLD = "not_told"  # suppressed, or named by no rule any more
    WAITING = "waiting"  # to be told: not sent yet, or not decided by the hub
    TOLD = "told"  # the hub accepted: it is in the recipient's feed
    REJECTED = "rejected"  # the hub refused for good


class EntryState(StrEnum):
    """Where one envelope's worth of a message stands, inside the outbox."""

    PENDING = "pending"  # to be sealed
    SEALED = "sealed"  # on its way
    ROUTED = "routed"  # the hub accepted
    REJECTED = "rejected"  # the hub refused for good
    PARKED = "parked"  # the outbox was restored: a person decides whether it goes


class StreamState(StrEnum):
    """Where a stream of the outbox stands."""

    OPEN = "open"  # what is sent goes in it
    CLOSING = "closing"  # the hub knows more of it than the outbox, which was restored: an act is to close it
    CLOSED = "closed"  # nothing that was sealed for it is accepted any more


INITIAL: Final = {
    "send": RecipientState.WAITING,
    "hold": RecipientState.HELD,
    "suppress": RecipientState.NOT_TOLD,
}
"""The first state of a recipient, by the outcome of the decision."""


class LogState(StrEnum):
    """What became of an act: whether the hub's log has it."""

    WAITING = "waiting"
    LOGGED = "logged"
    REJECTED = "rejected"

    @classmethod
    def of(cls, letter: str) -> LogState:
        """The state of an act, given that of its letter."""
        if letter == EntryState.ROUTED:
            return cls.LOGGED
        return cls.REJECTED if letter == EntryState.REJECTED else cls.WAITING


UNDECIDED: Final = frozenset({EntryState.PENDING, EntryState.SEALED})

NO_KEY: Final = "recipient_has_no_key"
NO_FEED: Final = "feed_missing"
SET_ASIDE: Final = (NO_KEY, NO_FEED)
"""Why one recipient waits while the others are told: it cannot be sealed for, or the hub has no feed for it."""


def is_set_aside(letter: str | None, reason: str | None) -> bool:
    """Whether a letter in the state `letter`, with `reason` against it, waits for something other than the hub.

    Its recipient cannot be reached yet, or the outbox was restored and a person is to decide.
    """
    return letter == EntryState.PARKED or (letter in UNDECIDED and reason in SET_ASIDE)


def shown(state: str, letter: str | None, reason: str | None) -> RecipientState:
    """The state of a recipient, given that of the letter that carries the message to it (None: none does yet)."""
    if state == RecipientState.WAITING and is_set_aside(letter, reason):
        return RecipientState.HELD
    return RecipientState(state)


def summed(states: Collection[str], *, waiting: bool, rejected: bool) -> RecipientState:
    """The state of a message: of `states`, its recipients' as shown, and of its letters.

    `waiting` says that a letter is to be sent or decided, `rejected` that the hub refused one for good.
    """
    if waiting:
        return RecipientState.WAITING
    if rejected:
        return RecipientState.REJECTED
    return next((one for one in (RecipientState.TOLD, RecipientState.HELD) if one in states), RecipientState.NOT_TOLD)
