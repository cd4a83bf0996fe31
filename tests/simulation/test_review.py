"""Holds and their release, with a router on the broker in memory: who is told when, and what nobody releases."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from dataclasses import replace

import pytest

from notifier.codec.single_object import codec
from notifier.crypto.keys import SigningKey
from notifier.directory.snapshot import Snapshot
from notifier.envelope import Act, open_slip, verify
from notifier.errors import RefusedError
from notifier.outbox.payloads import shows
from notifier.persons.approvals import sign
from notifier.persons.submissions import Submitter
from notifier.rules.facts import RoutingFacts
from notifier.topics import AUDIT, INTAKE
from support.attack_harness import Stage
from support.samples import document

ADA, BEN, CEM_KEY = (SigningKey.from_secret(name.encode().ljust(32, b".")) for name in ("ada", "ben", "cem"))
CEM = Submitter(CEM_KEY)
LOCAL = document()["local"]
CHILD = document()["subject"] | {"age": "child"}
RISK = LOCAL | {"risk": {"torture": ["DEU"], "death_penalty": []}}
CLAIMED = document()["subject"] | {"nationalities": [{"state": "UTO", "status": "claimed"}]}


@pytest.fixture
async def stage(world, tmp_path):
    """TUR's publisher with three persons: ada decides upon children and risks, ben upon the rest, cem submits."""
    stage = Stage(world, tmp_path)
    outbox = await stage.outbox()  # nothing is sent yet, which would go again from the publisher that follows
    await outbox.add_person("ada", ADA.public, ["child_reviewer", "assurance"])
    await outbox.add_person("ben", BEN.public, ["release"])
    await outbox.add_person("cem", CEM_KEY.public, [])
    await outbox.close()
    return stage


async def drained(publisher):
    assert await publisher.flush(20) == []


async def states(publisher, message_id):
    """What became of each recipient."""
    return {one.authority: one.state for one in (await publisher.status(message_id)).recipients}


async def refusal(awaited):
    with pytest.raises(RefusedError) as raised:
        await awaited
    return raised.value.reason


def acts(status):
    return [(act.kind, act.state) for act in status.acts]


async def test_a_child_released_after_review_is_told_of_by_a_later_envelope(stage):
    """To everybody who waited, in the minimal profile, with the numbers that follow in their streams."""
    async with stage.routing(), stage.publishing() as publisher:
        held = await publisher.publish(document(subject=CHILD), by=CEM)
        await publisher.publish(document(narrative="meanwhile"), by=CEM)
        await drained(publisher)
        assert (await stage.read("DEU/spoc")).texts == ["meanwhile"]
        released = await publisher.reviews.approve(held.id, "child_review", by="ada", key=ADA)
        assert released == ("AUT/spoc", "DEU/spoc", "UTO/spoc")
        await drained(publisher)
        assert set((await states(publisher, held.id)).values()) == {"told"}
        assert acts(await publisher.status(held.id)) == [("hold", "logged"), ("approval", "logged")]
    shown = await stage.read("DEU/spoc")
    assert (shown.texts, shown.sequences, shown.gaps) == (["meanwhile", None], [1, 2], [])
    inbox = await stage.inbox("DEU/spoc")
    try:
        (_, child) = await inbox.messages()
        assert child.id == held.id
        assert (child.notification.subject.grounds, child.notification.subject.documents) == ((), ())
        assert child.notification.subject.names
    finally:
        await inbox.close()


async def test_a_state_that_may_torture_is_told_after_its_assurance_and_the_others_at_once(stage):
    """The approval names state and reference; only what that released leaves."""
    async with stage.routing(), stage.publishing() as publisher:
        held = await publisher.publish(document(local=RISK, narrative="at risk"), by=CEM)
        await drained(publisher)
        assert await states(publisher, held.id) == {"AUT/spoc": "told", "DEU/spoc": "held", "UTO/spoc": "told"}
        risk = {"by": "ada", "key": ADA}
        for given in ({}, {"state": "DEU"}, {"reference": "Z 1"}):
            assert await refusal(publisher.reviews.approve(held.id, "torture_or_death_risk", **risk, **given)) == (
                "assurance_missing"
            )
        assert (await stage.read("DEU/spoc")).texts == []
        released = await publisher.reviews.approve(
            held.id, "torture_or_death_risk", **risk, state="DEU", reference="Z 1"
        )
        assert released == ("DEU/spoc",)
        await drained(publisher)
    assert (await stage.read("DEU/spoc")).texts == ["at risk"]
    for name in ("AUT/spoc", "UTO/spoc"):
        assert (await stage.read(name)).sequences == [1], "told once"


