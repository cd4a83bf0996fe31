"""The findings of the doctor: one result of one check each."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass
from typing import Any, Final

from notifier.errors import NotifierError

OK: Final = "ok"
WARNING: Final = "warning"
WRONG: Final = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check; a state other than `ok` has a reason and a hint."""

    party: str
    check: str
    state: str
    detail: str
    reason: str | None = None
    hint: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the form of ``notifier doctor --json``."""
        return asdict(self)


def refused(party: str, check: str, error: NotifierError) -> Finding:
    """Return the finding of an error."""
    return Finding(party, check, WRONG, error.detail, error.reason, error.hint)


def day(milliseconds: int) -> str:
    """Return the UTC date of a time in Unix milliseconds."""
    return dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC).date().isoformat()
