"""Gaps of a stream: ranges of missing numbers, merged where possible, at most `CAP` of them.

One message that jumps leaves one range, however far it jumps. A stream that jumps again and again fills its `CAP` of
ranges; after that its last range grows over what comes between, and says how many of its numbers are missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from notifier.consumers.inbox import queries
from notifier.consumers.inbox.tables import gap_ranges
from notifier.storage.integrity import Ledger

CAP: Final = 100
"""How many ranges of one stream are kept."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Messages that are missing: `missing` of the numbers `first` to `last` of this stream of this originator.

    All of them, unless the stream has more gaps than are told apart.
    """

    originator: str
    stream: str
    first: int
    last: int
    missing: int

    def numbers(self) -> str:
        """Say in words which are missing."""
        if self.missing < self.last - self.first + 1:
            return f"{self.missing} of the numbers {self.first} to {self.last}"
        return f"number {self.first}" if self.first == self.last else f"numbers {self.first} to {self.last}"


async def skipped(connection: Ledger, stream: bytes, first: int, last: int, now: int) -> None:
    """Note that the numbers `first` to `last` of the stream were skipped; `first` is behind every number before."""
    missing = last - first + 1
    if await connection.scalar(queries.GAP_COUNT, {"of": stream}) < CAP:
        row = {"stream": stream, "first": first, "last": last, "missing": missing, "found": now}
        await connection.insert(gap_ranges, [row])
        return
    newest = (await connection.execute(queries.LAST_GAP, {"of": stream})).one()
    await _change(connection, newest, newest.first, last, newest.missing + missing)


async def came(connection: Ledger, stream: bytes, number: int, *, again: bool) -> None:
    """Note that a number came that is not the last; `again` where the same envelope came before."""
    row = (await connection.execute(queries.GAPS_AROUND, {"of": stream, "number": number})).first()
    if row is None:
        return
    whole = row.missing == row.last - row.first + 1
    if not whole and again:  # it is one of those between that are not missing
        return
    if row.missing == 1:
        await connection.remove(gap_ranges, [row])
    elif not whole:
        await _change(connection, row, row.first, row.last, row.missing - 1)
    elif number == row.first:
        await _change(connection, row, number + 1, row.last, row.missing - 1)
    elif number == row.last:
        await _change(connection, row, row.first, number - 1, row.missing - 1)
    elif await connection.scalar(queries.GAP_COUNT, {"of": stream}) < CAP:
        await _change(connection, row, row.first, number - 1, number - row.first)
        rest = {"stream": stream, "first": number + 1, "last": row.last, "missing": row.last - number}
        await connection.insert(gap_ranges, [rest | {"found": row.found}])
    else:
        await _change(connection, row, row.first, row.last, row.missing - 1)


async def _change(connection: Ledger, row: sa.Row[Any], first: int, last: int, missing: int) -> None:
    await connection.change(gap_ranges, [row], first=first, last=last, missing=missing)
