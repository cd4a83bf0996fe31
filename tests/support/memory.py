"""A folder in memory, where the machine has one with room enough."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

SHARED_MEMORY: Final = "/dev/shm"
ROOM: Final = 6 * 1024**3
"""What the tiers write at most at one time, several times over; a container often has 64 MB."""


def folder(place: str = SHARED_MEMORY, mounts: Path = Path("/proc/self/mounts")) -> str | None:
    """Return `place` where it is a tmpfs that takes files and has room; None where it is not."""
    try:
        mounted = [line.split()[1:3] for line in mounts.read_text().splitlines()]
        usable = [place, "tmpfs"] in mounted and os.access(place, os.W_OK | os.X_OK)
        return place if usable and min(shutil.disk_usage(place).free, available()) >= ROOM else None
    except OSError:
        return None


def available() -> int:
    """Return how many bytes of memory new files could take without swapping."""
    lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    return int(lines["MemAvailable"].split()[0]) * 1024
