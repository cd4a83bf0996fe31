"""The tests themselves, ended by a signal: no broker, router or auditor of theirs goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from notifier.sandbox.processes import wait_until
from notifier.sandbox.sandbox import Sandbox

ROOT = Path(__file__).parents[2]
LIMIT_S = 240
STANDS = """
import signal

def test_stands_until_it_is_ended(world):
    signal.pause()
"""


def test_tests_that_are_ended_leave_no_process_behind(tmp_path):
    """By SIGTERM to `tools/lanes`, as to `make test`, while a worker of the integration tier has a sandbox."""
    base, stands = tmp_path / "base", tmp_path / "test_stands.py"
    stands.write_text(STANDS)
    pytest = f"{sys.executable} -m pytest -p conftest -p integration.conftest -p no:cacheprovider -n 1"
    options = f"-c {ROOT}/pyproject.toml --basetemp={base} --timeout={LIMIT_S}"
    (tmp_path / "Makefile").write_text(f"tier:\n\t{pytest} {options} {stands}\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "PYTEST_"))}
    run = subprocess.Popen(
        [sys.executable, str(ROOT / "tools" / "lanes"), "tier"],
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(ROOT / "tests")},
        stdout=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: ready(base) or run.poll() is not None, LIMIT_S)
    assert run.poll() is None, run.communicate()[0]
    assert living(base)
    run.send_signal(signal.SIGTERM)
    said, _ = run.communicate(timeout=LIMIT_S)
    assert run.returncode == 128 + signal.SIGTERM, said
    assert living(base) == []


def ready(base):
    """Whether a sandbox below the folder runs whole."""
    return any(Sandbox(one.parent).status()["ready"] for one in base.rglob("sandbox.json"))


def living(base):
    """The command lines of processes that were started for a home below the folder."""
    found = []
    for process in psutil.process_iter():
        try:
            line = process.cmdline()
            if any(str(base) in word for word in [*line, process.environ().get("TMPDIR", "")]):
                found.append(line)
        except psutil.Error:
            continue
    return found
