"""39 A submitter under another name: one person gives a child's notification and releases it, as two.

The attacker works at the originator, may review children, has their own key and the machine's service, and types
whatever name; they write into the database what needs no key. Control: the submitter is registered and signs, too;
the same key or the same person on both sides is refused, a service decides nothing, and what nobody signed is
released by nobody.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from notifier.crypto.keys import SigningKey
from notifier.errors import KeyRejectedError, RefusedError
from notifier.outbox import tables
from notifier.persons.model import PersonKind, canonical
from notifier.persons.submissions import Submitter
from support.attack_harness import SERVICE
from support.databases import EXPECTED, put
from support.samples import document

CHILD = document()["subject"] | {"age": "child"}
MALLORY, BOB, STRANGER = (
    SigningKey.from_secret(name.encode().ljust(32, b".")) for name in ("mallory", "bob", "stranger")
)


@pytest.fixture
async def office(stage):
    """Return the originator, where mallory and bob may both review children."""
    outbox = await stage.outbox()
    for name, key in (("mallory", MALLORY), ("bob", BOB)):
        await outbox.add_person(name, key.public, ["child_reviewer"])
    await outbox.close()
    return stage


async def refusal(awaited):
    """Return the reason of a refusal; None where it is done."""
    try:
        await awaited
    except RefusedError as error:
        return error.reason
    return None


async def nobody_was_told(stage):
    async with stage.routing(), stage.publishing() as publisher:
        assert await publisher.flush(20) == []
    return (await stage.read("DEU/spoc")).texts == []


@pytest.mark.parametrize("name", [None, "mallory", "MALLORY", " mallory "])
async def test_who_submits_is_known_by_the_key_whatever_name_is_typed(office, name):
    """The submitter's own approval is refused; a second person's tells the recipients."""
    async with office.publishing() as publisher:
        sent = await publisher.publish(document(subject=CHILD), by=Submitter(MALLORY, name))
        approval = publisher.reviews.approve(sent.id, "child_review", by="mallory", key=MALLORY)
        assert await refusal(approval) == "self_approval"
    assert await nobody_was_told(office)
    async with office.publishing() as publisher:
        assert await publisher.reviews.approve(sent.id, "child_review", by="bob", key=BOB)


@pytest.mark.parametrize(
    ("key", "name"), [(MALLORY, "bob"), (STRANGER, "bob"), (STRANGER, None), (STRANGER, "a friend")]
)
async def test_nothing_is_submitted_in_another_s_name(office, key, name):
    """Neither with the own key, nor with one that nobody registered: nothing is stored."""
    async with office.publishing() as publisher:
        submission = publisher.publish(document(subject=CHILD), by=Submitter(key, name))
        assert await refusal(submission) == "unknown_person"
        assert await publisher.pending() == ["person_added"]


async def test_one_person_has_no_second_name_and_no_second_key_of_that_name(office):
    """Neither as a person nor as a service; the authority's own key is nobody's."""
    async with office.publishing() as publisher:
        for kind in PersonKind:
            assert await refusal(publisher.reviewers.add("friend", MALLORY.public, [], kind)) == "person_exists"
            assert await refusal(publisher.reviewers.add("Mallory", STRANGER.public, [], kind)) == "person_exists"
            with pytest.raises(KeyRejectedError):
                await publisher.reviewers.add("friend", office.signing("TUR/spoc").public, [], kind)


async def test_what_nobody_signed_is_released_by_nobody(office):
    """Until a registered person answers for it, who then is its submitter."""
    async with office.publishing() as publisher:
        sent = await publisher.publish(document(subject=CHILD))
        assert any("nobody signed" in warning.message for warning in sent.warnings)
        for name, key in (("mallory", MALLORY), ("bob", BOB)):
            approval = publisher.reviews.approve(sent.id, "child_review", by=name, key=key)
            assert await refusal(approval) == "submitted_by_nobody"
    assert await nobody_was_told(office)
    async with office.publishing() as publisher:
        await publisher.reviews.resubmit(sent.id, Submitter(MALLORY))
        approval = publisher.reviews.approve(sent.id, "child_review", by="mallory", key=MALLORY)
        assert await refusal(approval) == "self_approval"
        assert await publisher.reviews.approve(sent.id, "child_review", by="bob", key=BOB)


async def test_what_was_submitted_before_names_were_signed_was_submitted_by_nobody(stage, tmp_path):
    """A typed name of the former version proves nothing: not that it was another's."""
    put(tmp_path / "TUR-spoc.outbox", "outbox-6")
    child, *_ = EXPECTED["outbox-6"]["held"]
    ada = SigningKey.from_secret(b"ada".ljust(32, b"."))
    async with stage.publishing() as publisher:
        approval = publisher.reviews.approve(child, "child_review", by="ada", key=ada)
        assert await refusal(approval) == "submitted_by_nobody"
        await publisher.reviewers.add("bob", BOB.public, [])
        await publisher.reviews.resubmit(child, Submitter(BOB))
        assert await publisher.reviews.approve(child, "child_review", by="ada", key=ada)


async def test_a_service_decides_nothing(office):
    """It submits where nobody is named; what it signs releases no hold, whatever permissions it was written."""
    async with office.publishing(submitter=SERVICE) as publisher:
        sent = await publisher.publish(document(subject=CHILD))
        approval = publisher.reviews.approve(sent.id, "child_review", by="service", key=SERVICE.key)
        assert await refusal(approval) == "permission_missing"
        for permission in ("child_reviewer", "release", "assurance"):
            registered = publisher.reviewers.add("robot", STRANGER.public, [permission], PersonKind.SERVICE)
            assert await refusal(registered) == "invalid_person"


async def test_a_submission_of_another_text_or_by_another_counts_for_nothing(office):
    """The storage key alone, without another person's key, makes no submitter."""
    outbox = await office.outbox()
    async with office.publishing() as publisher:
        theirs = await publisher.publish(document(subject=CHILD, narrative="another"), by=Submitter(BOB))
        mine = await publisher.publish(document(subject=CHILD), by=Submitter(MALLORY))
        signed = (await outbox.reviewed(theirs.id)).message.held.submission
        own = (await outbox.reviewed(mine.id)).message.held.submission
        wanted = bytes.fromhex(mine.id.replace("-", ""))
        for forged in (signed, replace(own, by="bob", public=BOB.public.hex()), replace(own, by="bob")):
            sealed = outbox._cipher.seal(b"message/submission/" + wanted, canonical(forged.document()))
            async with outbox._writing() as connection:
                query = sa.select(tables.messages).where(tables.messages.c.notification_id == wanted)
                rows = (await connection.execute(query)).all()
                await connection.change(tables.messages, rows, submission=sealed)
            approval = publisher.reviews.approve(mine.id, "child_review", by="mallory", key=MALLORY)
            assert await refusal(approval) == "submitted_by_nobody"
            async with outbox._writing() as connection:
                assert await connection.scalar(sa.select(sa.func.count()).select_from(tables.rulings)) == 0
    await outbox.close()
    assert await nobody_was_told(office)
