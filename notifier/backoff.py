"""How long to wait between two tries of the same work: every loop of every service waits by this."""

from __future__ import annotations

import asyncio
import secrets
from typing import Final

from notifier.runtime import Entropy

FIRST_S: Final = 0.2
LONGEST_S: Final = 3.0
"""No fault is looked at less often: whatever it was, work goes on within this time after it is over."""


class Backoff:
    """Pauses that double from `first` to `longest` seconds, each shortened by chance to as little as half.

    Chance keeps those apart who were stopped by the same fault: they would come back all at once otherwise.
    """

    def __init__(
        self, entropy: Entropy = secrets.token_bytes, *, first: float = FIRST_S, longest: float = LONGEST_S
    ) -> None:
        self._entropy = entropy
        self._first = first
        self._longest = longest
        self._whole = first

    def next(self) -> float:
        """Return the next pause in seconds."""
        share = int.from_bytes(self._entropy(2), "big") / 0xFFFF
        pause = self._whole * (1 + share) / 2
        self._whole = min(2 * self._whole, self._longest)
        return pause

    def reset(self) -> None:
        """Begin with the first pause again: the work went well."""
        self._whole = self._first

    async def wait(self) -> None:
        """Sleep for the next pause."""
        await asyncio.sleep(self.next())
