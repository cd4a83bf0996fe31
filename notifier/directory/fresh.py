"""Refresh of a directory source in the background, shared by publisher, subscriber and services."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from notifier.aio import Backoff
from notifier.directory.snapshot import DirectorySource, Snapshot
from notifier.errors import DirectoryStaleError, NotifierError

REFRESH_SECONDS: Final = 30.0


async def first_look(directory: DirectorySource, log: Any) -> None:
    """Refresh once; raise the failure only where no earlier state is fresh enough."""
    try:
        await directory.refresh()
        _say(directory, log)
    except NotifierError as error:
        try:
            directory.snapshot()
        except DirectoryStaleError:
            raise error from None


async def keep_fresh(
    directory: DirectorySource, log: Any, backoff: Backoff, looked: Callable[[Snapshot], None] | None = None
) -> None:
    """Refresh every `REFRESH_SECONDS` until cancelled; after a failure, sooner.

    A failed refresh is logged; work fails only when the grace has passed. `looked` gets the snapshot of every
    refresh.
    """
    pause = REFRESH_SECONDS
    while True:
        await asyncio.sleep(pause)
        try:
            await directory.refresh()
            snapshot = directory.snapshot()
        except NotifierError as error:
            pause = backoff.next()
            log.warning("directory not refreshed", reason=error.reason, detail=error.detail)
            continue
        _say(directory, log)
        pause = REFRESH_SECONDS
        backoff.reset()
        if looked is not None:
            looked(snapshot)


def _say(directory: DirectorySource, log: Any) -> None:
    """Log a cache that cannot be written; not every source has a cache."""
    fault = getattr(directory, "cache_fault", None)
    if fault is not None:
        log.warning("directory not cached", reason=fault.reason, detail=fault.detail)
