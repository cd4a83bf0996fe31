"""Trying again what was refused and may be good by now: `Retrial` beside the feed, `try_all` at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from notifier.consumers.inbox.inbox import Inbox
from notifier.consumers.inbox.transaction import BatchResult
from notifier.consumers.reader import Verification
from notifier.directory.model import Directory
from notifier.storage.lease import Lease

BATCH: Final = 200
POLL_INTERVAL: Final = 1.0


@dataclass(frozen=True, slots=True)
class _Sweep:
    """One walk over what is kept: what comes after the offset `after`, and (unless None) is due by `due_by`."""

    directory: Directory
    after: int
    due_by: int | None


class Retrial:
    """Decides what is due, and tries it a batch at a time, so that the feed is never held up.

    Everything is due when the directory changed, and at the start, since the keys at hand may be others then. What
    is not yet valid is due when its time has come by this machine's clock, whatever became of the clock meanwhile;
    so is what somebody asked for.
    """

    def __init__(self, inbox: Inbox, verification: Verification, lease: Lease) -> None:
        self._inbox = inbox
        self._verification = verification
        self._lease = lease
        self._sweep: _Sweep | None = None
        self._swept_with: Directory | None = None
        self._look_at = 0.0

    @property
    def busy(self) -> bool:
        """Return True while a sweep of due refusals is in progress."""
        return self._sweep is not None

    async def step(self, begun_at: int) -> BatchResult | None:
        """Try one batch, where something is due; the feed's offset stays at `begun_at`. None where nothing was.

        Raises as `Inbox.store_again` and `Verification.results`.
        """
        sweep = self._sweep or self._begun()
        if sweep is None:
            return None
        kept = await self._inbox.kept(sweep.after, sweep.due_by, BATCH)
        stored = None
        if kept:
            results = await self._verification.results([one.raw for one in kept])
            signing = self._verification.signing
            stored = await self._inbox.store_again(kept, results, begun_at, self._lease, signing)
        if len(kept) == BATCH:
            self._sweep = _Sweep(sweep.directory, kept[-1].offset, sweep.due_by)
        else:
            self._sweep, self._swept_with = None, sweep.directory
        return stored

    def _begun(self) -> _Sweep | None:
        directory = self._verification.snapshot().directory
        now = asyncio.get_running_loop().time()
        # Most looks find the same object; a refresh may bring an equal one.
        if directory is not self._swept_with and directory != self._swept_with:
            return _Sweep(directory, -1, None)
        if now < self._look_at:
            return None
        self._look_at = now + POLL_INTERVAL
        return _Sweep(directory, -1, self._verification.clock())


async def try_all(inbox: Inbox, verification: Verification, lease: Lease) -> list[BatchResult]:
    """Try everything that may be cured once; return what each batch brought."""
    retrial, begun_at = Retrial(inbox, verification, lease), await inbox.offset()
    found = []
    while (stored := await retrial.step(begun_at)) is not None:
        found.append(stored)
    return found
