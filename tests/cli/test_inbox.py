"""`notifier inbox`, `why` as a recipient, and `subscribe` without a broker, as typed by a person."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import signal
import subprocess
import sys
import uuid
from dataclasses import replace

import pytest

from notifier.cli.main import run
from notifier.config import load, party_config
from notifier.consumers.inbox.inbox import Inbox
from notifier.consumers.subscriber import Subscriber
from notifier.consumers.verification import Refusal, StreamPosition, VerifiedMessage
from notifier.keyfiles import signing_key, storage_key
from notifier.notification import encode, for_sealing, parse
from notifier.runtime import REAL
from notifier.sandbox.parties import make_parties
from notifier.sandbox.pki import CertificateAuthority
from support.samples import document

ME = "DEU/spoc"
KNOWN = "01997e5c-1c00-7c55-9a3e-0d3f5e0b8a11"
DRILL = "01997e5c-1c00-7c55-9a3e-0d3f5e0b8a12"
HOSTILE = "01997e5c-1c00-7c55-9a3e-0d3f5e0b8a13"
TWICE = "01997e5c-1c00-7c55-9a3e-0d3f5e0b8a14"


def message(number, notification_id=KNOWN, originator="TUR/spoc", text=None, **change):
    """Return the message that the subscriber would store."""
    made = for_sealing(parse(document(originator=originator, **change)))
    notification = replace(made, id=uuid.UUID(notification_id).bytes, narrative=text or made.narrative)
    return VerifiedMessage(
        place=StreamPosition(originator, b"s" * 16, number),
        envelope=os.urandom(32),
        notification_id=notification.id,
        accepted_at=1_795_000_000_000,
        rules_version=1,
        encoded=encode(notification),
        notification=notification,
    )


MESSAGES = (
    message(1, narrative=None),
    message(2, DRILL, exercise=True),
    message(4, HOSTILE, text="first\nsecond\x1b[2J\u202egnp"),
    message(5, TWICE),
    message(1, TWICE, "FRA/spoc"),
    Refusal(bytes(32), "malformed", b"garbage"),
)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Make a home without a broker, where DEU/spoc has received something."""
    home = tmp_path_factory.mktemp("home")
    make_parties(home, CertificateAuthority(home / "pki"), "127.0.0.1:1", 6, 1)
    settings = load(party_config(home, ME))

    async def fill():
        inbox = await Inbox.open(settings.inbox, ME, storage_key(settings.keys), REAL)
        lease = inbox.lease()
        await lease.acquire()
        await inbox.store(MESSAGES, range(len(MESSAGES)), 0, lease, signing_key(settings.keys))
        await lease.release()
        await inbox.close()

    asyncio.run(fill())
    return home


@pytest.fixture
def notifier(home, capsys):
    """Run a verb as DEU/spoc: status, standard output, standard error."""

    def call(*arguments, as_=ME):
        status = run([*arguments, "--home", str(home), "--as", as_])
        out, err = capsys.readouterr()
        return status, out, err

    return call


def test_list_shows_what_came_and_what_is_missing(notifier):
    """A line a message, drills marked, the missing number by name; the same as JSON."""
    status, out, _ = notifier("inbox", "list")
    lines = out.splitlines()
    assert status == 0
    assert lines[0].startswith(KNOWN)
    assert ["EXERCISE" in line for line in lines[:5]] == [False, True, False, False, False]
    assert lines[5] == "5 messages"
    assert lines[6:] == [f"missing: number 3 of stream {(b's' * 16).hex()} from TUR/spoc"]
    status, out, _ = notifier("inbox", "list", "--json")
    assert [(one["id"], one["seq"], one["state"]) for one in json.loads(out)["messages"]] == [
        (KNOWN, 1, "opened"),
        (DRILL, 2, "opened"),
        (HOSTILE, 4, "opened"),
        (TWICE, 5, "opened"),
        (TWICE, 1, "opened"),
    ]


def test_what_a_sink_could_not_take_is_listed_and_asked_for_again(home, notifier):
    """Listed with the sink and the reason, found by doctor, and due again after `retry`; then acknowledged."""

    def work(name, *given):
        async def run_it():
            settings = load(party_config(home, ME))
            inbox = await Inbox.open(settings.inbox, ME, storage_key(settings.keys), REAL)
            try:
                await getattr(inbox.cursors, name)(*given)
            finally:
                await inbox.close()

        asyncio.run(run_it())

    work("park", "jsonl:case.jsonl", 2, "KeyError", 5)
    status, out, _ = notifier("inbox", "list")
    assert status == 0
    assert out.splitlines()[-1] == f"parked: {DRILL}  jsonl:case.jsonl could not take it: KeyError, 5 attempts"
    (parked,) = json.loads(notifier("inbox", "list", "--json")[1])["parked"]
    assert (parked["id"], parked["row"], parked["due"]) == (DRILL, 2, False)
    found = json.loads(notifier("doctor", "--json")[1])["findings"]
    assert [one["state"] for one in found if one["check"] == "parked"] == ["warning"]
    work("retry")
    assert "due again" in notifier("inbox", "list")[1].splitlines()[-1]
    work("acknowledge", "jsonl:case.jsonl", 2)
    assert json.loads(notifier("inbox", "list", "--json")[1])["parked"] == []


