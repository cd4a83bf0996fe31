"""What the hub's decisions do to a publisher's stream (docs/reference/envelope.md, "Sequences"). Pure.

A publisher seals ahead: up to a window of envelopes, each chained upon the one before, are on their way at
once. A rejection in turn makes its own digest the tail, so everything that chains upon the rejected envelope
can never be accepted: it is renumbered and sealed anew. A refusal before the sequence check places nothing.
Where the hub may not take an envelope at all because of its type, an act takes its place: once the hub decided
that, the refused envelope can never be accepted, and what is chained behind goes on.
A stream of which the hub knows more than this database does is closed: the database was restored from a backup.
The hub's statements say where such a stream stands. An act to nobody, the closing act, is sealed for the next place,
and again for each newer one, until the hub accepts one. From then on the hub accepts nothing else that was sealed
for the stream, since it does not chain from there.
The rules are those of the explicit-state model of the sequences; the outbox binds them to its tables.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

NO_DIGEST: Final = bytes(32)

OUT_OF_TURN: Final = frozenset({"replayed", "out_of_order"})
"""Refusals upon which the publisher does nothing: the decision that counts was, or will be, another one."""

UNPLACED: Final = frozenset(
    {
        "directory_unknown",
        "hub_key_retired",
        "quota_exceeded",
        "signer_retired",
        "signer_suspended",
        "too_many_streams",
        "unknown_signer",
        "unreadable_slip",
        "wrong_partition",
    }
)
"""Refusals before the sequence check: not final. So is any refusal that names no number."""

SEALED_AFRESH: Final = frozenset({"directory_unknown", "hub_key_retired", "rules_outdated", "signer_retired"})
"""Those of them that another sealing mends: with the keys, of the hub or its own, that the directory names now."""

BARRED: Final = "not_permitted"
"""The refusal of a type that the authority may not send: no sealing mends it."""

AGAIN: Final = frozenset({"rules_outdated", "rules_unknown", "feed_missing", "not_yet_valid", "expired"})
"""Refusals in turn after which the publisher seals the letter anew, by itself."""


@dataclass(frozen=True, slots=True)
class InFlightEnvelope:
    """One sealed envelope: its place in the stream, the letter that it carries (its row id; None: deleted since).

    `sequences` maps each addressed authority to this envelope's `seq_i`.
    """

    digest: bytes
    letter: int | None
    stream: bytes
    number: int
    previous: bytes
    sequences: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StreamWindow:
    """One stream as its publisher knows it.

    `number` and `tail` are what the hub last said; `counters` the accepted envelopes per authority; `in_flight` the
    envelopes on their way, in order, each chained upon the one before. `closing` marks a stream that is being closed:
    nothing but the closing act is sealed for it. `decided_at` is then the hub's time of the statement that `number`
    and `tail` come from, in Unix milliseconds.
    """

    stream: bytes
    number: int = 0
    tail: bytes = NO_DIGEST
    counters: Mapping[str, int] = field(default_factory=dict)
    in_flight: tuple[InFlightEnvelope, ...] = ()
    closing: bool = False
    decided_at: int = 0

    def place(self, recipients: Sequence[str]) -> tuple[int, bytes, dict[str, int]]:
        """Number, previous digest and each recipient's `seq_i` of the next envelope."""
        number, previous = (
            (self.in_flight[-1].number, self.in_flight[-1].digest) if self.in_flight else (self.number, self.tail)
        )
        sequences = {}
        for name in recipients:
            ahead = (one.sequences[name] for one in reversed(self.in_flight) if name in one.sequences)
            sequences[name] = next(ahead, self.counters.get(name, 0)) + 1
        return number + 1, previous, sequences

    def sealed(self, placed: InFlightEnvelope) -> StreamWindow:
        """The pipeline with one more envelope on its way; it must be at `place`."""
        number, previous, _ = self.place(())
        if (placed.stream, placed.number, placed.previous) != (self.stream, number, previous):
            raise ValueError("an envelope does not chain upon the one before it")
        return replace(self, in_flight=(*self.in_flight, placed))


