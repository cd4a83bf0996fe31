"""Delays between tries, shielded work, tasks that end together, and tasks in the background."""

from __future__ import annotations

import asyncio
import secrets

import anyio
import pytest

from notifier.aio import (
    BACKOFF_MAX_S,
    BackgroundTasks,
    Backoff,
    backoff_ms,
    run_until_first,
    shield,
    wait_for_event,
)

WHOLE = b"\xff\xff"


def pauses(entropy, count=8, **choices):
    backoff = Backoff(entropy, **choices)
    return [backoff.next() for _ in range(count)]


def test_pauses_double_up_to_the_longest():
    """With no chance at work."""
    assert pauses(lambda _: WHOLE, 6, initial=0.25, maximum=3.0) == [0.25, 0.5, 1.0, 2.0, 3.0, 3.0]


def test_chance_takes_away_at_most_half():
    """The least and the most that can be drawn."""
    assert pauses(lambda _: bytes(2), 3, initial=1.0, maximum=2.0) == [0.5, 1.0, 1.0]
    assert pauses(lambda _: WHOLE, 3, initial=1.0, maximum=2.0) == [1.0, 2.0, 2.0]


def test_no_pause_of_a_service_is_longer_than_three_seconds():
    """However long the fault lasts."""
    assert BACKOFF_MAX_S <= 3.0
    assert max(pauses(secrets.token_bytes, 1000)) <= BACKOFF_MAX_S


def test_who_is_stopped_by_the_same_fault_does_not_come_back_together():
    """Of twenty, no two wait alike."""
    assert len({tuple(pauses(secrets.token_bytes)) for _ in range(20)}) == 20


def test_work_that_went_well_begins_again_with_the_first_pause():
    """The next fault is another."""
    backoff = Backoff(lambda _: WHOLE, initial=0.25, maximum=3.0)
    assert [backoff.next(), backoff.next()] == [0.25, 0.5]
    backoff.reset()
    assert backoff.next() == 0.25


def test_stored_delays_are_whole_milliseconds_and_never_overflow():
    """However often something failed."""
    assert [backoff_ms(one, 1_000, 300_000) for one in (0, 1, 2, 8, 9, 10**9)] == [
        *(1_000, 2_000, 4_000, 256_000),
        *(300_000, 300_000),
    ]


async def cancelled_in(protect):
    """Cancel a task in the midst of work that `protect` shields; return what was done, and in which order."""
    begun, go, done = asyncio.Event(), asyncio.Event(), []

    async def work():
        begun.set()
        await go.wait()
        done.append("finished")

    async def caller():
        try:
            await protect(work)
        except asyncio.CancelledError:
            done.append("cancelled")
            raise

    task = asyncio.create_task(caller())
    await begun.wait()
    task.cancel()
    for _ in range(5):
        await asyncio.sleep(0)
    go.set()
    await asyncio.wait({task})
    assert task.cancelled()
    return done


async def test_shielded_work_ends_before_the_cancellation_is_raised():
    """A commit is complete, or was never begun, when its caller goes away."""
    assert await cancelled_in(lambda work: shield(work())) == ["finished", "cancelled"]


async def test_neither_anyio_nor_asyncio_shields_against_the_cancellation_of_a_task():
    """Why there is a shield here (ADR 11); it can go when this fails."""

    async def scope(work):
        with anyio.CancelScope(shield=True):
            await work()

    assert await cancelled_in(scope) == ["cancelled"]
    assert await cancelled_in(lambda work: asyncio.shield(work())) == ["cancelled", "finished"]


async def failing_and_cancelled(run):
    """Cancel a task in the same step in which what it runs fails; return what it is left with."""
    fails, seen = asyncio.Event(), []

    async def work():
        await fails.wait()
        raise ValueError

    async def caller():
        try:
            await run(work)
        except BaseException as error:
            seen.append(type(error))
            raise

    task = asyncio.create_task(caller())
    for _ in range(3):
        await asyncio.sleep(0)
    fails.set()
    task.cancel()
    await asyncio.wait({task})
    return *seen, task.cancelled()


async def test_a_cancellation_is_raised_whatever_fails_at_the_same_time():
    """The one who cancels sends it once."""
    assert await failing_and_cancelled(lambda work: run_until_first(work())) == (asyncio.CancelledError, True)


async def test_a_task_group_of_anyio_loses_a_cancellation_that_meets_a_failure():
    """Why there is `run_until_first` (ADR 11); it can go when this fails."""

    async def group(work):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(work)

    assert await failing_and_cancelled(group) == (ExceptionGroup, False)


async def test_the_first_that_ends_ends_the_others():
    """However it ends; a failure is raised."""
    ended = []

    async def stays(name):
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(name)

    async def fails():
        raise ValueError

    await run_until_first(stays("a"), asyncio.sleep(0), stays("b"))
    assert sorted(ended) == ["a", "b"]
    with pytest.raises(ValueError):
        await run_until_first(stays("c"), fails())
    assert sorted(ended) == ["a", "b", "c"]


async def test_a_wait_ends_with_the_event_or_the_time():
    """A condition is waited for in the same way."""
    event, condition = asyncio.Event(), asyncio.Condition()
    await wait_for_event(event, 0.001)
    event.set()
    await wait_for_event(event, float("inf"))
    async with condition:
        await wait_for_event(condition, 0.001)
        assert condition.locked()


async def test_background_tasks_run_until_they_are_closed():
    """What ended one of them is raised where it is asked for."""
    background = BackgroundTasks()

    async def fails():
        raise ValueError

    background.start(asyncio.Event().wait())
    await asyncio.sleep(0)
    background.check()
    assert background.running
    background.start(fails())
    await asyncio.sleep(0)
    assert not background.running
    with pytest.raises(ValueError):
        background.check()
    await background.close()
    assert background.running
