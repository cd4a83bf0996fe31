"""`notifier outbox status` and `adopt`, as typed: who decides about a restore; no broker runs."""

from __future__ import annotations

import asyncio
import json

import pytest

from notifier.cli.main import run
from notifier.config import load, party_config
from notifier.keyfiles import storage_key
from notifier.outbox.outbox import Outbox
from notifier.outbox.transaction import OutboxTransaction
from notifier.runtime import REAL

ID = "01997e5c-1c00-7c55-9a3e-0d3f5e0b8a11"
NAME = "TUR/spoc"


@pytest.fixture
def notifier(copied, capsys):
    """Runs a verb as TUR/spoc: status, standard output (parsed, with --json), standard error."""

    def call(*arguments):
        found = run([*arguments, "--home", str(copied), "--as", NAME])
        out, err = capsys.readouterr()
        return found, json.loads(out) if "--json" in arguments and out else out, err

    return call


@pytest.fixture
def restored(copied, notifier, tmp_path, arrest):
    """An outbox that was restored: ada may release, and a notification waits; closed, or (False) not yet."""
    for name, *may in (("ada", "--may", "release"), ("eve", "--may", "child_reviewer"), ("old", "--may", "release")):
        assert notifier("person", "add", name, *may)[0] == 0
    assert notifier("person", "retire", "old")[0] == 0
    assert notifier("person", "add", "gate", "--service")[0] == 0
    path = tmp_path / "arrest.json"
    path.write_text(json.dumps(arrest))
    found, _, err = notifier("publish", str(path), "--by", "ada", "--wait", "--timeout", "0")
    assert found == 3, err
    settings = load(party_config(copied, NAME))

    async def closed(is_closed):
        outbox = await Outbox.open(settings.outbox, NAME, storage_key(settings.keys), REAL)
        try:
            async with outbox._writing() as connection:
                restoration = OutboxTransaction(connection, outbox._cipher, REAL).restoration
                await restoration.begin()
                if is_closed:
                    await restoration.finish()
        finally:
            await outbox.close()

    return lambda is_closed=True: asyncio.run(closed(is_closed))


def waiting(notifier):
    return [one["id"] for one in notifier("outbox", "status", "--json")[1]["restored"]["waiting"]]


def doctor(notifier):
    found = notifier("doctor", "--json")[1]["findings"]
    return [(one["state"], one["detail"]) for one in found if one["check"] == "outbox"]


def test_a_person_decides_and_status_and_doctor_say_who(notifier, restored):
    """It goes again; the decision is an act upon the notification, with the signature in what it says."""
    assert "no restore" in notifier("outbox", "status")[1]
    restored()
    assert waiting(notifier) == [ID]
    ((state, said),) = doctor(notifier)
    assert (state, said.endswith(": 1 notifications wait for a decision")) == ("warning", True)
    status, done, _ = notifier("outbox", "adopt", "--all", "--send", "--by", "ada", "--json")
    assert (status, done) == (0, {"adopted": [ID], "sent_again": True, "new_stream": False, "by": "ada"})
    assert waiting(notifier) == []
    assert f"ada decided at {decided(notifier)[0]['at']}: {ID} goes out again" in notifier("outbox", "status")[1]
    ((state, said),) = doctor(notifier)
    assert (state, said.endswith("decided by ada")) == ("ok", True)
    (act,) = [one for one in notifier("review", "show", ID, "--json")[1]["acts"] if one["kind"] == "adoption"]
    said = json.loads(act["said"])
    assert (said["decision"], said["by"], len(said["signature"])) == ("sent_again", "ada", 128)
    status, out, _ = notifier("outbox", "adopt", "--all", "--send", "--by", "ada")
    assert (status, out) == (0, "nothing waits\n")


def decided(notifier):
    return notifier("outbox", "status", "--json")[1]["restored"]["decided"]


@pytest.mark.parametrize("what", [("--all", "--send"), (ID, "--drop"), ("--new-stream",)])
@pytest.mark.parametrize(
    ("by", "key", "said"),
    [
        ("eve", "eve", "permission_missing"),
        ("old", "old", "person_retired"),
        ("gate", "gate", "permission_missing"),
        ("nobody", "ada", "unknown_person"),
        ("nobody", None, "config_invalid"),
        ("ada", "eve", "bad_signature"),
    ],
)
def test_whoever_may_not_decides_nothing(notifier, copied, restored, what, by, key, said):
    """One line with the reason that a review gives, and exit status 1; everything waits as before."""
    restored("--new-stream" not in what)
    before = notifier("outbox", "status", "--json")[1]
    keys = party_config(copied, NAME).parent / "persons"
    named = () if key is None else ("--key", str(keys / f"{key}.key"))
    status, out, err = notifier("outbox", "adopt", *what, "--by", by, *named)
    assert (status, out) == (1, "")
    assert err.startswith(f"notifier: {said}: ")
    assert notifier("outbox", "status", "--json")[1] == before


def test_who_decides_must_be_said(notifier, restored, monkeypatch):
    """By --by or NOTIFIER_PERSON: the user of the operating system is nobody."""
    restored()
    status, _, err = notifier("outbox", "adopt", "--all", "--send")
    assert (status, err.startswith("notifier: usage: ")) == (2, True)
    monkeypatch.setenv("NOTIFIER_PERSON", "ada")
    assert notifier("outbox", "adopt", "--all", "--drop")[1] == "1 given up\n"
    assert [(one["decision"], one["by"]) for one in decided(notifier)] == [("given_up", "ada")]


def test_one_that_does_not_wait_stops_all(notifier, restored):
    """Nothing of what was named is decided."""
    restored()
    other = "01997e5c-1c00-7c55-9a3e-0d3f5e0b8a99"
    status, _, err = notifier("outbox", "adopt", ID, other, "--send", "--by", "ada")
    assert (status, err.startswith(f"notifier: not_found: of {other} ")) == (1, True)
    assert (waiting(notifier), decided(notifier)) == ([ID], [])


def test_a_new_stream_is_a_person_s_decision(notifier, restored):
    """If the former one cannot be closed, a new one begins: an act about no notification."""
    restored(False)
    assert "not closed yet" in doctor(notifier)[0][1]
    status, out, _ = notifier("outbox", "adopt", "--new-stream", "--by", "ada")
    assert (status, out) == (0, "a new stream begins\n")
    assert "a new stream begins" in notifier("outbox", "status")[1]
    assert [(one["decision"], one["id"], one["by"]) for one in decided(notifier)] == [("new_stream", None, "ada")]
    assert "adoption" in [act["kind"] for act in notifier("person", "list", "--json")[1]["acts"]]
    assert waiting(notifier) == [ID]
