"""Processes that outlive the command that started them, identified by pid and start time."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import psutil

from notifier.errors import StorageError, TemporaryError
from notifier.files import write_atomic

LOG_LINES: Final = 12
POLL_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Process:
    """A process as its file records it. A pid may be reused, so the start time counts, too.

    `started` is in seconds since the machine's boot, which `boot` names; setting the clock changes neither.
    """

    pid: int
    started: float
    boot: str

    @classmethod
    def of(cls, process: psutil.Process) -> Process:
        """Return the record of a live process; raises `psutil.NoSuchProcess`."""
        return cls(process.pid, process.create_time() - psutil.boot_time(), _boot())

    def is_one_with(self, other: Process) -> bool:
        """Return whether both are records of the same process."""
        return (self.pid, self.boot) == (other.pid, other.boot) and abs(self.started - other.started) < 1.0


def _boot() -> str:
    """Return the id of this boot of the machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


class Supervised:
    """A process of the sandbox, recorded in `run/<name>.json`, with its output in `logs/<name>.log`.

    Its temporary files are below the home, too: in `tmp/<name>`, for its owner alone.
    """

    def __init__(self, home: Path, name: str) -> None:
        self.name = name
        self.log = home / "logs" / f"{name}.log"
        self.temporary = home / "tmp" / name
        self._file = home / "run" / f"{name}.json"

    def process(self) -> psutil.Process | None:
        """Return the live process that was started here, or None."""
        try:
            recorded = Process(**json.loads(self._file.read_text()))
            found = psutil.Process(recorded.pid)
            same = recorded.is_one_with(Process.of(found))
            return found if same and found.status() != psutil.STATUS_ZOMBIE else None
        except (OSError, ValueError, TypeError, psutil.NoSuchProcess):
            return None

    def wanted(self) -> bool:
        """Return whether it was started and not stopped since, even if it has died."""
        return self._file.exists()

    def died(self) -> bool:
        """Return whether it ended without having been stopped."""
        return self.wanted() and self.process() is None

    def reap(self) -> None:
        """Reap a child process that has ended."""
        with contextlib.suppress(OSError, ValueError, TypeError):
            os.waitpid(Process(**json.loads(self._file.read_text())).pid, os.WNOHANG)

    def start(
        self, command: Sequence[str], *, folder: Path | None = None, environment: Mapping[str, str] | None = None
    ) -> None:
        """Start `command` in a session of its own and in `folder`, unless it is running already."""
        if self.process() is not None:
            return
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.temporary.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            child = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=folder,
                env={**os.environ, "TMPDIR": str(self.temporary), **(environment or {})},
            )
        record = Process.of(psutil.Process(child.pid))
        try:
            write_atomic(self._file, json.dumps(asdict(record)).encode())
        except StorageError:
            child.kill()  # without its record nobody could find it again
            child.wait()
            raise
        # The child is not waited for here: it outlives this command. Reaped when this command ends.
        child.returncode = 0

    def stop(self, patience_s: float) -> None:
        """Terminate the process, and kill it after `patience_s`; do nothing where there is none."""
        process = self.process()
        if process is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()
                # Not psutil's wait alone: a zombie that its parent does not reap has ended, but never disappears.
                if not wait_until(self._ended, patience_s):
                    process.kill()
                    wait_until(self._ended, patience_s)
                with contextlib.suppress(psutil.TimeoutExpired):
                    process.wait(0)
        self._file.unlink(missing_ok=True)

    def _ended(self) -> bool:
        return self.process() is None

    def failed(self, what: str) -> TemporaryError:
        """Return the error that names the log and quotes its last lines."""
        return TemporaryError("sandbox_failed", f"{self.name} {what}; read {self.log}", hint=self.last_lines())

    def last_lines(self) -> str:
        """Return the end of its log on one line."""
        try:
            lines = self.log.read_text(errors="replace").splitlines()
        except OSError:
            return "the log is empty"
        return " | ".join(lines[-LOG_LINES:]) or "the log is empty"


@dataclass(frozen=True, slots=True)
class Part:
    """A process of the sandbox with its command; `port` is its readiness port on the loopback."""

    process: Supervised
    command: Sequence[str]
    folder: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int | None = None

    def start(self) -> None:
        """Start it, unless it runs."""
        self.process.start(self.command, folder=self.folder, environment=self.environment)


def wait_until(there: Callable[[], bool], patience_s: float) -> bool:
    """Return whether `there()` became true within `patience_s`."""
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        if there():
            return True
        time.sleep(POLL_S)
    return False
