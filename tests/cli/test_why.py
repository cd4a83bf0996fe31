"""`notifier why` from three sides: the originator, a recipient, and oversight, which sees all but the contents."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import stat
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from notifier.cli import review
from notifier.cli.main import run
from notifier.config import load, party_config
from notifier.consumers.inbox.inbox import Inbox
from notifier.consumers.verification import StreamPosition, VerifiedMessage
from notifier.directory.registry import Registry
from notifier.keyfiles import signing_key, storage_key
from notifier.notification import decode, parse
from notifier.outbox.payloads import payloads_for
from notifier.runtime import REAL

ID = "01997e5c-1c00-7c55-9a3e-0d3f5e0b8a11"
OTHER = "01997e5c-1c00-7c55-9a3e-000000000000"
ME, OVERSIGHT = "TUR/spoc", "TUR/oversight"
EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def notifier(copied, capsys):
    """Run a verb in the home as a party: status, standard output, standard error."""

    def call(*arguments, as_=ME):
        status = run([*arguments, "--home", str(copied), "--as", as_])
        out, err = capsys.readouterr()
        return status, out, err

    return call


@pytest.fixture
def file(arrest, tmp_path):
    path = tmp_path / "arrest.json"
    path.write_text(json.dumps(arrest))
    return path


@pytest.fixture
def published(notifier, file):
    """Publish the notification from TUR/spoc's outbox: DEU and INTERPOL are told, FRA is not."""
    assert notifier("publish", str(file), "--wait", "--timeout", "0")[0] == 3
    return ID


def test_the_originator_is_told_all_in_words(notifier, published):
    """A line an authority: what was decided, by which rule and paragraph, and because of what."""
    status, out, _ = notifier("why", ID)
    assert status == 0
    head, *lines = out.splitlines()
    assert head == f"{ID}, by version 1 of the rules"
    assert any(line.split()[:2] == ["waiting", "DEU/spoc"] for line in lines), "the hub has not accepted it"
    assert not any(line.split()[0] == "told" for line in lines)
    (kept,) = [line for line in lines if "FRA/spoc" in line]
    assert kept.startswith("  not told")
    assert "(para " in kept
    assert kept.endswith("because not_to")


def test_oversight_sees_the_same_decision_and_no_contents(notifier, published, arrest):
    """The same document as the originator's; neither name, narrative nor document number is anywhere in it."""
    status, out, _ = notifier("why", ID, "--json", as_=OVERSIGHT)
    assert status == 0
    assert json.loads(out) == json.loads(notifier("why", ID, "--json")[1])
    assert {entry["outcome"] for entry in json.loads(out)["recipients"]} >= {"send", "suppress"}
    words = notifier("why", ID, as_=OVERSIGHT)[1]
    assert words == notifier("why", ID)[1]
    for text in (arrest["subject"]["names"][0]["text"], arrest["subject"]["births"][0]):
        assert text not in out + words
    (entry,) = json.loads(notifier("why", ID, "FRA/spoc", "--json", as_=OVERSIGHT)[1])["recipients"]
    assert entry["because"] == ["not_to"]


def test_oversight_leaves_the_outbox_as_it_was(notifier, published, copied):
    """It is opened to be read: nothing in the file changes."""
    place = party_config(copied, ME).parent / "outbox.db"

    def contents():
        with sqlite3.connect(place) as database:
            found = "\n".join(database.iterdump())
        database.close()
        return found

    before = contents()
    place.chmod(0o400)
    assert notifier("why", ID, as_=OVERSIGHT)[0] == 0
    place.chmod(0o600)
    assert contents() == before


def test_oversight_of_another_state_sees_nothing(notifier, published):
    """Neither the oversight of a state that was told, nor that of one that was not: the same as of an unknown id."""
    said = {notifier("why", ID, as_=name) for name in ("DEU/oversight", "FRA/oversight")}
    said |= {notifier("why", OTHER, as_=name) for name in ("DEU/oversight", OVERSIGHT)}
    ((status, out, err),) = said
    assert (status, out) == (1, "")
    assert err.startswith("notifier: not_found: ")


def test_whoever_was_kept_from_it_learns_nothing_by_asking(notifier, published):
    """FRA, which was suppressed, and MAR, whom nothing names, hear what anybody hears of an id that is not."""
    assert len({notifier("why", one, as_=name) for one in (ID, OTHER) for name in ("FRA/spoc", "MAR/spoc")}) == 1


@pytest.fixture
def reviewed(notifier, arrest, tmp_path, monkeypatch):
    """Publish a child's arrest that cem submitted; ada releases it for DEU and refuses it for UTO."""
    monkeypatch.setattr(review, "GRACE_SECONDS", 0.0)
    nationality = {"state": "UTO", "status": "documented"}
    child = arrest["subject"] | {"age": "child", "nationalities": [nationality], "residences": ["DEU"]}
    path = tmp_path / "child.json"
    path.write_text(json.dumps(arrest | {"subject": child}))
    assert notifier("person", "add", "cem")[0] == 0
    assert notifier("publish", str(path), "--by", "cem", "--wait", "--timeout", "0")[0] == 3
    assert notifier("person", "add", "ada", "--may", "child_reviewer")[0] == 0
    for verb, state in (("approve", "DEU"), ("refuse", "UTO")):
        ruling = ("--hold", "child_review", "--state", state, "--by", "ada", "--reference", f"file of {state}")
        status, _, err = notifier("review", verb, ID, *ruling)
        assert status == 3, err


