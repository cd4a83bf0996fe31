"""The alarm of a recipient that refuses what it should read: its clock or its directory is wrong, or the hub's is."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from notifier.consumers.inbox.inbox import ALARM
from notifier.consumers.verification import Refusal, Result, VerifiedMessage
from notifier.telemetry import metrics

log = structlog.get_logger("notifier.subscriber")


class Alarm:
    """Counts deliveries that are refused one after the other and may be cured; `ALARM` of them raise it."""

    def __init__(self) -> None:
        self._count = 0

    @property
    def raised(self) -> bool:
        """Return True once the count reaches `ALARM`."""
        return self._count >= ALARM

    def begin(self, count: int) -> None:
        """Begin with what an earlier process left."""
        self._set(count, "")

    def came(self, results: Sequence[Result]) -> None:
        """Note what came from the feed, in order."""
        count, reason = self._count, ""
        for result in results:
            if isinstance(result, VerifiedMessage):
                count = 0
            elif isinstance(result, Refusal) and result.cure is not None:
                count, reason = count + 1, result.reason
        self._set(count, reason)

    def end(self) -> None:
        """Note that something could be read again."""
        self._set(0, "")

    def _set(self, count: int, reason: str) -> None:
        before, self._count = self.raised, count
        metrics.REFUSED_IN_A_ROW.set(count)
        if self.raised and not before:
            log.error(
                "deliveries are refused one after the other",
                count=count,
                reason=reason,
                hint="notifier inbox refused says what cures them, notifier doctor what is wrong",
            )
        elif before and not self.raised:
            log.warning("deliveries are read again")
