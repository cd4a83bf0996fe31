"""Processor time: who used how much of the machine while something was measured."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Usage:
    """Usage in `seconds`: seconds of processor time by name, and the share of the machine that others used."""

    seconds: float
    cpu: dict[str, float]
    others: float


class Meter:
    """Watches processes by name from its making on; this process, too, as `bench` where it is not among them."""

    def __init__(self, **watched: Sequence[psutil.Process]) -> None:
        mine = psutil.Process()
        if all(mine not in some for some in watched.values()):
            watched["bench"] = [mine]
        self._watched = watched
        self._begun = self._read()

    def usage(self) -> Usage:
        """Return the usage until now."""
        (then, all_before, before), (now, all_after, after) = self._begun, self._read()
        used = {name: after[name] - before[name] for name in after}
        others = max(0.0, all_after - all_before - sum(used.values()))
        return Usage(now - then, used, others / (now - then) / (os.cpu_count() or 1))

    def _read(self) -> tuple[float, float, dict[str, float]]:
        whole = psutil.cpu_times()
        each = {name: sum(sum(one.cpu_times()[:2]) for one in some) for name, some in self._watched.items()}
        return time.perf_counter(), whole.user + whole.nice + whole.system, each
