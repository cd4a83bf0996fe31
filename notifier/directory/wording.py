"""The changes of a new version in words, for the holder who is about to sign it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest

from notifier.crypto.keys import KeyUse
from notifier.directory.model import Authority, Directory, Hub, Key, KeyState
from notifier.times import rfc3339

Endorser = Callable[[str, Sequence[Key]], Key | None]
"""Returns the present key of an authority that endorsed the given new keys, or None."""

HUB = "hub"
USES = {KeyUse.SIGN: "signing", KeyUse.ENCRYPT: "encryption"}


def changes(old: Directory, new: Directory, endorser: Endorser) -> list[str]:
    """Return every difference between two versions of the directory but number and time, one line each."""
    lines = [*_hub(old.hub, new.hub), *_added(HUB, old.hub.keys, new.hub.keys, endorser)]
    for name in sorted({*old.authorities, *new.authorities}):
        before, after = old.authorities.get(name), new.authorities.get(name)
        if before is None and after is not None:
            lines += _enrolled(after)
        elif after is None:
            lines.append(f"{name}: IS DROPPED: none of its earlier messages can be read any more")
        elif before is not None and before != after:
            lines += _changed(before, after, endorser)
    return lines


def day(milliseconds: int) -> str:
    """Return the date of a time, for a holder."""
    return rfc3339(milliseconds)[:10]


def _hub(old: Hub, new: Hub) -> Iterator[str]:
    yield from _keys(HUB, old.keys, new.keys)
    if old.partitions != new.partitions:
        yield f"hub: intake has {new.partitions} partitions in place of {old.partitions}: EVERY STREAM MOVES"
    if old.log_origin != new.log_origin:
        yield f"log: is called {new.log_origin} in place of {old.log_origin}"
    if old.log_key != new.log_key:
        yield f"log: is signed with {new.log_key} in place of {old.log_key}"
    was = {one.vkey: one for one in old.log_keys_before}
    for one in new.log_keys_before:
        if was.pop(one.vkey, None) != one:
            yield f"log: the earlier key {one.vkey} is {one.state.value} since {rfc3339(one.changed_at)}"
    yield from (f"log: the earlier key {vkey} IS DROPPED: what it signed does not verify" for vkey in was)


def _enrolled(one: Authority) -> Iterator[str]:
    publishes = ", ".join(sorted(one.publishes)) or "nothing"
    yield f"{one.name}: takes part from now on, as {one.principal}, reads {one.feed}, may send {publishes}"
    if not one.active:
        yield f"{one.name}: is {one.state.value}"
    if one.history:
        yield f"{one.name}: brings a history of {len(one.history)} earlier standings"
    yield from (f"{one.name}: {_listed(key)}" for key in one.keys)


def _changed(old: Authority, new: Authority, endorser: Endorser) -> Iterator[str]:
    name = new.name
    for what in ("principal", "feed"):
        if getattr(old, what) != getattr(new, what):
            yield f"{name}: {what} is {getattr(new, what)} in place of {getattr(old, what)}"
    if old.state is not new.state:
        yield f"{name}: is {new.state.value} in place of {old.state.value}"
    for types, words in (
        (new.publishes - old.publishes, "may send"),
        (old.publishes - new.publishes, "MAY NOT send"),
    ):
        if types:
            yield f"{name}: {words} {', '.join(sorted(types))}"
    if new.history[: len(old.history)] != old.history:
        yield f"{name}: ITS HISTORY IS REWRITTEN: messages accepted before may count otherwise"
    for standing in new.history[len(old.history) :]:
        types_then = ", ".join(sorted(standing.publishes)) or "nothing"
        yield (f"{name}: until {rfc3339(standing.until)} it was {standing.state.value}, and could send {types_then}")
    yield from _keys(name, old.keys, new.keys)
    yield from _added(name, old.keys, new.keys, endorser)


def _added(name: str, old: Sequence[Key], new: Sequence[Key], endorser: Endorser) -> Iterator[str]:
    """Yield whether a present key endorsed the new ones."""
    known = {key.key_id for key in old}
    added = [key for key in new if key.key_id not in known]
    if not added:
        return
    by = endorser(name, added)
    if by is not None:
        yield f"{name}: its present key {by.key_id.hex()} signed for the new ones"
        return
    yield (
        f"{name}: THE NEW KEYS ARE A REPLACEMENT: none of its present keys signed for them. "
        "Ask it by another way before you sign"
    )


def _keys(name: str, old: Sequence[Key], new: Sequence[Key]) -> Iterator[str]:
    was, now = ({key.key_id: key for key in keys} for keys in (old, new))
    for key_id in dict.fromkeys([*was, *now]):
        before, after = was.get(key_id), now.get(key_id)
        if after is None:
            yield f"{name}: key {key_id.hex()} IS DROPPED: what it signed before does not verify any more"
        elif before is None:
            yield f"{name}: {_listed(after)}"
        elif before != after:
            yield from _key(name, before, after)
    if [key.key_id for key in old] != [key.key_id for key in new][: len(old)]:
        for number, (before, after) in enumerate(zip_longest(old, new)):
            if before and after and before.key_id != after.key_id:
                yield f"{name}: the keys stand in another order from number {number + 1} on"
                break


def _key(name: str, before: Key, after: Key) -> Iterator[str]:
    about = f"{name}: {USES[after.use]} key {after.key_id.hex()}"
    if (before.state, before.changed_at) != (after.state, after.changed_at):
        since = "" if after.changed_at is None else f" since {rfc3339(after.changed_at)}"
        yield f"{about} is {_state(after)}{since}, and was {_state(before)}"
    if (before.not_before, before.not_after) != (after.not_before, after.not_after):
        yield f"{about} is valid from {day(after.not_before)} to {day(after.not_after)}"
    if before.suite != after.suite:
        yield f"{about} is of suite {after.suite}"


def _listed(key: Key) -> str:
    return (
        f"{USES[key.use]} key {key.key_id.hex()} is added, {_state(key)}, "
        f"valid from {day(key.not_before)} to {day(key.not_after)}"
    )


def _state(key: Key) -> str:
    said = {KeyState.ACTIVE: "in use", KeyState.RETIRING: "retiring", KeyState.REVOKED: "REVOKED"}
    return said[key.state]
