"""Takes each control away and expects its test to fail: `make test-controls`. No control can rot unseen.

A row is noticed where its test fails by an assertion of its own; a test that cannot run without the control, or that
never ends, proves nothing and counts as unseen. `python tests/controls 13 freshness` runs the rows whose names begin
so.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from plugin import BROKEN, NOTICED
from rows import ROWS
from trial import run

HERE = Path(__file__).parent
SAID = {0: "passes without its control", BROKEN: "fails, but not by an assertion"}


def main(wanted: list[str]) -> int:
    """Runs every row, two at a time; 1 where a test did not notice."""
    rows = [row for row in ROWS if not wanted or row.attack.startswith(tuple(wanted))]
    unseen = 0
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(HERE), os.environ.get("PYTHONPATH"))))
    os.chdir(HERE.parents[1])
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["trial"])
    with ProcessPoolExecutor(2, mp_context=server, max_tasks_per_child=1) as pool:
        for row, (status, said) in zip(rows, pool.map(run, rows), strict=True):
            noticed = status == NOTICED
            controls = ", ".join(line.partition("=")[0].strip() for line in row.without.splitlines())
            print(f"{'noticed' if noticed else 'UNSEEN':8} {row.attack}: without {controls}", flush=True)
            if not noticed:
                unseen += 1
                print(f"{row.test}: {SAID.get(status, f'pytest ended with {status}')}\n{said}", flush=True)
    print(f"{len(rows) - unseen} passed, {unseen} failed")
    return 1 if unseen or not rows else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
