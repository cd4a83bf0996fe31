"""A disk that is full under outbox or inbox: one clear line, nothing lost or doubled, and nobody ends for it."""

from __future__ import annotations

import asyncio
import itertools
import json
import uuid

import pytest

from notifier.sandbox.processes import wait_until
from support import sandbox as support
from support.disks import outbox_on

MESSAGES = 120
SERIES = itertools.count(0, 1 << 16)


@pytest.fixture
def desk(world, tmp_path):
    """MAR/spoc, with its outbox on a small disk: the configuration and the disk."""
    config, disk = outbox_on(tmp_path / "party", world.home, "MAR/spoc")
    yield config, disk
    disk.close()


def notifications(tmp_path, count):
    """A file of notifications with ids of their own, that no other test has, and the ids."""
    series = next(SERIES)
    ids = [str(uuid.UUID(int=(0x01999999 << 96) | 7 << 76 | 2 << 62 | series | number)) for number in range(count)]
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


def test_a_subscriber_outlives_a_full_disk(world, tmp_path):
    """Inbox, directory cache and sink have no room: the same process goes on by itself when they have, each once."""
    config, disk = outbox_on(tmp_path / "party", world.home, "UTO/spoc", database="inbox.db")
    sink = tmp_path / "party" / "small" / "out.jsonl"
    path, ids = notifications(tmp_path, MESSAGES)
    known = len(asyncio.run(world.receive("UTO/spoc")))
    subscriber = disk.start("subscribe", "--config", str(config), "--sink", f"jsonl:{sink}")
    try:
        assert wait_until(lambda: disk.stored(config, "inbox.db") >= known, support.PATIENCE_S)
        assert disk.asked(config, "PRAGMA wal_checkpoint(TRUNCATE)", "inbox.db") == "0"
        disk.fill(leave=0)
        done = world.shell("publish", str(path), "--as", "MAR/spoc", "--wait")
        assert done.returncode == 0, done.stderr
        said = iter(subscriber.stderr.readline, "")
        assert any("fault" in line and "the disk is full" in line for line in said)
        disk.empty()
        assert wait_until(lambda: disk.stored(config, "inbox.db") >= known + len(ids), support.PATIENCE_S)
        subscriber.terminate()
        _, complaint = subscriber.communicate(timeout=support.PATIENCE_S)
    finally:
        subscriber.kill()
        subscriber.communicate()
        disk.close()
    assert subscriber.returncode == 0, complaint
    assert "Traceback" not in complaint
