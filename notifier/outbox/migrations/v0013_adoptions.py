"""Keep, signed, what persons decide about an outbox that was restored from a backup."""

from __future__ import annotations

import sqlalchemy as sa

from notifier.storage.migrations import Migration, MigrationContext, create

ADOPTIONS = sa.Table(
    "adoption",
    sa.MetaData(),
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("recorded", sa.BigInteger, nullable=False),
    sa.Column("contents", sa.LargeBinary, nullable=False),
)


async def apply(context: MigrationContext) -> None:
    """Add the table `adoption`; what was decided before stands in the acts alone, under a name that nobody signed."""
    await create(context.connection, ADOPTIONS)


MIGRATION = Migration(13, "what persons decide about a restore is signed", apply)
