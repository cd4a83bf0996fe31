"""The inbox's migrations, in order; a new one is a module beside this and a line in `MIGRATIONS`."""

from __future__ import annotations

from typing import Final

from notifier.consumers.inbox.migrations import (
    v0002_gaps_are_ranges,
    v0003_refusals_are_tried_again,
    v0004_all_rows_are_bound,
    v0005_cursors,
    v0006_parked,
)
from notifier.storage.migrations import Migration, latest

OLDEST: Final = 1
"""The oldest version that still opens."""

MIGRATIONS: Final[tuple[Migration, ...]] = (
    v0002_gaps_are_ranges.MIGRATION,
    v0003_refusals_are_tried_again.MIGRATION,
    v0004_all_rows_are_bound.MIGRATION,
    v0005_cursors.MIGRATION,
    v0006_parked.MIGRATION,
)

VERSION: Final = latest(OLDEST, MIGRATIONS)
"""The version of the tables in `tables`."""
