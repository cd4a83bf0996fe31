"""30 Forged statements of the hub: an originator believes in a decision that nobody made, or a recipient in a time.

The attacker holds the broker; then it is a recipient that would know what its neighbours were told. Control: one
signature of the hub over the salted leaves of a transaction, and a path for each statement.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from notifier.crypto.keys import SigningKey
from notifier.envelope import Statement, leaf_of, notice, parse_feed
from notifier.envelope.statements import sign_statements
from notifier.topics import INTAKE
from support.attack_harness import HOUR_MS, TOLD
from support.samples import document
from support.world import PARTITIONS

STRANGER = SigningKey.from_secret(b"s" * 32)


def forgeries(stage, sent):
    """Yield rejections of the sent envelope: by strangers, for another hub, cut from the tree, or misplaced."""
    told = {"kind": "decision", "audience": "TUR/spoc", "outcome": "rejected", "reason": "expired"}
    told |= {"stream": sent.header.stream, "number": 1, "envelope_id": sent.header.envelope_id}
    true = stage.world.stated(sent.digest, **told)
    other = stage.world.stated(sent.digest, **told | {"number": 2})
    elsewhere = sign_statements(
        [Statement.decode(true.statement)], hub_id=bytes(16), key=stage.world.hub.signing, entropy=bytes
    )
    return [
        stage.world.stated(sent.digest, signing=STRANGER, **told),
        stage.world.stated(sent.digest, signing=stage.signing("FRA/spoc"), **told),
        replace(stage.world.stated(sent.digest, signing=STRANGER, **told), key_id=true.key_id),
        *elsewhere,
        replace(true, index=1),
        replace(true, size=2 * true.size),
        replace(true, path=true.path[1:]),
        replace(true, path=other.path),
        replace(true, signature=other.signature),
        replace(other, statement=true.statement),
    ]


async def test_a_forged_rejection_is_not_believed(stage):
    """The publisher ignores all of them: nothing is sealed again, and the hub's true statement counts."""
    async with stage.publishing("TUR/spoc") as publisher:
        submitted = await publisher.publish(document())
        sent = await stage.on_its_way()
        await stage.inject("TUR/spoc", *(notice(one) for one in forgeries(stage, sent)))
        async with stage.routing():
            status = await publisher.wait(submitted.id, 10)
    assert (status.state, status.reason) == ("told", None)
    assert sum(len(stage.world.broker.records(INTAKE, number)) for number in range(PARTITIONS)) == 1


@pytest.mark.parametrize(
    "lie",
    [
        {"signing": STRANGER},
        {"digest": bytes(32)},
        {"outcome": "rejected", "reason": "expired"},
        {"kind": "decision"},
        {"accepted_at": HOUR_MS},
        {"accepted_at": -HOUR_MS},
    ],
    ids=["a stranger's", "of another envelope", "rejected", "a decision", "later than now", "before it was made"],
)
async def test_a_forged_acceptance_opens_nothing(stage, lie):
    """A true envelope that the hub did not accept, with each kind of false word for it; the true one opens it."""
    letter = stage.letter()
    facts = lie | ({"accepted_at": stage.world.clock() + lie["accepted_at"]} if "accepted_at" in lie else {})
    await stage.inject("DEU/spoc", stage.delivery(letter.envelope, "DEU/spoc", **facts))
    shown = await stage.read("DEU/spoc")
    early = lie.get("accepted_at", 0) > 0  # kept until its time comes: nothing is decided, and nothing receipted
    assert (shown.texts, shown.refused) == ([], ["not_yet_valid" if early else "bad_statement"])
    assert await stage.route(letter) == [None]
    shown = await stage.read("DEU/spoc")
    refused = [] if early else [("refused", "bad_statement")]
    assert (shown.texts, shown.receipts) == ([letter.text], [*refused, ("opened", None)])


async def test_a_neighbour_s_leaf_cannot_be_guessed(stage):
    """Each recipient knows all of its neighbour's statement but the salt, and that leaf's hash: no guess is it.

    If it could confirm a guess, it would know who else was told.
    """
    await stage.route(stage.letter())
    for name in TOLD:
        (record,) = stage.world.feed(name)
        own = parse_feed(record.value).signed
        mine = Statement.decode(own.statement)
        salts = (mine.salt, bytes(16), b"\xff" * 16, mine.digest[:16])
        guesses = {leaf_of(mine._replace(audience=told, salt=salt)) for told, salt in product(TOLD, salts)}
        assert leaf_of(mine) in guesses, "the guesses are of the right form"
        assert not guesses & set(own.path), name
