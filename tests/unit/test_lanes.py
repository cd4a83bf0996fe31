"""`tools/lanes`, which runs the tiers of `make test` side by side."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

LANES = Path(__file__).parents[2] / "tools" / "lanes"
MAKEFILE = """
good:
\t@echo said by good
bad:
\t@echo said by bad; exit 3
slow:
\t@echo $$$$ >begun; exec sleep 600
first: ; @mkfifo pipe && cat pipe
second: ; @while [ ! -p pipe ]; do :; done; echo both run >pipe
"""


@pytest.fixture
def lanes(tmp_path):
    """Start `tools/lanes` on a few small targets."""
    (tmp_path / "Makefile").write_text(MAKEFILE)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}

    def start(*arguments):
        command = [sys.executable, str(LANES), *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return subprocess.Popen(command, cwd=tmp_path, env=environment, text=True, **pipes)

    return start


def test_a_target_that_fails_stops_nothing_and_fails_the_whole(lanes):
    """The output of each is shown, and how it ended."""
    run = lanes("bad good", "good")
    said, _ = run.communicate(timeout=60)
    assert run.returncode == 1
    assert said.count("said by good") == 2
    assert "said by bad" in said
    assert "FAILED" in said.splitlines()[-1] + said.splitlines()[-2] + said.splitlines()[-3]
    assert sum(line.endswith("passed") for line in said.splitlines()) == 2


def test_lanes_run_side_by_side(lanes):
    """Each of the two waits for the other."""
    run = lanes("first", "second")
    said, _ = run.communicate(timeout=60)
    assert run.returncode == 0
    assert "both run" in said


def test_a_signal_ends_what_runs_and_starts_nothing_else(lanes, tmp_path):
    """The exit status says which signal it was."""
    run = lanes("slow good")
    while not (tmp_path / "begun").exists() or not (tmp_path / "begun").read_text():
        assert run.poll() is None
    run.send_signal(signal.SIGTERM)
    said, _ = run.communicate(timeout=60)
    assert run.returncode == 128 + signal.SIGTERM
    assert "said by good" not in said
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "begun").read_text()), 0)
