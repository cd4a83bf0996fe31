"""A case on the real broker: what updates do to who is told, and what whoever was told may pass on."""

from __future__ import annotations

import json
import secrets

import pytest

from notifier import Publisher
from notifier.crypto.keys import SigningKey
from notifier.notification.digest import digest_of, is_named_by
from support import sandbox as support

ORIGINATOR = "TUR/spoc"
ME = "DEU/spoc"
OPEN = {"codes": ["H1"], "text": None, "release_to": [], "not_to": []}


def arrest(*nationalities, **change):
    """An arrest by TUR/spoc of a resident of FRA with these nationalities, as (state, status)."""
    document = support.example("case-1-arrest", **change)
    del document["id"]
    document["subject"]["nationalities"] = [{"state": state, "status": status} for state, status in nationalities]
    return document


async def told(publisher, document):
    """Publishes and waits for the hub: (id, {authority: state}), when all that follows is decided, too."""
    submitted = await publisher.publish(document)
    assert await publisher.flush(support.PATIENCE_S) == []
    status = await publisher.status(submitted.id)
    return submitted.id, {one.authority: one.state for one in status.recipients}


async def update(publisher, first, *nationalities, **change):
    """As `told`, of an update of `first`."""
    about = {"id": first, "digest": await publisher.digest(first)}
    return await told(publisher, arrest(*nationalities, **({"type": "update", "about": about} | change)))


async def in_order(world, name, *ids):
    """Which of these came to `name`, in the order in which they came."""
    return [one.id for one in await world.receive(name) if one.id in ids]


async def test_a_case_from_claim_to_release(world):
    """Confirmed later, late, revoked: who has which message in the inbox, once each, in which order."""
    async with Publisher.from_home(world.home, ORIGINATOR) as publisher:
        first, states = await told(publisher, arrest(("BEL", "documented"), ("MAR", "claimed")))
        assert states == {"BEL/spoc": "told", "FRA/spoc": "told", "MAR/spoc": "held"}
        (waiting,) = world.json("why", first, "MAR/spoc", "--as", ORIGINATOR)["recipients"]
        assert (waiting["outcome"], waiting["because"]) == ("hold", ["nationality_unconfirmed"])
        assert await in_order(world, "MAR/spoc", first) == []
        assert world.shell("why", first, "--as", "MAR/spoc").returncode == 1
        confirmed, states = await update(publisher, first, ("BEL", "documented"), ("MAR", "documented"))
        assert states == dict.fromkeys(("BEL/spoc", "FRA/spoc", "MAR/spoc"), "told")
        late, states = await update(
            publisher, first, ("BEL", "documented"), ("MAR", "documented"), ("GBR", "documented")
        )
        assert states == dict.fromkeys(("BEL/spoc", "FRA/spoc", "GBR/spoc", "MAR/spoc"), "told")
        revoked, states = await update(
            publisher, first, ("BEL", "revoked"), ("MAR", "documented"), ("GBR", "documented")
        )
        assert states == dict.fromkeys(("FRA/spoc", "GBR/spoc", "MAR/spoc"), "told")
        freed, states = await update(publisher, first, ("MAR", "documented"), ("GBR", "documented"), type="release")
        assert states == dict.fromkeys(("FRA/spoc", "GBR/spoc", "MAR/spoc"), "told")
    case = (first, confirmed, late, revoked, freed)
    assert await in_order(world, "FRA/spoc", *case) == list(case)
    assert await in_order(world, "MAR/spoc", *case) == list(case)
    assert await in_order(world, "GBR/spoc", *case) == [late, revoked, freed]
    assert await in_order(world, "BEL/spoc", *case) == [first, confirmed, late]
    (released,) = world.json("why", first, "MAR/spoc", "--as", ORIGINATOR)["recipients"]
    assert (released["outcome"], released["because"]) == ("send", [])
    heard = world.json("why", first, "--as", "MAR/spoc")["recipients"]
    assert [(one["authority"], one["reasons"]) for one in heard] == [
        ("MAR/spoc", [{"rule": "nationality", "paragraph": "6"}])
    ]
    mine = {one.id: one for one in await world.inbox("MAR/spoc") if one.id in case}
    assert mine[confirmed].notification.about.digest == digest_of(mine[first].notification)


async def test_from_the_shell_an_update_is_as_any_notification(world, tmp_path):
    """Its digest is asked for by its id; what it does to the first is seen by `track`, and `inbox show` checks it."""
    path = tmp_path / "first.json"
    path.write_text(json.dumps(arrest(("MAR", "claimed"))))
    done = world.shell("publish", str(path), "--as", ORIGINATOR, "--wait", "--json")
    assert done.returncode == 0, done.stderr
    first = json.loads(done.stdout)["messages"][0]["id"]
    digest = world.shell("track", first, "--digest", "--as", ORIGINATOR).stdout.strip()
    path.write_text(json.dumps(arrest(("MAR", "documented"), type="update", about={"id": first, "digest": digest})))
    done = world.shell("publish", str(path), "--as", ORIGINATOR, "--wait", "--json")
    assert done.returncode == 0, done.stderr
    (message,) = json.loads(done.stdout)["messages"]
    assert message["recipients"] == ["FRA/spoc", "MAR/spoc"]
    assert world.shell("publish", "--as", ORIGINATOR, "--wait").returncode == 0
    states = world.json("track", first, "--as", ORIGINATOR)["recipients"]
    assert {one["authority"]: one["state"] for one in states} == {"FRA/spoc": "told", "MAR/spoc": "told"}
    assert world.shell("subscribe", "--as", "MAR/spoc", "--until-idle", "0").returncode == 0
    assert world.json("inbox", "show", message["id"], "--as", "MAR/spoc")["traced"] == "verified"


