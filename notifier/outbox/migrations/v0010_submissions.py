"""Messages keep the signature of their submitter; what is there was submitted by nobody (docs/how-to/review.md)."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from notifier.storage.migrations import Migration, MigrationContext, add_column


async def apply(context: MigrationContext) -> None:
    """Add the column `submission` of messages."""
    await add_column(context.connection, "message", sa.Column("submission", sa.LargeBinary))


MIGRATION: Final = Migration(10, "the signed submission of each message", apply)
