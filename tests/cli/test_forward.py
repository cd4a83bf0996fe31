"""`notifier forward`, and what `inbox show` says of a lineage, as typed by a person; no broker runs."""

from __future__ import annotations

import asyncio
import copy
import json
import os
import uuid
from dataclasses import replace

import pytest

from notifier.cli.main import run
from notifier.config import load, party_config
from notifier.consumers.inbox.inbox import Inbox
from notifier.consumers.verification import StreamPosition, VerifiedMessage
from notifier.keyfiles import signing_key, storage_key
from notifier.notification import encode, for_sealing, parse
from notifier.notification.derivative import derive
from notifier.notification.digest import digest_of
from notifier.runtime import REAL
from notifier.sandbox.parties import make_parties
from notifier.sandbox.pki import CertificateAuthority
from notifier.sandbox.world import load_world
from support.samples import document

ME = "DEU/spoc"
FREE, ASKING, CHILD, TWICE, MADE, CLAIMED, LOST = (
    f"01997e5c-1c00-7c55-9a3e-0d3f5e0b8a{number}" for number in range(11, 18)
)
OPEN = {"codes": ["H1"], "text": None, "release_to": [], "not_to": []}


def notification(notification_id, originator="TUR/spoc", **change):
    made = parse(copy.deepcopy(document(originator=originator, handling=OPEN)) | change)
    return replace(for_sealing(made), id=uuid.UUID(notification_id).bytes)


def person(**change):
    return document()["subject"] | change


PARENT = notification(FREE)
COPY = replace(derive(PARENT, "DEU/fiu", uuid.UUID(MADE).bytes, "2026-11-21"))
FALSE = replace(
    COPY,
    id=uuid.UUID(CLAIMED).bytes,
    parent=replace(COPY.parent, digest=digest_of(replace(PARENT, narrative="something else"))),
)
ORPHAN = replace(COPY, id=uuid.UUID(LOST).bytes, parent=replace(COPY.parent, id=MADE))
RECEIVED = (
    PARENT,
    notification(ASKING, handling=OPEN | {"codes": ["H2"]}),
    notification(CHILD, subject=person(age="child")),
    notification(TWICE),
    notification(TWICE, "FRA/spoc"),
    COPY,
    FALSE,
    ORPHAN,
)


def message(number, one):
    """Return the message that the subscriber would store."""
    return VerifiedMessage(
        place=StreamPosition(one.originator, one.originator.encode().ljust(16, b"s"), number),
        envelope=os.urandom(32),
        notification_id=one.id,
        accepted_at=1_795_000_000_000,
        rules_version=1,
        encoded=encode(one),
        notification=one,
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Make a home without a broker, where DEU/spoc has received something."""
    home = tmp_path_factory.mktemp("home")
    make_parties(home, CertificateAuthority(home / "pki"), "127.0.0.1:1", 6, 1)
    load_world(home, 6)
    settings = load(party_config(home, ME))

    async def fill():
        inbox = await Inbox.open(settings.inbox, ME, storage_key(settings.keys), REAL)
        lease = inbox.lease()
        await lease.acquire()
        messages = [message(number, one) for number, one in enumerate(RECEIVED, 1)]
        await inbox.store(messages, range(len(messages)), 0, lease, signing_key(settings.keys))
        await lease.release()
        await inbox.close()

    asyncio.run(fill())
    return home


@pytest.fixture
def notifier(home, capsys):
    """Run a verb as DEU/spoc: status, standard output, standard error."""

    def call(*arguments):
        status = run([*arguments, "--home", str(home), "--as", ME])
        out, err = capsys.readouterr()
        return status, out, err

    return call


NOW = ("--wait", "--timeout", "0")


def test_what_may_be_shared_is_durable_and_known_by_its_parent(notifier):
    """The broker is down: temporary, and nothing is lost; `--list` shows what was made of what."""
    status, out, _ = notifier("forward", FREE, "DEU/fiu", "DEU/border", "--json", *NOW)
    assert status == 3
    made = json.loads(out)
    assert made["parent"] == {"id": FREE, "originator": "TUR/spoc"}
    assert made["asked"] == []
    assert [one["authority"] for one in made["recipients"]] == ["DEU/border", "DEU/fiu"]
    status, out, _ = notifier("forward", FREE, "--list", "--json")
    assert status == 0
    assert made["id"] in [one["id"] for one in json.loads(out)["derivatives"]]
    _, out, _ = notifier("forward", FREE, "--list")
    assert f"forwarded of {FREE} from TUR/spoc" in out
    assert "DEU/border (waiting)" in out


def test_what_may_not_be_shared_is_refused_with_the_way_to_ask(notifier):
    """Nothing is made of it; with --ask the originator is asked."""
    status, out, err = notifier("forward", ASKING, "DEU/border")
    assert (status, out) == (1, "")
    assert err.startswith("notifier: forwarding_forbidden: DEU/border: ")
    assert "--ask asks TUR/spoc for leave" in err
    status, out, _ = notifier("forward", ASKING, "DEU/border", "--ask", "--json", *NOW)
    assert status == 3
    asked = json.loads(out)
    assert asked["asked"] == ["DEU/border"]
    assert [one["authority"] for one in asked["recipients"]] == ["TUR/spoc"]
    _, out, _ = notifier("forward", ASKING, "DEU/border", "--ask", *NOW)
    assert "asks TUR/spoc for leave to tell DEU/border" in out
    _, out, _ = notifier("forward", ASKING, "--list", "--json")
    assert json.loads(out)["derivatives"] == []


@pytest.mark.parametrize(
    ("arguments", "status", "reason"),
    [
        ((CHILD, "DEU/border"), 1, "child_protected"),
        ((CHILD, "DEU/border", "--ask"), 1, "child_protected"),
        ((FREE, "FRA/spoc"), 1, "forwarding_forbidden"),
        ((FREE, "DEU/nobody"), 1, "unknown_authority"),
        ((FREE, ME), 1, "unknown_authority"),
        (("01997e5c-1c00-7c55-9a3e-000000000000", "DEU/fiu"), 1, "not_found"),
        (("not-an-id", "DEU/fiu"), 1, "not_found"),
        ((TWICE, "DEU/fiu"), 1, "id_conflict"),
        ((FREE,), 2, "usage"),
        ((FREE, "DEU/fiu", "--list"), 2, "usage"),
    ],
)
def test_a_refusal_is_one_line_with_its_reason(notifier, arguments, status, reason):
    """On standard error alone, with the exit status that goes with it."""
    found, out, err = notifier("forward", *arguments)
    assert (found, out) == (status, "")
    assert err.startswith(f"notifier: {reason}: ")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(("message_id", "traced"), [(MADE, "verified"), (CLAIMED, "differs"), (LOST, "not_here")])
def test_whoever_has_the_parent_sees_whether_the_copy_tells_the_truth(notifier, message_id, traced):
    """A copy that claims another text is marked loudly."""
    status, out, _ = notifier("inbox", "show", message_id, "--json")
    assert status == 0
    assert json.loads(out)["traced"] == traced
    _, out, _ = notifier("inbox", "show", message_id)
    assert out.startswith("*** REFERENCE DIFFERS") is (traced == "differs")


def test_a_notification_is_shown_with_the_digest_that_others_name_it_by(notifier):
    """And with no lineage where it names nothing."""
    shown = json.loads(notifier("inbox", "show", FREE, "--json")[1])
    assert shown["digest"] == digest_of(PARENT)
    assert "traced" not in shown
