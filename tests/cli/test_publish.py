"""`notifier publish` and `notifier why` while no broker answers: durable, clear, with the right exit status."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import pty
import sqlite3
import subprocess
import sys

import pytest

from notifier.cli import prompt
from notifier.cli.main import run
from notifier.config import load, party_config
from notifier.keyfiles import storage_key
from notifier.outbox.outbox import Outbox
from notifier.runtime import REAL
from notifier.sandbox.parties import make_parties
from notifier.sandbox.pki import CertificateAuthority
from support import samples

ID = "01997e5c-1c00-7c55-9a3e-0d3f5e0b8a11"

ARREST = samples.document(samples.ARREST, id=ID, handling__not_to=["FRA"])


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Make a home without a broker."""
    home = tmp_path_factory.mktemp("home")
    make_parties(home, CertificateAuthority(home / "pki"), "127.0.0.1:1", 6, 1)
    return home


@pytest.fixture
def home(world):
    """Return the home with an empty outbox."""
    for path in (world / "parties" / "TUR.spoc").glob("outbox.db*"):
        path.unlink()
    return world


@pytest.fixture
def notifier(home, capsys, monkeypatch):
    """Run a verb as TUR/spoc: exit status, standard output, standard error."""

    def call(*arguments, stdin=None):
        if stdin is not None:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        status = run([*arguments, "--home", str(home), "--as", "TUR/spoc"])
        out, err = capsys.readouterr()
        return status, out, err

    return call


@pytest.fixture
def file(tmp_path):
    """Write documents to a file, as JSON or JSON Lines."""

    def write(*documents):
        path = tmp_path / "input.jsonl"
        path.write_text("\n".join(json.dumps(one) for one in documents))
        return str(path)

    return write


def test_a_message_is_durable_while_the_broker_is_down(notifier, file):
    """The answer says that it waits; asking to wait longer than the broker takes is a temporary failure."""
    status, out, err = notifier("publish", file(ARREST), "--wait", "--timeout", "0.2", "--json")
    assert status == 3
    answer = {"id": ID, "state": "waiting", "recipients": ["UTO/spoc"], "reason": None, "detail": None}
    assert json.loads(out) == {"messages": [answer | {"faults": [], "warnings": []}]}
    assert "1 in the outbox" in err
    assert "no service sends the outbox" in err
    assert notifier("publish", "--wait", "--timeout", "0.1")[0] == 3, "what waits can be sent again later"


def test_why_names_rule_and_paragraph(notifier, file):
    """The originator sees who is told, on which paragraph, and who is not, because of what."""
    notifier("publish", file(ARREST), "--wait", "--timeout", "0")
    status, out, _ = notifier("why", ID, "--json")
    assert status == 0
    told = {entry["authority"]: entry for entry in json.loads(out)["recipients"]}
    assert told["UTO/spoc"]["reasons"] == [{"rule": "nationality", "paragraph": "6"}]
    assert told["FRA/spoc"]["outcome"] == "suppress"
    assert told["FRA/spoc"]["because"] == ["not_to"]
    status, out, _ = notifier("why", ID, "DEU/spoc")
    assert (status, "no rule names it" in out) == (0, True)


def test_every_fault_is_listed_and_the_others_go(notifier, file):
    """Of two lines one is wrong twice: both faults are told by pointer, and the good one is in the outbox."""
    wrong = {**ARREST, "urgency": "soon", "surprise": 1}
    del wrong["id"]
    status, out, err = notifier("publish", file(wrong, ARREST), "--wait", "--timeout", "0", "--json")
    assert status == 1
    messages = json.loads(out)["messages"]
    assert [one["state"] for one in messages] == ["invalid", "waiting"]
    assert {one["pointer"] for one in messages[0]["faults"]} == {"/urgency", "/surprise"}
    assert "/urgency" in err
    assert "/surprise" in err


UNKNOWN = "refugee_status_unknown"


def unknown(**change):
    """Return an arrest that does not say if the person is a refugee."""
    document = samples.document(samples.ARREST, **change)
    document["local"]["refugee"]["status"] = "unknown"
    return document


def stored(home):
    """Return the number of notifications in the outbox."""
    with contextlib.closing(sqlite3.connect(home / "parties" / "TUR.spoc" / "outbox.db")) as database:
        return database.execute("SELECT count(*) FROM message").fetchone()[0]


