"""28 Resource exhaustion by one participant: one authority takes the memory, the time or the disk of all.

The attacker is an enrolled authority that sends as much, as large and as often as it can. Control: caps on sizes,
counts and streams before any work is done for them, transactions of bounded output, look-ups of bounded frequency;
and the broker's quotas per principal (tests/integration/test_exhaustion.py).
"""

from __future__ import annotations

from notifier.envelope import partition_of
from notifier.envelope.format import ENVELOPE_BYTES
from notifier.routing.batch import NO_STREAM
from notifier.routing.partition import OUTPUT_BYTES
from notifier.topics import AUDIT, STREAMS
from notifier.transport.memory import MemoryTransactional
from support.attack_harness import HOUR_MS
from support.world import PARTITIONS

FLOODER = "FRA/spoc"


async def test_others_are_served_while_one_floods(stage):
    """Thousands of records of one authority on both partitions: what others sent between them is delivered, in order.

    Nothing of the flood is kept but a refusal each: no feed and no stream grows by it.
    """
    flood = [b"garbage", stage.forge(FLOODER).envelope[:-1], stage.letter(FLOODER).envelope]
    letters = []
    for _ in range(6):
        for partition in range(PARTITIONS):
            for value in flood * 80:
                await stage.world.put(FLOODER, value, partition)
        for name in ("TUR/spoc", "AUT/spoc"):
            letters.append(stage.letter(name))
            await stage.world.put(name, letters[-1].envelope)
    await stage.decide()
    shown = await stage.read("DEU/spoc")
    wanted = {one.text for one in letters} | {f"{FLOODER} 1"}
    assert (sorted(shown.texts), shown.gaps) == (sorted(wanted), [])
    for name in ("TUR/spoc", "AUT/spoc"):
        assert stage.told(name) == [("accepted", None)] * 6
    keys = {one.key for number in range(PARTITIONS) for one in stage.world.broker.records(STREAMS, number)}
    assert len(keys - NO_STREAM) == 3, "three streams"


async def test_what_is_too_large_is_not_looked_at(stage):
    """Beyond the cap not even the schema's name is read; one byte less is parsed."""
    true = stage.letter()
    long = bytes(ENVELOPE_BYTES + 1)
    assert await stage.route(long, true.envelope + long, long[:-1], true) == [
        "too_large",
        "too_large",
        "malformed",
        None,
    ]
    assert (await stage.read("DEU/spoc")).texts == [true.text]


async def test_a_transaction_has_an_end(stage, monkeypatch):
    """Many of the largest envelopes to many: written in several transactions, none of them above its measure."""
    whole, sizes = MemoryTransactional.transact, []

    async def measured(self, batch):
        sizes.append(sum(len(out.value or b"") for out in batch))
        await whole(self, batch)

    monkeypatch.setattr(MemoryTransactional, "transact", measured)
    letters = [stage.letter(encoded=bytes(200_000)) for _ in range(40)]
    assert set(await stage.route(*letters)) == {None}
    delivered = sum(len(one.envelope) for one in letters) * 3
    assert delivered > 2 * OUTPUT_BYTES
    assert max(sizes) < OUTPUT_BYTES * 5 // 4
    assert len(stage.world.feed("DEU/spoc")) == 40


async def test_one_authority_cannot_fill_the_hub_with_streams(stage, monkeypatch):
    """Its streams continue, one too many is refused and not stored, and others can begin theirs."""
    monkeypatch.setattr("notifier.routing.streams.MAX_STREAMS", 1)
    home = stage.world.partition(FLOODER)
    streams = [number.to_bytes(16, "big") for number in range(1, 200)]
    streams = [one for one in streams if partition_of(FLOODER, one, PARTITIONS) == home]
    assert await stage.route(stage.letter(FLOODER)) == [None]
    before = len(stage.world.broker.records(AUDIT))
    first = {"number": 1, "previous": bytes(32)}
    more = [stage.forge(FLOODER, header={"stream": one}, slip={"stream": one} | first) for one in streams]
    assert set(await stage.route(*more)) == {"too_many_streams"}
    assert len(stage.world.broker.records(AUDIT)) == before + len(more), "each is a decision"
    assert await stage.route(stage.letter(FLOODER), stage.letter("TUR/spoc")) == [None, None]
    assert set(stage.told("TUR/spoc")) == {("accepted", None)}
    names = {one.key for number in range(PARTITIONS) for one in stage.world.broker.records(STREAMS, number)}
    assert len(names - NO_STREAM) == 2, "two streams"


async def test_naming_versions_to_come_does_not_slow_the_rest(stage):
    """Each such slip could make the hub look for a later directory; it looks at a limited rate for all of them."""
    looks = 0

    async def refresh():
        nonlocal looks
        looks += 1

    stage.world.directory.refresh = refresh
    stage.world.clock.now += HOUR_MS
    async with stage.routing():
        for _ in range(5):
            wanting = stage.forge(FLOODER, slip={"directory_version": 99})
            stage.sent(wanting, accepted=False)
            await stage.world.put(FLOODER, wanting.envelope)
            true = stage.letter("TUR/spoc")
            await stage.world.put("TUR/spoc", true.envelope)
            await stage.world.until(stage.decided)
    assert stage.told(FLOODER) == [("rejected", "rules_unknown")] * 5
    assert stage.told("TUR/spoc") == [("accepted", None)] * 5
    assert looks <= 3, "as often as one look is repeated"
