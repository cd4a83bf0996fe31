"""The hub's clock and its checks: a hub with a wrong clock decides nothing.

The broker stamps the records that a router wrote itself (intake and audit topics have LogAppendTime), so their
acknowledgements tell the broker's time. The time of a sender's record proves nothing. A signature in the directory
was never made later than now.
"""

from __future__ import annotations

from notifier.directory.model import CLOCK_SKEW_MS
from notifier.directory.snapshot import Snapshot
from notifier.errors import ClockError
from notifier.runtime import Clock
from notifier.telemetry import metrics


class HubClock:
    """The clock of all decisions; its checks raise `ClockError` where it is off by more than the skew."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> int:
        """Return the time in Unix milliseconds."""
        return self._clock()

    def check_signed(self, snapshot: Snapshot) -> None:
        """Compare the clock with the latest signature of directory and rules, a lower bound."""
        signed = max(snapshot.directory.issued_at, snapshot.rules.issued_at)
        if self._clock() + CLOCK_SKEW_MS < signed:
            self._refuse(self._clock() - signed, "the directory's latest signature")

    def check_acknowledged(self, stamped: int | None, sent: int) -> None:
        """Compare the clock with the time that the broker gave a record sent at `sent`; None where it gave none."""
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
