"""Sharing onwards, whole: received, passed on or not, and what those who get it can read, check and do."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from notifier.consumers.sinks import Callback, JsonLines
from notifier.crypto.keys import SigningKey
from notifier.errors import RefusedError
from notifier.notification.digest import is_named_by
from notifier.policy.decision import Reason
from support.attack_harness import SERVICE, Stage
from support.samples import document
from support.world import build_world

ME = "DEU/spoc"
ADA, BEN = (SigningKey.from_secret(name.encode().ljust(32, b".")) for name in ("ada", "ben"))
OPEN = {"codes": ["H1"], "text": None, "release_to": [], "not_to": []}


@pytest.fixture
def stage(tmp_path):
    """Everybody's software on a broker in memory."""
    return Stage(build_world(), tmp_path)


async def inbox_of(stage, name=ME, sinks=()):
    """What `name` has received by now."""
    async with stage.subscribing(name, sinks=sinks) as subscriber:
        await subscriber.until_idle(0)
        return await subscriber.inbox.messages()


async def received(stage, **change):
    """TUR/spoc tells DEU/spoc among others: the message as DEU/spoc has it."""
    async with stage.publishing() as publisher:
        submitted = await publisher.publish(document(**({"handling": OPEN} | change)))
        assert (await publisher.wait(submitted.id, 10)).state == "told"
    return (await inbox_of(stage))[-1]


async def forwarded(stage, message, *names):
    """DEU/spoc passes a message on: the id of what it made, and what became of each recipient."""
    async with stage.publishing(ME) as publisher:
        submitted = await publisher.forward(message.notification, names)
        status = await publisher.wait(submitted.id, 10)
    return submitted.id, {one.authority: one.state for one in status.recipients}


async def test_domestic_agencies_get_what_their_role_may_see(stage):
    """A unit by paragraph 7, the front line by 8 from its whitelist: by another id, in the forwarder's name."""
    async with stage.routing():
        parent = await received(stage, narrative="what screeners do not read")
        made, states = await forwarded(stage, parent, "DEU/fiu", "DEU/border")
        assert states == {"DEU/border": "told", "DEU/fiu": "told"}
        (unit,), (screener,) = await inbox_of(stage, "DEU/fiu"), await inbox_of(stage, "DEU/border")
        async with stage.publishing(ME) as publisher:
            entries = {one.authority: one.reasons for one in (await publisher.status(made)).entries}
    assert entries == {
        "DEU/border": (Reason("forwarded", "8"),),
        "DEU/fiu": (Reason("forwarded", "7"),),
    }
    assert unit.id == screener.id == made != parent.id
    assert unit.originator == screener.originator == ME
    assert unit.notification.narrative == "what screeners do not read"
    shown = screener.notification
    assert (shown.subject.category, shown.subject.grounds, shown.narrative) == ("not_told", (), None)
    assert shown.subject.names == parent.notification.subject.names
    assert shown.handling == parent.notification.handling
    for one in (unit, screener):
        assert (one.notification.parent.originator, one.notification.parent.id) == ("TUR/spoc", parent.id)
        assert is_named_by(one.notification, parent.notification)


async def test_the_forwarder_knows_what_it_made_of_what(stage):
    """By the parent's originator and id, whatever else it forwarded; nobody else's outbox knows."""
    async with stage.routing():
        first, second = await received(stage), await received(stage, narrative="another")
        made = [(await forwarded(stage, first, name))[0] for name in ("DEU/fiu", "DEU/border")]
        await forwarded(stage, second, "DEU/fiu")
        async with stage.publishing(ME) as publisher:
            known = await publisher.forwarded("TUR/spoc", first.id)
            assert [one.id for one in known] == made
            assert [one.recipients[0].authority for one in known] == ["DEU/fiu", "DEU/border"]
            assert await publisher.forwarded("FRA/spoc", first.id) == []


