"""5 Drop: the hub, or who operates its broker, keeps a message from one recipient.

The attacker holds the broker and the hub's statement key; it cannot make stanzas. Control: the sequence per stream
and recipient inside the wrap, so a gap has a name. A message that is the stream's last shows no gap: heartbeats and
reconciliation are for that, and are not built yet.
"""

from __future__ import annotations

from structlog.testing import capture_logs

from notifier.topics import feed_of


def drop(stage, name, index):
    """Remove the delivery from a feed, as if it had never been written."""
    log = stage.world.broker.partition(feed_of(name), 0)
    at = [number for number, record in enumerate(log.records) if record is not None][index]
    log.records[at] = None


async def test_a_recipient_names_what_was_kept_from_it(stage):
    """DEU reports number 2 of TUR's stream as missing, and says so in its log; AUT has all three."""
    letters = [stage.letter() for _ in range(3)]
    await stage.route(*letters)
    drop(stage, "DEU/spoc", 1)
    with capture_logs() as logs:
        shown = await stage.read("DEU/spoc")
    assert (shown.texts, shown.gaps) == ([letters[0].text, letters[2].text], [("TUR/spoc", 2)])
    alarms = [one for one in logs if one["event"] == "messages are missing"]
    found = [(one["log_level"], one["originator"], one["first"], one["last"]) for one in alarms]
    assert found == [("error", "TUR/spoc", 2, 2)]
    assert (await stage.read("AUT/spoc")).texts == [one.text for one in letters]


async def test_the_gap_cannot_be_hidden_by_another_number(stage):
    """The next delivery with the missing number's wrap, or with bytes of its own, is refused: the gap stays."""
    letters = [stage.letter() for _ in range(3)]
    await stage.route(*letters)
    drop(stage, "DEU/spoc", 1)
    own = stage.decryption("DEU/spoc").key_id
    second = next(one for one in letters[1].record["stanzas"] if one["rid"] == own)
    third = letters[2].record["stanzas"]
    swapped = [second if one["rid"] == own else one for one in third]
    await stage.inject("DEU/spoc", stage.delivery(letters[2].forged(stanzas=swapped), "DEU/spoc"))
    shown = await stage.read("DEU/spoc")
    assert (shown.refused, shown.gaps) == (["bad_signature"], [("TUR/spoc", 2)])