async def test_two_holds_need_two_persons_rulings(stage):
    """A child at risk: the review of the child alone does not tell the state that may torture."""
    async with stage.routing(), stage.publishing() as publisher:
        held = await publisher.publish(document(subject=CHILD, local=RISK), by=CEM)
        assert await publisher.reviews.approve(held.id, "child_review", by="ada", key=ADA) == ("AUT/spoc", "UTO/spoc")
        await drained(publisher)
        assert (await states(publisher, held.id))["DEU/spoc"] == "held"
        (entry,) = (await publisher.reviews.get(held.id)).message.plan.holds
        assert (entry.authority, entry.because) == ("DEU/spoc", ("torture_or_death_risk",))


async def test_a_hold_for_one_state_is_released_for_one_state(stage):
    """The others go on waiting; what does not wait cannot be released."""
    async with stage.routing(), stage.publishing() as publisher:
        held = await publisher.publish(document(subject=CHILD), by=CEM)
        assert await publisher.reviews.approve(held.id, "child_review", by="ada", key=ADA, state="AUT") == (
            "AUT/spoc",
        )
        await drained(publisher)
        assert await states(publisher, held.id) == {"AUT/spoc": "told", "DEU/spoc": "held", "UTO/spoc": "held"}
        for hold, state in (("child_review", "AUT"), ("child_review", "FRA"), ("torture_or_death_risk", "DEU")):
            assert (
                await refusal(publisher.reviews.approve(held.id, hold, by="ada", key=ADA, state=state, reference="Z"))
                == "not_found"
            )


async def test_a_claimed_nationality_waits_and_a_person_confirms_it(stage):
    """The other legs go at once."""
    async with stage.routing(), stage.publishing() as publisher:
        held = await publisher.publish(document(subject=CLAIMED, narrative="claimed"), by=CEM)
        await drained(publisher)
        assert (await states(publisher, held.id))["UTO/spoc"] == "held"
        await publisher.reviews.approve(held.id, "nationality_unconfirmed", by="ben", key=BEN, state="UTO")
        await drained(publisher)
    assert (await stage.read("UTO/spoc")).texts == ["claimed"]


@pytest.mark.parametrize(
    ("subject", "hold"),
    [
        ({"nationalities": [{"state": "unknown", "status": "claimed"}]}, "nationality_unknown"),
        ({"nationalities": [{"state": "CSHH", "status": "documented"}]}, "former_state"),
    ],
)
async def test_where_no_state_is_known_nobody_can_approve(stage, subject, hold):
    """An update has to name it."""
    async with stage.publishing() as publisher:
        held = await publisher.publish(document(subject=document()["subject"] | subject), by=CEM)
        assert await refusal(publisher.reviews.approve(held.id, hold, by="ben", key=BEN)) == "not_approvable"


async def test_a_refusal_stays_and_says_whose_it_is(stage):
    """Nobody approves what a person refused: not for the state, not for all; what was not refused goes on."""
    async with stage.routing(), stage.publishing() as publisher:
        held = await publisher.publish(document(subject=CHILD), by=CEM)
        await publisher.reviews.refuse(held.id, "child_review", by="ada", key=ADA, state="DEU", reference="file 7")
        for state in ("DEU", None):
            ruling = publisher.reviews.approve(held.id, "child_review", by="ada", key=ADA, state=state)
            assert await refusal(ruling) == "hold_refused"
        assert await publisher.reviews.approve(held.id, "child_review", by="ada", key=ADA, state="AUT") == (
            "AUT/spoc",
        )
        await drained(publisher)
        found = await publisher.reviews.get(held.id)
        assert found.refused_by("child_review", "DEU/spoc") == ["ada"]
        assert found.refused_by("child_review", "UTO/spoc") == []
        assert (await states(publisher, held.id))["DEU/spoc"] == "held"
        assert acts(await publisher.status(held.id)) == [
            ("hold", "logged"),
            ("refusal", "logged"),
            ("approval", "logged"),
        ]


async def test_no_time_out_releases(stage):
    """A month passes, the directory and the rules change: still held."""
    async with stage.publishing() as publisher:
        held = await publisher.publish(document(subject=CHILD), by=CEM)
    stage.world.clock.now += 30 * 86_400_000
    stage.world.directory.put(changed(stage.world.directory.snapshot(), version=7))
    async with stage.routing(), stage.publishing() as publisher:
        await drained(publisher)
        assert set((await states(publisher, held.id)).values()) == {"held"}
    assert (await stage.read("DEU/spoc")).texts == []


