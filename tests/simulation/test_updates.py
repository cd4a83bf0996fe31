"""Updates and releases with a router on the broker in memory: who is told, and what they do to what was said."""

from __future__ import annotations

import copy
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from notifier.crypto.keys import SigningKey
from notifier.directory.snapshot import Snapshot
from notifier.errors import RefusedError
from notifier.lifecycle import Parts
from notifier.notification import decode, parse
from notifier.notification.digest import digest_of
from notifier.outbox.outbox import Outbox
from notifier.policy.decision import Reason
from notifier.producers.publisher import Publisher
from support.attack_harness import SERVICE
from support.samples import DEPORTATION, document

STORAGE_KEY = b"k" * 32
BEN = SigningKey.from_secret(b"ben".ljust(32, b"."))
HOUR_MS = 3_600_000


def arrest(*nationalities, **change):
    """An arrest of a resident of FRA with these nationalities, as (state, status)."""
    made = document(**{"type": "arrest", "stage": None} | change)
    if "movement" not in change:
        del made["movement"]
    made["subject"]["nationalities"] = [{"state": state, "status": status} for state, status in nationalities]
    return made


class Following:
    """A directory source that sees the world's only when it is refreshed."""

    def __init__(self, world):
        self._world = world
        self._snapshot = world.directory.snapshot()

    def snapshot(self):
        return self._snapshot

    async def refresh(self):
        self._snapshot = self._world.directory.snapshot()


@pytest.fixture
def publishing(tmp_path):
    """Opens a publisher of TUR/spoc on the same outbox each time."""

    @asynccontextmanager
    async def opened(world, directory=None):
        outbox = await Outbox.open(f"sqlite:///{tmp_path}/outbox.db", "TUR/spoc", STORAGE_KEY, world.runtime)
        signing = world.keys["TUR/spoc"].signing
        parts = Parts(outbox, world.broker.transport(), directory or world.directory, signing, submitter=SERVICE)
        async with Publisher.of("TUR/spoc", parts, world.runtime) as publisher:
            yield publisher

    return opened


def received(world, authority):
    """What an authority can open on its feed, in order, its numbers without a gap."""
    found = [(one.sequence, decode(one.body.notification)) for _, one in world.opened(authority)]
    assert [sequence for sequence, _ in found] == list(range(1, len(found) + 1))
    return [notification for _, notification in found]


def kinds(world, authority):
    """Their types."""
    return [one.type for one in received(world, authority)]


async def about(publisher, message_id):
    """What an update names: the id and digest of what was published."""
    return {"id": message_id, "digest": await publisher.digest(message_id)}


async def told(publisher, document):
    """Publishes, waits for the hub, and says what became of each recipient: (id, {authority: state})."""
    submitted = await publisher.publish(document)
    assert (await publisher.wait(submitted.id, 10)).settled
    assert await publisher.flush(10) == []
    status = await publisher.status(submitted.id)
    return submitted.id, {one.authority: one.state for one in status.recipients}


async def states(publisher, message_id):
    """What became of each recipient of a message by now."""
    return {one.authority: one.state for one in (await publisher.status(message_id)).recipients}


async def test_a_confirmed_nationality_releases_its_hold_for_the_original_too(world, publishing):
    """The state gets the original first, by a letter of its own, then the update; nobody gets anything twice."""
    async with world.routing(), publishing(world) as publisher:
        first, before = await told(publisher, arrest(("UTO", "claimed")))
        assert before == {"FRA/spoc": "told", "UTO/spoc": "held"}
        update = arrest(("UTO", "documented"), type="update", about=await about(publisher, first))
        _, after = await told(publisher, update)
        assert after == {"FRA/spoc": "told", "UTO/spoc": "told"}
        assert await states(publisher, first) == {"FRA/spoc": "told", "UTO/spoc": "told"}
    assert kinds(world, "UTO/spoc") == ["arrest", "update"]
    assert kinds(world, "FRA/spoc") == ["arrest", "update"]


async def test_a_claim_that_stays_one_releases_nothing(world, publishing):
    """Another update, about something else, leaves the hold as it was."""
    async with world.routing(), publishing(world) as publisher:
        first, _ = await told(publisher, arrest(("UTO", "claimed")))
        update = arrest(("UTO", "inferred"), type="update", about=await about(publisher, first))
        assert (await told(publisher, update))[1] == {"FRA/spoc": "told", "UTO/spoc": "held"}
        assert (await states(publisher, first))["UTO/spoc"] == "held"
    assert received(world, "UTO/spoc") == []


