"""44 Gap bomb: an originator whose numbers jump fills its recipients' disks and stops their loops.

Each of 40 envelopes made a row for each of a thousand numbers that it skipped, and a log line for each row. Control:
a gap is a range, so an envelope makes one row and one line, however far it jumps; a stream has so many and no more.
"""

from __future__ import annotations

import pytest

from notifier.consumers.inbox import tables

ENVELOPES = 40
CAP = 100  # ranges of a stream


class Lines:
    """A log that counts its lines by their event."""

    def __init__(self):
        self.events = []

    def error(self, event, **_named):
        self.events.append(event)

    warning = info = error


async def bomb(stage, jump, count):
    """Write envelopes of TUR whose numbers jump by `jump` to DEU's feed."""
    values = []
    for number in range(1, count + 1):
        letter = stage.forge(sequences={"DEU/spoc": number * jump})
        values.append(stage.delivery(letter.envelope, "DEU/spoc"))
    await stage.inject("DEU/spoc", *values)


async def rows(stage):
    """Return the number of rows for the gaps."""
    inbox = await stage.inbox("DEU/spoc")
    try:
        async with inbox._database.read() as connection:
            return len((await connection.execute(tables.gap_ranges.select())).all())
    finally:
        await inbox.close()


@pytest.mark.parametrize("jump", [1_000, 10**15], ids=["a thousand", "a thousand billion"])
async def test_an_envelope_makes_one_row_and_one_line_however_far_it_jumps(stage, monkeypatch, jump):
    """And what others say meanwhile arrives."""
    lines = Lines()
    monkeypatch.setattr("notifier.consumers.subscriber.log", lines)
    await bomb(stage, jump, ENVELOPES)
    true = stage.letter("AUT/spoc")
    await stage.route(true)
    async with stage.subscribing() as subscriber:
        await subscriber.until_idle(0)
        texts = [one.notification.narrative for one in await subscriber.inbox.messages()]
        gaps = await subscriber.inbox.gaps()
    assert true.text in texts
    assert len(texts) == ENVELOPES + 1
    assert await rows(stage) == ENVELOPES
    assert sum(gap.missing for gap in gaps) == ENVELOPES * (jump - 1)
    assert lines.events.count("messages are missing") == ENVELOPES


async def test_a_stream_has_so_many_ranges_and_no_more(stage):
    """Numbers that jump by two, more often than there may be ranges: none is forgotten, and the rows have an end."""
    await bomb(stage, 2, CAP + 20)
    async with stage.subscribing() as subscriber:
        await subscriber.until_idle(0)
        gaps = await subscriber.inbox.gaps()
    assert await rows(stage) == len(gaps) == CAP
    assert sum(gap.missing for gap in gaps) == CAP + 20
    assert (gaps[0].first, gaps[0].last) == (1, 1)
    assert gaps[-1].last == 2 * (CAP + 20) - 1
