"""Name tables and columns in the words of the field: "sink" becomes "cursor", "known_by" becomes "blind_index".

The MAC over a row covers the name of its table, so all cursors are bound again. Names of columns are not under it.
"""

from __future__ import annotations

from typing import Final

from notifier.storage.migrations import Migration, MigrationContext, execute, execute_on_postgresql
from notifier.storage.rebinding import Rebinding, rebind

_OWN: Final = ("authority", "check", "feed_offset", "total", "last_message", "last_gap_range")


async def apply(context: MigrationContext) -> None:
    """Rename, then bind every cursor."""
    await execute(
        context.connection,
        "ALTER TABLE message RENAME COLUMN known_by TO blind_index",
        "ALTER TABLE message RENAME COLUMN facts TO metadata",
        "ALTER TABLE stream RENAME COLUMN known_by TO blind_index",
        "ALTER TABLE sink RENAME TO cursor",
        "ALTER TABLE cursor RENAME COLUMN handed TO position",
    )
    await execute_on_postgresql(
        context.connection,
        "ALTER TABLE message RENAME CONSTRAINT message_known_by_key TO message_blind_index_key",
        "ALTER TABLE cursor RENAME CONSTRAINT sink_pkey TO cursor_pkey",
    )
    await rebind(context, _OWN, (Rebinding("cursor", ("name", "position"), keys=("name",), former="sink"),))


MIGRATION: Final = Migration(5, "sinks are cursors, and digests of names are blind indexes", apply)
