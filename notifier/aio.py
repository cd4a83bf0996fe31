"""Building blocks for asyncio: shielded work, tasks that end together, background tasks, and delays between tries."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Coroutine, Sequence
from typing import Any, Final, TypeVar

from notifier.runtime import Entropy

T = TypeVar("T")

BACKOFF_INITIAL_S: Final = 0.2
BACKOFF_MAX_S: Final = 3.0
"""The longest back-off of a service: whatever the fault was, work goes on within this time after it is over."""
MAX_DOUBLINGS: Final = 32
"""The number of doublings after which every back-off has reached its maximum."""


async def shield(work: Coroutine[Any, Any, T]) -> T:
    """Await `work` shielded from cancellation, then re-raise the cancellation.

    The shields of asyncio and anyio do less, see docs/adr/0011-tasks-are-shielded-by-our-own-code.md.
    """
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        if not task.cancelled():
            task.exception()
        raise cancelled
    return task.result()


async def run_until_first(*work: Coroutine[Any, Any, object]) -> None:
    """Run all of `work` at once until the first ends, cancel the rest, and raise the failure of what ended.

    A cancellation of the caller is always raised. `asyncio.TaskGroup` loses it where a task fails at the same time.
    """
    tasks: list[asyncio.Task[Any]] = [asyncio.create_task(one) for one in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await shield(cancel_and_wait(tasks))
    for task in tasks:
        if task in done:
            task.result()


async def cancel_and_wait(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancel `tasks` and return when all have ended; their results and failures are dropped."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def wait_for_event(event: asyncio.Event | asyncio.Condition, seconds: float) -> None:
    """Wait until `event` is set, or `seconds` have passed; a condition is held by the caller, and notified.

    Not `asyncio.wait_for`: in Python 3.11 it can swallow a cancellation that meets the event.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


class BackgroundTasks:
    """Tasks that run beside the code that started them, until it closes them."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, *work: Coroutine[Any, Any, None]) -> None:
        """Run each of `work` as a task."""
        self._tasks += [asyncio.create_task(one) for one in work]

    @property
    def running(self) -> bool:
        """Return whether every task that was started still runs."""
        return not any(task.done() for task in self._tasks)

    def check(self) -> None:
        """Raise the failure of the first task that has ended."""
        for task in self._tasks:
            if task.done():
                task.result()

    async def close(self) -> None:
        """Cancel all tasks and return when they have ended; their failures are dropped."""
        tasks, self._tasks = self._tasks, []
        await cancel_and_wait(tasks)


def backoff_delay(attempt: int, initial: float, maximum: float) -> float:
    """Return the delay after failure `attempt`, counted from 0: `initial`, doubled each time up to `maximum`."""
    return min(initial * (1 << min(attempt, MAX_DOUBLINGS)), maximum)


def backoff_ms(attempt: int, initial: int, maximum: int) -> int:
    """Return the delay of `backoff_delay` in whole milliseconds, for due times that are stored."""
    return int(backoff_delay(attempt, initial, maximum))


class Backoff:
    """Delays that double from `initial` to `maximum` seconds, each shortened at random to as little as half.

    Random delays keep apart those that failed together: they would all come back at once otherwise.
    """

    def __init__(
        self,
        entropy: Entropy = secrets.token_bytes,
        *,
        initial: float = BACKOFF_INITIAL_S,
        maximum: float = BACKOFF_MAX_S,
    ) -> None:
        self._entropy = entropy
        self._initial = initial
        self._maximum = maximum
        self._attempt = 0

    def next(self) -> float:
        """Return the next delay in seconds."""
        delay = backoff_delay(self._attempt, self._initial, self._maximum)
        self._attempt += 1
        share = int.from_bytes(self._entropy(2), "big") / 0xFFFF
        return delay * (1 + share) / 2

    def reset(self) -> None:
        """Begin with the initial delay again, after a success."""
        self._attempt = 0

    async def wait(self) -> None:
        """Sleep for the next delay."""
        await asyncio.sleep(self.next())