async def received(world, **change):
    """TUR/spoc tells DEU/spoc, whose inbox has it: the message."""
    document = support.example("deportation-two-nationalities", **({"handling": OPEN} | change))
    async with Publisher.from_home(world.home, ORIGINATOR) as publisher:
        message_id, states = await told(publisher, document)
    assert states[ME] == "told"
    (message,) = [one for one in await world.receive(ME) if one.id == message_id]
    return message


@pytest.mark.parametrize("exercise", [False, True])
async def test_a_domestic_agency_and_the_front_line_get_what_their_role_may_see(world, exercise):
    """By `notifier forward`, under an id of its own, in the forwarder's name; a drill reaches no operational sink."""
    parent = await received(world, exercise=exercise, narrative="not for screeners")
    done = world.shell("forward", parent.id, "DEU/fiu", "DEU/border", "--as", ME, "--wait", "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert {one["authority"]: one["state"] for one in made["recipients"]} == {
        "DEU/border": "told",
        "DEU/fiu": "told",
    }
    listed = world.json("forward", parent.id, "--list", "--as", ME)["derivatives"]
    assert [one["id"] for one in listed] == [made["id"]]
    for name, category, narrative in (
        ("DEU/fiu", "suspect", "not for screeners"),
        ("DEU/border", "not_told", None),
    ):
        sink = world.home / f"{name.replace('/', '-')}-{exercise}.jsonl"
        done = world.shell("subscribe", "--as", name, "--until-idle", "0", "--sink", f"jsonl:{sink}")
        assert done.returncode == 0, done.stderr
        (copied,) = [one for one in await world.inbox(name) if one.id == made["id"]]
        assert copied.originator == ME
        assert copied.exercise is exercise
        assert (copied.notification.subject.category, copied.notification.narrative) == (category, narrative)
        assert is_named_by(copied.notification, parent.notification)
        lines = [json.loads(line)["id"] for line in sink.read_text().splitlines()] if sink.exists() else []
        assert (made["id"] in lines) is not exercise


async def test_what_its_originator_does_not_allow_is_asked_for(world):
    """Nothing is made of it; the originator's inbox has the request, and nobody else has anything."""
    parent = await received(world, handling=OPEN | {"codes": ["H2"]})
    done = world.shell("forward", parent.id, "DEU/border", "--as", ME)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("notifier: forwarding_forbidden: DEU/border: ")
    done = world.shell("forward", parent.id, "DEU/border", "--as", ME, "--ask", "--wait", "--json")
    assert done.returncode == 0, done.stderr
    asked = json.loads(done.stdout)
    assert asked["asked"] == ["DEU/border"]
    (request,) = [one for one in await world.receive(ORIGINATOR) if one.id == asked["id"]]
    assert (request.type, request.notification.stage) == ("response", "forward_request")
    assert request.notification.about.id == parent.id
    assert asked["id"] not in {one.id for one in await world.receive("DEU/border")}
    assert world.json("forward", parent.id, "--list", "--as", ME)["derivatives"] == []


async def test_another_state_is_told_only_where_the_originator_names_it(world):
    """Whatever the codes say: by its `release_to` alone. Whom it excludes it tells nobody, and they are not told."""
    parent = await received(world)
    done = world.shell("forward", parent.id, "FRA/spoc", "--as", ME)
    assert (done.returncode, "forwarding_forbidden" in done.stderr) == (1, True)
    named = await received(world, handling=OPEN | {"release_to": ["DEU", "FRA"]})
    assert world.shell("forward", named.id, "FRA/spoc", "--as", ME, "--wait").returncode == 0
    assert named.id in {
        one.notification.parent.id for one in await world.receive("FRA/spoc") if one.notification.parent
    }
    excluding = await received(world, handling=OPEN | {"not_to": ["DEU/border"]})
    handling = world.json("inbox", "show", excluding.id, "--as", ME)["notification"]["handling"]
    assert handling == OPEN | {"codes": ["H1", "H2"]}
    done = world.shell("forward", excluding.id, "DEU/border", "--as", ME)
    assert (done.returncode, done.stderr.split(": ")[1]) == (1, "forwarding_forbidden")


async def test_nothing_of_a_child_goes_to_the_front_line(world):
    """Released to the contact points by a reviewer; to a unit it waits for the forwarder's own, who is asked anew."""
    document = support.example("deportation-two-nationalities", handling=OPEN)
    document["subject"] |= {"age": "child", "births": ["2012-03-04"]}
    reviewer = SigningKey.generate(secrets.token_bytes)
    async with Publisher.from_home(world.home, ORIGINATOR) as publisher:
        await publisher.reviewers.add("reviewer of updates", reviewer.public, ["child_reviewer"])
        first, states = await told(publisher, document)
        assert set(states.values()) == {"held"}
        await publisher.reviews.approve(first, "child_review", by="reviewer of updates", key=reviewer)
        assert await publisher.flush(support.PATIENCE_S) == []
    (child,) = [one for one in await world.receive(ME) if one.id == first]
    for ask in ((), ("--ask",)):
        done = world.shell("forward", child.id, "DEU/border", "--as", ME, *ask)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("notifier: child_protected: DEU/border: ")
    done = world.shell("forward", child.id, "DEU/fiu", "--as", ME, "--wait", "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert made["recipients"] == [{"authority": "DEU/fiu", "state": "held"}]
    assert made["id"] not in {one.id for one in await world.receive("DEU/fiu")}
