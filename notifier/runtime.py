"""The two things that the shells take from the world besides I/O, so that tests can put their own in."""

from __future__ import annotations

import io
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

Clock = Callable[[], int]
"""The time now in Unix milliseconds."""

Entropy = Callable[[int], bytes]
"""That many random bytes, fit for keys."""


def buffered(entropy: Entropy, block: int = 16_384) -> Entropy:
    """`entropy`, asked for `block` bytes at a time: for whoever needs many short ones. No byte is given twice."""
    source = io.BytesIO()

    def draw(count: int) -> bytes:
        nonlocal source
        drawn = source.read(count)
        if len(drawn) < count:
            source = io.BytesIO(entropy(max(block, count)))
            drawn = source.read(count)
        return drawn

    return draw


def wall_clock() -> int:
    """The machine's clock, in Unix milliseconds."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Runtime:
    """The clock and randomness of one process; the defaults are the real ones."""

    clock: Clock = wall_clock
    entropy: Entropy = secrets.token_bytes


REAL = Runtime()