async def test_what_may_not_be_shared_is_asked_for_and_nothing_leaves(stage):
    """The originator gets a response that names the authorities; they get nothing."""
    async with stage.routing():
        parent = await received(stage, handling=OPEN | {"codes": ["H2"]})
        async with stage.publishing(ME) as publisher:
            with pytest.raises(RefusedError) as error:
                await publisher.forward(parent.notification, ["DEU/fiu"])
            assert error.value.reason == "forwarding_forbidden"
            asked = await publisher.ask_to_forward(parent.notification, ["DEU/fiu", "FRA/spoc"])
            assert (await publisher.wait(asked.id, 10)).state == "told"
            assert await publisher.forwarded("TUR/spoc", parent.id) == []
        (request,) = await inbox_of(stage, "TUR/spoc")
    assert (request.type, request.notification.stage) == ("response", "forward_request")
    assert request.notification.about.id == parent.id
    assert request.notification.narrative == "asks to forward it to DEU/fiu, FRA/spoc"
    assert request.notification.subject is None
    assert not stage.world.feed("DEU/fiu")


async def test_the_originator_s_lists_bind_its_recipients(stage):
    """What it releases to one authority of a state stays there."""
    handling = OPEN | {"release_to": ["DEU/spoc", "DEU/fiu", "AUT/fiu"]}
    async with stage.routing():
        parent = await received(stage, handling=handling)
        async with stage.publishing(ME) as publisher:
            for name in ("DEU/border", "AUT/spoc", "FRA/spoc"):
                with pytest.raises(RefusedError) as error:
                    await publisher.forward(parent.notification, [name])
                assert error.value.reason == "forwarding_forbidden"
        _, states = await forwarded(stage, parent, "DEU/fiu", "AUT/fiu")
        assert states == {"AUT/fiu": "told", "DEU/fiu": "told"}
        (unit,) = await inbox_of(stage, "AUT/fiu")
        # It binds the next one, too.
        async with stage.publishing("AUT/fiu") as publisher:
            with pytest.raises(RefusedError) as error:
                await publisher.forward(unit.notification, ["AUT/border"])
    assert error.value.reason == "forwarding_forbidden"


@pytest.mark.parametrize(("excluded", "name"), [("FRA", "FRA/spoc"), ("DEU/border", "DEU/border")])
async def test_whom_the_originator_excludes_gets_nothing_by_another_either(stage, excluded, name):
    """A recipient does not know the list: it is refused for another reason, asks, and the originator is asked."""
    async with stage.routing():
        parent = await received(stage, handling=OPEN | {"not_to": [excluded]})
        shown = parent.notification.handling
        assert (shown.not_to, shown.release_to) == ((), ())
        async with stage.publishing(ME) as publisher:
            with pytest.raises(RefusedError) as error:
                await publisher.forward(parent.notification, [name])
            assert error.value.reason == "forwarding_forbidden"
            assert "not_to" not in str(error.value)
            asked = await publisher.ask_to_forward(parent.notification, [name])
            assert (await publisher.wait(asked.id, 10)).state == "told"
        (request,) = await inbox_of(stage, "TUR/spoc")
    assert request.notification.narrative == f"asks to forward it to {name}"
    assert not stage.world.feed(name)


async def test_a_chain_names_each_parent(stage):
    """What a domestic agency passes on was made from what it received itself."""
    async with stage.routing():
        parent = await received(stage)
        first, _ = await forwarded(stage, parent, "DEU/fiu")
        (unit,) = await inbox_of(stage, "DEU/fiu")
        async with stage.publishing("DEU/fiu") as publisher:
            submitted = await publisher.forward(unit.notification, ["DEU/border"])
            assert (await publisher.wait(submitted.id, 10)).state == "told"
        (screener,) = await inbox_of(stage, "DEU/border")
    named = screener.notification.parent
    assert (named.originator, named.id) == (ME, first)
    assert is_named_by(screener.notification, unit.notification)


