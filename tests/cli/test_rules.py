"""`notifier rules`: versions are shown, compared, replayed on stored notifications, and published."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from notifier.cli.main import run
from notifier.notification import parse
from notifier.notification.digest import digest_of
from notifier.outbox import outbox

EXAMPLES = Path(__file__).parents[2] / "examples"
RESIDENCE = {
    "type": "deportation",
    "custody": "any",
    "rule": "residence",
    "role": "spoc",
    "paragraph": "5",
    "stage_paragraphs": {},
}


@pytest.fixture
def notifier(copied, capsys):
    """Run a verb in the home: status, standard output, standard error."""

    def call(*arguments):
        status = run([*arguments, "--home", str(copied)])
        out, err = capsys.readouterr()
        return status, out, err

    return call


@pytest.fixture
def administer(copied, capsys):
    """Run a command with the directory's folder and the keys in `keys`, or those of all holders."""

    def call(*arguments, keys=None):
        places = ["--folder", str(copied / "directory"), "--keys", str(keys or copied / "directory-keys")]
        status = run([*arguments, *places])
        out, err = capsys.readouterr()
        return status, out, err

    return call


@pytest.fixture
def publish(administer):
    """Publish a file with the keys in `keys`, or those of all holders."""
    return lambda file, keys=None: administer("rules", "publish", str(file), keys=keys)


@pytest.fixture
def file(notifier, tmp_path):
    """Write the present rules, edited: a deportation reaches residence, and no longer transit."""
    document = json.loads(notifier("rules", "show", "--json")[1])
    rows = [row for row in document["rows"] if (row["type"], row["rule"]) != ("deportation", "transit")]
    path = tmp_path / "rules.json"
    path.write_text(json.dumps(document | {"rows": [*rows, RESIDENCE]}))
    return path


def test_rules_are_shown_in_words_and_as_they_are_signed(notifier):
    """By default the current ones."""
    status, out, _ = notifier("rules", "show")
    assert status == 0
    assert out.startswith("version 1 of the rules, ")
    assert "  deportation            spoc      every state of transit (para 3)\n" in out
    assert "  corridor TUR to DEU: BGR/spoc, DEU/spoc\n" in out
    document = json.loads(notifier("rules", "show", "1", "--json")[1])
    assert document == json.loads(notifier("directory", "show", "--json")[1])["rules"]


def test_a_change_is_said_in_words(notifier, file):
    """One line for each row that came or went."""
    status, out, _ = notifier("rules", "diff", "current", str(file))
    assert status == 0
    assert out.splitlines() == [
        f"rules current -> {file}",
        "  removed  deportation            spoc      every state of transit (para 3)",
        "  added    deportation            spoc      every state of residence (para 5)",
    ]
    assert notifier("rules", "diff", "1", "current")[1].splitlines()[1:] == ["  no difference"]
    document = json.loads(notifier("rules", "diff", "current", str(file), "--json")[1])
    assert document["rows"]["added"] == [RESIDENCE]
    assert "messages" not in document


def test_a_replay_says_who_would_have_been_told(notifier, file):
    """On files: AUT and BGR not any more, FRA as well; every notification is counted, and what is equal not shown."""
    names = [str(EXAMPLES / f"{name}.json") for name in ("deportation-ordered", "arrest")]
    status, out, _ = notifier("rules", "diff", "current", str(file), *names, "--replay")
    assert status == 0
    assert out.splitlines()[3:] == [
        f"{names[0]}  deportation  TUR/spoc",
        "  - AUT/spoc               told: transit (para 3) -> not named",
        "  - BGR/spoc               told: transit (para 3) -> not named",
        "  + FRA/spoc               not named -> told: residence (para 5)",
        "2 notifications, 1 would differ: 1 recipients added, 2 removed, 0 with another outcome or reason",
    ]


