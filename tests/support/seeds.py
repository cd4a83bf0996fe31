"""Which seeds a simulation runs, and running them on every core of the machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import traceback
from concurrent.futures import ProcessPoolExecutor

import structlog

LONGEST_S = 120  # of real time, for one seed


class Hangs(Exception):
    """A run takes longer than any that ends."""


def chosen(default):
    """`NOTIFIER_SEED=17` names one, to replay it; else as many as `NOTIFIER_SEEDS` or `default` says.

    `NOTIFIER_FROM` is the first of them, 0 where it is not set: whoever runs more need not run the same again.
    """
    if only := os.environ.get("NOTIFIER_SEED"):
        return [int(only)]
    first = int(os.environ.get("NOTIFIER_FROM", "0"))
    return list(range(first, first + int(os.environ.get("NOTIFIER_SEEDS", default))))


def blocks(default, size):
    """The chosen seeds in blocks, each of them a test."""
    seeds = chosen(default)
    return [seeds[start : start + size] for start in range(0, len(seeds), size)]


class Cores:
    """Runs seeds side by side in processes of their own; a single one here, where its logs are seen."""

    def __init__(self):
        self._pool = None

    def run(self, run_seed, seeds, name="NOTIFIER_SEED"):
        """Runs `run_seed` (a function of a module that any process can import) for each; fails with those that do.

        `name` is the variable that names one, to replay it.
        """
        if len(seeds) == 1:
            run_seed(seeds[0])
            return
        if self._pool is None:
            # Workers of pytest-xdist take the cores already: each has one process beside it.
            beside = 1 if "PYTEST_XDIST_WORKER" in os.environ else None
            spawn = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(beside, mp_context=spawn, initializer=_silence)
        done = self._pool.map(_outcome, [run_seed] * len(seeds), seeds)
        told = zip(seeds, done, strict=True)
        failed = [f"replay with {name}={seed}\n{what}" for seed, what in told if what]
        assert not failed, "\n".join(failed)

    def close(self):
        """Ends the processes."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)


def _silence():
    """Nobody reads the logs of a thousand faults, and formatting them takes longer than making them."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))


def _outcome(run_seed, seed):
    """What went wrong, as text; None where nothing did."""
    signal.signal(signal.SIGALRM, _hangs)
    signal.alarm(LONGEST_S)
    try:
        run_seed(seed)
    except BaseException:
        return traceback.format_exc()
    finally:
        signal.alarm(0)
    return None


def _hangs(_number, _frame):
    raise Hangs
