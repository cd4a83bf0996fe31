"""The outbox's migrations, in order; a new one is a module beside this and a line in `MIGRATIONS`."""

from __future__ import annotations

from typing import Final

from notifier.outbox.migrations import (
    v0007_recipient_states,
    v0008_stands_for,
    v0009_closing_streams,
    v0010_submissions,
    v0011_bound_rows,
    v0012_fingerprint,
    v0013_adoptions,
    v0014_all_rows_are_bound,
    v0015_entries,
)
from notifier.storage.migrations import Migration, latest

OLDEST: Final = 6
"""The oldest version that still opens."""

MIGRATIONS: Final[tuple[Migration, ...]] = (
    v0007_recipient_states.MIGRATION,
    v0008_stands_for.MIGRATION,
    v0009_closing_streams.MIGRATION,
    v0010_submissions.MIGRATION,
    v0011_bound_rows.MIGRATION,
    v0012_fingerprint.MIGRATION,
    v0013_adoptions.MIGRATION,
    v0014_all_rows_are_bound.MIGRATION,
    v0015_entries.MIGRATION,
)

VERSION: Final = latest(OLDEST, MIGRATIONS)
"""The version of the tables in `tables`."""
