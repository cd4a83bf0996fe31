"""Gaps become ranges: one row for all the numbers that one message skipped, in place of one for each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from notifier.storage.migrations import Migration, MigrationContext, create, execute

_METADATA = sa.MetaData()
_stream = sa.Table("stream", _METADATA, sa.Column("known_by", sa.LargeBinary(32), primary_key=True))
_gap_range = sa.Table(
    "gap_range",
    _METADATA,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("stream", sa.LargeBinary(32), sa.ForeignKey(_stream.c.known_by), nullable=False),
    sa.Column("first", sa.BigInteger, nullable=False),
    sa.Column("last", sa.BigInteger, nullable=False),
    sa.Column("missing", sa.BigInteger, nullable=False),
    sa.Column("found", sa.BigInteger, nullable=False),
)
sa.Index("gap_range_stream", _gap_range.c.stream, _gap_range.c.first)


class _Run(NamedTuple):
    """Consecutive numbers of one stream, and when the first was found missing."""

    stream: bytes
    first: int
    last: int
    found: int


def _runs(rows: Iterable[Sequence[Any]]) -> list[_Run]:
    """Return the runs in `rows`: (stream, number, found), by stream and number."""
    runs: list[_Run] = []
    for stream, number, found in rows:
        if runs and runs[-1].stream == bytes(stream) and number == runs[-1].last + 1:
            runs[-1] = runs[-1]._replace(last=number)
        else:
            runs.append(_Run(bytes(stream), number, number, found))
    return runs


async def apply(context: MigrationContext) -> None:
    """Move what is still missing; what came meanwhile is no gap any more."""
    connection = context.connection
    await create(connection, _gap_range)
    query = "SELECT stream, sequence, found FROM gap WHERE filled IS NULL ORDER BY stream, sequence"
    for run in _runs((await connection.execute(sa.text(query))).all()):
        row = run._asdict() | {"missing": run.last - run.first + 1}
        await connection.execute(_gap_range.insert(), row)
    await execute(connection, "DROP TABLE gap")


MIGRATION = Migration(2, "a gap is a range of numbers", apply)
