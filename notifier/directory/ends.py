"""Expiry of the directory's signatures and keys, and the time to act on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from notifier.crypto.keys import KeyUse
from notifier.directory.model import Key
from notifier.directory.roles import margin, margin_of
from notifier.directory.snapshot import Snapshot

USES = {KeyUse.SIGN: "signing", KeyUse.ENCRYPT: "encryption"}


@dataclass(frozen=True, slots=True)
class End:
    """An expiry: `what` is a role, or a key by its owner and use; `at` is its end, `since` the time to act.

    Both are in Unix milliseconds.
    """

    what: str
    at: int
    since: int

    def due(self, now: int) -> bool:
        """Return whether somebody must act at time `now`."""
        return now >= self.since


def ends(snapshot: Snapshot, name: str, now: int) -> Iterator[End]:
    """Yield the end of every role, of the hub's keys, and of the keys of the authority `name`.

    The last key of each use counts: an earlier one may end once its successor is listed.
    """
    for role, at in snapshot.ends.items():
        yield End(role, at, at - margin_of(role))
    yield from _keys("hub", snapshot.directory.hub.keys, now)
    known = snapshot.directory.authority(name)
    if known is not None and known.active:
        yield from _keys("own", known.keys, now)


def _keys(owner: str, keys: Sequence[Key], now: int) -> Iterator[End]:
    for use, word in USES.items():
        usable = [key for key in keys if key.use is use and key.makes(now)]
        if usable:
            last = max(usable, key=lambda key: key.not_after)
            yield End(f"{owner}_{word}", last.not_after, last.not_after - margin(last.not_after - last.not_before))
        elif keys:
            yield End(f"{owner}_{word}", now, now)
