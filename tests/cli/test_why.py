"""`notifier why` from three sides: the originator, a recipient, and oversight, which sees all but the contents."""

from __future__ import annotations

import json
import sqlite3
import stat

import pytest

from notifier.cli.main import run
from notifier.config import party_config

ID = "01997e5c-1c00-7c55-9a3e-0d3f5e0b8a11"
OTHER = "01997e5c-1c00-7c55-9a3e-000000000000"
ME, OVERSIGHT = "TUR/spoc", "TUR/oversight"


@pytest.fixture
def notifier(copied, capsys):
    """Runs a verb in the home as somebody: status, standard output, standard error."""

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
    """The notification in TUR/spoc's outbox: DEU and INTERPOL are told, FRA is not."""
    assert notifier("publish", str(file), "--wait", "--timeout", "0")[0] == 3
    return ID


def test_the_originator_is_told_all_in_words(notifier, published):
    """A line an authority: what was decided, by which rule and paragraph, and because of what."""
    status, out, _ = notifier("why", ID)
    assert status == 0
    head, *lines = out.splitlines()
    assert head == f"{ID}, by version 1 of the rules"
    assert any(line.split()[:2] == ["told", "DEU/spoc"] for line in lines)
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


WRITING = {
    "publish": ("publish", "FILE"),
    "publish what waits": ("publish",),
    "track": ("track", ID),
    "replay": ("rules", "diff", "1", "1", "--replay"),
}


@pytest.mark.parametrize("arguments", WRITING.values(), ids=WRITING)
def test_oversight_writes_nothing(notifier, file, arguments, copied):
    """Whatever needs an outbox is refused in one line, and leaves no file."""
    arguments = [str(file) if one == "FILE" else one for one in arguments]
    status, out, err = notifier(*arguments, as_=OVERSIGHT)
    assert (status, err.count("\n")) == (1, 1)
    assert err.startswith("notifier: not_permitted: TUR/oversight oversees: it reads, and writes nothing")
    assert not list(party_config(copied, OVERSIGHT).parent.glob("outbox*"))
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
    """Which key of which authority, in one line."""
    config = party_config(copied, OVERSIGHT)
    config.write_text(config.read_text().partition("\n[oversees")[0] + "\n" + table)
    status, _, err = notifier("why", ID, as_=OVERSIGHT)
    assert (status, said in err, err.count("\n")) == (1, True, 1)
