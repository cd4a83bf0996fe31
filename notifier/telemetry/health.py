"""Readiness of a service: checked every second, and logged at each change.

A service that only reads gets no error from a broker that is gone, because aiokafka goes on trying. The broker is
therefore pinged. It counts as lost after a silence as long as its group session timeout.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import structlog

from notifier.errors import NotifierError

SESSION_SECONDS: Final = 6.0  # of silence: the broker's session timeout for a member of a group
POLL_INTERVAL: Final = 1.0

log = structlog.get_logger("notifier.service")


class Readiness:
    """Readiness of a service: answers of the broker, and named `checks`.

    `ping` returns when the broker has answered. `run` does the checks; a call returns the result.
    """

    def __init__(self, ping: Callable[[], Awaitable[None]], checks: Mapping[str, Callable[[], bool]]) -> None:
        self._ping = ping
        self._checks = checks
        self._answered_at = _monotonic() - SESSION_SECONDS
        self._said: tuple[str, ...] | None = None

    def __call__(self) -> bool:
        """Return whether nothing is missing."""
        return not self.missing()

    def missing(self) -> tuple[str, ...]:
        """Return the names of the failing checks, with "broker" where it is silent."""
        silent = _monotonic() - self._answered_at >= SESSION_SECONDS
        return (*(("broker",) if silent else ()), *(name for name, check in self._checks.items() if not check()))

    async def run(self) -> None:
        """Check every second until cancelled."""
        while True:
            try:
                async with asyncio.timeout(SESSION_SECONDS / 2):
                    await self._ping()
                self._answered_at = _monotonic()
            except (NotifierError, TimeoutError):
                pass  # reported once it has lasted
            self._say()
            await asyncio.sleep(POLL_INTERVAL)

    def _say(self) -> None:
        missing = self.missing()
        if missing == self._said:
            return
        before, self._said = self._said or (), missing
        if "broker" in missing and "broker" not in before:
            log.warning("broker lost", silent_seconds=round(_monotonic() - self._answered_at))
        elif "broker" in before and "broker" not in missing:
            log.info("broker answers again")
        if missing:
            log.warning("not ready", missing=list(missing))
        else:
            log.info("ready")


def _monotonic() -> float:
    return asyncio.get_running_loop().time()
