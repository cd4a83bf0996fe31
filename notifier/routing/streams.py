"""The streams of one intake partition: the state of each, and their number per originator. Pure.

An originator has at most `MAX_STREAMS` in a partition. A thief who fills them under a stolen key does not lock their
owner out: a stream in which everything is under a revoked key gives way to a new one. Nothing of it can come again,
since its signer is refused before any stream is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from typing import Final

from notifier.routing.sequence import StreamState

MAX_STREAMS: Final = 1000  # of one originator in one partition; a publisher begins one when it is made or restored

StreamName = tuple[str, bytes]
"""An originator and its stream's id."""


class Streams:
    """The committed streams; a transaction works on a `Draft` of them."""

    def __init__(self) -> None:
        self._of: dict[str, dict[bytes, StreamState]] = {}
        self._under: Counter[tuple[str, bytes]] = Counter()  # streams of an originator that know one key alone

    def __iter__(self) -> Iterator[StreamName]:
        return ((originator, stream) for originator, streams in self._of.items() for stream in streams)

    def __len__(self) -> int:
        return sum(map(len, self._of.values()))

    def get(self, name: StreamName) -> StreamState | None:
        """Return the state of a stream, or None where there is none."""
        return self._of.get(name[0], {}).get(name[1])

    def count(self, originator: str) -> int:
        """Return how many streams the originator has."""
        return len(self._of.get(originator, ()))

    def put(self, name: StreamName, state: StreamState) -> None:
        """Set the state of a stream, and remove it where the state says that it is dropped."""
        originator, stream = name
        streams = self._of.setdefault(originator, {})
        before = streams.pop(stream, None) if state.dropped else streams.get(stream)
        if before is not None and before.signer is not None:
            self._under[originator, before.signer] -= 1
        if not state.dropped:
            streams[stream] = state
            if state.signer is not None:
                self._under[originator, state.signer] += 1

    def apply(self, changed: Mapping[StreamName, StreamState]) -> None:
        """Store the changes of a transaction that was committed."""
        for name, state in changed.items():
            self.put(name, state)

    def to_drop(self, originator: str, revoked: Collection[bytes], kept: Collection[StreamName]) -> StreamName | None:
        """Return the stream of a revoked key with the fewest accepted envelopes, or None.

        Streams in `kept` are never returned.
        """
        if not any(self._under[originator, signer] for signer in revoked):
            return None
        found = [
            (state.number, stream)
            for stream, state in self._of[originator].items()
            if state.signer in revoked and (originator, stream) not in kept
        ]
        return (originator, min(found)[1]) if found else None


class Draft:
    """The streams with the decisions of one open transaction; `changed` holds what it changes."""

    def __init__(self, streams: Streams) -> None:
        self.changed: dict[StreamName, StreamState] = {}
        self._streams = streams
        self._begun: Counter[str] = Counter()

    def get(self, name: StreamName) -> StreamState | None:
        """Return the state of a stream, or None where there is none."""
        found = self.changed.get(name) or self._streams.get(name)
        return None if found is None or found.dropped else found

    def put(self, name: StreamName, state: StreamState) -> None:
        """Set the state of a stream after a decision in turn."""
        self._begun[name[0]] += self.get(name) is None
        self.changed[name] = state

    def has_room(self, originator: str, revoked: Callable[[], Collection[bytes]]) -> bool:
        """Return whether the originator may begin one more stream; drop one of a revoked key where that makes room.

        `revoked` returns the ids of its revoked keys.
        """
        if self._streams.count(originator) + self._begun[originator] < MAX_STREAMS:
            return True
        name = self._streams.to_drop(originator, revoked(), self.changed)
        state = None if name is None else self._streams.get(name)
        if name is None or state is None:
            return False
        self.changed[name] = replace(state, dropped=True)
        self._begun[originator] -= 1
        return True
