"""Safeguards on the real broker: who has it in the inbox and who has not, before and after a person decided."""

from __future__ import annotations

import json
import secrets

import pytest

from notifier import Publisher
from support import sandbox as support


def person(world, authority, name, *permissions):
    """Registers a person of the authority, with a key in its folder."""
    may = [part for one in permissions for part in ("--may", one)]
    done = world.shell("person", "add", name, *may, "--as", authority, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["key_file"]


def given(world, authority, document, tmp_path, *by):
    """Publishes as from a shell, by the service or as `by` says: the message's id, when the hub has decided."""
    path = tmp_path / f"{secrets.token_hex(4)}.json"
    path.write_text(json.dumps(document))
    done = world.shell("publish", str(path), "--as", authority, *by, "--wait", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["messages"][0]["id"]


def tracked(world, authority, message_id):
    """The state of each recipient, and of each act."""
    document = world.json("track", message_id, "--as", authority)
    states = {one["authority"]: one["state"] for one in document["recipients"]}
    return states, [(act["kind"], act["state"]) for act in document["acts"]]


def told(world, authority, message_id):
    """What `why` says to this authority."""
    done = world.shell("why", message_id, "--as", authority, "--json")
    return done.returncode, json.loads(done.stdout) if done.returncode == 0 else done.stderr


async def received(world, name, message_id):
    """The message in the inbox of `name` once its feed is read to the end, or None."""
    return next((one for one in await world.receive(name) if one.id == message_id), None)


async def test_a_child_released_after_review_by_a_second_person(world, tmp_path):
    """Held for everybody; the submitter cannot release it; the second person does, while a publisher runs."""
    me = "BGR/spoc"
    name = f"reviewer {secrets.token_hex(4)}"
    person(world, me, name, "child_reviewer")
    person(world, me, "cem", "child_reviewer")
    child = given(world, me, support.example("detention-of-child"), tmp_path, "--by", "cem")
    assert tracked(world, me, child)[0] == {"AUT/spoc": "held"}
    assert await received(world, "AUT/spoc", child) is None
    assert told(world, "AUT/spoc", child)[0] == 1
    (waiting,) = told(world, me, child)[1]["recipients"]
    assert (waiting["outcome"], waiting["because"]) == ("hold", ["child_review"])
    (hold,) = (one for one in world.json("review", "list", "--as", me)["messages"] if one["id"] == child)
    assert [(one["hold"], one["needs"]) for one in hold["holds"]] == [("child_review", "child_reviewer")]

    approve = ("review", "approve", child, "--hold", "child_review", "--as", me)
    done = world.shell(*approve, "--by", "cem")
    assert (done.returncode, done.stderr.split(":")[1]) == (1, " self_approval")
    assert await received(world, "AUT/spoc", child) is None
    async with Publisher.from_home(world.home, me) as running:
        done = world.shell(*approve, "--by", name, "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["released"] == ["AUT/spoc"]
        assert await running.flush(support.PATIENCE_S) == []
    states, acts = tracked(world, me, child)
    assert states == {"AUT/spoc": "told"}
    assert acts == [("hold", "logged"), ("approval", "logged")]
    found = await received(world, "AUT/spoc", child)
    assert found is not None
    subject = found.notification.subject
    assert (subject.names[0].text, subject.age) == ("Novak Mila", "child")
    assert (found.notification.narrative, subject.documents, subject.residences) == (None, (), ())
    status, why = told(world, "AUT/spoc", child)
    assert status == 0
    assert [one["authority"] for one in why["recipients"]] == ["AUT/spoc"]
    assert [one["because"] for one in why["recipients"]] == [[]], "what was weighed is the originator's own business"
    assert "rulings" not in why
    mine = told(world, me, child)[1]
    assert [one["outcome"] for one in mine["recipients"]] == ["send"]
    assert (mine["submitted_by"], [(one["hold"], one["by"]) for one in mine["rulings"]]) == (
        "cem",
        [("child_review", name)],
    )
    assert world.json("audit", "verify")["ok"]


async def test_a_risk_of_torture_is_released_by_an_assurance_that_is_named(world, tmp_path):
    """The state that may torture hears nothing until a person names what it assured."""
    me = "FRA/spoc"
    name = f"legal {secrets.token_hex(4)}"
    person(world, me, name, "assurance")
    message = given(world, me, support.example("deportation-risk-of-torture"), tmp_path)
    assert tracked(world, me, message)[0] == {"MAR/spoc": "held"}
    approve = ("review", "approve", message, "--hold", "torture_or_death_risk", "--by", name, "--as", me)
    for missing in (("--state", "MAR"), ("--reference", "Z 1/26")):
        done = world.shell(*approve, *missing)
        assert (done.returncode, done.stderr.split(":")[1]) == (1, " assurance_missing")
    assert await received(world, "MAR/spoc", message) is None
    done = world.shell(*approve, "--state", "MAR", "--reference", "Z 1/26", "--json")
    assert done.returncode == 0, done.stderr
    assert await received(world, "MAR/spoc", message) is not None
    shown = world.json("review", "show", message, "--as", me)
    assert [(one["by"], one["reference"]) for one in shown["rulings"]] == [(name, "Z 1/26")]
    assert tracked(world, me, message)[0] == {"MAR/spoc": "told"}


async def test_a_refusal_is_final_and_nobody_is_told(world, tmp_path):
    """Another person with the same permission changes nothing."""
    me = "BGR/spoc"
    first, second = (f"{word} {secrets.token_hex(4)}" for word in ("first", "second"))
    for name in (first, second):
        person(world, me, name, "child_reviewer")
    child = given(world, me, support.example("detention-of-child"), tmp_path)
    rule = ("--hold", "child_review", "--as", me)
    assert world.shell("review", "refuse", child, *rule, "--by", first).returncode == 0
    done = world.shell("review", "approve", child, *rule, "--by", second)
    assert (done.returncode, done.stderr.split(":")[1]) == (1, " hold_refused")
    assert await received(world, "AUT/spoc", child) is None
    assert tracked(world, me, child) == ({"AUT/spoc": "held"}, [("hold", "logged"), ("refusal", "logged")])


UNKNOWN = "01997e5c-1c00-7c55-9a3e-000000000000"
LIVES_IN_DEU = {"residences": ["DEU"]}


@pytest.mark.parametrize(
    ("example", "originator", "person", "told_of", "kept_from", "leaves"),
    [
        (
            "deportation-two-nationalities",
            "TUR/spoc",
            {},
            {"BEL/spoc": "nationality 3", "DEU/spoc": "destination 3", "MAR/spoc": "nationality 3"},
            {"FRA/spoc": None},
            ["MAR", "BEL"],
        ),
        (
            "detention-of-refugee",
            "AUT/spoc",
            LIVES_IN_DEU,
            {"DEU/spoc": "residence 5"},
            {"UTO/spoc": "suppress feared_state"},
            ["UTO"],
        ),
        (
            "detention-refugee-by-code",
            "TUR/spoc",
            LIVES_IN_DEU,
            {"DEU/spoc": "residence 5"},
            {"BEL/spoc": "suppress refugee_origin"},
            ["unknown"],
        ),
        ("detention-stateless", "TUR/spoc", {}, {"AUT/spoc": "residence 5"}, {"UTO/spoc": None}, ["XXA"]),
        ("arrest-overseas-national", "MAR/spoc", {}, {"GBR/spoc": "nationality 6"}, {"UTO/spoc": None}, ["GBO"]),
    ],
    ids=["two nationalities", "refugee", "refugee by code", "stateless", "overseas national"],
)
async def test_who_is_told_of_whom(world, tmp_path, example, originator, person, told_of, kept_from, leaves):
    """Who has it in the inbox, with which nationalities, and who has not; what `why` says on every side."""
    document = support.example(example)
    document["subject"] |= person
    message = given(world, originator, document, tmp_path)
    states, _ = tracked(world, originator, message)
    assert {name for name, state in states.items() if state == "told"} == set(told_of)
    _, mine = told(world, originator, message)
    entries = {one["authority"]: one for one in mine["recipients"] if one["authority"]}
    assert set(entries) == {*told_of, *(name for name, because in kept_from.items() if because)}
    for name, reason in told_of.items():
        found = await received(world, name, message)
        assert found is not None
        assert [one.state for one in found.notification.subject.nationalities] == leaves
        status, theirs = told(world, name, message)
        assert status == 0
        assert theirs["recipients"] == [entries[name]], "its own entry, as its originator sees it, and no other"
        assert [f"{one['rule']} {one['paragraph']}" for one in entries[name]["reasons"]] == [reason]
    for name, because in kept_from.items():
        assert await received(world, name, message) is None
        if because is not None:
            assert " ".join([entries[name]["outcome"], *entries[name]["because"]]) == because
        assert told(world, name, message) == told(world, name, UNKNOWN), "as of a notification that never was"
        assert told(world, name, message)[0] == 1


async def test_each_role_reads_what_it_needs(world, tmp_path):
    """A consular service knows whom to visit and not of what he or she is suspected; an FIU reads of the money."""
    visit = given(world, "TUR/spoc", support.example("consular-requested"), tmp_path)
    found = await received(world, "FRA/consular", visit)
    subject = found.notification.subject
    assert subject.names
    assert (subject.category, subject.grounds, found.notification.narrative) == ("not_told", (), None)
    assert await received(world, "FRA/spoc", visit) is None
    money = given(world, "BEL/fiu", support.example("finint"), tmp_path)
    found = await received(world, "FRA/fiu", money)
    sent = support.example("finint")
    assert [one.value for one in found.notification.amounts] == [one["value"] for one in sent["amounts"]]
    assert found.notification.biometrics == ()
    assert await received(world, "FRA/spoc", money) is None
