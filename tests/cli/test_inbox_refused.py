"""`notifier inbox refused|retry`, and what `doctor` says of it, as typed by a person; no broker runs."""

from __future__ import annotations

import asyncio
import json

import pytest

from notifier.cli.main import run
from notifier.config import load, party_config
from notifier.consumers.inbox.inbox import Inbox
from notifier.consumers.verification import Refusal
from notifier.directory.client import DirectoryClient
from notifier.directory.snapshot import StaticDirectory
from notifier.errors import Cure
from notifier.keyfiles import decryption_keys, signing_key, storage_key
from notifier.runtime import REAL
from notifier.sandbox.parties import make_parties
from notifier.sandbox.pki import CertificateAuthority
from support.attack_harness import HOUR_MS, Stage
from support.world import Keys, build_world

ME = "DEU/spoc"


def keys_of(home, name):
    """Return the keys of a party from its files."""
    keys = load(party_config(home, name)).keys
    (decryption,) = decryption_keys(keys).values()
    return Keys(signing_key(keys), decryption)


@pytest.fixture
def home(tmp_path):
    """Make a home without a broker."""
    home = tmp_path / "home"
    make_parties(home, CertificateAuthority(home / "pki"), "127.0.0.1:1", 6, 1)
    return home


@pytest.fixture
def stage(home, tmp_path):
    """Return the world with the keys of that home."""
    world = build_world(clock=REAL.clock)
    snapshot = DirectoryClient(load(party_config(home, ME)).directory).load()
    world.directory = StaticDirectory(snapshot)
    world.keys = {name: keys_of(home, name) for name in ("AUT/spoc", "DEU/spoc", "TUR/spoc", "UTO/spoc")}
    world.hub = keys_of(home, "router")
    return Stage(world, tmp_path)


@pytest.fixture
def keep(home):
    """Store refused records as the subscriber does."""
    settings = load(party_config(home, ME))

    async def fill(refusals):
        inbox = await Inbox.open(settings.inbox, ME, storage_key(settings.keys), REAL)
        lease = inbox.lease()
        await lease.acquire()
        if refusals:
            await inbox.store(refusals, range(len(refusals)), 0, lease, signing_key(settings.keys))
        await lease.release()
        await inbox.close()

    return lambda *refusals: asyncio.run(fill(refusals))


@pytest.fixture
def notifier(home, capsys):
    """Run a verb as DEU/spoc: status, standard output, standard error."""

    def call(*arguments):
        status = run([*arguments, "--home", str(home), "--as", ME])
        out, err = capsys.readouterr()
        return status, out, err

    return call


def test_refused_says_what_why_and_what_cures_it(notifier, stage, keep):
    """One that is early, one of a signer who is not known, one for another key, and one that nothing cures."""
    letter, now = stage.letter(), REAL.clock()
    raw = stage.delivery(letter.envelope, ME)
    due = now + HOUR_MS
    keep(
        Refusal(letter.digest, "not_yet_valid", raw, "TUR/spoc", None, Cure.TIME, due),
        Refusal(letter.digest, "unknown_signer", raw, cure=Cure.DIRECTORY),
        Refusal(letter.digest, "not_addressed", raw, "TUR/spoc", cure=Cure.KEY),
        Refusal(bytes(32), "malformed", b"garbage\x1b[2J"),
    )
    status, out, _ = notifier("inbox", "refused")
    lines = out.splitlines()
    assert status == 0
    assert [line.split()[1] for line in lines[:8:2]] == [
        "not_yet_valid",
        "unknown_signer",
        "not_addressed",
        "malformed",
    ]
    assert "claims TUR/spoc" in lines[0]
    assert "claims nobody" in lines[6]
    for line, said in zip(
        lines[1:8:2],
        ("retried automatically at", "later directory", "keys.encryption", "cannot be cured"),
        strict=True,
    ):
        assert said in line
    assert lines[8:] == ["4 refused, 3 of them curable"]
    status, out, _ = notifier("inbox", "refused", "--json")
    found = json.loads(out)["refused"]
    assert [one["cure"] for one in found] == ["time", "directory", "key", None]
    assert found[0]["due"] is not None
    assert {one["originator"] for one in found} == {"TUR/spoc", None}


def test_retry_reads_what_is_good_now_and_keeps_the_rest(notifier, stage, keep):
    """A signer who was not known then, and one whose time has not come; what nothing cures is not touched."""
    good, early = stage.letter(), stage.letter()
    ahead = stage.delivery(early.envelope, ME, accepted_at=REAL.clock() + HOUR_MS)
    keep(
        Refusal(good.digest, "unknown_signer", stage.delivery(good.envelope, ME), cure=Cure.DIRECTORY),
        Refusal(early.digest, "bad_statement", ahead, "TUR/spoc", cure=Cure.DIRECTORY),
        Refusal(bytes(32), "malformed", b"garbage"),
    )
    status, out, err = notifier("inbox", "retry")
    assert (status, out) == (0, "2 retried: 1 could be read, 1 are kept (see notifier inbox refused)\n"), err
    status, out, _ = notifier("inbox", "list", "--json")
    assert [one["originator"] for one in json.loads(out)["messages"]] == ["TUR/spoc"]
    _, out, _ = notifier("inbox", "refused", "--json")
    assert [one["reason"] for one in json.loads(out)["refused"]] == ["not_yet_valid", "malformed"]
    _, out, _ = notifier("inbox", "retry", "--json")
    assert json.loads(out) == {"tried": 1, "read": 0, "kept": 1, "parked": 0}


def test_nothing_refused_is_said_so(notifier, keep):
    """Both verbs have an answer for an inbox that took everything."""
    keep()
    assert notifier("inbox", "refused")[1] == "0 refused, 0 of them curable\n"
    assert json.loads(notifier("inbox", "retry", "--json")[1]) == {"tried": 0, "read": 0, "kept": 0, "parked": 0}


@pytest.mark.parametrize(("count", "state"), [(0, None), (2, "warning"), (3, "wrong")])
def test_doctor_finds_what_is_refused(notifier, keep, count, state):
    """One or two are worth a look; several in a row say that a clock or the directory is wrong."""
    keep(*[Refusal(bytes([n]) * 32, "unknown_signer", b"raw", cure=Cure.DIRECTORY) for n in range(count)])
    _, out, _ = notifier("doctor", "--json")
    found = [one for one in json.loads(out)["findings"] if one["check"] == "inbox"]
    assert [(one["state"], one["reason"]) for one in found] == ([(state, "unknown_signer")] if state else [])
