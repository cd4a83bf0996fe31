"""What asyncio leaves to its users: work that no cancellation cuts, tasks that end together, pauses between tries."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Coroutine, Sequence
from typing import Any, Final, TypeVar

from notifier.runtime import Entropy

T = TypeVar("T")

BACKOFF_INITIAL_S: Final = 0.2
BACKOFF_MAX_S: Final = 3.0
"""No fault is looked at less often: whatever it was, work goes on within this time after it is over."""


async def shield(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which runs to its end; a cancellation of the caller is felt afterwards."""
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
    """Does all of `work` at once until some of it fails; then ends the rest, and raises what failed.

    A cancellation of the caller is felt, whatever fails beside it. `asyncio.TaskGroup` raises the failure alone where
    the two meet, and nobody sends the cancellation again.
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
    """Cancels `tasks` and returns when each has ended, however it did."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class Backoff:
    """Pauses that double from `first` to `longest` seconds, each shortened by chance to as little as half.

    Chance keeps those apart who were stopped by the same fault: they would come back all at once otherwise.
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
        """Return the next pause in seconds."""
        share = int.from_bytes(self._entropy(2), "big") / 0xFFFF
        pause = self._whole * (1 + share) / 2
        self._whole = min(2 * self._whole, self._longest)
        return pause

    def reset(self) -> None:
        """Begin with the first pause again: the work went well."""
        self._whole = self._first

    async def wait(self) -> None:
        """Sleep for the next pause."""
        await asyncio.sleep(self.next())
