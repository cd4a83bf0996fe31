"""`notifier person` and `notifier review`, as typed; no broker runs."""

from __future__ import annotations

import json
import stat

import pytest

from notifier.cli import person, review
from notifier.cli.main import run
from notifier.crypto.keys import SigningKey

ID = "01997e5c-1c00-7c55-9a3e-0d3f5e0b8a11"


@pytest.fixture
def notifier(copied, capsys, monkeypatch):
    """Runs a verb as TUR/spoc: status, standard output (parsed, with --json), standard error."""
    monkeypatch.setattr(review, "GRACE_SECONDS", 0.0)

    def call(*arguments):
        found = run([*arguments, "--home", str(copied), "--as", "TUR/spoc"])
        out, err = capsys.readouterr()
        return found, json.loads(out) if "--json" in arguments and out else out, err

    return call


@pytest.fixture
def child(notifier, tmp_path, arrest):
    """Publish a child's arrest that cem submitted; it is held for DEU."""
    assert notifier("person", "add", "cem")[0] == 0
    path = tmp_path / "child.json"
    path.write_text(json.dumps(arrest | {"subject": arrest["subject"] | {"age": "child"}}))
    status, _, err = notifier("publish", str(path), "--by", "cem", "--wait", "--timeout", "0")
    assert status == 3, err
    return ID


def persons(notifier):
    return notifier("person", "list", "--json")[1]["persons"]


def test_a_person_is_registered_with_a_key_that_only_they_can_read(notifier, copied):
    """Made beside the settings, or where it is said; listed with what the person may, and until when."""
    status, made, _ = notifier(
        "person", "add", "Ada Lindt", "--may", "assurance", "--may", "child_reviewer", "--json"
    )
    assert status == 0
    path = copied / "parties" / "TUR.spoc" / "persons" / "Ada Lindt.key"
    assert made["key_file"] == str(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert made["person"]["public"] == SigningKey.from_secret(path.read_bytes()).public.hex()
    assert made["person"]["permissions"] == ["assurance", "child_reviewer"]
    assert persons(notifier) == [made["person"]]
    status, retired, _ = notifier("person", "retire", "ada lindt", "--json")
    assert (status, retired["person"]["retired"] is None) == (0, False)
    assert persons(notifier) == [retired["person"]]


def test_a_key_that_is_there_is_taken(notifier, tmp_path):
    """A file of the person's own, or the public half of one that is kept elsewhere."""
    own, other = SigningKey.from_secret(b"o" * 32), SigningKey.from_secret(b"p" * 32)
    path = tmp_path / "own.key"
    path.write_bytes(own.secret)
    path.chmod(0o600)
    assert notifier("person", "add", "own", "--may", "release", "--key", str(path))[0] == 0
    status, made, _ = notifier("person", "add", "far", "--may", "release", "--public", other.public.hex(), "--json")
    assert (status, made["key_file"]) == (0, None)
    assert [one["public"] for one in persons(notifier)] == [own.public.hex(), other.public.hex()]
    assert path.read_bytes() == own.secret


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("add", "../ada", "--may", "release"), 1, "invalid_person"),
        (("add", "ada", "--may", "everything"), 2, "usage"),
        (("add", "ada", "--may", "release", "--service"), 2, "usage"),
        (("add", "ada", "--may", "release", "--public", "zz"), 2, "usage"),
        (("add", "ada", "--may", "release", "--public", "00" * 32), 1, "key_rejected"),
        (("add", "ada", "--may", "release", "--public", "00", "--key", "x"), 2, "usage"),
        (("add", "BEN", "--may", "release"), 1, "person_exists"),
        (("retire", "ada"), 1, "unknown_person"),
    ],
)
def test_who_is_not_registered_leaves_nothing_behind(notifier, copied, arguments, status, said):
    """One line with its reason; no key file of nobody's."""
    assert notifier("person", "add", "ben", "--may", "release")[0] == 0
    found, out, err = notifier("person", *arguments)
    assert (found, out) == (status, "")
    assert err.startswith(f"notifier: {said}: ")
    assert [one["name"] for one in persons(notifier)] == ["ben"]
    assert [path.name for path in (copied / "parties" / "TUR.spoc" / "persons").iterdir()] == ["ben.key"]


def test_an_interrupt_takes_no_key_away(notifier, copied, monkeypatch):
    """It may come when the person is registered already: without the file, nobody could ever rule in that name."""
    before = person.with_outbox

    def interrupted(*given):
        before(*given)
        raise KeyboardInterrupt

    monkeypatch.setattr(person, "with_outbox", interrupted)
    assert notifier("person", "add", "ada", "--may", "release")[0] == 130
    monkeypatch.undo()
    (known,) = persons(notifier)
    path = copied / "parties" / "TUR.spoc" / "persons" / "ada.key"
    assert path.exists()
    assert known["public"] == SigningKey.from_secret(path.read_bytes()).public.hex()


