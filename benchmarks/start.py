"""How long a verb takes to start: from the command to its end, as whoever types it waits."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

EXAMPLE = Path("examples/deportation-ordered.json")
ROUNDS = 7


@dataclass(frozen=True)
class Start:
    """Seconds that the quickest of several runs took."""

    verb: str
    seconds: float


def measure() -> list[Start]:
    """`--help`, which imports the least, and `route`, which decides without a broker."""
    return [
        Start("notifier --help", _quickest(["--help"])),
        Start("notifier route FILE", _quickest(["route", str(EXAMPLE)])),
    ]


def _quickest(arguments: list[str]) -> float:
    found = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-m", "notifier", *arguments], stdout=subprocess.DEVNULL, check=True)
        found.append(time.perf_counter() - begun)
    return min(found)
