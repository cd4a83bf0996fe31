"""A disk that is full under the outbox: one clear line, and nothing that was accepted is lost or doubled."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import uuid

import pytest

from notifier.config import party_config
from notifier.sandbox.processes import wait_until
from support import sandbox as support

ROOM = 16 * 1024 * 1024
MESSAGES = 120


class SmallDisk:
    """A file system of `ROOM` bytes that is seen only by whoever is started on it; it goes with its holder."""

    def __init__(self, mounted, home):
        self._environment = os.environ | {"NOTIFIER_HOME": str(home)}
        user = [] if os.geteuid() == 0 else ["--map-root-user"]
        script = f"mount -t tmpfs -o size={ROOM} none '{mounted}' && echo mounted && exec sleep 600"
        self._holder = subprocess.Popen(
            ["unshare", "--mount", *user, "sh", "-c", script], stdout=subprocess.PIPE, text=True
        )
        assert self._holder.stdout.readline() == "mounted\n", "no small file system can be made here"
        self._enter = ["nsenter", "--mount", *(["--user", "--preserve-credentials"] if user else [])]
        self._enter += ["--target", str(self._holder.pid), "--"]
        self._ballast = mounted / "ballast"

    def command(self, *arguments):
        return [*self._enter, sys.executable, "-m", "notifier", *arguments]

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

    def stored(self, config):
        """How many messages the outbox holds."""
        query = "SELECT count(*) FROM message"
        return int(self._asked(config, query) or 0)

    def write_back(self, config):
        """The database's log is emptied into it: what is written next needs room of its own."""
        assert self._asked(config, "PRAGMA wal_checkpoint(TRUNCATE)") == "0"

    def _asked(self, config, query):
        """The first value that the outbox answers; "" where it does not."""
        script = f"import sqlite3,sys; print(sqlite3.connect(sys.argv[1]).execute('{query}').fetchone()[0])"
        command = [*self._enter, sys.executable, "-c", script, str(config.parent / "small" / "outbox.db")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    def fill(self, leave):
        """Everything but `leave` bytes is taken."""
        script = (
            "import os,sys; disk = os.statvfs(os.path.dirname(sys.argv[1]));"
            "open(sys.argv[1], 'wb').write(bytes(max(0, disk.f_bavail * disk.f_frsize - int(sys.argv[2]))))"
        )
        command = [*self._enter, sys.executable, "-c", script, str(self._ballast), str(leave)]
        subprocess.run(command, check=True, timeout=30)

    def empty(self):
        """There is room again."""
        subprocess.run([*self._enter, "rm", str(self._ballast)], check=True, timeout=30)

    def close(self):
        self._holder.terminate()
        self._holder.communicate(timeout=30)


@pytest.fixture
def desk(world, tmp_path):
    """MAR/spoc, with its outbox on a small disk: the configuration, the disk, and a file of notifications."""
    folder = tmp_path / "party"
    shutil.copytree(party_config(world.home, "MAR/spoc").parent, folder)
    for database in folder.glob("*.db*"):
        database.unlink()
    (folder / "small").mkdir()
    config = folder / "config.toml"
    text = config.read_text().replace("../../directory", str(world.home / "directory"))
    config.write_text(text.replace('"outbox.db"', '"small/outbox.db"'))
    disk = SmallDisk(folder / "small", world.home)
    yield config, disk
    disk.close()


def notifications(tmp_path, count):
    """A file of notifications with ids of their own, and the ids."""
    ids = [str(uuid.UUID(int=(0x01999999 << 96) | 7 << 76 | 2 << 62 | number)) for number in range(count)]
    path = tmp_path / "many.jsonl"
    documents = [support.example("deportation-completed", originator="MAR/spoc", id=one) for one in ids]
    path.write_text("".join(json.dumps(document) + "\n" for document in documents))
    return path, set(ids)


def test_a_full_disk_refuses_in_one_line_and_loses_nothing(world, desk, tmp_path):
    """What found no room is said to be refused; given again when there is room, each is delivered once."""
    config, disk = desk
    path, ids = notifications(tmp_path, MESSAGES)
    done = disk.run("publish", str(support.EXAMPLES / "deportation-completed.json"), "--config", str(config))
    assert done.returncode == 1, done.stderr  # somebody else's notification: nothing is stored, all is set up
    disk.fill(leave=32 * 1024)
    done = disk.run("publish", str(path), "--config", str(config))
    assert done.returncode == 3, done.stderr
    refused = [line for line in done.stderr.splitlines() if line.startswith("notifier: storage_failed: ")]
    assert refused
    assert all(line.endswith(": the disk is full (make room on the disk)") for line in refused)
    assert "Traceback" not in done.stderr
    disk.empty()
    done = disk.run("publish", str(path), "--config", str(config), "--wait")
    assert done.returncode == 0, done.stderr
    support.assert_exactly_once(asyncio.run(world.receive("UTO/spoc")), "MAR/spoc", ids)


def test_a_disk_that_fills_up_at_work_is_waited_for(world, desk, tmp_path):
    """What was accepted before goes out as soon as there is room, by the same process, each once."""
    config, disk = desk
    path, ids = notifications(tmp_path, MESSAGES)
    world.sandbox.process("router-1").stop(10)
    world.sandbox.process("router-2").stop(10)
    publisher = disk.start("publish", str(path), "--config", str(config), "--wait", "--timeout", "120")
    try:
        assert wait_until(lambda: disk.stored(config) == MESSAGES, support.PATIENCE_S)
        disk.write_back(config)
        disk.fill(leave=0)
        world.up()  # the hub decides; the publisher has no room for what it says
        said = iter(publisher.stderr.readline, "")
        assert any("outbox fault" in line and "the disk is full" in line for line in said)
        disk.empty()
        _, complaint = publisher.communicate(timeout=support.PATIENCE_S)
    finally:
        publisher.kill()
        publisher.communicate()
    assert publisher.returncode == 0, complaint
    assert "Traceback" not in complaint
    support.assert_exactly_once(asyncio.run(world.receive("UTO/spoc")), "MAR/spoc", ids)
