"""4 Reorder: a later message is made to come before an earlier one.

The attacker holds the broker and shuffles records, on intake or on a feed. Control: a strict sequence per stream at
the hub, and one per recipient inside the wrap.
"""

from __future__ import annotations


async def test_shuffled_records_change_nothing_until_they_come_in_turn(stage):
    """Out of turn they are refused without a trace; the same bytes in order are then accepted, in order."""
    one, two, three = stage.letter(), stage.letter(), stage.letter()
    assert await stage.route(three, two, one, three) == ["out_of_order", "out_of_order", None, "out_of_order"]
    assert await stage.route(two, three) == [None, None]
    shown = await stage.read("DEU/spoc")
    assert (shown.texts, shown.sequences) == ([one.text, two.text, three.text], [1, 2, 3])
    assert stage.told("TUR/spoc")[-2:] == [("accepted", None)] * 2


async def test_a_shuffled_feed_is_put_right_by_its_numbers(stage):
    """Deliveries in another order all open, each with the number that its originator gave it; none is missing."""
    letters = [stage.letter() for _ in range(3)]
    await stage.route(*letters)
    log = stage.world.broker.partition("notifier.feed.DEU.spoc.v1", 0)
    values = [record.value for record in stage.world.feed("DEU/spoc")]
    log.records.clear()
    await stage.inject("DEU/spoc", values[2], values[0], values[1])
    shown = await stage.read("DEU/spoc")
    assert dict(zip(shown.sequences, shown.texts, strict=True)) == {n: one.text for n, one in enumerate(letters, 1)}
    assert (shown.sequences, shown.gaps) == ([3, 1, 2], [])
