"""What asyncio leaves to its users about tasks that are cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


async def whole(work: Coroutine[Any, Any, T]) -> T:
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


async def together(*work: Coroutine[Any, Any, None]) -> None:
    """Does all of `work` at once until some of it fails; then ends the rest, and raises what failed.

    A cancellation of the caller is felt, whatever fails beside it. `asyncio.TaskGroup` raises the failure alone where
    the two meet, and nobody sends the cancellation again.
    """
    tasks = [asyncio.create_task(one) for one in work]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        failed = [task for task in tasks if task.done() and not task.cancelled() and task.exception() is not None]
    finally:
        await whole(ended(tasks))
    for task in failed:
        task.result()


async def ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancels `tasks` and returns when each has ended, however it did."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
