"""Runs the notifier on a clock that is CLOCK_OFF_S seconds off."""

import os
import sys
import time


def set_clock() -> None:
    """Shift the clock if the environment says so."""
    off = int(os.environ.get("CLOCK_OFF_S", "0"))
    if off:
        now_ns, now = time.time_ns, time.time
        time.time_ns = lambda: now_ns() + off * 10**9
        time.time = lambda: now() + off


if __name__ == "__main__":
    set_clock()
    del sys.path[0]  # this folder
    from notifier.cli.main import main

    main()
