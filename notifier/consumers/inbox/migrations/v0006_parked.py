"""Messages that the reader of a cursor could not take are parked in a table of their own."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from notifier.storage.migrations import Migration, MigrationContext, create

_parked = sa.Table(
    "parked",
    sa.MetaData(),
    sa.Column("cursor", sa.String(64), primary_key=True),
    sa.Column("message", sa.BigInteger, primary_key=True),
    sa.Column("reason", sa.String(64), nullable=False),
    sa.Column("attempts", sa.BigInteger, nullable=False),
    sa.Column("made", sa.BigInteger, nullable=False),
    sa.Column("due", sa.BigInteger),
    sa.Column("bound", sa.LargeBinary(32)),
)


async def apply(context: MigrationContext) -> None:
    """Create the table; it is empty, so the sum of all rows stays."""
    await create(context.connection, _parked)


MIGRATION: Final = Migration(6, "messages that a reader cannot take are parked", apply)
