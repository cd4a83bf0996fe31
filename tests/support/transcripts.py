"""Plays transcripts: text files of commands with what each must print and how it must end.

::

    # A remark, for whoever reads it.

    $ notifier inbox show nonsense --as TUR/spoc
    2> notifier: not_found: ...
    exit 1

``$`` is a command for the shell, ``1>`` a line of standard output, ``2>`` one of standard error, ``log>`` a line
of the structured log in the words "event, reason" (each different one once, in any order; ``...``: any others),
``exit`` the status where it is not 0. Nothing else may be printed. In a line ``...`` stands for anything, ``<id>``
for a UUID, ``<time>`` and ``<date>`` for those, ``<number>`` and ``<hex>`` for digits; a line of ``...`` alone for
any lines, none too.

Commands run in a folder of the test's own, with what stands in ``tests/cli/bin`` on the path.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

BIN = Path(__file__).parents[1] / "cli" / "bin"
PATIENCE_S = 90
PLACEHOLDERS = {
    "...": ".*",
    "<id>": "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "<time>": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)",
    "<date>": r"\d{4}-\d\d-\d\d",
    "<hex>": "[0-9a-f]+",
    "<number>": r"\d+",
}


@dataclass
class Step:
    """One command, and what is expected of it (or was seen)."""

    command: str
    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    status: int = 0

    def __str__(self) -> str:
        lines = [f"$ {self.command}", *(f"1> {line}" for line in self.out), *(f"log> {line}" for line in self.log)]
        lines += [f"2> {line}" for line in self.err]
        return "\n".join([*lines, *([f"exit {self.status}"] if self.status else [])])


def parse(text: str) -> list[Step]:
    """The steps of a transcript."""
    steps: list[Step] = []
    for number, line in enumerate(text.splitlines(), 1):
        kind, _, rest = line.partition(" ")
        if not line or kind == "#":
            continue
        if kind == "$":
            steps.append(Step(rest))
        elif kind in ("1>", "2>", "log>"):
            {"1>": steps[-1].out, "2>": steps[-1].err, "log>": steps[-1].log}[kind].append(rest)
        elif kind == "exit":
            steps[-1].status = int(rest)
        else:
            raise ValueError(f"line {number} is no line of a transcript: {line}")
    return steps


class ForkServer:
    """A process that forks each `notifier` command (support/fork_server.py); `enter` comes before every command."""

    def __init__(self, enter: Sequence[str] = ()) -> None:
        self.enter = enter
        self._place = tempfile.mkdtemp(prefix="fork_server-")
        self.socket = f"{self._place}/socket"
        fork_server = [*enter, sys.executable, str(Path(__file__).with_name("fork_server.py")), self.socket]
        self._process = subprocess.Popen(
            fork_server, stdout=subprocess.PIPE, text=True, env=environment(), start_new_session=True
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def close(self) -> None:
        """End the process, and what it forked; remove its socket."""
        os.killpg(self._process.pid, signal.SIGTERM)
        self._process.communicate(timeout=PATIENCE_S)
        shutil.rmtree(self._place)


class Stage:
    """Play transcripts in a folder; `fork_server` runs the commands (its `enter`: see `support.disks`)."""

    def __init__(self, folder: Path, fork_server: ForkServer) -> None:
        self._folder = folder
        self._fork_server = fork_server

    def play(self, text: str) -> None:
        """Runs every command; raises `AssertionError` at the first that is not as the transcript says."""
        for wanted in parse(text):
            seen = self.run(wanted.command)
            assert _as_wanted(wanted, seen), f"\nthe transcript says\n\n{wanted}\n\nand this was seen\n\n{seen}\n"

    def run(self, command: str) -> Step:
        """What a command prints, and how it ends."""
        process = subprocess.Popen(
            [*self._fork_server.enter, "bash", "-c", f"cd '{self._folder}' && {command}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="backslashreplace",
            env=environment() | {"NOTIFIER_FORK_SERVER": self._fork_server.socket},
            start_new_session=True,
        )
        try:
            out, err = process.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # whatever it started, too
            process.communicate()
            raise
        lines = err.splitlines()
        logged = [said for line in lines if (said := _logged(line)) is not None]
        plain = [line for line in lines if _logged(line) is None]
        return Step(command, out.splitlines(), plain, sorted(set(logged)), process.returncode)


def environment() -> dict[str, str]:
    """Return the environment of every command: no setting of the caller's, `tests/cli/bin` on the path."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NOTIFIER_", "LC_"))}
    return kept | {"PATH": f"{BIN}:{kept['PATH']}", "PYTHON": sys.executable, "LC_ALL": "C.UTF-8"}


def _logged(line: str) -> str | None:
    """A line of the log as "event, reason"; None for a line that is none."""
    if not line.startswith('{"'):
        return None
    entry = json.loads(line)
    return ", ".join(str(entry[name]) for name in ("event", "reason") if name in entry)


def _as_wanted(wanted: Step, seen: Step) -> bool:
    lines = _fits(wanted.out, seen.out) and _fits(wanted.err, seen.err)
    log, logged = set(wanted.log) - {"..."}, set(seen.log)
    told = log <= logged if "..." in wanted.log else log == logged
    return lines and told and wanted.status == seen.status


def _fits(wanted: Sequence[str], seen: Sequence[str]) -> bool:
    pattern = "".join("(?:.*\n)*" if line == "..." else _pattern(line) + "\n" for line in wanted)
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in seen)) is not None


def _pattern(line: str) -> str:
    parts = re.split(f"({'|'.join(map(re.escape, PLACEHOLDERS))})", line)
    return "".join(PLACEHOLDERS.get(part, re.escape(part)) for part in parts)
