"""Group commit: calls that arrive while a transaction runs share the next one, and one fsync."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from notifier.errors import NotifierError, StorageError
from notifier.outbox.submissions import AddResult, Submission

Commit = Callable[[Sequence[Sequence[Submission]]], Awaitable[list[list[AddResult]]]]
"""Stores the items of several calls in one transaction: all of them, or none."""


class GroupCommit:
    """Gathers calls, and commits them in groups."""

    def __init__(self, commit: Commit) -> None:
        self._commit = commit
        self._calls: list[tuple[Sequence[Submission], asyncio.Future[list[AddResult]]]] = []
        self._task: asyncio.Task[None] | None = None

    async def add(self, items: Sequence[Submission]) -> list[AddResult]:
        """Store all of `items`, or none; raise what refuses them, whatever becomes of other calls."""
        done: asyncio.Future[list[AddResult]] = asyncio.get_running_loop().create_future()
        self._calls.append((items, done))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        return await done

    async def close(self) -> None:
        """Return once all that was called for is stored."""
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while self._calls:
            group, self._calls = self._calls, []
            await self._commit_group(group)

    async def _commit_group(
        self, group: Sequence[tuple[Sequence[Submission], asyncio.Future[list[AddResult]]]]
    ) -> None:
        """Commit calls in one transaction; where one of several is refused, each has its own."""
        try:
            stored = await self._commit([items for items, _ in group])
        except NotifierError as error:
            if len(group) > 1:
                for one in group:
                    await self._commit_group([one])
            elif not group[0][1].done():
                group[0][1].set_exception(error)
        except BaseException as error:
            for _, done in group:
                if not done.done():
                    done.set_exception(error if isinstance(error, Exception) else StorageError())
            raise
        else:
            for (_, done), found in zip(group, stored, strict=True):
                if not done.done():  # a caller that was cancelled does not wait for it any more
                    done.set_result(found)
