"""The clock and the random source of a process, as values that tests can replace."""

from __future__ import annotations

import io
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

Clock = Callable[[], int]
"""Returns the current time in Unix milliseconds."""

Entropy = Callable[[int], bytes]
"""Returns the given number of random bytes, fit for keys."""


def buffered(entropy: Entropy, block: int = 16_384) -> Entropy:
    """Return `entropy` read in blocks of `block` bytes, which makes many short draws cheap. No byte is used twice."""
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
    """Return the time of the machine's clock in Unix milliseconds."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Runtime:
    """The clock and random source of one process; the defaults are the real ones."""

    clock: Clock = wall_clock
    entropy: Entropy = secrets.token_bytes


REAL = Runtime()
