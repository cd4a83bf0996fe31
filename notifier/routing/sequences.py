"""The place of an envelope in its stream, as the hub keeps it (docs/envelope.md, "Sequences"). Pure.

An envelope is *in turn* where its number follows the last accepted one and it chains upon the tail. Decided in
turn it becomes the tail, accepted or rejected; only acceptance advances the number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Place = Literal["in_turn", "replayed", "out_of_order"]


@dataclass(frozen=True, slots=True)
class StreamState:
    """`number` of the last accepted envelope, `tail` the digest of the last one decided in turn (32 bytes)."""

    number: int = 0
    tail: bytes = bytes(32)


def place(state: StreamState, number: int, previous: bytes, digest: bytes) -> Place:
    """Where the envelope with this number, previous digest and own digest stands."""
    if number <= state.number or digest == state.tail:
        return "replayed"
    if number == state.number + 1 and previous == state.tail:
        return "in_turn"
    return "out_of_order"


def after(state: StreamState, number: int, digest: bytes, *, accepted: bool) -> StreamState:
    """The state after an envelope was decided in turn."""
    return StreamState(number if accepted else state.number, digest)
