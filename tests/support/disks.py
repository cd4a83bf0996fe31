"""File systems that only a test's own processes see: small ones, read-only ones. They go with their holder."""

from __future__ import annotations

import os
import subprocess


class Namespace:
    """A view of the files that a process enters with `enter` before its command; what it mounts only it sees.

    Works for root, and for anybody where user namespaces are allowed.
    """

    def __init__(self) -> None:
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        self._holder = subprocess.Popen(
            ["unshare", "--mount", *user, "sh", "-c", "echo here && exec sleep 3600"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == "here\n", "no view of its own can be made here"
        self.enter = ["nsenter", "--mount", *(["--user", "--preserve-credentials"] if user else [])]
        self.enter += ["--target", str(self._holder.pid), "--"]

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """What the command says, run in this view."""
        return subprocess.run([*self.enter, *command], capture_output=True, text=True, timeout=30, check=False)

    def close(self) -> None:
        """Lets go of it; whoever still is in it keeps it."""
        self._holder.terminate()
        self._holder.communicate(timeout=30)