def test_a_warning_about_safety_stops_that_line_and_no_other(notifier, file, home):
    """With its kind, so that it can be accepted by name; the line is then sent with the warning printed."""
    lines = file(unknown(narrative="one"), ARREST)
    status, out, err = notifier("publish", lines, "--wait", "--timeout", "0", "--json")
    messages = json.loads(out)["messages"]
    assert (status, [one["state"] for one in messages]) == (1, ["stopped", "waiting"])
    assert (messages[0]["id"], messages[0]["reason"]) == (None, "warnings_not_accepted")
    assert [one["kind"] for one in messages[0]["warnings"]] == [UNKNOWN]
    assert f"--accept-warnings {UNKNOWN}" in err
    assert stored(home) == 1
    accepting = ("--accept-warnings", f"{UNKNOWN},repeated")
    status, out, err = notifier("publish", lines, *accepting, "--wait", "--timeout", "0", "--json")
    assert (status, [one["state"] for one in json.loads(out)["messages"]]) == (3, ["waiting", "waiting"])
    assert UNKNOWN in err
    assert stored(home) == 2, "the other was there already, under its id"


def test_a_kind_that_is_none_is_refused(notifier, file):
    """Nothing is accepted by a word that is mistyped."""
    status, _, err = notifier("publish", file(ARREST), "--accept-warnings", "refugee_unknown")
    assert status == 2
    assert f"refugee_unknown is not one of age_unknown, refugee_document_possible, {UNKNOWN}" in err
    assert "see notifier publish --help" in err


def test_what_was_published_a_short_time_ago_stops(notifier, file, home):
    """Under another id; not under its own, and an exercise never."""
    given = {name: value for name, value in ARREST.items() if name != "id"}
    assert notifier("publish", file(given), "--wait", "--timeout", "0")[0] == 3
    status, _, err = notifier("publish", file(given), "--wait", "--timeout", "0")
    assert (status, stored(home)) == (1, 1)
    assert "warnings_not_accepted" in err
    assert "repeated" in err
    accepting = ("--accept-warnings", "repeated", "--wait", "--timeout", "0")
    assert notifier("publish", file(given), *accepting)[0] == 3
    drill = file(given | {"exercise": True})
    for _ in range(2):
        assert notifier("publish", drill, "--wait", "--timeout", "0")[0] == 3
    assert stored(home) == 4


def test_two_lines_that_say_the_same_are_noticed(notifier, file, home):
    """In one call as in two."""
    given = {name: value for name, value in ARREST.items() if name != "id"}
    status, out, _ = notifier("publish", file(given, given), "--wait", "--timeout", "0", "--json")
    assert (status, [one["state"] for one in json.loads(out)["messages"]]) == (1, ["waiting", "stopped"])
    assert stored(home) == 1


@pytest.fixture
def person(monkeypatch):
    """Answer the questions of a terminal; return what was asked."""

    def sits(*answers):
        left, asked = [*answers], []

        def confirmed(question):
            asked.append(question)
            return left.pop(0)

        monkeypatch.setattr(prompt, "is_terminal", lambda: True)
        monkeypatch.setattr(prompt, "confirmed", confirmed)
        return asked

    return sits


def test_a_person_sees_whom_it_tells_and_is_asked_before_it_leaves(notifier, file, home, person):
    """No, and nothing is stored; yes, and what was shown is sent."""
    asked = person(False)
    status, out, err = notifier("publish", file(ARREST), "--wait", "--timeout", "0")
    assert (status, asked, stored(home)) == (1, ["Send it?"], 0)
    assert "  will be told UTO/spoc" in err
    assert "  not told     FRA/spoc" in err
    assert "stopped" in out
    assert "notifier: declined: " in err
    person(True)
    assert notifier("publish", file(ARREST), "--wait", "--timeout", "0")[0] == 3
    assert stored(home) == 1
    person()
    assert notifier("publish", file(ARREST), "--yes", "--wait", "--timeout", "0")[0] == 3


