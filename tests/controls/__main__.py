"""Takes each control away and expects its test to fail: `make test-controls`. No control can rot unseen.

A row is noticed where its test fails by an assertion of its own; a test that cannot run without the control proves
nothing, and counts as unseen. `python tests/controls 13 freshness` runs the rows whose names begin so.
"""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from plugin import BROKEN, NOTICED
from rows import ROWS, Row

HERE = Path(__file__).parent
SAID = {0: "passes without its control", BROKEN: "fails, but not by an assertion"}


def run(row: Row) -> tuple[Row, int, str]:
    """How the row's test ends without its controls (NOTICED: as it must), and what pytest said."""
    environment = os.environ | {
        "NOTIFIER_WITHOUT": row.without,
        "PYTHONPATH": os.pathsep.join(filter(None, (str(HERE), os.environ.get("PYTHONPATH")))),
    }
    options = ("-q", "-x", "-p", "plugin", "-p", "no:cacheprovider", "--disable-socket", "--allow-unix-socket")
    command = [sys.executable, "-m", "pytest", *options, row.test]
    root = HERE.parents[1]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=300, check=False, cwd=root
    )
    return row, done.returncode, done.stdout[-2500:] + done.stderr[-800:]


def main(wanted: list[str]) -> int:
    """Runs every row, two at a time; 1 where a test did not notice."""
    rows = [row for row in ROWS if not wanted or row.attack.startswith(tuple(wanted))]
    unseen = 0
    with ThreadPoolExecutor(2) as pool:
        for row, status, said in pool.map(run, rows):
            noticed = status == NOTICED
            controls = ", ".join(line.partition("=")[0].strip() for line in row.without.splitlines())
            print(f"{'noticed' if noticed else 'UNSEEN':8} {row.attack}: without {controls}", flush=True)
            if not noticed:
                unseen += 1
                print(f"{row.test}: {SAID.get(status, f'pytest ended with {status}')}\n{said}")
    print(f"{len(rows) - unseen} passed, {unseen} failed")
    return 1 if unseen or not rows else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
