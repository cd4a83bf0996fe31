"""Start-up time of a verb: from the command to its end, as its user waits for it."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

EXAMPLE = Path("examples/deportation-ordered.json")
ROUNDS = 7


@dataclass(frozen=True)
class Start:
    """Seconds that the quickest of several runs took, and of processor time that the cheapest took."""

    verb: str
    seconds: float
    cpu: float


def measure() -> list[Start]:
    """`--help`, which imports the least, and `route`, which decides without a broker."""
    return [_start("notifier --help", ["--help"]), _start("notifier route FILE", ["route", str(EXAMPLE)])]


def _start(verb: str, arguments: list[str]) -> Start:
    runs = [_once(arguments) for _ in range(ROUNDS)]
    return Start(verb, min(seconds for seconds, _ in runs), min(cpu for _, cpu in runs))


def _once(arguments: list[str]) -> tuple[float, float]:
    """Return the time and the processor time of one run."""
    begun, before = time.perf_counter(), _children()
    subprocess.run([sys.executable, "-m", "notifier", *arguments], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begun, _children() - before


def _children() -> float:
    """Return the seconds of processor time of every process that was waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
