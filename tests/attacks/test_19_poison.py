"""19 Poison record: one record that the hub or a recipient falls over stops everything behind it.

The attacker writes any bytes to intake, or to a feed. Control: readers are total, so that every record is a value or
a refusal with a reason, kept in the topic of what was rejected; and what nobody foresaw is a refusal, too.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from notifier.codec.single_object import codec
from notifier.envelope import parse_feed
from notifier.envelope.verifying import verify
from notifier.errors import REASONS
from notifier.topics import REJECTED

CORPUS = Path(__file__).parents[1] / "fuzz" / "corpus"


def spoilt(good, seed):
    """Yield the good record cut, extended, and with flipped bits; garbage; a tombstone; and oversized records."""
    draw = random.Random(seed)
    made = [None, b"", b"\xc3\x01", b"garbage", good[:10], good[:-1], good + b"\0", good * 2, b"\xc3\x01" * 200_000]
    made += [draw.randbytes(draw.randrange(400)) for _ in range(30)]
    made += [good[:10] + draw.randbytes(draw.randrange(400)) for _ in range(30)]
    for at in range(0, len(good), 37):
        flipped = bytearray(good)
        flipped[at] ^= 1 << draw.randrange(8)
        made.append(bytes(flipped))
    return made


def fuzzed(*targets):
    """Return the fuzzer's inputs and findings for these."""
    return [path.read_bytes() for name in targets for path in sorted((CORPUS / name).iterdir())]


async def test_a_partition_keeps_moving(stage):
    """Among hundreds of bad records two letters arrive; each bad one has its reason, and is kept by its digest."""
    first = stage.letter()
    poison = spoilt(first.envelope, 1) + fuzzed("envelope", "envelope-signed", "avro")
    second = stage.letter()
    reasons = await stage.route(*poison, first, *poison, second, *poison)
    assert reasons.pop(2 * len(poison) + 1) is None
    assert reasons.pop(len(poison)) is None
    assert None not in reasons
    assert set(reasons) <= set(REASONS)
    kept = [codec("Rejection").decode(record.value) for record in stage.world.broker.records(REJECTED)]
    assert len(kept) == 3 * len(poison)
    assert {len(one["digest"]) for one in kept} == {32}
    shown = await stage.read("DEU/spoc")
    assert (shown.texts, shown.sequences, shown.refused) == ([first.text, second.text], [1, 2], [])


async def test_a_feed_keeps_moving(stage):
    """The same at a recipient: everything bad is refused and kept, the true message between is shown."""
    true = stage.letter()
    await stage.route(true)
    (good,) = stage.world.feed("DEU/spoc")
    poison = spoilt(good.value, 2) + fuzzed("delivery", "delivery-signed", "statement", "avro")
    poison = [one for one in poison if not notice_in(one)]
    await stage.inject("DEU/spoc", *poison)
    shown = await stage.read("DEU/spoc")
    assert (shown.texts, shown.gaps) == ([true.text], [])
    assert len(shown.refused) == len(poison)
    assert set(shown.refused) <= set(REASONS)


def notice_in(value):
    """Return whether its schema is a notice's: those are for the publisher, and the subscriber skips them."""
    return bool(value) and value[:10] == codec("Notice").encode(NOTICE)[:10]


NOTICE = {"statement": b"", "index": 0, "size": 0, "path": [], "key_id": bytes(16), "signature": bytes(64)}
UNFORESEEN = (ZeroDivisionError, RecursionError, MemoryError)


@pytest.mark.parametrize("fault", UNFORESEEN)
async def test_a_fault_of_the_software_at_the_hub_costs_one_record(stage, monkeypatch, fault):
    """Any exception in the reader refuses the record, and the next one is decided."""
    first, bad, second = stage.letter(), b"the one that breaks it", stage.letter()

    def fails(value, **named):
        if value == bad:
            raise fault
        return verify(value, **named)

    monkeypatch.setattr("notifier.routing.admission.verify", fails)
    assert await stage.route(first, bad, second) == [None, "malformed", None]
    assert (await stage.read("DEU/spoc")).texts == [first.text, second.text]


@pytest.mark.parametrize("fault", UNFORESEEN)
async def test_a_fault_of_the_software_at_a_recipient_costs_one_record(stage, monkeypatch, fault):
    """The same on a feed."""
    bad = b"the one that breaks it"

    def fails(value):
        if value == bad:
            raise fault
        return parse_feed(value)

    monkeypatch.setattr("notifier.consumers.verification.parse_feed", fails)
    await stage.inject("DEU/spoc", bad)
    true = stage.letter()
    await stage.route(true)
    shown = await stage.read("DEU/spoc")
    assert (shown.texts, shown.refused) == ([true.text], ["malformed"])