async def test_a_child_goes_to_no_front_line_and_waits_for_a_reviewer(stage):
    """Released by the originator's reviewer to its recipients alone: a unit waits for the forwarder's own."""
    person = document()["subject"] | {"age": "disputed"}
    async with stage.routing():
        async with stage.publishing(submitter=SERVICE) as publisher:
            await publisher.reviewers.add("ada", ADA.public, ["child_reviewer"])
            sent = await publisher.publish(document(handling=OPEN, subject=person))
            await publisher.reviews.approve(sent.id, "child_review", by="ada", key=ADA)
            assert await publisher.flush(30) == []
        (child,) = await inbox_of(stage)
        async with stage.publishing(ME, submitter=SERVICE) as publisher:
            with pytest.raises(RefusedError) as error:
                await publisher.forward(child.notification, ["DEU/fiu", "DEU/border"])
            assert error.value.reason == "child_protected"
            submitted = await publisher.forward(child.notification, ["DEU/fiu"])
            assert await publisher.flush(30) == []
            (entry,) = (await publisher.status(submitted.id)).entries
            assert (entry.outcome, entry.because) == ("hold", ("child_review",))
            assert not stage.world.feed("DEU/fiu")
            await publisher.reviewers.add("ben", BEN.public, ["child_reviewer"])
            released = await publisher.reviews.approve(submitted.id, "child_review", by="ben", key=BEN)
            assert released == ("DEU/fiu",)
            assert await publisher.flush(30) == []
        (unit,) = await inbox_of(stage, "DEU/fiu")
    assert not stage.world.feed("DEU/border")
    assert unit.id == submitted.id
    assert unit.notification.subject.names == child.notification.subject.names
    assert (unit.notification.subject.documents, unit.notification.narrative) == ((), None)
    assert is_named_by(unit.notification, child.notification)


async def test_what_breaks_its_format_is_not_passed_on(stage):
    """What an originator's other software let through is refused where it would be said again, and judged by none."""
    async with stage.routing():
        sent = (await received(stage)).notification
        ageless = replace(sent, event_time="one day", subject=replace(sent.subject, age="unknown"))
        async with stage.publishing(ME) as publisher:
            for broken in (replace(sent, urgency="now"), ageless):
                with pytest.raises(RefusedError) as error:
                    await publisher.forward(broken, ["DEU/border"])
                assert error.value.reason == "invalid_notification"


async def test_a_drill_stays_a_drill_and_reaches_no_operational_sink(stage, tmp_path):
    """Marked on the way on, in every profile; what is real is handed on beside it."""
    taken = []
    async with stage.routing():
        drill, real = await received(stage, exercise=True), await received(stage, narrative="real")
        for message in (drill, real):
            await forwarded(stage, message, "DEU/fiu", "DEU/border")
        for name in ("DEU/fiu", "DEU/border"):
            sink = JsonLines(tmp_path / f"{name[4:]}.jsonl")
            alarm = Callback("alarm", lambda message, to=name: taken.append((to, message.exercise)))
            messages = await inbox_of(stage, name, sinks=[sink, alarm])
            assert [one.exercise for one in messages] == [True, False]
            lines = [json.loads(line) for line in (tmp_path / f"{name[4:]}.jsonl").read_text().splitlines()]
            assert [line["exercise"] for line in lines] == [False]
    assert taken == [("DEU/fiu", False), ("DEU/border", False)]


async def test_nobody_publishes_a_parent_or_a_response_by_hand(stage):
    """Only `forward` makes them: a lineage is never claimed."""
    async with stage.routing():
        parent = await received(stage)
        about = {"id": parent.id, "digest": "ab" * 32}
        response = document(originator=ME, type="response", stage="hit", about=about)
        del response["subject"], response["movement"]
        claimed = document(originator=ME, parent=about | {"originator": "TUR/spoc"})
        async with stage.publishing(ME) as publisher:
            for given, reason in ((claimed, "invalid_notification"), (response, "not_permitted")):
                with pytest.raises(RefusedError) as error:
                    await publisher.publish(given)
                assert error.value.reason == reason
