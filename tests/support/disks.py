"""File systems that only a test's own processes see: small ones, read-only ones. They go with their holder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from notifier.config import party_config
from support import sandbox as support

ROOM = 16 * 1024 * 1024


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


FILL = """
import contextlib, os, sys
disk = os.statvfs(os.path.dirname(sys.argv[1]))
room = max(0, disk.f_bavail * disk.f_frsize - int(sys.argv[2]))
with contextlib.suppress(OSError), open(sys.argv[1], "wb", 0) as file:  # others may fill it at the same time
    for at in range(0, room, 4096):
        file.write(bytes(min(4096, room - at)))
"""


class SmallDisk:
    """A file system of `room` bytes that is seen only by whoever is started on it; it goes with its holder."""

    def __init__(self, mounted, home, room=ROOM):
        self._environment = os.environ | {"NOTIFIER_HOME": str(home)}
        self._view = Namespace()
        done = self._view.run("mount", "-t", "tmpfs", "-o", f"size={room}", "none", str(mounted))
        assert done.returncode == 0, done.stderr
        self._ballast = mounted / "ballast"

    def command(self, *arguments):
        return [*self._view.enter, sys.executable, "-m", "notifier", *arguments]

    def run(self, *arguments):
        return subprocess.run(
            self.command(*arguments),
            capture_output=True,
            text=True,
            env=self._environment,
            timeout=support.PATIENCE_S,
            check=False,
        )

    def start(self, *arguments):
        return subprocess.Popen(
            self.command(*arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self._environment,
        )

    def stored(self, config, database="outbox.db"):
        """How many messages the outbox, or the inbox, holds."""
        return int(self.asked(config, "SELECT count(*) FROM message", database) or 0)

    def write_back(self, config):
        """The database's log is emptied into it: what is written next needs room of its own."""
        assert self.asked(config, "PRAGMA wal_checkpoint(TRUNCATE)") == "0"

    def asked(self, config, query, database="outbox.db"):
        """The first value that the database answers; "" where it does not."""
        script = "import sqlite3,sys; print(sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchone()[0])"
        place = config.parent / "small" / database
        command = [*self._view.enter, sys.executable, "-c", script, str(place), query]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    def fill(self, leave):
        """Everything but `leave` bytes is taken."""
        command = [*self._view.enter, sys.executable, "-c", FILL, str(self._ballast), str(leave)]
        subprocess.run(command, check=True, timeout=30)

    def empty(self):
        """There is room again."""
        subprocess.run([*self._view.enter, "rm", str(self._ballast)], check=True, timeout=30)

    def close(self):
        self._view.close()


def outbox_on(folder, home, name, room=ROOM, database="outbox.db"):
    """The authority `name` of a sandbox, moved to `folder`, its outbox on a small disk: configuration and disk.

    `database` names the one that moves: the outbox, or the inbox with the directory's cache.
    """
    shutil.copytree(party_config(home, name).parent, folder)
    for path in folder.glob("*.db*"):
        path.unlink()
    (folder / "small").mkdir()
    config = folder / "config.toml"
    text = config.read_text().replace("../../directory", str(home / "directory"))
    text = text.replace(f'"{database}"', f'"small/{database}"')
    if database == "inbox.db":
        text = text.replace('cache = "directory"', 'cache = "small/directory"')
        assert "small/directory" in text
    config.write_text(text)
    return config, SmallDisk(folder / "small", home, room)
