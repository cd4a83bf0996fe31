"""Let an act take the place of a letter whose type the hub does not permit."""

from __future__ import annotations

import sqlalchemy as sa

from notifier.storage.migrations import Migration, MigrationContext, add_column, execute


async def apply(context: MigrationContext) -> None:
    """Add the column `stands_for` of letters, and its index."""
    await add_column(context.connection, "letter", sa.Column("stands_for", sa.BigInteger))
    await execute(context.connection, "CREATE INDEX letter_stands_for ON letter (stands_for)")


MIGRATION = Migration(8, "an act that takes the place of a letter says of which", apply)
