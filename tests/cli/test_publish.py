"""`notifier publish` and `notifier why` while no broker answers: durable, clear, with the right exit status."""

from __future__ import annotations

import io
import json
import sys

import pytest

from notifier.cli.main import run
from notifier.sandbox.parties import make_parties
from notifier.sandbox.pki import CertificateAuthority
from support import samples

ID = "01997e5c-1c00-7c55-9a3e-0d3f5e0b8a11"

ARREST = samples.document(samples.ARREST, id=ID, handling__not_to=["FRA"])


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A home whose broker does not run."""
    home = tmp_path_factory.mktemp("home")
    make_parties(home, CertificateAuthority(home / "pki"), "127.0.0.1:1", 6, 1)
    return home


@pytest.fixture
def home(world):
    """The same home with an empty outbox."""
    for path in (world / "parties" / "TUR.spoc").glob("outbox.db*"):
        path.unlink()
    return world


@pytest.fixture
def notifier(home, capsys, monkeypatch):
    """Runs a verb as TUR/spoc; answers exit status, standard output and standard error."""

    def call(*arguments, stdin=None):
        if stdin is not None:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        status = run([*arguments, "--home", str(home), "--as", "TUR/spoc"])
        out, err = capsys.readouterr()
        return status, out, err

    return call


@pytest.fixture
def file(tmp_path):
    """Writes documents to a file, as JSON or JSON Lines."""

    def write(*documents):
        path = tmp_path / "input.jsonl"
        path.write_text("\n".join(json.dumps(one) for one in documents))
        return str(path)

    return write


def test_a_message_is_durable_while_the_broker_is_down(notifier, file):
    """The answer says that it waits; asking to wait longer than the broker takes is a temporary failure."""
    status, out, err = notifier("publish", file(ARREST), "--wait", "--timeout", "0.2", "--json")
    assert status == 3
    assert json.loads(out) == {
        "messages": [{"id": ID, "state": "waiting", "recipients": ["UTO/spoc"], "reason": None}]
    }
    assert "1 in the outbox" in err
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
    assert [one["state"] for one in json.loads(out)["messages"]] == ["invalid", "waiting"]
    assert "/urgency" in err
    assert "/surprise" in err


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
