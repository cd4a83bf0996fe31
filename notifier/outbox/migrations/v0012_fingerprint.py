"""Keep a keyed digest of what each notification says, so that one that is published again is noticed."""

from __future__ import annotations

import sqlalchemy as sa

from notifier.storage.migrations import Migration, MigrationContext, add_column, execute


async def apply(context: MigrationContext) -> None:
    """Add the column, empty for what is there: the digest is of today's form, and a day passes soon."""
    await add_column(context.connection, "message", sa.Column("fingerprint", sa.LargeBinary(32)))
    await execute(context.connection, "CREATE INDEX message_fingerprint ON message (fingerprint)")


MIGRATION = Migration(12, "a keyed digest of what each notification says", apply)
