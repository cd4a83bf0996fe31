"""24 Forged record headers, keys and tombstones: what a broker carries beside the signed bytes says something else.

The attacker holds the broker, or is an authority that writes to intake. Control: nothing outside the signed bytes is
trusted, and nothing that is missing is taken for nothing.
"""

from __future__ import annotations

import asyncio

import pytest

from notifier.errors import MalformedError
from notifier.routing.batch import NO_STREAM
from notifier.topics import INTAKE, REJECTED, STREAMS, feed_of
from notifier.transport.base import Outgoing
from support.attack_harness import race

FORGED = (
    ("ce_type", b"org.notifier.notice.v1"),
    ("ce_source", b"/notifier/hub"),
    ("ce_subject", b"FRA/spoc"),
    ("ce_id", b"\r\n\x1b[2J"),
    ("content-type", b"text/html"),
    ("traceparent", b"00-" + b"f" * 5000),
    ("", b""),
    ("\u202e", b"\xff\xfe"),
)
STRANGE = {value for name, value in FORGED if name not in ("ce_type", "ce_source")}


async def put(stage, topic, value, name):
    """Write a record with forged headers and a forged key."""
    partition = stage.world.partition(name) if topic == INTAKE else 0
    await stage.world.broker.append([Outgoing(topic, value, b"FRA/spoc", partition, FORGED)])


async def test_headers_and_keys_change_nothing(stage):
    """On intake and on a feed, in the place of the true ones: the same decision, the same message, no more."""
    letter = stage.letter()
    await put(stage, INTAKE, letter.envelope, "TUR/spoc")
    await stage.decide()
    assert stage.told("TUR/spoc") == [("accepted", None)]
    for name in ("AUT/spoc", "DEU/spoc"):
        (record,) = stage.world.feed(name)
        stage.world.broker.partition(feed_of(name), 0).records.clear()
        await put(stage, feed_of(name), record.value, name)
        shown = await stage.read(name)
        assert (shown.texts, shown.refused) == ([letter.text], [])
    assert not stage.world.feed("FRA/spoc")


async def test_headers_are_not_passed_on(stage):
    """An originator's headers reach no recipient: deliveries carry the hub's own, the same for all."""
    await put(stage, INTAKE, stage.letter().envelope, "TUR/spoc")
    await put(stage, INTAKE, b"garbage", "TUR/spoc")
    await stage.decide()
    for topic in (feed_of("DEU/spoc"), feed_of("TUR/spoc"), REJECTED):
        (record,) = stage.world.broker.records(topic)
        assert record.key is None
        assert not {value for _, value in record.headers} & STRANGE


async def test_a_tombstone_is_a_refused_record(stage):
    """Deleted values on intake and on a feed: refused and counted, and what follows is delivered."""
    letter = stage.letter()
    assert await stage.route(None, letter, None) == ["malformed", None, "malformed"]
    await stage.inject("DEU/spoc", None)
    shown = await stage.read("DEU/spoc")
    assert (shown.texts, shown.refused) == ([letter.text], ["malformed"])


async def test_a_stream_is_not_forgotten_by_deleting_it(stage):
    """After a tombstone on TUR's stream the next router stops with an error and does not restart the stream."""
    letter = stage.letter()
    assert await stage.route(letter) == [None]
    where = stage.world.partition("TUR/spoc")
    key = next(one.key for one in stage.world.broker.records(STREAMS, where) if one.key not in NO_STREAM)
    await stage.world.broker.append([Outgoing(STREAMS, None, key, where)])
    await stage.world.put("TUR/spoc", letter.envelope)
    ended, _ = await race(stage.world.router().run(asyncio.Event()), stage.world.until(stage.decided))
    assert isinstance(ended, MalformedError), "it went on"
    assert len(stage.world.feed("DEU/spoc")) == 1


@pytest.mark.parametrize("name", ["DEU/spoc", "AUT/spoc"])
async def test_where_the_operator_takes_all_memory_of_it_a_recipient_still_has_its_own(stage, name):
    """Streams and positions are gone as if they had never been: the replay is delivered, and is no second message."""
    letter = stage.letter()
    assert await stage.route(letter) == [None]
    stage.world.broker.partition(STREAMS, stage.world.partition("TUR/spoc")).records.clear()
    await stage.world.put("TUR/spoc", letter.envelope)
    stage.world.broker.groups.clear()
    async with stage.routing():
        await stage.world.until(lambda: len(stage.world.feed(name)) > 1)
    shown = await stage.read(name)
    assert (shown.texts, shown.sequences, shown.conflicts) == ([letter.text], [1], [])