async def test_a_late_nationality_adds_a_recipient_of_the_update_alone(world, publishing):
    """It is told of what is known now, with everybody who was told before."""
    async with world.routing(), publishing(world) as publisher:
        first, _ = await told(publisher, arrest(("UTO", "documented")))
        both = (("UTO", "documented"), ("DEU", "documented"))
        message_id, after = await told(
            publisher, arrest(*both, type="update", about=await about(publisher, first), subject__residences=[])
        )
        assert after == dict.fromkeys(("DEU/spoc", "FRA/spoc", "UTO/spoc"), "told")
        entries = {one.authority: one.reasons for one in (await publisher.status(message_id)).entries}
    assert entries["DEU/spoc"] == (Reason("nationality", "6"),)
    assert entries["FRA/spoc"] == (Reason("told_before", "5"),)
    assert kinds(world, "DEU/spoc") == ["update"]
    assert kinds(world, "FRA/spoc") == ["arrest", "update"]


async def test_a_revoked_nationality_stops_what_is_sent_later(world, publishing):
    """Whoever was told by it alone hears no more; whoever waits for it is never told; who is told otherwise stays."""
    given = (("UTO", "documented"), ("FRA", "documented"), ("DEU", "claimed"))
    async with world.routing(), publishing(world) as publisher:
        first, before = await told(publisher, arrest(*given))
        assert before == {"DEU/spoc": "held", "FRA/spoc": "told", "UTO/spoc": "told"}
        revoked = [(state, "revoked") for state, _ in given]
        _, after = await told(publisher, arrest(*revoked, type="update", about=await about(publisher, first)))
        assert after == {"FRA/spoc": "told"}
        assert await states(publisher, first) == {
            "DEU/spoc": "not_told",
            "FRA/spoc": "told",
            "UTO/spoc": "told",
        }
        entries = {one.authority: one.because for one in (await publisher.status(first)).entries}
        assert entries["DEU/spoc"] == ("nationality_revoked",)
        # It stays so whatever a later update leaves out, until the nationality is stated again.
        silent = arrest(("AUT", "documented"), type="update", about=await about(publisher, first))
        assert (await told(publisher, silent))[1] == {"AUT/spoc": "told", "FRA/spoc": "told"}
        assert (await states(publisher, first))["DEU/spoc"] == "not_told"
        again = arrest(("DEU", "documented"), type="update", about=await about(publisher, first))
        assert set((await told(publisher, again))[1]) == {"AUT/spoc", "DEU/spoc", "FRA/spoc"}
    assert kinds(world, "DEU/spoc") == ["update"]
    assert kinds(world, "UTO/spoc") == ["arrest"]


async def test_what_waits_to_be_sealed_is_stopped_too(world, publishing):
    """Published together: the first has not left when the second revokes what it would have told."""
    first = arrest(("UTO", "documented"), id="0199f0c2-1111-7111-8111-111111111111")
    about = {"id": first["id"], "digest": digest_of(parse(first))}
    revoked = arrest(("UTO", "revoked"), type="update", about=about)
    async with world.routing(), publishing(world) as publisher:
        submitted = await publisher.publish_all([first, revoked])
        assert await publisher.flush(10) == []
        assert await states(publisher, first["id"]) == {"FRA/spoc": "told", "UTO/spoc": "not_told"}
        assert await states(publisher, submitted[1].id) == {"FRA/spoc": "told"}
    assert received(world, "UTO/spoc") == []
    assert kinds(world, "FRA/spoc") == ["arrest", "update"]


async def test_a_state_that_is_feared_now_is_told_no_more(world, publishing):
    """Nor by the next update, which leaves it out; nor is a nationality that is confirmed for it then released."""
    fear = copy.deepcopy(DEPORTATION["local"]) | {"refugee": {"status": "refugee", "feared": ["UTO", "DEU"]}}
    given = (("UTO", "documented"), ("DEU", "claimed"))
    async with world.routing(), publishing(world) as publisher:
        first, _ = await told(publisher, arrest(*given))
        update = arrest(*given, type="update", about=await about(publisher, first), local=fear)
        assert (await told(publisher, update))[1] == {
            "DEU/spoc": "not_told",
            "FRA/spoc": "told",
            "UTO/spoc": "not_told",
        }
        confirmed = arrest(
            ("UTO", "documented"), ("DEU", "documented"), type="update", about=await about(publisher, first)
        )
        assert set((await told(publisher, confirmed))[1].items()) >= {
            ("DEU/spoc", "not_told"),
            ("UTO/spoc", "not_told"),
        }
        assert (await states(publisher, first))["DEU/spoc"] == "not_told"
    assert kinds(world, "UTO/spoc") == ["arrest"]
    assert received(world, "DEU/spoc") == []


