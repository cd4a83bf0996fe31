"""Name tables, columns and states in the words of the field: "letter" becomes "entry", "flying" becomes "in_flight".

The MAC over a row covers the name of its table and the values of its columns, so all entries are bound again, and all
envelopes in flight. Two labels keep their bytes on purpose, since changing them would mean to seal every row again:
the associated data of an entry's contents (`letter/contents/`), and the kinds of audit events, which the log has.
"""

from __future__ import annotations

from typing import Final

from notifier.storage.migrations import Migration, MigrationContext, execute, execute_on_postgresql
from notifier.storage.rebinding import Rebinding, rebind

_OWN: Final = (
    *("authority", "secret", "chain_number", "chain_head", "feed_offset", "total", "last_message"),
    "last_entry",
)
_REBINDINGS: Final = (
    Rebinding(
        "entry",
        (
            *("id", "message", "event", "created", "state", "reason", "attempts", "due", "updated", "contents"),
            "stands_for",
        ),
        keys=("id",),
        former="letter",
    ),
    Rebinding(
        "envelope",
        ("digest", "entry", "stream", "number", "previous", "sequences", "state", "slip", "created"),
        keys=("digest",),
        former="envelope",
        values={"state": {"flying": "in_flight"}},
    ),
)


async def apply(context: MigrationContext) -> None:
    """Rename, then bind every row of which the MAC covers what was renamed."""
    await execute(
        context.connection,
        *("DROP INDEX letter_state", "DROP INDEX letter_message", "DROP INDEX letter_stands_for"),
        "DROP INDEX recipient_letter",
        "ALTER TABLE letter RENAME TO entry",
        "ALTER TABLE entry RENAME COLUMN act TO event",
        "ALTER TABLE recipient RENAME COLUMN letter TO entry",
        "ALTER TABLE envelope RENAME COLUMN letter TO entry",
        "ALTER TABLE instance RENAME COLUMN last_letter TO last_entry",
        "CREATE INDEX entry_state ON entry (state, id)",
        "CREATE INDEX entry_message ON entry (message)",
        "CREATE INDEX entry_stands_for ON entry (stands_for)",
        "CREATE INDEX recipient_entry ON recipient (entry)",
    )
    await execute_on_postgresql(
        context.connection,
        "ALTER SEQUENCE letter_id_seq RENAME TO entry_id_seq",
        "ALTER TABLE entry RENAME CONSTRAINT letter_pkey TO entry_pkey",
        "ALTER TABLE entry RENAME CONSTRAINT letter_message_fkey TO entry_message_fkey",
        "ALTER TABLE recipient RENAME CONSTRAINT recipient_letter_fkey TO recipient_entry_fkey",
        "ALTER TABLE envelope RENAME CONSTRAINT envelope_letter_fkey TO envelope_entry_fkey",
    )
    await rebind(context, _OWN, _REBINDINGS)


MIGRATION: Final = Migration(15, "letters are entries, and envelopes are in flight", apply)
