"""The hub's clock, compared with what nobody can set for it: a hub with a wrong clock decides nothing.

The broker stamps what a router wrote itself (intake and audit topics have LogAppendTime), so its acknowledged records
say what time it is there; the time of a sender's record proves nothing. What was signed cannot have been signed later
than now.
"""

from __future__ import annotations

from notifier.directory.model import CLOCK_SKEW_MS
from notifier.directory.snapshot import Snapshot
from notifier.errors import ClockError
from notifier.runtime import Clock
from notifier.telemetry import metrics


class HubClock:
    """The clock that decisions are made by; raises `ClockError` where it is off by more than the skew."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> int:
        """Return the time in Unix milliseconds."""
        return self._clock()

    def check_signed(self, snapshot: Snapshot) -> None:
        """Compare with the latest time at which directory and rules were signed: a lower bound."""
        signed = max(snapshot.directory.issued_at, snapshot.rules.issued_at)
        if self._clock() + CLOCK_SKEW_MS < signed:
            self._refuse(self._clock() - signed, "the directory's latest signature")

    def check_acknowledged(self, stamped: int | None, sent: int) -> None:
        """Compare with the time that the broker gave a record of ours, sent at `sent`; None where it gave none."""
        if stamped is None:
            return
        now = self._clock()
        off = sent - stamped if sent > stamped else min(0, now - stamped)
        metrics.CLOCK_OFFSET.set(off / 1000)
        if abs(off) > CLOCK_SKEW_MS:
            self._refuse(off, "the broker")

    def _refuse(self, off: int, whose: str) -> None:
        where = f"{abs(off) // 1000} seconds {'ahead of' if off > 0 else 'behind'} {whose}"
        raise ClockError(detail=f"this machine's clock is {where}", hint="set the clock, and keep it set (NTP)")
