"""Signals, certificates and files that are not as they should be: one line, the right exit status, nothing lost."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys

import pytest

from notifier.config import party_config
from notifier.sandbox.pki import CertificateAuthority
from notifier.sandbox.processes import wait_until
from support import sandbox as support

ARREST = str(support.EXAMPLES / "arrest.json")


def one_line(done, reason):
    """The refusal is one line with its reason, and no traceback."""
    assert "Traceback" not in done.stderr
    assert f"notifier: {reason}: " in done.stderr, done.stderr


@pytest.fixture
def party(world, tmp_path):
    """A copy of BGR/spoc's folder, to be spoiled: its configuration file."""
    folder = tmp_path / "party"
    shutil.copytree(party_config(world.home, "BGR/spoc").parent, folder)
    config = folder / "config.toml"
    config.write_text(config.read_text().replace("../../directory", str(world.home / "directory")))
    for database in folder.glob("*.db*"):
        database.unlink()
    return config


@pytest.mark.parametrize("who", ["of another authority", "expired"])
def test_with_a_bad_certificate_what_is_published_waits(world, party, who):
    """It is durable, said to wait, and goes out once the certificate is right."""
    good = (party.parent / "tls.pem").read_bytes(), (party.parent / "tls.key").read_bytes()
    if who == "expired":
        issuer, valid = CertificateAuthority(world.home / "pki"), dt.timedelta(seconds=-1)
    else:
        issuer, valid = CertificateAuthority(party.parent / "foreign"), dt.timedelta(days=1)
    ca = (party.parent / "ca.pem").read_bytes()
    issuer.issue(party.parent, "bgr-spoc", valid=valid)
    (party.parent / "ca.pem").write_bytes(ca)
    done = world.shell("publish", ARREST, "--config", str(party), "--wait", "--timeout", "3", "--json")
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    (message,) = json.loads(done.stdout)["messages"]
    assert message["state"] == "waiting"
    (party.parent / "tls.pem").write_bytes(good[0])
    (party.parent / "tls.key").write_bytes(good[1])
    done = world.shell("publish", "--config", str(party), "--wait")
    assert done.returncode == 0, done.stderr
    done = world.shell("why", message["id"], "--config", str(party), "--json")
    assert {one["outcome"] for one in json.loads(done.stdout)["recipients"]} == {"send"}


CLOCK = """
import runpy, sys, time
off = int(sys.argv.pop(1))
now_ns, now = time.time_ns, time.time
time.time_ns = lambda: now_ns() + off * 10**9
time.time = lambda: now() + off
sys.argv[0] = "notifier"
runpy.run_module("notifier", run_name="__main__")
"""


@pytest.mark.parametrize(("minutes", "says"), [(10, "not_yet_valid"), (-10, None)])
def test_a_clock_that_is_ten_minutes_off_loses_nothing(world, party, minutes, says):
    """Ahead, the hub's reason is shown and the message waits until the clock is right; behind, it goes out."""
    command = [sys.executable, "-c", CLOCK, str(minutes * 60), "publish", ARREST, "--config", str(party)]
    done = subprocess.run(
        [*command, "--wait", "--timeout", "10", "--json"], capture_output=True, text=True, timeout=60, check=False
    )
    (message,) = json.loads(done.stdout)["messages"]
    assert "Traceback" not in done.stderr
    assert (done.returncode, message["state"]) == ((3, "waiting") if says else (0, "told")), done.stderr
    assert message["reason"] == says
    done = world.shell("publish", "--config", str(party), "--wait")
    assert done.returncode == 0, done.stderr
    received = asyncio.run(world.receive("DEU/spoc"))
    assert [one.id for one in received].count(message["id"]) == 1


def test_somebody_else_s_key_is_refused_before_anything_is_stored(world, party):
    """The directory lists another key for this authority."""
    shutil.copy(party_config(world.home, "FRA/spoc").parent / "signing.key", party.parent / "signing.key")
    done = world.shell("publish", ARREST, "--config", str(party))
    assert done.returncode == 1
    one_line(done, "unknown_signer")


@pytest.mark.parametrize("name", ["outbox.db", "signing.key", "storage.key", "tls.pem"])
def test_a_file_that_cannot_be_read_is_named(world, party, name):
    """A folder in the place of a file; a key of the wrong length."""
    path = party.parent / name
    path.unlink(missing_ok=True)
    path.mkdir()
    done = world.shell("publish", ARREST, "--config", str(party))
    assert done.returncode in (1, 3)
    one_line(done, "storage_failed" if name == "outbox.db" else "config_invalid")


def test_another_storage_key_opens_nothing(world, party):
    """And the database is left as it is."""
    assert world.shell("publish", ARREST, "--config", str(party), "--wait").returncode == 0
    (party.parent / "storage.key").write_bytes(os.urandom(32))
    done = world.shell("publish", ARREST, "--config", str(party))
    assert done.returncode == 3
    one_line(done, "storage_failed")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_subscriber_ends_when_it_is_told_to(world, number):
    """Cleanly, and the lease is free at once."""
    command = [sys.executable, "-m", "notifier", "subscribe", "--as", "FRA/spoc", "--home", str(world.home)]
    database = party_config(world.home, "FRA/spoc").parent / "inbox.db"
    for _ in range(2):
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert wait_until(lambda pid=process.pid: _at_work(database, pid), 20)
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
        assert process.returncode == 0, said
        assert "received" in said


def test_interrupted_while_it_waits_publish_loses_nothing(world, party):
    """Ctrl-C: 130; the message is in the outbox, and goes out with the next call."""
    text = party.read_text()
    party.write_text(text.replace(world.sandbox.bootstrap, "127.0.0.1:9"))
    command = [sys.executable, "-m", "notifier", "publish", ARREST, "--config", str(party), "--wait"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    database = party.parent / "outbox.db"
    assert wait_until(lambda: _messages(database) == 1, 30)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    party.write_text(text)
    done = world.shell("publish", "--config", str(party), "--wait")
    assert done.returncode == 0, done.stderr
    assert _asked(database, "select count(*) from entry where state = 'routed'") == 1


def _asked(database, query):
    """The one value that a query gives; None while the database is not there yet."""
    if not database.exists():
        return None
    connection = sqlite3.connect(database)
    try:
        row = connection.execute(query).fetchone()
        return row[0] if row else None
    except sqlite3.OperationalError:
        return None
    finally:
        connection.close()


def _messages(database):
    """How many messages the outbox holds."""
    return _asked(database, "select count(*) from message")


def _at_work(database, pid):
    """Whether the process holds the inbox's lease."""
    return f" {pid} " in (_asked(database, "select holder from notifier_lease where name = 'inbox-reader'") or "")


def test_a_second_start_of_the_same_sandbox_is_refused_while_one_is_at_work(world):
    """One `up` or `down` at a time."""
    import fcntl

    with (world.home / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        done = world.shell("sandbox", "up", "--routers", "2")
    assert done.returncode == 3
    one_line(done, "storage_locked")
