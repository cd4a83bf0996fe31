"""Findings of the doctor about unsent messages of an outbox."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, TypeVar

from notifier.config import Settings
from notifier.errors import NotifierError
from notifier.times import rfc3339

if TYPE_CHECKING:
    from notifier.outbox.outbox import Outbox

T = TypeVar("T")

MAX_NAMED: Final = 4  # recipients
HINTS: Final = {
    "recipient_has_no_key": "have each enrol a key; it is told by itself then",
    "feed_missing": "ask the hub's operator for the feed; it is told by itself then",
}
_WORDS: Final = {"recipient_has_no_key": "cannot be sealed for", "feed_missing": "have no feed at the hub"}


async def unreachable(settings: Settings, is_there: Callable[[str], Awaitable[bool]]) -> tuple[str, str] | None:
    """Return a reason and one line about unreachable recipients, or None where there are none.

    A missing or unreadable outbox gives None: another check reports it.
    """
    return await _look(settings, is_there, _found)


async def restored(settings: Settings, is_there: Callable[[str], Awaitable[bool]]) -> tuple[bool, str] | None:
    """Return whether the last restore from a backup is complete, and one line about it; None without a restore.

    An unreadable outbox gives None.
    """
    return await _look(settings, is_there, _restored)


async def _look(
    settings: Settings, is_there: Callable[[str], Awaitable[bool]], look: Callable[[Outbox], Awaitable[T | None]]
) -> T | None:
    from notifier.keyfiles import storage_key
    from notifier.outbox.outbox import Outbox
    from notifier.runtime import REAL

    try:
        if settings.outbox is None or not await is_there(settings.outbox):
            return None
        outbox = await Outbox.open(settings.outbox, settings.name, storage_key(settings.keys), REAL)
        try:
            return await look(outbox)
        finally:
            await outbox.close()
    except NotifierError:
        return None


async def _restored(outbox: Outbox) -> tuple[bool, str] | None:
    found = await outbox.restored()
    if found is None:
        return None
    what = f"it was restored from a backup of {rfc3339(found.backup_at)}"
    who = _named(list(dict.fromkeys(one.by for one in found.decided)))
    decided = f"; decided by {who}" if who else ""
    if not found.closed:
        refused = f" (refused: {found.refused})" if found.refused else ""
        return False, f"{what}, and its former stream is not closed yet{refused}"
    if found.parked:
        return False, f"{what}: {len(found.parked)} notifications wait for a decision{decided}"
    return True, f"{what}, and nothing of that waits for a decision{decided}"


async def _found(outbox: Outbox) -> tuple[str, str] | None:
    waiting = await outbox.unreachable()
    if not waiting:
        return None
    texts = [f"{_named(names)} {_WORDS[reason]} ({reason})" for reason, names in sorted(waiting.items())]
    return min(waiting), "; ".join(texts)


def _named(names: list[str]) -> str:
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return ", ".join(names[:MAX_NAMED]) + more