async def test_a_running_publisher_sends_what_another_process_released(stage):
    """As it sends what another process submitted."""
    async with stage.routing(), stage.publishing() as running:
        held = await running.publish(document(subject=CHILD), by=CEM)
        await drained(running)
        outbox = await stage.outbox()
        try:
            async with outbox.reviewing() as review:
                found = await review.find(uuid.UUID(held.id).bytes)
                about = found.message.held
                ruling = sign("approval", about, "child_review", None, by="ada", key=ADA, now=about.submitted_at)
                await review.approve(found, ruling, stage.world.directory.snapshot())
        finally:
            await outbox.close()
        await drained(running)
        assert set((await states(running, held.id)).values()) == {"told"}


def changed(snapshot, *, version):
    """Rules by which a deportation is told to the state of residence, too."""
    rules = snapshot.rules
    row = next(one for one in rules.rows if (one.type, one.rule) == ("deportation", "nationality"))
    return Snapshot(
        snapshot.directory, replace(rules, version=version, rows=(*rules.rows, replace(row, rule="residence")))
    )


async def test_newer_rules_keep_approvals_and_hold_whom_they_add(stage):
    """Released is released, under the new rules too; whoever they add waits for a person of their own."""
    async with stage.publishing() as publisher:
        held = await publisher.publish(document(subject=CHILD), by=CEM)
        await publisher.reviews.approve(held.id, "child_review", by="ada", key=ADA)
    stage.world.directory.put(changed(stage.world.directory.snapshot(), version=7))
    async with stage.routing(), stage.publishing() as publisher:
        await drained(publisher)
        told = dict.fromkeys(("AUT/spoc", "DEU/spoc", "UTO/spoc"), "told")
        assert await states(publisher, held.id) == told | {"FRA/spoc": "held"}
        (entry,) = (await publisher.reviews.get(held.id)).message.plan.holds
        assert (entry.authority, entry.because) == ("FRA/spoc", ("rules_changed",))
        assert acts(await publisher.status(held.id))[-1] == ("hold", "logged"), "that it waits is logged, too"
        assert await publisher.reviews.approve(held.id, "rules_changed", by="ben", key=BEN, state="FRA") == (
            "FRA/spoc",
        )
        await drained(publisher)
    for name in ("AUT/spoc", "DEU/spoc", "FRA/spoc", "UTO/spoc"):
        assert (await stage.read(name)).sequences == [1], "told once"


async def test_an_approval_does_not_release_whom_nobody_saw(stage):
    """The rules changed after the list was looked at: the approval of the child tells no state that was not on it."""
    async with stage.publishing() as publisher:
        held = await publisher.publish(document(subject=CHILD), by=CEM)
    stage.world.directory.put(changed(stage.world.directory.snapshot(), version=7))
    async with stage.publishing() as publisher:
        released = await publisher.reviews.approve(held.id, "child_review", by="ada", key=ADA)
        assert released == ("AUT/spoc", "DEU/spoc", "UTO/spoc")
        entries = {entry.authority: entry for entry in (await publisher.status(held.id)).entries}
        assert (entries["FRA/spoc"].outcome, entries["FRA/spoc"].because) == ("hold", ("rules_changed",))


async def test_a_state_that_the_rules_no_longer_name_is_not_told_though_it_was_released(stage):
    """A release is leave to tell, and no duty; what became of those told already stays."""
    async with stage.publishing() as publisher:
        held = await publisher.publish(document(subject=CHILD), by=CEM)
        await publisher.reviews.approve(held.id, "child_review", by="ada", key=ADA)
    snapshot = stage.world.directory.snapshot()
    rows = tuple(one for one in snapshot.rules.rows if (one.type, one.rule) != ("deportation", "nationality"))
    stage.world.directory.put(Snapshot(snapshot.directory, replace(snapshot.rules, version=7, rows=rows)))
    async with stage.routing(), stage.publishing() as publisher:
        await drained(publisher)
        assert await states(publisher, held.id) == {"AUT/spoc": "told", "DEU/spoc": "told"}
    assert (await stage.read("UTO/spoc")).texts == []


