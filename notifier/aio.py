"""Helpers for asyncio: shielded work, tasks that end together, and back-off."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Coroutine, Sequence
from typing import Any, Final, TypeVar

from notifier.runtime import Entropy

T = TypeVar("T")

BACKOFF_INITIAL_S: Final = 0.2
BACKOFF_MAX_S: Final = 3.0
"""The longest delay between tries: work goes on within this time after a fault is over."""


async def shield(work: Coroutine[Any, Any, T]) -> T:
    """Await `work` shielded from cancellation, then re-raise the cancellation."""
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


async def run_all(*work: Coroutine[Any, Any, None]) -> None:
    """Run all of `work` concurrently; on the first failure cancel the rest and raise it.

    A cancellation of the caller is raised even where it meets a failure. `asyncio.TaskGroup` raises only the failure
    then, and the cancellation is lost.
    """
    tasks = [asyncio.create_task(one) for one in work]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        failed = [task for task in tasks if task.done() and not task.cancelled() and task.exception() is not None]
    finally:
        await shield(cancel_and_wait(tasks))
    for task in failed:
        task.result()


async def cancel_and_wait(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel `tasks` and return when each has ended, however it did."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class Backoff:
    """Delays that double from `first` to `longest` seconds, each shortened at random to no less than half.

    The jitter spreads clients that one fault stopped, so that they do not all return at once.
    """

    def __init__(
        self,
        entropy: Entropy = secrets.token_bytes,
        *,
        first: float = BACKOFF_INITIAL_S,
        longest: float = BACKOFF_MAX_S,
    ) -> None:
        self._entropy = entropy
        self._first = first
        self._longest = longest
        self._whole = first

    def next(self) -> float:
        """Return the next delay in seconds."""
        share = int.from_bytes(self._entropy(2), "big") / 0xFFFF
        pause = self._whole * (1 + share) / 2
        self._whole = min(2 * self._whole, self._longest)
        return pause

    def reset(self) -> None:
        """Start again with the first delay, after work that went well."""
        self._whole = self._first

    async def wait(self) -> None:
        """Sleep for the next delay."""
        await asyncio.sleep(self.next())