@dataclass(frozen=True, slots=True)
class HubDecision:
    """One decision of the hub, from a verified statement; `reason` is None where it accepted.

    `versions` are those of rules and directory with which it decided. `own` tells whether the statement says that an
    envelope under one of this authority's own keys was in turn. `at` is the hub's time (Unix milliseconds).
    """

    digest: bytes
    reason: str | None
    stream: bytes | None = None
    number: int | None = None
    versions: tuple[int, int] = (0, 0)
    own: bool = False
    at: int = 0
    envelope_id: bytes | None = None


class Resend(StrEnum):
    """What is to be done about envelopes that were refused before the sequence check."""

    SAME = "same"  # the same bytes again, after a while
    AFRESH = "afresh"  # sealed anew under the same number and previous digest, with the keys of now


@dataclass(frozen=True, slots=True)
class Transition:
    """What one decision changes.

    `routed` is the letter that was accepted; `refused` the letter that was rejected in turn, `retry`
    whether it goes again by itself; `freed` are the letters to be renumbered and sealed anew (a letter
    that goes again among them), in their order. `barred` is the letter whose place an act is to take: it counts
    as rejected once that act was decided. `foreign` means that the hub decided about this stream what this
    database does not know: it is older than the stream, which is to be closed from here on. `stray` means that an
    accepted envelope of a stream that is being closed is not known here; `closed`, that the closing act was accepted.
    """

    pipeline: StreamWindow
    routed: int | None = None
    refused: int | None = None
    retry: bool = False
    freed: tuple[int, ...] = ()
    resend: Resend | None = None
    barred: int | None = None
    foreign: bool = False
    stray: bool = False
    closed: bool = False


def apply_decision(pipeline: StreamWindow, told: HubDecision, mine: InFlightEnvelope | None) -> Transition:
    """The step that `told` causes; `mine` is the envelope of that digest, whenever it was made, or None."""
    step = _hear(pipeline, told, mine)
    if not step.foreign:
        return step
    closing = replace(pipeline, closing=True, in_flight=(), decided_at=told.at)
    return replace(_closing(closing, told, mine), foreign=True)


def _hear(pipeline: StreamWindow, told: HubDecision, mine: InFlightEnvelope | None) -> Transition:
    if pipeline.closing and told.own:
        return _closing(pipeline, told, mine)
    if told.reason is None:
        return _accepted(pipeline, told, mine)
    if told.reason in OUT_OF_TURN:
        # Of a closing act it is said: the statements that are left may not name the place where the stream stands.
        return Transition(
            pipeline, resend=Resend.SAME if pipeline.closing and _is_head(pipeline, told.digest) else None
        )
    if told.reason == BARRED and told.number is None:
        return _barred(pipeline, mine)
    if told.reason in UNPLACED or told.number is None:
        return _unplaced(pipeline, told, mine)
    return _rejected(pipeline, told, mine)


def _accepted(pipeline: StreamWindow, told: HubDecision, mine: InFlightEnvelope | None) -> Transition:
    letter = mine.letter if mine is not None else None
    if told.stream != pipeline.stream or told.number is None or told.number <= pipeline.number:
        return Transition(pipeline, routed=letter)
    if mine is None or told.number != pipeline.number + 1:
        return Transition(pipeline, routed=letter, foreign=told.own)
    head = _is_head(pipeline, told.digest)
    moved = replace(
        pipeline,
        number=told.number,
        tail=told.digest,
        counters={**pipeline.counters, **mine.sequences},
        in_flight=pipeline.in_flight[1:] if head else (),
    )
    return Transition(moved, routed=letter, freed=() if head else _letters(pipeline, but=letter))