async def test_a_refugee_who_is_known_as_one_later_has_no_state_told(world, publishing):
    """Which state is feared is not known: nationality is silent from then on, and an update without a person too."""
    status = copy.deepcopy(DEPORTATION["local"]) | {"refugee": {"status": "asylum_seeker", "feared": []}}
    async with world.routing(), publishing(world) as publisher:
        first, _ = await told(publisher, arrest(("UTO", "documented")))
        short = arrest(type="update", about=await about(publisher, first), local=status)
        del short["subject"]
        assert (await told(publisher, short))[1] == {"FRA/spoc": "told", "UTO/spoc": "not_told"}
        later = arrest(("UTO", "documented"), type="update", about=await about(publisher, first))
        assert (await told(publisher, later))[1] == {"FRA/spoc": "told", "UTO/spoc": "not_told"}
    assert kinds(world, "UTO/spoc") == ["arrest"]


async def test_a_new_risk_holds_the_update_and_what_was_not_sent_of_the_original(world, publishing):
    """The claimed state's hold would be gone, but for the risk."""
    risk = copy.deepcopy(DEPORTATION["local"]) | {"risk": {"torture": ["UTO"], "death_penalty": []}}
    async with world.routing(), publishing(world) as publisher:
        first, _ = await told(publisher, arrest(("UTO", "claimed")))
        update = arrest(("UTO", "documented"), type="update", about=await about(publisher, first), local=risk)
        assert (await told(publisher, update))[1]["UTO/spoc"] == "held"
        entries = {one.authority: one.because for one in (await publisher.status(first)).entries}
    assert entries["UTO/spoc"] == ("torture_or_death_risk",)
    assert received(world, "UTO/spoc") == []


async def test_an_update_that_says_nothing_of_an_adult_goes_at_once(world, publishing):
    """With its text whole; the person was an adult when last described. Of a child it waits for a reviewer."""
    async with world.routing(), publishing(world) as publisher:
        for age, state in (("adult", "told"), ("disputed", "held")):
            first, _ = await told(publisher, arrest(("UTO", "documented"), subject__age=age))
            free = arrest(
                ("UTO", "documented"), type="release", about=await about(publisher, first), subject__age=age
            )
            assert set((await told(publisher, free))[1].values()) == {state}
            update = arrest(type="update", about=await about(publisher, first), narrative="nothing new")
            del update["subject"]
            after = (await told(publisher, update))[1]
            assert set(after.values()) == ({"told"} if age == "adult" else set())
    assert [one.narrative for one in received(world, "FRA/spoc")][-1] == "nothing new"


async def test_an_update_goes_by_the_rows_of_what_it_is_about(world, publishing):
    """Of financial intelligence to financial intelligence units alone, in their profile."""
    async with world.routing(), publishing(world) as publisher:
        first, before = await told(publisher, arrest(("UTO", "documented"), type="finint"))
        assert before == {"FRA/fiu": "told", "UTO/fiu": "told"}
        update = arrest(
            ("UTO", "documented"), ("DEU", "documented"), type="update", about=await about(publisher, first)
        )
        _, after = await told(publisher, update)
        assert after == dict.fromkeys(("DEU/fiu", "FRA/fiu", "UTO/fiu"), "told")
    original, update = received(world, "FRA/fiu")
    assert update.about.digest == digest_of(original)
    assert received(world, "FRA/spoc") == []


async def test_each_recipient_can_check_what_an_update_is_about(world, publishing):
    """The digest is that of the text which it got, whatever its profile, and says nothing of the originator's own."""
    local = copy.deepcopy(DEPORTATION["local"]) | {"refugee": {"status": "refugee", "feared": ["DEU"]}}
    async with world.routing(), publishing(world) as publisher:
        first, _ = await told(publisher, arrest(("UTO", "documented"), local=local))
        await told(publisher, arrest(("UTO", "documented"), type="update", about=await about(publisher, first)))
    original, update = received(world, "UTO/spoc")
    assert update.about.digest == digest_of(original)


