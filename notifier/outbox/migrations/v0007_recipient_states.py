"""Give the states of recipients the words of the one enumeration (`states.RecipientState`)."""

from __future__ import annotations

from notifier.storage.migrations import Migration, MigrationContext, execute


async def apply(context: MigrationContext) -> None:
    """Write every state of a recipient in its new word; held and rejected stay.

    A letter that the hub refused for a missing feed was for several: which of them has none is asked again.
    """
    await execute(
        context.connection,
        "UPDATE recipient SET state = 'waiting' WHERE state = 'submitted'",
        "UPDATE recipient SET state = 'told' WHERE state = 'routed'",
        "UPDATE recipient SET state = 'not_told' WHERE state = 'suppressed'",
        "UPDATE letter SET reason = NULL WHERE reason = 'feed_missing' AND state IN ('pending', 'sealed')",
    )


MIGRATION = Migration(7, "the states of recipients in one enumeration", apply)
