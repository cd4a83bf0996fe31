"""`notifier track`: the state of each recipient, for the originator alone."""

from __future__ import annotations

import json
import re

import pytest

from notifier.cli.main import run
from notifier.cli.track import as_document
from notifier.notification import parse
from notifier.notification.digest import digest_of
from notifier.outbox.recipients import RecipientStatus
from notifier.outbox.states import RecipientState
from notifier.outbox.status import Status

ID = "01997e5c-1c00-7c55-9a3e-0d3f5e0b8a11"


@pytest.mark.parametrize(
    ("state", "because", "awaited"),
    [
        ("waiting", [], "decision"),
        ("told", [], None),
        ("held", ["child_review"], "review"),
        ("held", ["recipient_has_no_key"], "key"),
        ("held", ["feed_missing"], "feed"),
        ("not_told", ["not_to"], None),
        ("rejected", [], None),
    ],
)
def test_each_state_says_what_is_awaited(state, because, awaited):
    """The hub's decision, a person's, or what the recipient has not got yet."""
    recipient = RecipientStatus("DEU/spoc", RecipientState(state), 0, tuple(because))
    (row,) = as_document(Status(ID, RecipientState.TOLD, None, 1, (), (recipient,), 0))["recipients"]
    assert row == {
        "authority": "DEU/spoc",
        "state": state,
        "because": because,
        "since": "1970-01-01T00:00:00.000Z",
        "awaited": awaited,
        "due": None,
    }


@pytest.fixture
def notifier(copied, capsys):
    """Run a verb as TUR/spoc: status, standard output, standard error."""

    def call(*arguments):
        found = run([*arguments, "--home", str(copied), "--as", "TUR/spoc"])
        return found, *capsys.readouterr()

    return call


def test_what_was_published_can_be_tracked(notifier, tmp_path, arrest):
    """For a person, a line a recipient; for a program, the document of docs/reference/json.md."""
    path = tmp_path / "arrest.json"
    path.write_text(json.dumps(arrest))
    notifier("publish", str(path), "--wait", "--timeout", "0")
    found, out, _ = notifier("track", arrest["id"], "--json")
    assert found == 0
    document = json.loads(out)
    assert document["id"] == arrest["id"]
    assert {one["authority"]: (one["state"], one["awaited"]) for one in document["recipients"]} == {
        "DEU/spoc": ("waiting", "decision"),
        "FRA/spoc": ("not_told", None),
        "INTERPOL/spoc": ("waiting", "decision"),
    }
    assert notifier("track", arrest["id"], "--digest")[1] == digest_of(parse(arrest)) + "\n"
    found, out, _ = notifier("track", arrest["id"])
    assert found == 0
    assert re.search(r"DEU/spoc +waiting +since \d{4}-.*; awaited: decision", out)


@pytest.mark.parametrize("message_id", [ID, "not-an-id"])
def test_who_did_not_send_it_tracks_nothing(notifier, message_id):
    """Its recipients neither: they have `inbox` and `why`."""
    found, out, err = notifier("track", message_id)
    assert (found, out) == (1, "")
    assert err.startswith("notifier: not_found: ")