async def test_only_its_own_notification_s_text_can_be_updated(world, publishing):
    """Not one that is not there, not another text, not an update, not a drill's by what is none."""
    async with world.routing(), publishing(world) as publisher:
        first, _ = await told(publisher, arrest(("UTO", "documented")))
        known = await about(publisher, first)
        second, _ = await told(publisher, arrest(("UTO", "documented"), type="update", about=known))
        cases = [
            (known | {"id": "0199f0c2-1111-7111-8111-111111111111"}, False, "not_found"),
            (known | {"digest": "ab" * 32}, False, "about_mismatch"),
            (await about(publisher, second), False, "about_mismatch"),
            (known, True, "about_mismatch"),
        ]
        for target, exercise, reason in cases:
            with pytest.raises(RefusedError) as error:
                await publisher.publish(arrest(("UTO", "documented"), type="update", about=target, exercise=exercise))
            assert error.value.reason == reason
    assert kinds(world, "UTO/spoc") == ["arrest", "update"]


async def test_new_rules_bring_back_nobody_whom_an_update_stopped(world, publishing):
    """The letter is evaluated again under another version before it leaves, and still knows of the update."""
    first = arrest(("UTO", "documented"), ("DEU", "documented"), id="0199f0c2-1111-7111-8111-111111111111")
    about = {"id": first["id"], "digest": digest_of(parse(first))}
    update = arrest(("UTO", "revoked"), ("DEU", "documented"), type="update", about=about)
    async with publishing(world, Following(world)) as publisher:
        submitted = await publisher.publish_all([first, update])
        snapshot = world.directory.snapshot()
        world.directory.put(Snapshot(snapshot.directory, replace(snapshot.rules, version=7)))
        async with world.routing():
            assert await publisher.flush(10) == []
        assert (await publisher.status(first["id"])).rules_version == 7
        assert await states(publisher, first["id"]) == {
            "DEU/spoc": "told",
            "FRA/spoc": "told",
            "UTO/spoc": "not_told",
        }
        assert set(await states(publisher, submitted[1].id)) == {"DEU/spoc", "FRA/spoc"}
    assert received(world, "UTO/spoc") == []


async def test_an_update_given_twice_is_one(world, publishing):
    """Under its id, as any notification; what it did to the original is done once."""
    async with world.routing(), publishing(world) as publisher:
        first, _ = await told(publisher, arrest(("UTO", "claimed")))
        update = arrest(
            ("UTO", "documented"),
            type="update",
            about=await about(publisher, first),
            id="0199f0c2-2222-7222-8222-222222222222",
        )
        for _ in range(2):
            await told(publisher, update)
    assert kinds(world, "UTO/spoc") == ["arrest", "update"]


async def test_what_an_update_stopped_nobody_approves(world, publishing):
    """Nor does an approval that was given before send what was not sealed yet."""
    async with world.routing(), publishing(world) as publisher:
        await publisher.reviewers.add("ben", BEN.public, ["release"])
        first, _ = await told(publisher, arrest(("UTO", "claimed"), ("DEU", "claimed")))
        revoked = arrest(("UTO", "revoked"), ("DEU", "claimed"), type="update", about=await about(publisher, first))
        await told(publisher, revoked)
        with pytest.raises(RefusedError) as error:
            await publisher.reviews.approve(first, "nationality_unconfirmed", by="ben", key=BEN, state="UTO")
        assert error.value.reason == "not_found"
        released = await publisher.reviews.approve(first, "nationality_unconfirmed", by="ben", key=BEN)
        assert released == ("DEU/spoc",)
        assert await publisher.flush(30) == []
    assert kinds(world, "DEU/spoc") == ["arrest"]
    assert received(world, "UTO/spoc") == []


async def test_an_update_s_own_hold_is_released_by_its_own_approval(world, publishing):
    """What was approved of the first says nothing of the update; whoever was approved is told before."""
    async with world.routing(), publishing(world) as publisher:
        await publisher.reviewers.add("ben", BEN.public, ["release"])
        first, _ = await told(publisher, arrest(("UTO", "claimed")))
        await publisher.reviews.approve(first, "nationality_unconfirmed", by="ben", key=BEN)
        given = (("UTO", "claimed"), ("DEU", "claimed"))
        second, after = await told(publisher, arrest(*given, type="update", about=await about(publisher, first)))
        assert after == {"DEU/spoc": "held", "FRA/spoc": "told", "UTO/spoc": "told"}
        await publisher.reviews.approve(second, "nationality_unconfirmed", by="ben", key=BEN)
        assert await publisher.flush(30) == []
        assert (await states(publisher, second))["DEU/spoc"] == "told"
    assert kinds(world, "UTO/spoc") == ["arrest", "update"]
    assert kinds(world, "DEU/spoc") == ["update"]
