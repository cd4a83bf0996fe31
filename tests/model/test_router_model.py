"""Two routers on one partition, every interleaving: explicit states, with the real rules of a stream.

The model: a router starts (fences, and restores the position and the stream, in some order), decides records of
the intake in batches, and sends a commit that takes effect later or never. It may crash, or not know the outcome
of its commit. Checked in every reachable state: records are decided once, in order, and every decision follows
from what was committed before it. The order that the router really has holds; other orders do not, which shows
that the model sees what it is for.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

import pytest

from notifier.routing.sequence import StreamState, advance, check_sequence
from support.states import explored

BOUNDS = [(3, 1), (3, 2), (4, 1)] if "NOTIFIER_LONG" in os.environ else [(3, 1)]
"""How often a router may start, and how often an outcome may stay unknown: one more is many times the states."""
BEGIN = StreamState()


def digest(name):
    return name.encode().ljust(32, b"\x00")


@dataclass(frozen=True)
class Envelope:
    """An intake record: its number, and the tail that it chains to."""

    name: str
    number: int
    previous: bytes


# Doubled records, and a chain on one that may be rejected.
INTAKE = (
    Envelope("e0", 1, bytes(32)),
    Envelope("e0", 1, bytes(32)),
    Envelope("e1", 2, digest("e0")),
    Envelope("e1", 2, digest("e0")),
    Envelope("e2", 3, digest("e1")),
)


@dataclass(frozen=True)
class Router:
    """`done` counts the steps of starting; then it runs, or waits for its commit."""

    phase: str = "idle"
    done: int = 0
    epoch: int = -1
    offset: int = 0
    stream: StreamState = BEGIN
    batch: tuple = ()


@dataclass(frozen=True)
class Commit:
    """A commit on its way to the broker."""

    router: int
    epoch: int
    offset: int
    stream: StreamState
    batch: tuple


@dataclass(frozen=True)
class State:
    """The broker's truth, both routers, commits in flight, and what may still go wrong."""

    epoch: int = 0
    log: tuple = ()
    offset: int = 0
    stream: StreamState = BEGIN
    routers: tuple = (Router(), Router())
    flight: tuple = ()
    starts: int = 3
    rejections: int = 1
    doubts: int = 1


def decide(stream, number, wish):
    """Return the outcome of record `number` on `stream` by the real rules, and the stream after it."""
    envelope = INTAKE[number]
    turn = check_sequence(stream, envelope.number, envelope.previous, digest(envelope.name))
    if turn != "in_turn":
        return turn, stream
    return wish, advance(stream, envelope.number, digest(envelope.name), accepted=wish == "accepted")


def run(stream, batch):
    """Return the stream after a batch of decisions."""
    for number, outcome in batch:
        stream = decide(stream, number, outcome)[1]
    return stream


def fault(state):
    """Return the fault of a state, or None."""
    if [number for number, _ in state.log] != list(range(len(state.log))):
        return "a record was decided twice, or one was left out"
    stream = StreamState()
    for number, outcome in state.log:
        found, stream = decide(stream, number, outcome)
        if found != outcome:
            return "a decision does not follow from what was committed"
    return None if stream == state.stream else "the streams topic contradicts the decisions"


def with_router(state, index, router, **change):
    routers = tuple(router if place_ == index else other for place_, other in enumerate(state.routers))
    return replace(state, routers=routers, **change)


def steps(state, order):
    """Yield every next state."""
    for index, router in enumerate(state.routers):
        yield from starting(state, index, router, order)
        if router.phase == "running":
            yield from deciding(state, index, router)
        if router.phase == "waiting" and state.doubts:
            yield with_router(state, index, Router(), doubts=state.doubts - 1)
        if router.phase != "idle" and state.doubts:
            yield with_router(state, index, Router(), doubts=state.doubts - 1)
    for commit in state.flight:
        yield landed(state, commit)


def starting(state, index, router, order):
    if router.phase not in ("idle", "starting") or (router.phase == "idle" and not state.starts):
        return
    starts = state.starts - (router.phase == "idle")
    done = router.done + 1
    following = replace(router, phase="running" if done == len(order) else "starting", done=done)
    step = order[router.done]
    if step == "fence":
        yield with_router(
            state, index, replace(following, epoch=state.epoch + 1), epoch=state.epoch + 1, starts=starts
        )
    else:
        restored = replace(following, offset=state.offset, stream=state.stream)
        yield with_router(state, index, restored, starts=starts)


def deciding(state, index, router):
    number = router.offset + len(router.batch)
    if number < len(INTAKE) and len(router.batch) < 2:
        for wish in ("accepted", "rejected") if state.rejections else ("accepted",):
            outcome, _ = decide(run(router.stream, router.batch), number, wish)
            if wish == "rejected" and outcome != "rejected":
                continue
            longer = replace(router, batch=(*router.batch, (number, outcome)))
            yield with_router(state, index, longer, rejections=state.rejections - (wish == "rejected"))
    if router.batch:
        commit = Commit(index, router.epoch, router.offset, router.stream, router.batch)
        yield with_router(state, index, replace(router, phase="waiting"), flight=(*state.flight, commit))


def landed(state, commit):
    """Apply a commit whose epoch is the newest; refuse others and fence their router."""
    rest = tuple(other for other in state.flight if other is not commit)
    router = state.routers[commit.router]
    mine = (router.phase, router.epoch, router.batch) == ("waiting", commit.epoch, commit.batch)
    if commit.epoch != state.epoch:
        return with_router(state, commit.router, Router() if mine else router, flight=rest)
    stream = run(commit.stream, commit.batch)
    offset = commit.offset + len(commit.batch)
    if mine:
        router = replace(router, phase="running", offset=offset, stream=stream, batch=())
    return with_router(
        state, commit.router, router, flight=rest, log=state.log + commit.batch, offset=offset, stream=stream
    )


def explore(order, starts=3, doubts=1):
    """(what is wrong or None, how many states were seen)."""
    first = State(starts=starts, doubts=doubts)
    return explored(first, lambda state: steps(state, order), fault)


@pytest.mark.parametrize(("starts", "doubts"), BOUNDS)
def test_the_order_of_the_router_holds_in_every_interleaving(starts, doubts):
    """Fence, then read the position and the streams, which one log holds."""
    wrong, states = explore(("fence", "restore"), starts, doubts)
    assert wrong is None
    assert states > 5_000


def test_the_other_order_is_wrong():
    """A read before the fence may be stale."""
    assert explore(("restore", "fence"))[0] is not None
