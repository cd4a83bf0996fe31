"""34 One person approves their own exception: a child's notification is told without a second person's word.

The attacker works at the originator: submits, has a key and a permission of their own, may write any ruling, but has
no other person's key. Control: an approval is signed by a registered person other than the submitter, over the
notification's digest.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from notifier.crypto.keys import SigningKey
from notifier.errors import RefusedError
from notifier.persons.approvals import sign
from notifier.persons.submissions import Submitter
from support.attack_harness import SERVICE
from support.samples import document

KEYS = {name: SigningKey.from_secret(name.encode().ljust(32, b".")) for name in ("mallory", "bob", "carol", "dan")}
PERSONS = {"mallory": "child_reviewer", "bob": "child_reviewer", "carol": "release", "dan": "child_reviewer"}
CHILD = document()["subject"] | {"age": "child"}


@asynccontextmanager
async def outbox_of(stage):
    """Return the originator's database as its staff has it."""
    outbox = await stage.outbox()
    try:
        yield outbox
    finally:
        await outbox.close()


@pytest.fixture
async def submitted(stage):
    """Return a child's notification submitted by mallory, and the originator's persons; dan has retired."""
    async with outbox_of(stage) as outbox:
        for name, permission in PERSONS.items():
            await outbox.add_person(name, KEYS[name].public, [permission])
        await outbox.retire_person("dan")
    async with stage.publishing() as publisher:
        one = await publisher.publish(document(subject=CHILD, narrative="of a child"), by=Submitter(KEYS["mallory"]))
        other = await publisher.publish(document(subject=CHILD, narrative="of another"), by=Submitter(KEYS["carol"]))
    return one, other


async def approve(stage, message, forge):
    """Offer a ruling that `forge` makes of the outbox's data; return the reason of the refusal."""
    snapshot = stage.world.directory.snapshot()
    async with outbox_of(stage) as outbox:
        try:
            async with outbox.reviewing() as review:
                found = await review.find(message)
                await review.approve(found, forge(found.message.held), snapshot)
        except RefusedError as error:
            return error.reason
    return None


def by(name, key=None, **other):
    """Return an approval in that name, signed with that person's key or another's, with `other` changes."""

    def forge(held):
        at = held.submitted_at
        about = replace(held, **other)
        return sign("approval", about, "child_review", None, by=name, key=KEYS[key or name.lower()], now=at)

    return forge


def rebound(held):
    """Bob's true approval of another text, said to be of this one."""
    return replace(by("bob", notification_digest="00" * 32)(held), notification_digest=held.notification_digest)


ATTEMPTS = {
    "their own": (by("mallory"), "self_approval"),
    "their own, in capitals": (by("MALLORY"), "self_approval"),
    "in another's name": (by("bob", "mallory"), "bad_signature"),
    "without a signature": (lambda held: replace(by("bob")(held), signature=b""), "bad_signature"),
    "nobody's": (by("nobody", "mallory"), "unknown_person"),
    "a retired person's": (by("dan"), "person_retired"),
    "a person's who may not": (by("carol"), "permission_missing"),
    "for another text": (by("bob", notification_digest="00" * 32), "digest_mismatch"),
    "for another text, bound anew": (rebound, "bad_signature"),
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
async def test_nobody_releases_what_they_submitted(stage, submitted, attempt):
    """Nobody is told of the child, and the reason is said; the true approval of a second person tells them."""
    message = bytes.fromhex(submitted[0].id.replace("-", ""))
    forge, reason = ATTEMPTS[attempt]
    said = await approve(stage, message, forge)
    await publish_all(stage)
    assert (await stage.read("DEU/spoc")).texts == []
    assert said == reason
    assert await approve(stage, message, by("bob")) is None
    await publish_all(stage)
    assert (await stage.read("DEU/spoc")).texts == [None]


async def test_an_approval_in_the_file_releases_nothing(stage):
    """It is taken at its word by a dry run only: the submitter is warned, and nobody is told."""
    local = document()["local"] | {
        "approvals": [
            {"hold": "child_review", "state": None, "by": "bob", "at": "2026-11-20T09:00:00Z", "reference": "x"}
        ]
    }
    async with stage.publishing(submitter=SERVICE) as publisher:
        submitted = await publisher.publish(document(subject=CHILD, local=local))
    assert "/local/approvals" in [warning.pointer for warning in submitted.warnings]
    await publish_all(stage)
    assert (await stage.read("DEU/spoc")).texts == []


async def publish_all(stage):
    """Send all of the outbox, and let a router decide it."""
    async with stage.routing(), stage.publishing() as publisher:
        assert await publisher.flush(20) == []
