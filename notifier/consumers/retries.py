"""Work that goes on by itself after a temporary fault, and what keeps it from going on now."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from notifier.aio import Backoff
from notifier.errors import TemporaryError
from notifier.runtime import Entropy

T = TypeVar("T")

log = structlog.get_logger("notifier.subscriber")


class Retries:
    """The loops of one subscriber, by their names, each with its own back-off."""

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy
        self._backoffs: dict[str, Backoff] = {}
        self._went_well: dict[str, float] = {}
        self._faults: dict[str, TemporaryError] = {}

    async def surely(self, name: str, work: Callable[[], Awaitable[T]]) -> T:
        """Return what `work` returns, however often a temporary fault makes it begin again.

        Raise what is no temporary fault, among it `OwnershipLostError`.
        """
        backoff = self._backoffs.setdefault(name, Backoff(self._entropy))
        self._went_well.setdefault(name, asyncio.get_running_loop().time())
        while True:
            try:
                result = await work()
            except TemporaryError as error:
                self._faults[name] = error
                pause = backoff.next()
                log.warning(
                    "fault", work=name, reason=error.reason, detail=error.detail, again_in_seconds=round(pause, 1)
                )
                await asyncio.sleep(pause)
            else:
                self.well(name)
                return result

    def well(self, name: str) -> None:
        """Note that the loop `name` did some of its work: the next fault is another."""
        self._backoffs.setdefault(name, Backoff(self._entropy)).reset()
        self._went_well[name] = asyncio.get_running_loop().time()
        self._faults.pop(name, None)

    def lasting(self, patience: float) -> TemporaryError | None:
        """Return the fault that has kept one of the loops from its work for `patience` seconds; None without one."""
        now = asyncio.get_running_loop().time()
        for name, error in self._faults.items():
            if now - self._went_well[name] >= patience:
                return error
        return None
