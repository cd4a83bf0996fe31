"""A refusal says what may cure it and when it is due again; what was refused before may be cured, too."""

from __future__ import annotations

import sqlalchemy as sa

from notifier.storage.migrations import Migration, MigrationContext, add_column, execute

_refusal = sa.table("refusal", sa.column("reason"), sa.column("cure"))

MAY_BE_CURED = ("bad_statement", "unknown_signer", "signer_revoked", "not_permitted", "not_addressed")
"""Reasons of the former version that time, a later directory or another key may have cured: they are tried once."""


async def apply(context: MigrationContext) -> None:
    """Add `cure` and `due` to refusals."""
    connection = context.connection
    await add_column(connection, "refusal", sa.Column("cure", sa.String(16)))
    await add_column(connection, "refusal", sa.Column("due", sa.BigInteger))
    await execute(connection, "CREATE INDEX refusal_cure ON refusal (cure, feed_offset)")
    await connection.execute(_refusal.update().where(_refusal.c.reason.in_(MAY_BE_CURED)).values(cure="directory"))


MIGRATION = Migration(3, "refusals are kept and tried again", apply)
