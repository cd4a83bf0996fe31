"""`notifier doctor` finds each fault and its remedy, and no false ones."""

from __future__ import annotations

import asyncio
import datetime as dt
import email.utils
import http.server
import json
import re
import shutil
import threading
import time

import pytest

from notifier.cli.main import run
from notifier.config import load, party_config
from notifier.keyfiles import storage_key
from notifier.outbox.outbox import Outbox
from notifier.outbox.transaction import OutboxTransaction
from notifier.runtime import REAL
from notifier.sandbox.pki import CertificateAuthority

ME = "TUR/spoc"
DAY_MS = 86_400_000


@pytest.fixture
def folder(copied):
    """Return the folder of the party that is examined."""
    return party_config(copied, ME).parent


@pytest.fixture
def doctor(copied, capsys):
    """Return the findings of one party (None: of all) by check; assert the exit status."""

    def call(name=ME):
        who = [] if name is None else ["--as", name]
        status = run(["doctor", "--home", str(copied), *who, "--json"])
        document = json.loads(capsys.readouterr().out)
        assert document["ok"] == all(one["state"] != "wrong" for one in document["findings"])
        assert status == (0 if document["ok"] else 1)
        return document["findings"]

    return call


def bad(findings, besides="broker"):
    """Return each finding that is not ok: (check, state, reason)."""
    return [
        (one["check"], one["state"], one["reason"])
        for one in findings
        if one["state"] != "ok" and one["check"] != besides
    ]


def test_nothing_is_wrong_with_a_new_party_but_that_its_broker_is_down(doctor):
    """Every check is there, once."""
    findings = doctor()
    assert sorted(one["check"] for one in findings) == [
        "broker", "certificates", "clock", "databases", "directory", "disk", "keys"
    ]  # fmt: skip
    assert bad(findings, besides=None) == [("broker", "wrong", "broker_unavailable")]


@pytest.mark.parametrize("name", ["router", "auditor", "admin", "stranger"])
def test_the_other_parties_have_their_checks(doctor, name):
    """The hub's keys are the hub's, the log's key is the log's; who has none needs none."""
    assert bad(doctor(name)) == []


def test_every_party_of_a_home_is_looked_at(doctor, copied, capsys):
    """A finding of several parties is shown once, with their names."""
    assert {one["party"] for one in doctor(None)} >= {ME, "router", "auditor", "INTERPOL/spoc"}
    party_config(copied, "DEU/fiu").write_text("name = 7")
    assert [one["party"] for one in doctor(None) if one["check"] == "settings"] == ["DEU/fiu"]
    run(["doctor", "--home", str(copied)])
    shown = capsys.readouterr().out
    assert shown.count("no broker answers") == 1
    assert "0 of 59 parties have no fault" in shown


SPOILED_KEYS = {
    "signing.key": ("keys", "wrong", "unknown_signer"),
    "encryption.key": ("keys", "wrong", "cannot_open"),
    "storage.key": ("databases", "wrong", "storage_failed"),
}


@pytest.mark.parametrize("name", SPOILED_KEYS)
def test_somebody_else_s_key_is_found(doctor, copied, folder, capsys, name):
    """Each kind of key, by what it is good for."""
    run(["inbox", "list", "--home", str(copied), "--as", ME])
    capsys.readouterr()
    shutil.copy(party_config(copied, "DEU/spoc").parent / name, folder / name)
    assert bad(doctor()) == [SPOILED_KEYS[name]]


def test_a_key_that_others_can_read_is_found(doctor, folder):
    """With the command that mends it."""
    (folder / "signing.key").chmod(0o644)
    (finding,) = [one for one in doctor() if one["check"] == "keys"]
    assert finding["hint"] == f"chmod 600 {folder / 'signing.key'}"


@pytest.mark.parametrize(
    ("principal", "days", "state"),
    [
        ("deu-spoc", 300, "wrong"),
        ("tur-spoc", -1 / 86_400, "wrong"),
        ("tur-spoc", 7, "warning"),
        ("tur-spoc", 300, None),
    ],
)
def test_a_certificate_is_judged_by_whose_it_is_and_until_when(doctor, copied, folder, principal, days, state):
    """Another's, one that has ended, one that ends soon."""
    CertificateAuthority(copied / "pki").issue(folder, principal, valid=dt.timedelta(days=days))
    assert bad(doctor()) == ([("certificates", state, "certificate_invalid")] if state else [])


