"""How many examples hypothesis draws."""

from __future__ import annotations

import os

SHARE = 1.0 if "NOTIFIER_LONG" in os.environ else 0.3


def examples(count: int) -> int:
    """Return `count` where people run the whole (`make test-long`), a share of it in each commit's tests."""
    return max(20, int(count * SHARE))