def _closing(pipeline: StreamWindow, told: HubDecision, mine: InFlightEnvelope | None) -> Transition:
    """The step of a decision in turn while the stream is closed: the place moves to where the hub says it is."""
    accepted = told.reason is None
    routed = mine.letter if accepted and mine is not None else None
    if told.stream != pipeline.stream or told.number is None or told.at < pipeline.decided_at:
        return Transition(pipeline, routed=routed)  # another stream's; or whoever runs the broker said it again
    if told.digest == pipeline.tail:
        return Transition(pipeline, routed=routed)
    number = told.number if accepted else told.number - 1
    moved = replace(pipeline, number=number, tail=told.digest, in_flight=(), decided_at=told.at)
    if accepted and _is_head(pipeline, told.digest):
        return Transition(moved, routed=routed, closed=True)
    refused = pipeline.in_flight[0].letter if _is_head(pipeline, told.digest) else None
    freed = _letters(pipeline)
    return Transition(
        moved, routed=routed, refused=refused, retry=refused is not None, freed=freed, stray=accepted and mine is None
    )


def _rejected(pipeline: StreamWindow, told: HubDecision, mine: InFlightEnvelope | None) -> Transition:
    if told.stream != pipeline.stream or told.number != pipeline.number + 1:
        return Transition(pipeline)
    if mine is None:
        return Transition(pipeline, foreign=told.own)
    if mine.previous != pipeline.tail:  # in turn it was, and is no longer: whoever runs the broker said it again
        return Transition(pipeline)
    moved = replace(pipeline, tail=told.digest, in_flight=())
    if not _is_head(pipeline, told.digest):
        return Transition(moved, freed=_letters(pipeline))
    retry = mine.letter is not None and told.reason in AGAIN
    freed = _letters(pipeline, but=None if retry else mine.letter)
    return Transition(moved, refused=mine.letter, retry=retry, freed=freed)


def _unplaced(pipeline: StreamWindow, told: HubDecision, mine: InFlightEnvelope | None) -> Transition:
    index = None if mine is None else _index(pipeline, mine)
    if index is None:
        return Transition(pipeline)
    if told.reason not in SEALED_AFRESH:
        return Transition(pipeline, resend=Resend.SAME)
    return replace(_cut(pipeline, index), resend=Resend.AFRESH)


def _barred(pipeline: StreamWindow, mine: InFlightEnvelope | None) -> Transition:
    index = None if mine is None else _index(pipeline, mine)
    if mine is None or index is None:
        return Transition(pipeline)
    step = _cut(pipeline, index)
    if mine.letter is None:
        return step
    return replace(step, barred=mine.letter, freed=tuple(one for one in step.freed if one != mine.letter))


def without(pipeline: StreamWindow, dead: Collection[bytes]) -> Transition:
    """Return the step that takes from the pipe the first envelope whose digest is in `dead`, and all behind it.

    `dead` are envelopes that the hub will not take any more: their key was revoked. They are sealed anew in the same
    places; an acceptance from before the revocation that was not heard yet still counts.
    """
    index = next((index for index, one in enumerate(pipeline.in_flight) if one.digest in dead), None)
    return Transition(pipeline) if index is None else _cut(pipeline, index)


def _cut(pipeline: StreamWindow, index: int) -> Transition:
    """The step that frees the letters from that place in the pipe on."""
    rest = replace(pipeline, in_flight=pipeline.in_flight[index:])
    return Transition(replace(pipeline, in_flight=pipeline.in_flight[:index]), freed=_letters(rest))


def _index(pipeline: StreamWindow, mine: InFlightEnvelope) -> int | None:
    return next((index for index, one in enumerate(pipeline.in_flight) if one.digest == mine.digest), None)


def _is_head(pipeline: StreamWindow, digest: bytes) -> bool:
    return bool(pipeline.in_flight) and pipeline.in_flight[0].digest == digest


def _letters(pipeline: StreamWindow, but: int | None = None) -> tuple[int, ...]:
    return tuple(one.letter for one in pipeline.in_flight if one.letter is not None and one.letter != but)
