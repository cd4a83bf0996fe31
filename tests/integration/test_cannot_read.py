"""A recipient, a router operator with the broker's files, and a stranger each try to read what is not theirs."""

from __future__ import annotations

import asyncio

import pytest

from notifier import Publisher
from notifier.config import load, party_config
from notifier.crypto.keys import DecryptionKey
from notifier.directory.client import DirectoryClient
from notifier.envelope import ParsedDelivery, open_body, parse_feed, verify_delivery
from notifier.errors import EnvelopeError, TransportError
from notifier.keyfiles import decryption_keys
from notifier.runtime import wall_clock
from notifier.topics import AUDIT, INTAKE, REJECTED, STREAMS, feed_of
from support import sandbox as support

NAME = "Zyxwvutsrq Canarybird"
NUMBER = "QZ7CANARY"
STATE = "TUV"  # no authority of this world has it: nobody but the recipients may learn it
OWNER, FRIEND = "MAR/spoc", "FRA/spoc"


@pytest.fixture(scope="module")
def letter(standing):
    """The canary, sent by FRA/spoc to MAR/spoc (among others), as MAR/spoc received it."""
    document = support.example("arrest-with-interpol")
    document["subject"]["names"][0]["text"] = NAME
    document["narrative"] = f"{NAME} was seen"
    document["subject"]["documents"] = [{"kind": "P", "issuer": STATE, "number": NUMBER}]
    document["subject"]["nationalities"].append({"state": STATE, "status": "documented"})
    message = asyncio.run(_sent(standing, document))
    assert message.notification.subject.names[0].text == NAME
    return message


async def _sent(world, document):
    async with Publisher.from_home(world.home, FRIEND) as publisher:
        submitted = await publisher.publish(document)
        assert (await publisher.wait(submitted.id, support.PATIENCE_S)).state == "told"
    (message,) = [one for one in await world.receive(OWNER) if one.id == submitted.id]
    return message


def keys_of(world, party):
    """The decryption keys in a party's folder, by their id."""
    return decryption_keys(load(party_config(world.home, party)).keys)


async def delivery_to(world, name, envelope):
    """The delivery of that envelope (its digest in hex), as the broker's administrator can take it off the feed."""
    for record in await world.records(feed_of(name)):
        parts = parse_feed(record.value)
        if isinstance(parts, ParsedDelivery) and parts.digest.hex() == envelope:
            return parts
    raise AssertionError("the delivery is not on the feed")


async def verified_as(world, parts, audience):
    """The delivery, verified by somebody who says to be `audience`."""
    client = DirectoryClient(load(party_config(world.home, FRIEND)).directory)
    directory = (await asyncio.to_thread(client.load)).directory
    return verify_delivery(
        parts,
        hub_id=directory.hub.hub_id,
        signer=directory.signer,
        hub_signer=directory.hub.signing_key,
        audience=audience,
        now=wall_clock(),
    )


FOREIGN = [
    (party, topic)
    for party in ("DEU/spoc", "auditor", "stranger")
    for topic in (INTAKE, AUDIT, REJECTED, STREAMS, feed_of(OWNER))
    if (party, topic) != ("auditor", AUDIT)
]


@pytest.mark.parametrize(("party", "topic"), FOREIGN)
async def test_nobody_reads_a_topic_that_is_not_theirs(world, party, topic):
    """A recipient, the auditor and a stranger with a valid certificate are denied, and told so."""
    transport = world.transport(party)
    try:
        with pytest.raises(TransportError) as error:
            await (await transport.reader(topic, 0, 0)).read(1, 5000)
        assert error.value.reason == "broker_refused"
    finally:
        await transport.close()


@pytest.mark.parametrize("party", ["DEU/spoc", "stranger", "router"])
async def test_nobody_sees_which_other_feeds_there_are(world, party):
    """Who takes part can be read off the signed directory alone; the router writes feeds and so sees them."""
    transport = world.transport(party)
    try:
        seen = {topic for topic in await transport.topics() if topic.startswith("notifier.feed.")}
    finally:
        await transport.close()
    if party == "router":
        assert feed_of(OWNER) in seen
    else:
        assert seen <= {feed_of(party)}


async def test_the_recipient_s_own_key_opens_it(world, letter):
    """Without this, the refusals below would show nothing."""
    delivery = await verified_as(world, await delivery_to(world, OWNER, letter.envelope), OWNER)
    opened = open_body(delivery, keys_of(world, OWNER))
    assert opened.body.originator == FRIEND
    assert NAME.encode() in opened.body.notification


@pytest.mark.parametrize("thief", ["DEU/spoc", "GBR/spoc", "router"])
async def test_no_other_key_opens_a_delivery(world, letter, thief):
    """With the bytes of the feed in hand, neither as themselves, nor as the recipient, nor by renaming a key."""
    parts = await delivery_to(world, OWNER, letter.envelope)
    if thief != "router":
        with pytest.raises(EnvelopeError) as error:
            await verified_as(world, parts, thief)
        assert error.value.reason == "bad_statement"
    delivery = await verified_as(world, parts, OWNER)
    stolen = keys_of(world, thief)
    assert stolen
    with pytest.raises(EnvelopeError) as error:
        open_body(delivery, stolen)
    assert error.value.reason == "not_addressed"
    for key in stolen.values():
        with pytest.raises(EnvelopeError) as error:
            open_body(delivery, {parts.rid: key})
        assert error.value.reason == "cannot_open"


async def test_no_32_bytes_of_the_hub_s_folders_open_a_delivery(world, letter):
    """Whatever the router and the auditor keep in any file, tried as a key, opens nothing."""
    delivery = await verified_as(world, await delivery_to(world, OWNER, letter.envelope), OWNER)
    tried = 0
    for party in ("router", "auditor", "admin"):
        for path in party_config(world.home, party).parent.rglob("*.key"):
            data = path.read_bytes()
            for at in range(0, len(data) - 31, 32):
                tried += 1
                with pytest.raises(EnvelopeError) as error:
                    open_body(delivery, {delivery.parts.rid: DecryptionKey.from_secret(data[at : at + 32])})
                assert error.value.reason == "cannot_open"
    assert tried >= 3