@pytest.mark.parametrize(
    ("text", "place"),
    [("beginning", 0), ("120", 120), ("2026-11-25T08:00:00Z", dt.datetime(2026, 11, 25, 8, tzinfo=dt.UTC))],
)
def test_a_replay_begins_at_a_time_a_row_or_the_beginning(monkeypatch, notifier, text, place):
    """The place reaches the subscriber as it was named."""
    given = []
    monkeypatch.setattr(Subscriber, "from_settings", lambda _settings, **options: given.append(options["since"]))
    notifier("subscribe", "--from", text)
    assert given == [place]


def test_show_is_readable_and_complete(notifier):
    """Every part is there for a person, and as the public JSON form for a program."""
    status, out, _ = notifier("inbox", "show", KNOWN)
    assert status == 0
    assert "EXERCISE" not in out
    for text in ("type: deportation", "text: Eriksson Anna Maria", "in_custody: yes", "locode: DEFRA"):
        assert text in out
    status, out, _ = notifier("inbox", "show", KNOWN, "--json")
    assert json.loads(out)["notification"]["subject"]["nationalities"] == [{"state": "UTO", "status": "documented"}]
    assert "others" not in json.loads(out)


def test_free_text_is_labelled_wherever_it_is_shown(notifier):
    """To a person beside it, to a program by its pointer: nobody has checked what stands there."""
    _, out, _ = notifier("inbox", "show", HOSTILE)
    assert "narrative (free text, not verified): first" in out
    assert out.count("verified") == 1
    _, out, _ = notifier("inbox", "show", HOSTILE, "--json")
    assert json.loads(out)["unverified"] == ["/narrative"]
    _, out, _ = notifier("inbox", "show", KNOWN)
    assert "verified" not in out, "it has no free text"


def test_show_marks_a_drill_loudly(notifier):
    """The first line says that nothing of it is real."""
    _, out, _ = notifier("inbox", "show", DRILL)
    assert out.startswith("*** EXERCISE")


def test_a_hostile_text_does_not_act_on_the_terminal(notifier):
    """Terminal sequences and direction marks are shown as escapes, line ends as lines; the JSON is unchanged."""
    _, out, _ = notifier("inbox", "show", HOSTILE)
    assert all(line.isprintable() for line in out.splitlines())
    assert "second\\u001b[2J\\u202egnp" in out
    _, out, _ = notifier("inbox", "show", HOSTILE, "--json")
    assert "\u202e" not in out
    assert json.loads(out)["notification"]["narrative"] == "first\nsecond\x1b[2J\u202egnp"


def test_a_squatter_on_an_id_hides_nothing(notifier):
    """Two authorities used one id: both messages are shown, each with its originator."""
    _, out, err = notifier("inbox", "show", TWICE)
    assert "originator: TUR/spoc" in out
    assert "originator: FRA/spoc" in out
    assert err == "2 messages have this id\n"
    _, out, _ = notifier("inbox", "show", TWICE, "--json")
    assert [one["originator"] for one in json.loads(out)["others"]] == ["FRA/spoc"]
    status, _, err = notifier("why", TWICE)
    assert (status, "id_conflict" in err) == (1, True)


def test_why_answers_a_recipient_for_itself(notifier):
    """DEU was told as the destination, on paragraph 3; nobody else is named, and nobody else may be asked for."""
    status, out, _ = notifier("why", KNOWN, "--json")
    assert status == 0
    assert json.loads(out) == {
        "id": KNOWN,
        "exercise": False,
        "rules_version": 1,
        "recipients": [
            {
                "authority": ME,
                "outcome": "send",
                "reasons": [{"rule": "destination", "paragraph": "3"}],
                "because": [],
                "state": "told",
            }
        ],
    }
    _, out, _ = notifier("why", KNOWN)
    assert "destination (para 3)" in out
    assert "UTO" not in out
    status, out, err = notifier("why", KNOWN, "UTO/spoc")
    assert (status, out) == (1, "")
    assert err.startswith("notifier: not_found: ")


@pytest.mark.parametrize(
    ("arguments", "status", "reason"),
    [
        (("inbox", "show", "01997e5c-1c00-7c55-9a3e-000000000000"), 1, "not_found"),
        (("inbox", "show", "not-an-id"), 1, "not_found"),
        (("why", "01997e5c-1c00-7c55-9a3e-000000000000"), 1, "not_found"),
        (("subscribe", "--sink", "carrier-pigeon"), 2, "usage"),
        (("subscribe", "--sink", "jsonl:"), 2, "usage"),
        (("subscribe", "--from", "yesterday"), 2, "usage"),
        (("subscribe", "--from", "9" * 30), 2, "usage"),
        (("subscribe", "--until-idle", "-1"), 2, "usage"),
    ],
)
def test_a_refusal_is_one_line_with_its_reason(notifier, arguments, status, reason):
    """The reason on one line of standard error, and the exit status that goes with it."""
    found, out, err = notifier(*arguments)
    assert (found, out) == (status, "")
    assert err.startswith(f"notifier: {reason}: ")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_subscribe_ends_cleanly_on_a_signal(home, number):
    """Without a broker it waits and says so; told to stop it ends at once, with 0 and a summary."""
    command = [sys.executable, "-m", "notifier", "subscribe", "--home", str(home), "--as", "AUT/spoc"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        first = process.stderr.readline()
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert "broker_unavailable" in first
    assert (process.returncode, out) == (0, "")
    assert err.splitlines()[-1] == "0 received"
