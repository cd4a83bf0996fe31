"""Recipients that cannot be reached yet wait in letters of their own, so that nobody else waits for them.

One has no key that the directory lets anybody seal to, or no feed at the hub. The others are sealed for at once; the
one is among the withheld of their envelope, as whoever is held is, and its own letter goes when it can.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from notifier.aio import Backoff
from notifier.outbox import tables
from notifier.outbox.payloads import Payload
from notifier.outbox.sealer import SealRequest
from notifier.outbox.states import NO_FEED, SET_ASIDE, EntryState
from notifier.policy.decision import Entry
from notifier.runtime import Entropy
from notifier.storage.integrity import Ledger

if TYPE_CHECKING:
    from notifier.outbox.transaction import OutboxTransaction

BACKOFF_INITIAL_S: Final = 1.0
BACKOFF_MAX_S: Final = 300.0
IS_DEFERRED: Final = (tables.entries.c.state == EntryState.PENDING) & tables.entries.c.reason.in_(SET_ASIDE)


class Feeds:
    """Which feeds the hub had not when it was last asked, and when it may be asked again; times in seconds.

    The hub is asked by an envelope that it refuses, which costs everything that was sealed behind: so not by every
    message that waits, and after growing pauses.
    """

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy
        self._absent: dict[str, tuple[float, Backoff]] = {}  # authority -> when the hub may be asked, the back-off

    def absent(self, names: Iterable[str]) -> list[str]:
        """Those of `names` whose feed was not there."""
        return [name for name in names if name in self._absent]

    def may_ask(self, name: str, now: float) -> bool:
        """Whether an envelope to `name` may ask the hub now."""
        return self._absent[name][0] <= now

    def was_absent(self, name: str, now: float) -> None:
        """Note that the hub has no feed for `name`."""
        backoff = Backoff(self._entropy, initial=BACKOFF_INITIAL_S, maximum=BACKOFF_MAX_S)
        _, backoff = self._absent.get(name, (now, backoff))
        self._absent[name] = (now + backoff.next(), backoff)

    def is_there(self, names: Iterable[str]) -> bool:
        """Note that the hub has the feeds of `names`; whether that is news of any."""
        found = [self._absent.pop(name) for name in self.absent(names)]
        return bool(found)

    def forget(self) -> None:
        """Ask of all again."""
        self._absent.clear()


class Deferral:
    """What one transaction does about recipients that cannot be reached."""

    def __init__(self, connection: Ledger, work: OutboxTransaction) -> None:
        self._connection = connection
        self._work = work

    async def part(self, load: SealRequest, missing: Mapping[str, str]) -> SealRequest | None:
        """Set aside whom `missing` names, each with the reason; return what can be sealed now, None for nothing.

        A letter that loses its last recipient is sealed to nobody: the withholding is recorded, never silent.
        """
        if not missing or not isinstance(load.letter, Payload) or load.message is None:
            return load
        letter = load.letter
        if load.reason in SET_ASIDE and len(letter.names) == 1:
            await self._work.schedule_retry(load.row, next(iter(missing.values())))
            return None
        rows = await self._move(load.message, letter, missing)
        for name, reason in missing.items():
            await self._work.schedule_retry(rows[name], reason)
        await self._log(load.message, missing)
        left = replace(letter, names=tuple(name for name in letter.names if name not in missing))
        await self._work.rewrite(load.row, load.message, left)
        return replace(load, letter=left)

    async def refused(self, row: int, names: Iterable[str]) -> None:
        """Take in that the hub has no feed for one of `names`, whom a letter was sealed to.

        The hub does not say which: each goes again in a letter of its own, and only the one is refused again.
        """
        found = (await self._connection.execute(sa.select(tables.entries).where(tables.entries.c.id == row))).one()
        letter = self._work.payload_of(found)
        first, *others = sorted(names)
        if others:
            await self._move(found.message, letter, others)
            left = tuple(name for name in letter.names if name not in others)
            await self._work.rewrite(row, found.message, replace(letter, names=left))
            await self._work.again(row)
            return
        if found.reason not in SET_ASIDE:
            await self._log(found.message, {first: NO_FEED})
        await self._work.schedule_retry(row, NO_FEED)

    async def try_again(self, reasons: Iterable[str]) -> None:
        """Make due at once what waits for one of `reasons`."""
        query = sa.select(tables.entries).where(IS_DEFERRED, tables.entries.c.reason.in_(list(reasons)))
        rows = (await self._connection.execute(query)).all()
        await self._connection.change(tables.entries, rows, due=self._work.now(), attempts=0)

    async def _move(self, message: int, letter: Payload, names: Iterable[str]) -> dict[str, int]:
        """Post a letter for each of `names`, which carries the message to it; return their row ids by name."""
        letters: list[tuple[int | None, Any]] = [(message, replace(letter, names=(name,))) for name in names]
        posted = {name: row for (_, name), row in (await self._work.enqueue(letters)).items()}
        places = {one.authority: at for at, one in enumerate((await self._work.message(message)).plan.entries)}
        for name, row in posted.items():
            await self._work.carry(message, places[name], row)
        return posted

    async def _log(self, message: int, missing: Mapping[str, str]) -> None:
        entries = [Entry(name, "hold", (), (reason,)) for name, reason in missing.items()]
        await self._work.enqueue_hold(await self._work.message(message), entries)