@pytest.mark.parametrize("how", ["--key", "--public"])
def test_the_authority_s_own_key_is_no_person_s(notifier, copied, how):
    """The publisher has this key: with it, no second person would sign."""
    path = copied / "parties" / "TUR.spoc" / "signing.key"
    given = str(path) if how == "--key" else SigningKey.from_secret(path.read_bytes()).public.hex()
    status, _, err = notifier("person", "add", "ada", "--may", "release", how, given)
    assert status == 1
    assert "key_rejected" in err
    assert persons(notifier) == []
    assert path.exists()


def test_what_waits_is_listed_and_released_by_a_second_person(notifier, child):
    """For programs: the holds with what they need, who is released, the ruling, the acts."""
    notifier("person", "add", "ada", "--may", "child_reviewer")
    status, listed, _ = notifier("review", "list", "--json")
    (message,) = listed["messages"]
    assert (status, message["id"], message["submitted_by"]) == (0, child, "cem")
    assert message["holds"] == [
        {"authority": "DEU/spoc", "hold": "child_review", "needs": "child_reviewer", "refused_by": []}
    ]
    ruling = ("review", "approve", child, "--hold", "child_review", "--by", "ada", "--json")
    status, released, _ = notifier(*ruling)
    assert (status, released["released"], released["holds"]) == (3, ["DEU/spoc"], []), "the broker is down"
    assert [(one["kind"], one["by"]) for one in released["rulings"]] == [("approval", "ada")]
    _, shown, _ = notifier("review", "show", child, "--json")
    assert [(act["kind"], act["state"]) for act in shown["acts"]] == [
        ("hold", "waiting"),
        ("approval", "waiting"),
    ]
    assert shown["notification"]["subject"]["age"] == "child"
    assert notifier("review", "list", "--json")[1] == {"messages": []}
    tracked = notifier("track", child, "--json")[1]
    assert {one["authority"]: one["state"] for one in tracked["recipients"]} == {
        "DEU/spoc": "waiting",
        "FRA/spoc": "not_told",
    }
    assert [(act["kind"], act["state"]) for act in tracked["acts"]] == [
        ("hold", "waiting"),
        ("approval", "waiting"),
    ]
    assert "act of approval" in notifier("track", child)[1]


def test_for_people_the_lists_say_what_a_hold_needs_and_who_refused(notifier, child):
    """A refusal stays."""
    notifier("person", "add", "ada", "--may", "child_reviewer")
    assert "needs child_reviewer" in notifier("review", "list")[1]
    status, out, _ = notifier("review", "refuse", child, "--hold", "child_review", "--by", "ada", "--reference", "no")
    assert status == 3, "its act waits for the log"
    assert "refused by ada" in out
    assert "reference no" in notifier("review", "show", child)[1]
    status, _, err = notifier("review", "approve", child, "--hold", "child_review", "--by", "ada")
    assert status == 1
    assert err.startswith("notifier: hold_refused: ")


@pytest.mark.parametrize(
    ("by", "hold", "said"),
    [
        ("cem", "child_review", "permission_missing"),
        ("ben", "child_review", "permission_missing"),
        ("nobody", "child_review", "config_invalid"),
        ("ada", "torture_or_death_risk", "permission_missing"),
        ("ada", "nationality_unknown", "not_approvable"),
        ("ada", "everything", "not_approvable"),
    ],
)
def test_every_refusal_is_one_line(notifier, child, by, hold, said):
    """With its reason, and exit status 1; nothing is released."""
    for name, may in (("ada", "child_reviewer"), ("ben", "release")):
        notifier("person", "add", name, "--may", may)
    status, out, err = notifier("review", "approve", child, "--hold", hold, "--by", by)
    assert (status, out) == (1, "")
    assert err.startswith(f"notifier: {said}: ")
    assert notifier("review", "list", "--json")[1]["messages"][0]["rulings"] == []


def test_the_person_of_the_environment_submits(notifier, monkeypatch, tmp_path, arrest):
    """NOTIFIER_PERSON stands for --by, of publish and of review."""
    notifier("person", "add", "dora", "--may", "child_reviewer")
    monkeypatch.setenv("NOTIFIER_PERSON", "dora")
    path = tmp_path / "child.json"
    path.write_text(json.dumps(arrest | {"subject": arrest["subject"] | {"age": "child"}}))
    notifier("publish", str(path), "--wait", "--timeout", "0")
    assert notifier("review", "list", "--json")[1]["messages"][0]["submitted_by"] == "dora"
    status, _, err = notifier("review", "approve", ID, "--hold", "child_review")
    assert status == 1
    assert err.startswith("notifier: self_approval: ")


