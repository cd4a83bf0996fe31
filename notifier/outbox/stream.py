"""The stream of a publisher, as a state machine that the hub's decisions move (docs/reference/envelope.md). Pure.

The publisher keeps up to a window of hash-chained envelopes in flight. A rejection in turn makes its own digest the
tail. Everything that chains to the rejected envelope can then never be accepted: it is renumbered and sealed again.
A refusal before the sequence check places nothing.

Where the hub may not take an envelope because of its type, an audit event takes its place. Once the hub decided that
event, the refused envelope can never be accepted, and what is chained behind goes on.

A stream of which the hub knows more than this database is closed: the database was restored from a backup. The hub's
statements say where such a stream stands. An event to nobody, the closing event, is sealed for the next place, and
again for each newer one, until the hub accepts one. From then on the hub accepts nothing else that was sealed for the
stream, since it does not chain from there.

The rules are those of the explicit-state model of the sequences; the outbox binds them to its tables.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

NO_DIGEST: Final = bytes(32)

OUT_OF_TURN: Final = frozenset({"replayed", "out_of_order"})
"""Refusals that the publisher ignores: the decision that counts was, or will be, another one."""

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
"""Refusals in turn after which the publisher seals the entry again by itself."""


@dataclass(frozen=True, slots=True)
class InFlightEnvelope:
    """One sealed envelope: its place in the stream, the entry that it carries (its row id; None: deleted since).

    `sequences` maps each addressed authority to this envelope's `seq_i`.
    """

    digest: bytes
    entry: int | None
    stream: bytes
    number: int
    previous: bytes
    sequences: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StreamWindow:
    """One stream as its publisher knows it.

    `number` and `tail` are what the hub last said; `counters` the accepted envelopes per authority; `in_flight` the
    envelopes in flight, in order, each chained to the one before. `closing` marks a stream that is being closed:
    nothing but the closing event is sealed for it. `decided_at` is then the hub's time of the statement that `number`
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
        """Return number, previous digest and each recipient's `seq_i` of the next envelope."""
        number, previous = (
            (self.in_flight[-1].number, self.in_flight[-1].digest) if self.in_flight else (self.number, self.tail)
        )
        sequences = {}
        for name in recipients:
            ahead = (one.sequences[name] for one in reversed(self.in_flight) if name in one.sequences)
            sequences[name] = next(ahead, self.counters.get(name, 0)) + 1
        return number + 1, previous, sequences

    def sealed(self, placed: InFlightEnvelope) -> StreamWindow:
        """Return the window with one more envelope in flight; it must be at `place`."""
        number, previous, _ = self.place(())
        if (placed.stream, placed.number, placed.previous) != (self.stream, number, previous):
            raise ValueError("an envelope does not chain to the one before it")
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
    """The way to send again envelopes that were refused before the sequence check."""

    SAME = "same"  # the same bytes again, after a while
    AFRESH = "afresh"  # sealed again under the same number and previous digest, with the keys of now


@dataclass(frozen=True, slots=True)
class Transition:
    """The changes of one decision.

    `routed` is the entry that was accepted. `refused` is the entry that was rejected in turn, `retry` whether it goes
    again by itself. `freed` are the entries to be renumbered and sealed again, in their order; an entry that goes
    again is among them. `barred` is the entry whose place an audit event is to take; it counts as rejected once that
    event was decided. `foreign` means that the hub decided about this stream what this database does not know: it is
    older than the stream, which is to be closed from here on. `stray` means that an accepted envelope of a stream
    that is being closed is not known here; `closed`, that the closing event was accepted.
    """

    window: StreamWindow
    routed: int | None = None
    refused: int | None = None
    retry: bool = False
    freed: tuple[int, ...] = ()
    resend: Resend | None = None
    barred: int | None = None
    foreign: bool = False
    stray: bool = False
    closed: bool = False


def apply_decision(window: StreamWindow, decision: HubDecision, envelope: InFlightEnvelope | None) -> Transition:
    """Return the transition that `decision` causes.

    `envelope` is the envelope of that digest, whenever it was made; None where it is not known here.
    """
    step = _decide(window, decision, envelope)
    if not step.foreign:
        return step
    closing = replace(window, closing=True, in_flight=(), decided_at=decision.at)
    return replace(_closing(closing, decision, envelope), foreign=True)


def _decide(window: StreamWindow, decision: HubDecision, envelope: InFlightEnvelope | None) -> Transition:
    if window.closing and decision.own:
        return _closing(window, decision, envelope)
    if decision.reason is None:
        return _accepted(window, decision, envelope)
    if decision.reason in OUT_OF_TURN:
        # Said of a closing event: the statements that are left may not name the place where the stream stands.
        return Transition(
            window, resend=Resend.SAME if window.closing and _is_head(window, decision.digest) else None
        )
    if decision.reason == BARRED and decision.number is None:
        return _barred(window, envelope)
    if decision.reason in UNPLACED or decision.number is None:
        return _unplaced(window, decision, envelope)
    return _rejected(window, decision, envelope)


