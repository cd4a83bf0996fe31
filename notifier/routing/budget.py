"""A limit on the bytes that are delivered for one originator over time. Pure.

The broker limits what an authority writes, but one envelope makes a delivery for each of many recipients. So
deliveries are limited, too: `OUTPUT_RATE` bytes a second for one originator, and `OUTPUT_BURST` at once. Each
partition counts by itself, and starts from zero when another router takes it over.
"""

from __future__ import annotations

from typing import Final

from notifier.routing.admission import OpenedEnvelope

OUTPUT_RATE: Final = 8 * 1024 * 1024  # bytes a second: as much as a recipient may read (sandbox/acls.py)
OUTPUT_BURST: Final = 64 * 1024 * 1024  # bytes: the largest envelope to the most recipients
DELIVERY_OVERHEAD: Final = 1024  # of a delivery: prefix, statement, its path


class Budget:
    """A leaky bucket for each originator: the bytes in it, and the time of the last change (Unix ms)."""

    def __init__(self) -> None:
        self._used: dict[str, tuple[float, int]] = {}

    def allows(self, originator: str, now: int) -> bool:
        """Return whether one more envelope of the originator may be delivered at time `now`."""
        return self._left_over(originator, now) < OUTPUT_BURST

    def spend(self, originator: str, size: int, now: int) -> None:
        """Count `size` bytes that are delivered at time `now`."""
        self._used[originator] = (self._left_over(originator, now) + size, now)

    def _left_over(self, originator: str, now: int) -> float:
        used, since = self._used.get(originator, (0.0, now))
        return max(0.0, used - max(0, now - since) * OUTPUT_RATE / 1000)


def output_of(readable: OpenedEnvelope) -> int:
    """Return the approximate size in bytes of all deliveries of an envelope."""
    parts = readable.envelope.parts
    return len(readable.rids) * (len(parts.body) + 32 * len(parts.hashes) + DELIVERY_OVERHEAD)
