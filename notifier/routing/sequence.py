"""The place of an envelope in its stream, as the hub keeps it (docs/reference/envelope.md, "Sequences"). Pure.

An envelope is *in turn* where its number follows the last accepted one and its previous digest is the tail. Any
decision in turn makes it the tail; only acceptance advances the number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

NO_TAIL: Final = bytes(32)

SequenceCheck = Literal["in_turn", "replayed", "out_of_order"]


@dataclass(frozen=True, slots=True)
class StreamState:
    """`number` of the last accepted envelope, `tail` the digest of the last one decided in turn (32 bytes).

    `signer` is the id of the key under which everything in the stream was in turn; None where there were several, or
    it is not known. `dropped` says that the stream is forgotten.
    """

    number: int = 0
    tail: bytes = NO_TAIL
    signer: bytes | None = None
    dropped: bool = False


def check_sequence(state: StreamState, number: int, previous: bytes, digest: bytes) -> SequenceCheck:
    """Return the place of the envelope with this number, previous digest and own digest."""
    if number <= state.number or digest == state.tail:
        return "replayed"
    if number == state.number + 1 and previous == state.tail:
        return "in_turn"
    return "out_of_order"


def advance(
    state: StreamState, number: int, digest: bytes, *, accepted: bool, signer: bytes | None = None
) -> StreamState:
    """Return the state after an envelope under the key `signer` was decided in turn."""
    only = signer if state.tail == NO_TAIL or state.signer == signer else None
    return StreamState(number if accepted else state.number, digest, only)