def test_who_released_a_hold_is_said_to_the_originator_and_its_oversight(notifier, reviewed):
    """With the time and the reference, and who submitted it; for one authority, what was ruled about its state."""
    mine, theirs = (json.loads(notifier("why", ID, "--json", as_=name)[1]) for name in (ME, OVERSIGHT))
    assert mine == theirs
    assert mine["submitted_by"] == "cem"
    told = {entry["authority"]: (entry["outcome"], entry["because"]) for entry in mine["recipients"]}
    assert told["DEU/spoc"] == ("send", [])
    assert told["UTO/spoc"] == ("hold", ["child_review"])
    said = [(one["kind"], one["hold"], one["state"], one["by"], one["reference"]) for one in mine["rulings"]]
    assert said == [
        ("approval", "child_review", "DEU", "ada", "file of DEU"),
        ("refusal", "child_review", "UTO", "ada", "file of UTO"),
    ]
    for name in (ME, OVERSIGHT):
        lines = notifier("why", ID, "DEU/spoc", as_=name)[1].splitlines()
        assert lines[-2] == "  submitted by cem"
        assert lines[-1].startswith("  approval of child_review for DEU by ada at 20")
        assert lines[-1].endswith(", reference file of DEU")
    assert "ada" not in notifier("why", ID, as_="DEU/oversight")[2]


def test_a_replay_counts_what_persons_released(notifier, reviewed, copied):
    """By rules that say the same nothing differs: the hold that ada released is none in either."""
    status, out, _ = notifier("rules", "diff", "1", "1", "--replay", "--json")
    assert (status, json.loads(out)["summary"]["differ"]) == (0, 0)
    registry = Registry(copied / "directory", copied / "directory-keys", REAL.clock)
    rows = tuple(row for row in registry.rules.rows if (row.type, row.rule) != ("arrest", "residence"))
    registry.change_rules(replace(registry.rules, rows=rows))
    (found,) = json.loads(notifier("rules", "diff", "1", "2", "--replay", "--json")[1])["messages"]
    assert found["removed"] == ["DEU/spoc"], "he or she was told: released"


WRITING = {
    "person add": ("person", "add", "ada", "--may", "release"),
    "person list": ("person", "list"),
    "review list": ("review", "list"),
    "review approve": ("review", "approve", ID, "--hold", "child_review", "--by", "ada"),
    "forward": ("forward", ID, "TUR/border"),
    "publish": ("publish", "FILE"),
    "publish what waits": ("publish",),
    "track": ("track", ID),
    "replay": ("rules", "diff", "1", "1", "--replay"),
}


@pytest.mark.parametrize("arguments", WRITING.values(), ids=WRITING)
def test_oversight_writes_nothing(notifier, file, arguments, copied):
    """Each verb that needs an outbox is refused in one line, and leaves no file."""
    arguments = [str(file) if one == "FILE" else one for one in arguments]
    status, out, err = notifier(*arguments, as_=OVERSIGHT)
    assert (status, err.count("\n")) == (1, 1)
    assert err.startswith("notifier: not_permitted: TUR/oversight has the oversight role, which only reads")
    folder = party_config(copied, OVERSIGHT).parent
    assert not [*folder.glob("outbox*"), *folder.glob("persons")]
    assert "id" not in out


def test_the_directory_lets_oversight_send_nothing(copied, capsys):
    """Should it find a way to seal: the hub would not take it."""
    run(["directory", "show", "--json", "--home", str(copied)])
    listed = json.loads(capsys.readouterr().out)["authorities"]
    rights = {one["name"].partition("/")[2]: one["publishes"] for one in listed}
    assert rights["oversight"] == []
    assert "arrest" in rights["spoc"]


def test_an_authority_gives_its_oversight_the_key_of_its_decisions(notifier, published, copied, tmp_path):
    """A private file, not written over; with it and the outbox's address oversight reads, and no other opens."""
    key = tmp_path / "tur-spoc.key"
    status, out, _ = notifier("oversight", "grant", str(key))
    assert status == 0
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert out.startswith('[oversees."TUR/spoc"]\n')
    assert key.read_bytes() == (party_config(copied, OVERSIGHT).parent / "TUR.spoc.decisions.key").read_bytes()
    assert notifier("oversight", "grant", str(key))[0] == 1
    assert notifier("oversight", "grant", str(tmp_path / "x"), as_=OVERSIGHT)[0] == 1
    assert not (tmp_path / "x").exists()
    other = tmp_path / "tur-fiu.key"
    assert notifier("oversight", "grant", str(other), as_="TUR/fiu")[0] == 0
    (party_config(copied, OVERSIGHT).parent / "TUR.spoc.decisions.key").write_bytes(other.read_bytes())
    status, out, err = notifier("why", ID, as_=OVERSIGHT)
    assert (status, out) == (3, "")
    assert "does not open with the storage key" in err


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('[oversees."TUR/spoc"]\nkey = "k"\n', "oversees.TUR/spoc.outbox is mandatory"),
        ('[oversees."TUR/spoc"]\noutbox = "o"\nkey = "k"\nmore = 1\n', "oversees.TUR/spoc.more is not a setting"),
        ('[oversees]\n"TUR/spoc" = "all"\n', "[oversees.TUR/spoc] is missing or no table"),
        ('[oversees."TUR/spoc"]\noutbox = "o"\nkey = "none.key"\n', "oversees.TUR/spoc.key"),
    ],
)
def test_a_wrong_setting_is_named(notifier, copied, table, said):
    """The line names the key and the authority."""
    config = party_config(copied, OVERSIGHT)
    config.write_text(config.read_text().partition("\n[oversees")[0] + "\n" + table)
    status, _, err = notifier("why", ID, as_=OVERSIGHT)
    assert (status, said in err, err.count("\n")) == (1, True, 1)