def test_a_certificate_that_is_none_is_found(doctor, folder):
    """It is the setting that is named."""
    (folder / "tls.pem").write_text("nothing")
    assert ("certificates", "wrong", "config_invalid") in bad(doctor())


class Server:
    """The auditor's page, with a clock of its own."""

    def __init__(self, off_s):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_HEAD(self):
                self.send_response_only(200)
                self.send_header("Date", email.utils.formatdate(time.time() + off_s, usegmt=True))
                self.end_headers()

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self):
        self.thread.start()
        return self.server.server_address[1]

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.mark.parametrize(("off_s", "state"), [(-600, "wrong"), (600, "wrong"), (-120, "warning"), (0, None)])
def test_a_clock_that_is_off_is_found_by_another(doctor, copied, off_s, state):
    """Ahead and behind; what the hub tolerates is a warning."""
    config = party_config(copied, "auditor")
    with Server(off_s) as port:
        config.write_text(re.sub(r"listen = .*", f'listen = "127.0.0.1:{port}"', config.read_text()))
        assert bad(doctor()) == ([("clock", state, "clock_wrong")] if state else [])


def test_a_clock_behind_what_was_signed_needs_no_other_clock(doctor, monkeypatch):
    """The directory cannot have been signed in an hour."""
    earlier = time.time_ns() // 1_000_000 - 3_600_000
    monkeypatch.setattr("notifier.runtime.wall_clock", lambda: earlier)
    assert ("clock", "wrong", "clock_wrong") in bad(doctor())


@pytest.mark.parametrize(("days", "state"), [(-2, "wrong"), (-1.01, "warning")])
def test_a_directory_that_has_ended_is_found(doctor, monkeypatch, days, state):
    """In its grace, what was read before still serves, and that is a warning."""
    doctor()
    now = time.time_ns() // 1_000_000 - round(days * DAY_MS)
    monkeypatch.setattr("notifier.runtime.wall_clock", lambda: now)
    assert ("directory", state, "directory_stale") in bad(doctor())


def test_a_folder_that_takes_nothing_is_found(doctor, copied, folder):
    """A file in the place of the cache."""
    shutil.rmtree(folder / "directory", ignore_errors=True)
    (folder / "directory").write_text("")
    assert ("directory", "wrong", "storage_failed") in bad(doctor())


async def set_aside(settings, reason):
    """Leave one entry waiting for what its recipients lack."""
    outbox = await Outbox.open(settings.outbox, ME, storage_key(settings.keys), REAL)
    try:
        async with outbox._writing() as connection:
            await OutboxTransaction(connection, outbox._cipher, REAL).entries.schedule_retry(1, reason)
    finally:
        await outbox.close()


def test_who_cannot_be_reached_is_named(doctor, copied, arrest, tmp_path, capsys):
    """By name, for the originator, with what mends it: a warning, since nothing of the installation is wrong."""
    path = tmp_path / "arrest.json"
    path.write_text(json.dumps(arrest))
    run(["publish", str(path), "--wait", "--timeout", "0", "--home", str(copied), "--as", ME])
    capsys.readouterr()
    assert bad(doctor()) == []
    asyncio.run(set_aside(load(party_config(copied, ME)), "recipient_has_no_key"))
    findings = doctor()
    assert bad(findings) == [("outbox", "warning", "recipient_has_no_key")]
    (finding,) = [one for one in findings if one["check"] == "outbox"]
    assert finding["detail"] == "DEU/spoc, INTERPOL/spoc cannot be sealed for (recipient_has_no_key)"


def test_doctor_changes_nothing(doctor, folder):
    """No database and no key is made; only the directory's cache is filled."""
    before = {path.name for path in folder.iterdir()}
    doctor()
    assert {path.name for path in folder.iterdir()} - before == {"directory"}
