"""Cursors of an inbox: the place of each reader among the messages, and the messages that it could not take."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from notifier.consumers.inbox import queries, tables
from notifier.consumers.inbox.records import Parked, Received
from notifier.storage.integrity import Ledger

if TYPE_CHECKING:
    from notifier.consumers.inbox.inbox import Inbox

Since = dt.datetime | int
"""A place to read from: the first message stored at that time or later, or that row; 0 is the start."""

MAX_NAME: Final = 64


class Cursors:
    """The cursors of one inbox; none disturbs another.

    A cursor stands at the last message that its reader acknowledged. Acknowledging is cumulative: it covers every
    message before. A message that the reader cannot take is parked, and the cursor goes on.
    """

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    async def position(self, cursor: str) -> int:
        """Return the row that `cursor` stands at; 0 where it is new."""
        async with self._inbox.reading() as connection:
            row = (await connection.execute(queries.CURSOR, {"cursor": cursor})).one_or_none()
            if row is None:
                return 0
            connection.check(tables.cursors, row)
            position: int = row.position
            return position

    async def acknowledge(self, cursor: str, row: int) -> None:
        """Move `cursor` forward to `row`, never back.

        Parked messages that it passes, as it does after `seek`, are parked no longer, and neither is the message of
        `row` where another attempt was due.
        """
        async with self._inbox.writing() as connection:
            before = await self._forward(connection, cursor, row)
            parked = (await connection.execute(queries.PARKED_AT, {"which": cursor, "row": row})).all()
            await connection.remove(tables.parked, [one for one in parked if before < row or one.due is not None])

    async def seek(self, cursor: str, since: Since) -> None:
        """Move `cursor`, forward or back, so that its reader begins at `since`."""
        row = await self._before(since)
        async with self._inbox.writing() as connection:
            known = (await connection.execute(queries.CURSOR, {"cursor": cursor})).all()
            await connection.change(tables.cursors, known, position=row)
            if not known:
                await connection.insert(tables.cursors, [{"name": _checked(cursor), "position": row}])

    async def begin(self, cursor: str, since: Since) -> None:
        """Let `cursor` begin at `since` where it is new; a cursor that exists stays where it is."""
        row = await self._before(since)
        async with self._inbox.writing() as connection:
            if (await connection.execute(queries.CURSOR, {"cursor": cursor})).one_or_none() is None:
                await connection.insert(tables.cursors, [{"name": _checked(cursor), "position": row}])

    async def _forward(self, connection: Ledger, cursor: str, row: int) -> int:
        """Move `cursor` forward to `row`, past what is parked before it; return where it stood."""
        known = (await connection.execute(queries.CURSOR, {"cursor": cursor})).all()
        if not known:
            await connection.insert(tables.cursors, [{"name": _checked(cursor), "position": row}])
            return 0
        before: int = known[0].position
        if before < row:
            await connection.change(tables.cursors, known, position=row)
            passed = (
                await connection.execute(queries.PARKED_BETWEEN, {"which": cursor, "after": before, "row": row})
            ).all()
            await connection.remove(tables.parked, passed)
        return before

    async def _before(self, since: Since) -> int:
        """Return the row before the one that `since` names."""
        if isinstance(since, int):
            return max(0, since - 1)
        if since.tzinfo is None:
            raise ValueError("a time to begin at needs its offset from UTC")
        first = sa.select(sa.func.min(tables.messages.c.id))
        async with self._inbox.reading() as connection:
            at = int(since.timestamp() * 1000)
            row: int | None = await connection.scalar(first.where(tables.messages.c.received >= at))
            last: int = (await connection.own())["last_message"]
        return last if row is None else row - 1

    async def park(self, cursor: str, row: int, reason: str, attempts: int) -> None:
        """Set the message of `row` aside, with the reason, and move `cursor` to it."""
        async with self._inbox.writing() as connection:
            await self._forward(connection, cursor, row)
            before = (await connection.execute(queries.PARKED_AT, {"which": cursor, "row": row})).all()
            values = {"reason": reason[:MAX_NAME], "made": self._inbox.now(), "due": None}
            if before:
                await connection.change(tables.parked, before, **values, attempts=before[0].attempts + attempts)
            else:
                key = {"cursor": cursor, "message": row}
                await connection.insert(tables.parked, [{**key, **values, "attempts": attempts}])

    async def parked(self, cursor: str | None = None) -> list[Parked]:
        """Return the messages that are parked, of `cursor` or of all, in the order in which they came."""
        query = sa.select(tables.parked).order_by(tables.parked.c.message, tables.parked.c.cursor)
        if cursor is not None:
            query = query.where(tables.parked.c.cursor == cursor)
        return await self._found(query, {})

    async def due(self, cursor: str) -> list[Parked]:
        """Return the parked messages of `cursor` of which somebody asked for another attempt."""
        return await self._found(queries.PARKED_DUE, {"which": cursor})

    async def retry(self, cursor: str | None = None) -> int:
        """Ask for another attempt at every parked message, of `cursor` or of all; return how many there are."""
        query = sa.select(tables.parked)
        if cursor is not None:
            query = query.where(tables.parked.c.cursor == cursor)
        async with self._inbox.writing() as connection:
            rows = (await connection.execute(query)).all()
            await connection.change(tables.parked, rows, due=self._inbox.now())
        return len(rows)

    async def count_parked(self) -> int:
        """Return how many messages are parked, of all cursors."""
        async with self._inbox.reading() as connection:
            return await connection.scalar(queries.PARKED_COUNT) or 0

    async def _found(self, query: sa.Select[tuple[object, ...]], parameters: dict[str, str]) -> list[Parked]:
        async with self._inbox.reading() as connection:
            rows = (await connection.execute(query, parameters)).all()
            messages: dict[int, Received] = {}
            for row in rows:
                connection.check(tables.parked, row)
                if row.message not in messages:
                    found = sa.select(tables.messages).where(tables.messages.c.id == row.message)
                    message = (await connection.execute(found)).one_or_none()
                    if message is not None:  # erased meanwhile
                        messages[row.message] = self._inbox.received(connection, message)
        return [
            Parked(row.cursor, messages[row.message], row.reason, row.attempts, row.made, row.due is not None)
            for row in rows
            if row.message in messages
        ]


def _checked(cursor: str) -> str:
    """Return the name of a cursor; raise `ValueError` where a database could not keep it."""
    if not 0 < len(cursor) <= MAX_NAME:
        raise ValueError(f"a cursor's name has 1 to {MAX_NAME} characters")
    return cursor
