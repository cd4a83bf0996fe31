"""Recipients that cannot be reached yet wait in entries of their own, so that nobody else waits for them.

Such a recipient has no key that the directory lets anybody seal to, or no feed at the hub. The others are sealed for
at once. The envelope counts the absent one among the withheld, as everybody who is held. Its own entry goes once it
can.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from notifier.aio import Backoff
from notifier.outbox.entry_store import EntryStore, NewEntry
from notifier.outbox.message_store import MessageStore
from notifier.outbox.payloads import Payload
from notifier.outbox.sealer import SealRequest
from notifier.outbox.states import NO_FEED, SET_ASIDE
from notifier.policy.decision import Entry
from notifier.runtime import Entropy

BACKOFF_INITIAL_S: Final = 1.0
BACKOFF_MAX_S: Final = 300.0


class Feeds:
    """The feeds that the hub did not have when it was last asked, and when it may be asked again; times in seconds.

    The hub is asked by an envelope that it refuses. That costs everything that was sealed behind, so not every
    waiting message asks, and the back-off grows.
    """

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy
        self._absent: dict[str, tuple[float, Backoff]] = {}  # authority -> when the hub may be asked, the back-off

    def absent(self, names: Iterable[str]) -> list[str]:
        """Return those of `names` whose feed was not there."""
        return [name for name in names if name in self._absent]

    def may_ask(self, name: str, now: float) -> bool:
        """Return whether an envelope to `name` may ask the hub now."""
        return self._absent[name][0] <= now

    def was_absent(self, name: str, now: float) -> None:
        """Note that the hub has no feed for `name`."""
        backoff = Backoff(self._entropy, initial=BACKOFF_INITIAL_S, maximum=BACKOFF_MAX_S)
        _, backoff = self._absent.get(name, (now, backoff))
        self._absent[name] = (now + backoff.next(), backoff)

    def is_there(self, names: Iterable[str]) -> bool:
        """Note that the hub has the feeds of `names`; return whether any was absent before."""
        found = [self._absent.pop(name) for name in self.absent(names)]
        return bool(found)

    def forget(self) -> None:
        """Let the hub be asked about all feeds again."""
        self._absent.clear()


class Deferral:
    """Moves recipients that cannot be reached to entries of their own, in one transaction."""

    def __init__(self, entries: EntryStore, messages: MessageStore) -> None:
        self._entries = entries
        self._messages = messages

    async def split(self, request: SealRequest, missing: Mapping[str, str]) -> SealRequest | None:
        """Set aside the recipients in `missing`, each with its reason; return what can be sealed now, or None.

        An entry that loses its last recipient is sealed to nobody: the withholding is recorded, never silent.
        """
        if not missing or not isinstance(request.contents, Payload) or request.message is None:
            return request
        payload = request.contents
        if request.reason in SET_ASIDE and len(payload.names) == 1:
            await self._entries.schedule_retry(request.row, next(iter(missing.values())))
            return None
        moved = await self._move(request.message, payload, missing)
        for name, reason in missing.items():
            await self._entries.schedule_retry(moved[name], reason)
        await self._log(request.message, missing)
        left = replace(payload, names=tuple(name for name in payload.names if name not in missing))
        await self._entries.rewrite(request.row, request.message, left)
        return replace(request, contents=left)

    async def refused(self, entry: int, names: Iterable[str]) -> None:
        """Apply a refusal for want of a feed, of an envelope to `names`.

        The hub does not say which feed is missing. So each recipient goes again in an entry of its own, and only
        the absent one is refused again.
        """
        (row,) = await self._entries.rows([entry])
        payload = self._entries.payload_of(row)
        first, *others = sorted(names)
        if others:
            await self._move(row.message, payload, others)
            left = tuple(name for name in payload.names if name not in others)
            await self._entries.rewrite(entry, row.message, replace(payload, names=left))
            await self._entries.retry_now(entry)
            return
        if row.reason not in SET_ASIDE:
            await self._log(row.message, {first: NO_FEED})
        await self._entries.schedule_retry(entry, NO_FEED)

    async def _move(self, message: int, payload: Payload, names: Iterable[str]) -> dict[str, int]:
        """Enqueue an entry for each of `names`, which carries the message to it; return them by name."""
        new: list[NewEntry] = [(message, replace(payload, names=(name,))) for name in names]
        moved = {name: entry for (_, name), entry in (await self._entries.enqueue(new)).items()}
        await self._messages.assign(message, (await self._messages.by_row(message)).plan, moved)
        return moved

    async def _log(self, message: int, missing: Mapping[str, str]) -> None:
        entries = [Entry(name, "hold", (), (reason,)) for name, reason in missing.items()]
        await self._messages.enqueue_hold(await self._messages.by_row(message), entries)