async def test_what_became_of_the_told_stays_where_newer_rules_name_them_no_more(stage):
    """Told by one envelope under old rules; the release of another under new ones forgets nobody."""
    async with stage.routing(), stage.publishing() as publisher:
        held = await publisher.publish(document(local=RISK), by=CEM)
        await drained(publisher)
        snapshot = stage.world.directory.snapshot()
        rows = tuple(one for one in snapshot.rules.rows if (one.type, one.rule) != ("deportation", "nationality"))
        stage.world.directory.put(Snapshot(snapshot.directory, replace(snapshot.rules, version=7, rows=rows)))
        await publisher.reviews.approve(
            held.id, "torture_or_death_risk", by="ada", key=ADA, state="DEU", reference="Z 1"
        )
        await drained(publisher)
        assert await states(publisher, held.id) == dict.fromkeys(("AUT/spoc", "DEU/spoc", "UTO/spoc"), "told")
    assert (await stage.read("UTO/spoc")).sequences == [1]


async def test_every_act_is_an_entry_of_the_log_that_says_nothing(stage):
    """Persons, hold, approval: each an envelope to nobody, under an id that is no notification's."""
    async with stage.routing(), stage.publishing() as publisher:
        held = await publisher.publish(document(subject=CHILD), by=CEM)
        await publisher.reviews.approve(held.id, "child_review", by="ada", key=ADA)
        await publisher.reviewers.retire("ben")
        await drained(publisher)
    entries = [codec("AuditEntry").decode(record.value) for record in stage.world.broker.records(AUDIT)]
    assert {one["outcome"] for one in entries} == {"accepted"}
    slips = opened(stage)
    assert len([one for one in entries if one["kind"] == "decision"]) == len(slips)
    told = {one.act.kind: one for one in slips if one.act}
    assert Counter(one.act.kind for one in slips if one.act) == {
        "person_added": 3,
        "hold": 1,
        "approval": 1,
        "person_retired": 1,
    }
    for one in told.values():
        assert (one.recipients, one.withheld, one.facts) == ((), (), RoutingFacts("act"))
        assert one.notification_id != uuid.UUID(held.id).bytes
    assert len({one.act.digest for one in slips if one.act}) == 6


async def test_an_auditor_can_be_shown_what_an_entry_of_the_log_is_about(stage):
    """What was said, with its slip, fits one entry and no other; one word changed fits none."""
    async with stage.routing(), stage.publishing() as publisher:
        held = await publisher.publish(document(subject=CHILD), by=CEM)
        await publisher.reviews.approve(held.id, "child_review", by="ada", key=ADA)
        await drained(publisher)
    outbox = await stage.outbox()
    try:
        proofs = [*await outbox.proofs(held.id), *await outbox.proofs(None)]
    finally:
        await outbox.close()
    entries = [codec("AuditEntry").decode(record.value) for record in stage.world.broker.records(AUDIT)]
    logged = {one["digest"]: one["inputs_digest"] for one in entries if one["kind"] == "decision"}
    assert [one.state.kind for one in proofs] == ["hold", "approval", *["person_added"] * 3]
    for one in proofs:
        fits = [digest for digest, inputs in logged.items() if shows(one.said, one.slip, inputs)]
        assert fits == [one.envelope]
        assert not shows(one.said.replace("TUR", "FRA"), one.slip, logged[one.envelope])
    hold, approval, *_ = (json.loads(one.said) for one in proofs)
    assert [one["because"] for one in hold["holds"]] == [["child_review"]] * 3
    assert (approval["by"], approval["hold"], approval["notification_id"]) == ("ada", "child_review", held.id)


def opened(stage):
    """The slip of every envelope on intake, as the hub reads it."""
    hub = stage.world.hub.decryption
    directory = stage.directory
    values = [one.value for number in range(2) for one in stage.world.broker.records(INTAKE, number)]
    return [
        open_slip(verify(value, hub_id=directory.hub.hub_id, signer=directory.signer), {hub.key_id: hub})
        for value in values
    ]


async def test_an_act_needs_no_permission_in_the_directory(world):
    """An authority that may send nothing any more still says what it did."""
    snapshot = world.directory.snapshot()
    mute = replace(snapshot.directory.authorities["TUR/spoc"], publishes=frozenset())
    authorities = {**snapshot.directory.authorities, "TUR/spoc": mute}
    world.directory.put(replace(snapshot, directory=replace(snapshot.directory, authorities=authorities)))
    made = world.make("TUR/spoc", facts=RoutingFacts("act"), recipients=(), act=Act("hold", bytes(32)))
    async with world.routing():
        await world.put("TUR/spoc", made.envelope)
        await world.until(lambda: len(world.broker.records(AUDIT)) == 1)
    (entry,) = (codec("AuditEntry").decode(record.value) for record in world.broker.records(AUDIT))
    assert (entry["outcome"], entry["reason"]) == ("accepted", None)