@pytest.fixture
def deliver(copied):
    """Put a notification into the inbox of an authority, as the hub decided by those rules."""

    def put(name, document, rules_version=1):
        notification = replace(parse(document), id=uuid.UUID(ID).bytes)
        (letter,) = payloads_for(notification, [name])
        place = StreamPosition(notification.originator, b"s" * 16, 1)
        came = VerifiedMessage(
            place=place,
            envelope=bytes(32),
            notification_id=notification.id,
            accepted_at=1_795_000_000_000,
            rules_version=rules_version,
            encoded=letter.wire,
            notification=decode(letter.wire),
        )
        settings = load(party_config(copied, name))

        async def fill():
            inbox = await Inbox.open(settings.inbox, name, storage_key(settings.keys), REAL)
            lease = inbox.lease()
            await lease.acquire()
            await inbox.store([came], [0], 0, lease, signing_key(settings.keys))
            await lease.release()
            await inbox.close()

        asyncio.run(fill())

    return put


@pytest.fixture
def change_rules(copied):
    """Make a version of the rules without the row of a leg."""

    def signed(type_, rule):
        registry = Registry(copied / "directory", copied / "directory-keys", REAL.clock)
        rows = tuple(row for row in registry.rules.rows if (row.type, row.rule) != (type_, rule))
        following, _ = registry.change_rules(replace(registry.rules, rows=rows))
        return following.version

    return signed


def heard(notifier, name):
    """Return the answer to a recipient: the version of the rules, and its entry."""
    document = json.loads(notifier("why", ID, "--json", as_=name)[1])
    (entry,) = document["recipients"]
    assert (entry["authority"], entry["outcome"], entry["because"]) == (name, "send", [])
    return document["rules_version"], [(one["rule"], one["paragraph"]) for one in entry["reasons"]]


def test_a_recipient_is_answered_by_the_rules_of_its_day(notifier, deliver, change_rules, arrest):
    """Two versions later no rule would tell DEU; it was told by the first, and hears that."""
    deliver("DEU/spoc", arrest)
    at_first = heard(notifier, "DEU/spoc")
    version, ((rule, _),) = at_first
    assert version == 1
    change_rules("arrest", rule)
    assert change_rules("deportation", "transit") == 3
    assert heard(notifier, "DEU/spoc") == at_first


def test_what_the_hub_took_by_the_version_before_is_explained_by_it(notifier, deliver, change_rules, arrest):
    """Accepted within the day after a change, though the hub's own rules named DEU no more."""
    deliver("DEU/spoc", arrest, rules_version=2)
    version, ((rule, _),) = heard(notifier, "DEU/spoc")
    assert version == 1
    change_rules("arrest", rule)
    assert heard(notifier, "DEU/spoc")[0] == 1


def test_where_the_profile_has_not_got_the_fact_no_reason_is_made_up(notifier, deliver):
    """A child's residence is in no minimal profile: FRA was told, and neither the fact nor the rule is said."""
    document = json.loads((EXAMPLES / "arrest.json").read_text())
    nationality = {"state": "UTO", "status": "documented"}
    document["subject"] |= {"age": "child", "residences": ["FRA"], "nationalities": [nationality]}
    deliver("FRA/spoc", document)
    assert heard(notifier, "FRA/spoc") == (1, [])
    out = notifier("why", ID, as_="FRA/spoc")[1]
    assert "by facts outside its profile" in out
    assert "residence" not in out


def test_a_recipient_is_told_of_nobody_else(notifier, deliver, arrest):
    """Asked for itself or for another, whoever that is: no name but its own, and no word of what was kept back."""
    deliver("DEU/spoc", arrest)
    out = notifier("why", ID, as_="DEU/spoc")[1] + notifier("why", ID, "--json", as_="DEU/spoc")[1]
    for word in ("FRA", "INTERPOL", "TUR", "not_to", "suppress", "hold"):
        assert word not in out
    refused = {notifier("why", ID, name, as_="DEU/spoc") for name in ("FRA/spoc", "INTERPOL/spoc", "MAR/spoc")}
    assert len(refused) == 1
