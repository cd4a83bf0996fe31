"""Gaps as ranges, beside a plain set of numbers: whatever comes in whatever order, they say the same."""

from __future__ import annotations

import random

import pytest
import sqlalchemy as sa

from notifier.consumers.inbox import gaps, tables
from notifier.consumers.inbox.gaps import CAP, Gap
from notifier.consumers.inbox.inbox import Inbox
from notifier.runtime import REAL

STREAM = b"s" * 32
NOW = 1_795_000_000_000


class Stream:
    """One stream of an inbox: its ranges in a database, and what is missing as a set."""

    def __init__(self, inbox):
        self.inbox = inbox
        self.last = 0
        self.seen = set()
        self.missing = set()

    async def comes(self, number, again=None):
        again = number in self.seen if again is None else again
        async with self.inbox.writing() as connection:
            if number > self.last:
                if number > self.last + 1:
                    await gaps.skipped(connection, STREAM, self.last + 1, number - 1, NOW)
                self.missing |= set(range(self.last + 1, number))
                self.last = number
            else:
                await gaps.came(connection, STREAM, number, again=again)
        self.seen.add(number)
        self.missing.discard(number)

    async def rows(self):
        async with self.inbox.reading() as connection:
            found = await connection.execute(sa.select(tables.gap_ranges).order_by(tables.gap_ranges.c.first))
            return [(row.first, row.last, row.missing) for row in found.all()]


@pytest.fixture
async def stream(tmp_path):
    """A stream in a new database."""
    inbox = await Inbox.open(f"sqlite:///{tmp_path}/gaps.db", "DEU/spoc", bytes(32), REAL)
    async with inbox.writing() as connection:
        await connection.insert(tables.streams, [{"blind_index": STREAM, "last": 0, "name": b""}])
    yield Stream(inbox)
    await inbox.verify()
    await inbox.close()


async def test_a_jump_is_one_row_however_far_it_goes(stream):
    """To the last number that there is."""
    await stream.comes(1)
    async with stream.inbox.writing() as connection:
        await gaps.skipped(connection, STREAM, 2, 2**63 - 2, NOW)
    assert await stream.rows() == [(2, 2**63 - 2, 2**63 - 3)]


@pytest.mark.parametrize(
    ("comes", "left"),
    [
        ([2], [(3, 6, 4)]),
        ([6], [(2, 5, 4)]),
        ([4], [(2, 3, 2), (5, 6, 2)]),
        ([4, 3, 5], [(2, 2, 1), (6, 6, 1)]),
        ([2, 3, 4, 5, 6], []),
        ([7, 1, 7], [(2, 6, 5)]),
    ],
)
async def test_what_comes_late_is_missing_no_more(stream, comes, left):
    """At either end, in the middle, all of it; what was never missing changes nothing."""
    for number in (1, 7, *comes):
        await stream.comes(number)
    assert await stream.rows() == left


@pytest.mark.parametrize("seed", range(20))
async def test_any_order_says_what_a_set_says(stream, seed):
    """Numbers come skipped, late and again: the ranges hold exactly what the set does."""
    chance = random.Random(seed)
    for _ in range(120):
        await stream.comes(chance.randint(1, 60))
        rows = await stream.rows()
        assert {n for first, last, _ in rows for n in range(first, last + 1)} == stream.missing
        assert sum(missing for _, _, missing in rows) == len(stream.missing)


async def test_a_stream_that_jumps_again_and_again_has_a_cap(stream):
    """Its last range grows, and says how many of its numbers are missing; those before stay as they are."""
    for number in range(2, 4 * CAP, 2):
        await stream.comes(number)
    rows = await stream.rows()
    assert len(rows) == CAP
    assert rows[:2] == [(1, 1, 1), (3, 3, 1)]
    assert sum(missing for _, _, missing in rows) == len(stream.missing)
    for number in sorted(stream.missing, reverse=True):
        await stream.comes(number)
        await stream.comes(number)
    assert await stream.rows() == []


async def test_a_range_that_would_be_cut_beyond_the_cap_is_counted(stream):
    """A number in the middle of a long range, when there are as many ranges as there may be."""
    await stream.comes(1000)
    for number in range(2, 2 * CAP, 2):
        await stream.comes(number)
    assert len(await stream.rows()) == CAP
    await stream.comes(600)
    await stream.comes(600)
    rows = await stream.rows()
    assert len(rows) == CAP
    assert sum(missing for _, _, missing in rows) == len(stream.missing)
    assert rows[-1][2] == rows[-1][1] - rows[-1][0]


def test_a_gap_says_in_words_what_is_missing():
    """One, a range, and some of a range."""
    for gap, said in (
        (Gap("TUR/spoc", "s", 3, 3, 1), "number 3"),
        (Gap("TUR/spoc", "s", 3, 5, 3), "numbers 3 to 5"),
        (Gap("TUR/spoc", "s", 3, 9, 4), "4 of the numbers 3 to 9"),
    ):
        assert gap.numbers() == said