def test_a_warning_about_safety_is_a_question_of_its_own(notifier, file, home, person):
    """The others are asked about together; each answer counts for its own."""
    lines = file(unknown(narrative="one"), unknown(narrative="two"), ARREST)
    asked = person(True, False, True)
    status, out, err = notifier("publish", lines, "--wait", "--timeout", "0", "--json")
    assert [one["state"] for one in json.loads(out)["messages"]] == ["waiting", "stopped", "waiting"]
    assert (status, stored(home)) == (1, 2)
    assert [UNKNOWN in question for question in asked] == [True, True, False]
    assert f"  warning: {UNKNOWN}: " in err
    asked = person(True)
    accepting = ("--accept-warnings", f"{UNKNOWN},repeated")
    assert notifier("publish", lines, *accepting, "--wait", "--timeout", "0")[0] == 3
    assert asked == ["Send all 3?"]


def test_on_a_real_terminal_it_asks(home, file):
    """As a person types it: the question stands there, and no answer is no."""
    given = ("publish", file(ARREST), "--home", str(home), "--as", "TUR/spoc")
    ours, theirs = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-m", "notifier", *given], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    os.write(ours, b"\n")
    said = b""
    with contextlib.suppress(OSError):  # the terminal is gone with the process
        while some := os.read(ours, 4096):
            said += some
    os.close(ours)
    assert running.wait(60) == 1
    assert b"Send it? [y/N]" in said
    assert b"notifier: declined: " in said
    assert stored(home) == 0


def test_what_a_service_carries_is_done(notifier, file, home):
    """Exit status 0, and the text says who sends it; without a service 3, without a file too."""
    settings = load(party_config(home, "TUR/spoc"))

    async def leased(take):
        outbox = await Outbox.open(settings.outbox, settings.name, storage_key(settings.keys), REAL)
        lease = outbox.service_lease()
        await (lease.acquire() if take else lease.release())
        await outbox.close()
        return lease

    now = ("--timeout", "0")
    lease = asyncio.run(leased(take=True))
    status, _, err = notifier("publish", file(ARREST), *now)
    assert status == 0
    assert "a service sends the outbox" in err
    assert notifier("publish", *now)[0] == 0
    assert notifier("publish", "--wait", *now)[0] == 3, "it was waited for"
    with contextlib.closing(sqlite3.connect(home / "parties" / "TUR.spoc" / "outbox.db")) as database:
        database.execute("UPDATE notifier_lease SET holder = NULL WHERE name = 'outbox-service'")
        database.commit()
    status, _, err = notifier("publish", *now)
    assert (status, lease.epoch) == (3, 1)
    assert "no service sends the outbox: start notifier run publisher" in err


def test_the_originator_of_the_file_acts_where_nobody_is_named(home, file, capsys):
    """If the home has that party; with several originators nothing is guessed."""
    assert run(["publish", file(ARREST), "--home", str(home), "--wait", "--timeout", "0"]) == 3
    assert stored(home) == 1
    two = file(ARREST, samples.document(samples.ARREST, originator="DEU/spoc"))
    assert run(["publish", two, "--home", str(home)]) == 2
    assert "the input names 2 originators" in capsys.readouterr().err
    assert run(["publish", file(ARREST | {"originator": "XYZ/spoc"}), "--home", str(home)]) == 1
    assert "unknown_authority" in capsys.readouterr().err


def test_standard_input_is_read(notifier):
    """A dash stands for standard input."""
    status, out, _ = notifier("publish", "-", "--wait", "--timeout", "0", "--json", stdin=json.dumps(ARREST))
    assert status == 3
    assert json.loads(out)["messages"][0]["id"] == ID


@pytest.mark.parametrize(
    ("arguments", "status", "reason"),
    [
        (("publish", "no-such-file.json"), 1, "not_found"),
        (("publish", "--timeout", "-1"), 2, "usage"),
        (("why", "01997e5c-1c00-7c55-9a3e-000000000000"), 1, "not_found"),
        (("why", "not-an-id"), 1, "not_found"),
    ],
)
def test_a_refusal_is_one_line_with_its_reason(notifier, arguments, status, reason):
    """The reason, on one line of standard error, and the exit status that goes with it."""
    found, out, err = notifier(*arguments)
    assert found == status
    assert out == ""
    assert err.startswith(f"notifier: {reason}: ")
    assert len(err.splitlines()) == 1