def _accepted(window: StreamWindow, decision: HubDecision, envelope: InFlightEnvelope | None) -> Transition:
    entry = envelope.entry if envelope is not None else None
    if decision.stream != window.stream or decision.number is None or decision.number <= window.number:
        return Transition(window, routed=entry)
    if envelope is None or decision.number != window.number + 1:
        return Transition(window, routed=entry, foreign=decision.own)
    head = _is_head(window, decision.digest)
    moved = replace(
        window,
        number=decision.number,
        tail=decision.digest,
        counters={**window.counters, **envelope.sequences},
        in_flight=window.in_flight[1:] if head else (),
    )
    return Transition(moved, routed=entry, freed=() if head else _entries(window, but=entry))


def _closing(window: StreamWindow, decision: HubDecision, envelope: InFlightEnvelope | None) -> Transition:
    """Return the transition while the stream is closed: the place moves to where the hub says it is."""
    accepted = decision.reason is None
    routed = envelope.entry if accepted and envelope is not None else None
    if decision.stream != window.stream or decision.number is None or decision.at < window.decided_at:
        return Transition(window, routed=routed)  # another stream's; or the broker repeated it
    if decision.digest == window.tail:
        return Transition(window, routed=routed)
    number = decision.number if accepted else decision.number - 1
    moved = replace(window, number=number, tail=decision.digest, in_flight=(), decided_at=decision.at)
    if accepted and _is_head(window, decision.digest):
        return Transition(moved, routed=routed, closed=True)
    refused = window.in_flight[0].entry if _is_head(window, decision.digest) else None
    freed = _entries(window)
    return Transition(
        moved,
        routed=routed,
        refused=refused,
        retry=refused is not None,
        freed=freed,
        stray=accepted and envelope is None,
    )


def _rejected(window: StreamWindow, decision: HubDecision, envelope: InFlightEnvelope | None) -> Transition:
    if decision.stream != window.stream or decision.number != window.number + 1:
        return Transition(window)
    if envelope is None:
        return Transition(window, foreign=decision.own)
    if envelope.previous != window.tail:  # in turn it was, and is no longer: the broker repeated it
        return Transition(window)
    moved = replace(window, tail=decision.digest, in_flight=())
    if not _is_head(window, decision.digest):
        return Transition(moved, freed=_entries(window))
    retry = envelope.entry is not None and decision.reason in AGAIN
    freed = _entries(window, but=None if retry else envelope.entry)
    return Transition(moved, refused=envelope.entry, retry=retry, freed=freed)


def _unplaced(window: StreamWindow, decision: HubDecision, envelope: InFlightEnvelope | None) -> Transition:
    index = None if envelope is None else _index(window, envelope)
    if index is None:
        return Transition(window)
    if decision.reason not in SEALED_AFRESH:
        return Transition(window, resend=Resend.SAME)
    return replace(_cut(window, index), resend=Resend.AFRESH)


def _barred(window: StreamWindow, envelope: InFlightEnvelope | None) -> Transition:
    index = None if envelope is None else _index(window, envelope)
    if envelope is None or index is None:
        return Transition(window)
    step = _cut(window, index)
    if envelope.entry is None:
        return step
    return replace(step, barred=envelope.entry, freed=tuple(one for one in step.freed if one != envelope.entry))


def without(window: StreamWindow, dead: Collection[bytes]) -> Transition:
    """Return the transition that takes the first envelope whose digest is in `dead`, and all behind it, back.

    `dead` are envelopes that the hub will not take any more: their key was revoked. They are sealed again in the same
    places; an acceptance from before the revocation that was not applied yet still counts.
    """
    index = next((index for index, one in enumerate(window.in_flight) if one.digest in dead), None)
    return Transition(window) if index is None else _cut(window, index)


def _cut(window: StreamWindow, index: int) -> Transition:
    """Return the transition that frees the entries from that place in the window on."""
    rest = replace(window, in_flight=window.in_flight[index:])
    return Transition(replace(window, in_flight=window.in_flight[:index]), freed=_entries(rest))


def _index(window: StreamWindow, envelope: InFlightEnvelope) -> int | None:
    return next((index for index, one in enumerate(window.in_flight) if one.digest == envelope.digest), None)


def _is_head(window: StreamWindow, digest: bytes) -> bool:
    return bool(window.in_flight) and window.in_flight[0].digest == digest


def _entries(window: StreamWindow, but: int | None = None) -> tuple[int, ...]:
    return tuple(one.entry for one in window.in_flight if one.entry is not None and one.entry != but)
