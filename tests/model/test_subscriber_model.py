"""Two subscribers on one inbox, and a backup that may be put back under them: every interleaving.

Explicit states. A subscriber takes the lease (an epoch), goes to the stored offset, reads a delivery, and stores it
with the offset behind it in one transaction, which requires the lease and that the stored offset is the one it went
on from (`Inbox.store`). Instances overlap, outlive their lease, and outlive a database that was put back from a
backup. Checked in every reachable state: nothing before the stored offset is missing, each delivery is stored once,
in order, and no gap is reported that there is not. The lease alone does not do it, nor do message and offset stored
one after the other. (The offset alone would: the lease spares vain work.)
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from support.states import explored

FEED = 4


@dataclass(frozen=True)
class Rules:
    """Requirements of a transaction, and whether message and offset are stored at once."""

    lease: bool = True
    offset: bool = True
    at_once: bool = True


@dataclass(frozen=True)
class Inbox:
    """The database: the lease's epoch, the stored offset, the deliveries in it, whether a gap was reported."""

    epoch: int = 0
    offset: int = 0
    rows: tuple[int, ...] = ()
    alarm: bool = False


@dataclass(frozen=True)
class Subscriber:
    """One instance: its epoch (-1: none), the offset where it stands, whether it has read the delivery there."""

    epoch: int = -1
    offset: int = 0
    read: bool = False


@dataclass(frozen=True)
class State:
    """The inbox, both instances, the backup, and what may still happen."""

    inbox: Inbox = Inbox()
    subscribers: tuple[Subscriber, Subscriber] = (Subscriber(), Subscriber())
    backup: Inbox | None = None
    starts: int = 3
    backups: int = 1
    restores: int = 1


def fault(inbox):
    """Return the fault of an inbox, or None."""
    if inbox.alarm:
        return "a gap is reported that there is not"
    if inbox.rows != tuple(sorted(set(inbox.rows))):
        return "a delivery is stored twice, or out of order"
    if set(range(inbox.offset)) - set(inbox.rows):
        return "a delivery was skipped in silence"
    return None


def steps(state, rules):
    """Yield every next state."""
    for index, one in enumerate(state.subscribers):
        if state.starts:
            taken = replace(state.inbox, epoch=state.inbox.epoch + 1)
            begun = Subscriber(taken.epoch, taken.offset)
            yield with_subscriber(state, index, begun, inbox=taken, starts=state.starts - 1)
        if one.epoch >= 0 and not one.read and one.offset < FEED:
            yield with_subscriber(state, index, replace(one, read=True))
        if one.read:
            yield from storing(state, index, one, rules)
    if state.backups:
        yield replace(state, backup=state.inbox, backups=state.backups - 1)
    if state.restores and state.backup is not None:
        yield replace(state, inbox=state.backup, backup=None, restores=state.restores - 1)


def storing(state, index, one, rules):
    inbox = state.inbox
    if (rules.lease and one.epoch != inbox.epoch) or (rules.offset and one.offset != inbox.offset):
        yield with_subscriber(state, index, Subscriber())
        return
    moved = replace(inbox, offset=one.offset + 1)
    if not rules.at_once:
        yield with_subscriber(state, index, Subscriber(), inbox=moved)
    stored = replace(
        moved,
        rows=(*inbox.rows, one.offset) if one.offset not in inbox.rows else inbox.rows,
        alarm=one.offset > 0 and one.offset - 1 not in inbox.rows,
    )
    yield with_subscriber(state, index, Subscriber(one.epoch, moved.offset), inbox=stored)


def with_subscriber(state, index, one, **change):
    subscribers = tuple(one if place == index else other for place, other in enumerate(state.subscribers))
    return replace(state, subscribers=subscribers, **change)


def explore(rules):
    """(what is wrong or None, how many states were seen)."""
    first = State()
    return explored(first, lambda state: steps(state, rules), lambda state: fault(state.inbox))


def test_the_inbox_is_the_feed_in_every_interleaving():
    """With the lease, the offset that it went on from, and one transaction for both."""
    wrong, states = explore(Rules())
    assert wrong is None
    assert states > 1_000


@pytest.mark.parametrize("rules", [Rules(offset=False), Rules(at_once=False)], ids=["no offset", "not at once"])
def test_less_does_not_hold(rules):
    """An instance that outlives a restore skips what lies between; an offset alone is a message lost."""
    assert explore(rules)[0] is not None