def test_a_replay_of_the_outbox_sends_nothing_and_leaves_it_as_it_was(notifier, file, copied, monkeypatch):
    """Every stored notification, a page at a time, once; one JSON document; the outbox's decision stays."""
    monkeypatch.setattr(outbox, "PAGE", 2)
    document = json.loads((EXAMPLES / "deportation-ordered.json").read_text())
    many = copied / "many.jsonl"
    many.write_text("".join(json.dumps(document | {"narrative": str(number)}) + "\n" for number in range(5)))
    acts = ("--as", "TUR/spoc")
    published = json.loads(notifier("publish", str(many), "--timeout", "0", "--wait", "--json", *acts)[1])
    ids = [one["id"] for one in published["messages"]]
    status, out, _ = notifier("rules", "diff", "current", str(file), "--replay", "--json", *acts)
    found = json.loads(out)
    assert status == 0
    assert [one["id"] for one in found["messages"]] == ids
    assert {tuple(one["removed"]) for one in found["messages"]} == {("AUT/spoc", "BGR/spoc")}
    assert {tuple(one["added"]) for one in found["messages"]} == {("FRA/spoc",)}
    assert found["summary"] == {"notifications": 5, "differ": 5, "added": 5, "removed": 10, "otherwise": 0}
    why = json.loads(notifier("why", ids[0], "--json", *acts)[1])
    assert why["rules_version"] == 1
    assert "FRA/spoc" not in {entry["authority"] for entry in why["recipients"]}
    assert json.loads(notifier("track", ids[0], "--json", *acts)[1])["recipients"][0]["state"] == "waiting"


def test_an_update_is_replayed_as_what_it_is(notifier, file, tmp_path):
    """It goes to everyone who was told before: no row names AUT and BGR any more, and they stay."""
    first = json.loads((EXAMPLES / "deportation-ordered.json").read_text())
    first["id"] = "01997e5c-1c00-7c55-9a3e-0d3f5e0b8a11"
    about = {"id": first["id"], "digest": digest_of(parse(first))}
    update = {name: value for name, value in first.items() if name not in ("id", "stage")}
    update |= {"type": "update", "about": about}
    both = tmp_path / "both.jsonl"
    both.write_text(json.dumps(first) + "\n" + json.dumps(update) + "\n")
    acts = ("--as", "TUR/spoc")
    status, _, err = notifier("publish", str(both), "--timeout", "0", "--wait", *acts)
    assert status == 3, err
    of_first, of_update = json.loads(notifier("rules", "diff", "current", str(file), "--replay", "--json", *acts)[1])[
        "messages"
    ]
    assert of_first["removed"] == ["AUT/spoc", "BGR/spoc"]
    assert (of_update["type"], of_update["removed"], of_update["added"]) == ("update", [], ["FRA/spoc"])
    changed = {entry["authority"]: entry["after"]["reasons"] for entry in of_update["entries"]}
    assert changed["AUT/spoc"] == [{"rule": "told_before", "paragraph": "3"}]


def test_a_file_of_something_else_is_told_and_the_rest_is_replayed(notifier, file, tmp_path):
    """The faults by pointer, exit status 1, and still one JSON document."""
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"type": "arrest"}')
    good = str(EXAMPLES / "deportation-ordered.json")
    status, out, err = notifier("rules", "diff", "1", str(file), str(wrong), good, "--replay", "--json")
    assert (status, json.loads(out)["summary"]["notifications"]) == (1, 1)
    assert f"invalid_notification: {wrong}" in err


def test_two_holders_publish_what_both_have_seen(notifier, administer, publish, file, copied, tmp_path):
    """The first stages; the second looks at what it signs, signs, and everybody has it; the old version stays."""
    folders = []
    for number in (1, 2):
        folders.append(tmp_path / f"holder-{number}")
        folders[-1].mkdir()
        for name in (f"rules-{number}.pem", "snapshot-1.pem", "timestamp-1.pem"):
            shutil.copy(copied / "directory-keys" / name, folders[-1])
    status, _, err = publish(file, keys=folders[0])
    assert (status, "staged" in err) == (0, True)
    assert notifier("rules", "show")[1].startswith("version 1 ")
    for folder in ((), ("--folder", str(copied / "directory"))):
        _, out, _ = notifier("rules", "diff", "current", "staged", *folder)
        assert "added    deportation            spoc      every state of residence (para 5)" in out
    status, shown, _ = administer("directory", "sign", keys=folders[1])
    assert status == 1, "nothing is signed that is not named"
    assert "added    deportation            spoc      every state of residence (para 5)" in shown
    (digest,) = (line.split()[1] for line in shown.splitlines() if line.strip().startswith("digest"))
    assert administer("directory", "sign", digest, keys=folders[1])[0] == 0
    assert notifier("rules", "show")[1].startswith("version 2 ")
    assert notifier("rules", "diff", "1", "2")[1].count("\n") == 3
    assert notifier("rules", "diff", "previous", "current")[1].count("\n") == 3


