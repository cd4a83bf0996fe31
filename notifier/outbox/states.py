"""States of recipients, entries, envelopes, streams and log entries: one enumeration each, for all readers. Pure.

A recipient counts as told once the hub accepted an envelope to it, and not before. A message, summed up, has the
state of the recipient that matters most now (`summed`).
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from typing import Final


class RecipientState(StrEnum):
    """State of one recipient of a message, or of a message as a whole."""

    HELD = "held"  # waits for a person, for facts, or until it can be sealed for
    NOT_TOLD = "not_told"  # suppressed, or named by no rule any more
    WAITING = "waiting"  # to be told: not sent yet, or not decided by the hub
    TOLD = "told"  # the hub accepted: it is in the recipient's feed
    REJECTED = "rejected"  # the hub refused for good


class EntryState(StrEnum):
    """State of one entry of the outbox: a payload or an audit event."""

    PENDING = "pending"  # to be sealed
    SEALED = "sealed"  # on its way
    ROUTED = "routed"  # the hub accepted
    REJECTED = "rejected"  # the hub refused for good
    PARKED = "parked"  # the outbox was restored: a person decides whether it goes


class EnvelopeState(StrEnum):
    """State of one sealed envelope."""

    IN_FLIGHT = "in_flight"  # to be sent, or sent and not decided
    ACCEPTED = "accepted"  # the hub accepted it
    REJECTED = "rejected"  # the hub refused it in turn
    VOID = "void"  # not sent any more; the hub may still decide about it


class StreamState(StrEnum):
    """State of a stream of the outbox."""

    OPEN = "open"  # envelopes are sealed for it
    CLOSING = "closing"  # the hub knows more of it than the restored outbox: a closing event is to end it
    CLOSED = "closed"  # nothing that was sealed for it is accepted any more


INITIAL: Final = {
    "send": RecipientState.WAITING,
    "hold": RecipientState.HELD,
    "suppress": RecipientState.NOT_TOLD,
}
"""The first state of a recipient, by the outcome of the decision."""


class LogState(StrEnum):
    """State of an audit event: whether the hub's log has it."""

    WAITING = "waiting"
    LOGGED = "logged"
    REJECTED = "rejected"

    @classmethod
    def of(cls, entry: str) -> LogState:
        """Return the state of an audit event, given that of its entry."""
        if entry == EntryState.ROUTED:
            return cls.LOGGED
        return cls.REJECTED if entry == EntryState.REJECTED else cls.WAITING


UNDECIDED: Final = frozenset({EntryState.PENDING, EntryState.SEALED})

NO_KEY: Final = "recipient_has_no_key"
NO_FEED: Final = "feed_missing"
SET_ASIDE: Final = (NO_KEY, NO_FEED)
"""Reasons for which one recipient waits while the others are told: no key to seal for, or no feed at the hub."""
CLOSING: Final = "closing"
"""The kind of the audit event that closes a stream."""
BACKOFF_INITIAL_MS: Final = 1_000
BACKOFF_MAX_MS: Final = 300_000


def is_set_aside(entry: str | None, reason: str | None) -> bool:
    """Return whether an entry in state `entry`, with `reason` against it, waits for something other than the hub.

    Its recipient cannot be reached yet, or the outbox was restored and a person is to decide.
    """
    return entry == EntryState.PARKED or (entry in UNDECIDED and reason in SET_ASIDE)


def shown(state: str, entry: str | None, reason: str | None) -> RecipientState:
    """Return the state of a recipient, given that of the entry that carries the message to it (None: none yet)."""
    if state == RecipientState.WAITING and is_set_aside(entry, reason):
        return RecipientState.HELD
    return RecipientState(state)


def summed(states: Collection[str], *, waiting: bool, rejected: bool) -> RecipientState:
    """Return the state of a message, given `states`, those of its recipients as shown.

    `waiting` says that an entry is to be sent or decided, `rejected` that the hub refused one for good.
    """
    if waiting:
        return RecipientState.WAITING
    if rejected:
        return RecipientState.REJECTED
    return next((one for one in (RecipientState.TOLD, RecipientState.HELD) if one in states), RecipientState.NOT_TOLD)