def test_where_nobody_is_named_the_service_submits(notifier, tmp_path, arrest):
    """Registered on its first use, as a kind of its own; a person releases what it submitted."""
    path = tmp_path / "child.json"
    path.write_text(json.dumps(arrest | {"subject": arrest["subject"] | {"age": "child"}}))
    notifier("publish", str(path), "--wait", "--timeout", "0")
    assert [(one["name"], one["kind"], one["permissions"]) for one in persons(notifier)] == [
        ("service", "service", [])
    ]
    notifier("person", "add", "ada", "--may", "child_reviewer")
    status, released, _ = notifier("review", "approve", ID, "--hold", "child_review", "--by", "ada", "--json")
    assert (status, released["submitted_by"], released["released"]) == (3, "service", ["DEU/spoc"])


def test_who_submits_has_a_key_that_is_registered(notifier, copied, tmp_path, arrest):
    """Another's key under a name, a key that nobody registered, a name without a key: nothing is stored."""
    path, own = tmp_path / "child.json", copied / "parties" / "TUR.spoc" / "persons"
    path.write_text(json.dumps(arrest))
    notifier("person", "add", "ada")
    notifier("person", "add", "ben")
    (tmp_path / "eve.key").write_bytes(b"e" * 32)
    (tmp_path / "eve.key").chmod(0o600)
    for named, said in (
        (("--by", "ada", "--key", str(own / "ben.key")), "unknown_person"),
        (("--by", "ada", "--key", str(tmp_path / "eve.key")), "unknown_person"),
        (("--by", "eve"), "config_invalid"),
        (("--key", str(own / "ada.key")), "usage"),
    ):
        status, _, err = notifier("publish", str(path), *named, "--wait", "--timeout", "0")
        assert status in (1, 2)
        assert f"{said}: " in err
    assert notifier("track", ID)[0] == 1


def test_what_nobody_signed_is_submitted_again_to_be_released(notifier, copied, tmp_path, arrest):
    """A home without a service: the hold is warned of, and a second person releases it once somebody signed."""
    config = copied / "parties" / "TUR.spoc" / "config.toml"
    config.write_text(config.read_text().replace('submitter = "submitter.key"\n', ""))
    path = tmp_path / "child.json"
    path.write_text(json.dumps(arrest | {"subject": arrest["subject"] | {"age": "child"}}))
    _, _, err = notifier("publish", str(path), "--wait", "--timeout", "0")
    assert "nobody signed its submission" in err
    for name in ("ada", "ben"):
        notifier("person", "add", name, "--may", "child_reviewer")
    ruling = ("review", "approve", ID, "--hold", "child_review", "--by")
    status, _, err = notifier(*ruling, "ada")
    assert (status, err.split(":")[1]) == (1, " submitted_by_nobody")
    assert "submitted by nobody" in notifier("review", "list")[1]
    assert notifier("review", "resubmit", ID, "--by", "ben")[0] == 0
    status, signed, _ = notifier("review", "resubmit", ID, "--by", "ada", "--json")
    assert (status, signed["submitted_by"]) == (0, "ben"), "it is signed already"
    assert notifier(*ruling, "ben")[2].startswith("notifier: self_approval: ")
    assert notifier(*ruling, "ada")[0] == 3, "released, and the broker is down"
    acts = [act["kind"] for act in notifier("review", "show", ID, "--json")[1]["acts"]]
    assert acts == ["hold", "submission", "approval"]


def test_approvals_in_the_file_are_warned_of(notifier, tmp_path, arrest):
    """They count in a dry run only."""
    approvals = [
        {"hold": "child_review", "state": None, "by": "ada", "at": "2026-11-20T09:00:00Z", "reference": None}
    ]
    path = tmp_path / "child.json"
    subject = arrest["subject"] | {"age": "child"}
    path.write_text(json.dumps(arrest | {"subject": subject, "local": arrest["local"] | {"approvals": approvals}}))
    _, out, err = notifier("publish", str(path), "--wait", "--timeout", "0", "--json")
    assert out["messages"][0]["recipients"] == []
    assert "/local/approvals: count in a dry run only" in err


@pytest.mark.parametrize("verb", [("show",), ("approve", "--hold", "child_review", "--by", "ada")])
def test_what_was_not_submitted_here_is_not_found(notifier, verb):
    """The answer is the same for every id."""
    notifier("person", "add", "ada", "--may", "child_reviewer")
    for message_id in (ID, "no-id"):
        status, _, err = notifier("review", verb[0], message_id, *verb[1:])
        assert status == 1
        assert err.startswith("notifier: not_found: ")