def test_what_is_wrong_with_a_file_is_said_and_nothing_is_published(notifier, publish, file):
    """A type that does not exist, and rules that are not the current ones' edit."""
    document = json.loads(file.read_text())
    file.write_text(json.dumps(document | {"rows": [RESIDENCE | {"type": "deporation"}]}))
    for status, out, err in (publish(file), notifier("rules", "diff", "current", str(file))):
        assert (status, out) == (1, "")
        assert err.startswith("notifier: directory_invalid: rows/0/type: ")
    file.write_text(json.dumps(document | {"version": 5}))
    assert "made from version 5" in publish(file)[2]
    assert notifier("rules", "show")[1].startswith("version 1 ")


def test_a_subscriber_that_does_not_take_part_is_a_warning(publish, file):
    """The version is published."""
    document = json.loads(file.read_text())
    lane = {"from": "TUR", "to": "BEL", "subscribers": ["CHE/ncb"]}
    file.write_text(json.dumps(document | {"corridors": [lane]}))
    status, out, err = publish(file)
    assert status == 0
    assert "warning: CHE/ncb subscribes" in err
    assert err.splitlines()[-1] == "published"
    assert out.splitlines()[0] == "version 2 of the rules"
    assert "  added    corridor TUR to BEL: CHE/ncb" in out.splitlines()


def test_the_directory_of_the_home_is_the_default_and_the_changes_are_printed(notifier, copied, file):
    """As lines, and with --json as a document that says whether the version is out."""
    keys = ("--keys", str(copied / "directory-keys"))
    status, out, err = notifier("rules", "publish", str(file), *keys, "--json")
    document = json.loads(out)
    assert (status, err.splitlines()[-1]) == (0, "published")
    assert (document["old"], document["new"], document["published"]) == (1, 2, True)
    assert document["rows"]["added"] == [RESIDENCE]
    assert notifier("rules", "show")[1].startswith("version 2 ")


def test_the_former_name_of_the_command_works_and_is_not_listed(administer, notifier, file):
    """`notifier directory rules` is `notifier rules publish`."""
    assert "rules" not in {line.split()[0] for line in notifier("directory", "--help")[1].splitlines() if line}
    status, out, err = administer("directory", "rules", str(file))
    assert (status, out.splitlines()[0], err.splitlines()[-1]) == (0, "version 2 of the rules", "published")


@pytest.mark.parametrize(
    ("arguments", "status", "begins"),
    [
        (("show", "9"), 1, "not_found: the directory keeps no version 9"),
        (("show", "9" * 5000), 1, "not_found: the directory keeps no version 0"),
        (("show", "previous"), 1, "not_found: the current version of the rules is the first"),
        (("show", "staged"), 1, "not_found: no version of the rules waits"),
        (("show", "nowhere.json"), 1, "not_found: nowhere.json: no such file"),
        (("diff", "1"), 2, "usage: "),
        (("diff", "1", "1", "--replay"), 2, "usage: no notifications to replay"),
        (("diff", "1", "1", "some.json"), 2, "usage: notifications are only used with --replay"),
        (("diff", "1", "1", "--replay", "--as", "NLD/spoc"), 1, "unknown_authority: "),
        (("diff", "1", "1", "nowhere.json", "--replay"), 1, "not_found: nowhere.json"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else None,
)
def test_a_refusal_is_one_line_with_its_reason(notifier, arguments, status, begins):
    """On standard error, with the exit status that goes with it."""
    found, _, err = notifier("rules", *arguments)
    assert found == status
    assert err.startswith(f"notifier: {begins}")
    assert err.count("\n") == 1
