"""The hub's decisions, applied to the outbox in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from notifier.errors import OwnershipLostError
from notifier.outbox import queries
from notifier.outbox.deferral import Deferral
from notifier.outbox.entry_store import EntryStore
from notifier.outbox.message_store import MessageStore
from notifier.outbox.payloads import substitute_event
from notifier.outbox.restoration import Restoration
from notifier.outbox.states import NO_FEED, UNDECIDED, EntryState, EnvelopeState
from notifier.outbox.stream import (
    BARRED,
    HubDecision,
    InFlightEnvelope,
    Resend,
    StreamWindow,
    Transition,
    apply_decision,
    without,
)
from notifier.outbox.stream_store import StreamStore
from notifier.runtime import Runtime
from notifier.storage.integrity import Ledger


@dataclass(slots=True)
class ApplyResult:
    """The outcome of a batch of decisions, and what the relay has to do next."""

    decided: list[str | None]  # one reason per decision of an own envelope; None: accepted
    moved: bool = False  # the stream's state changed: something was decided in turn
    refresh: bool = False  # refresh the directory before sealing again
    reached: frozenset[str] = frozenset()  # authorities that the hub has a feed for
    missed: frozenset[str] = frozenset()  # authorities that it has none for
    restored: bool = False  # the hub knows more of the stream than this outbox
    closed: bool = False  # that stream is closed, and a new one begun


@dataclass(slots=True)
class Effects:
    """The changes of the tables by a batch of decisions, gathered so that they take few statements."""

    foreign: int | None = None  # when the hub decided what is not known here
    refresh: bool = False
    envelopes: dict[bytes, EnvelopeState] = field(default_factory=dict)  # by digest
    routed: set[int] = field(default_factory=set)
    decided: set[int] = field(default_factory=set)  # entries of which an envelope was decided in turn
    freed: set[int] = field(default_factory=set)
    barred: set[int] = field(default_factory=set)  # entries whose place an audit event is to take
    refused: dict[int, tuple[str, bool]] = field(default_factory=dict)  # entry -> reason, whether it goes again
    noted: dict[int, str] = field(default_factory=dict)  # entry -> a reason that decides nothing, to be shown
    addressed: dict[int, tuple[str, ...]] = field(default_factory=dict)  # refused entry -> its envelope's recipients

    def add(
        self, before: StreamWindow, step: Transition, decision: HubDecision, envelope: InFlightEnvelope | None
    ) -> None:
        """Add the transition of one decision; what it says of an entry replaces what earlier ones said."""
        self.foreign = decision.at if step.foreign and self.foreign is None else self.foreign
        again = step.resend is Resend.AFRESH or step.barred is not None
        self.refresh = self.refresh or step.retry or again
        self.leave(before, step)
        if decision.reason is None:
            self.envelopes[decision.digest] = EnvelopeState.ACCEPTED
        elif decision.digest in self.envelopes and step.refused is not None:
            self.envelopes[decision.digest] = EnvelopeState.REJECTED
        if step.barred is not None:
            self.barred.add(step.barred)
        if step.refused is not None and decision.reason is not None:
            self.refused[step.refused] = (decision.reason, step.retry)
            self.addressed[step.refused] = tuple(envelope.sequences) if envelope is not None else ()
            self.decided.add(step.refused)
        entry = None if envelope is None else envelope.entry
        if step.resend is not None and entry is not None and decision.reason is not None:
            if step.resend is Resend.AFRESH:
                # With delays: the directory may go on naming a key that the hub does not hold any longer.
                self.refused[entry] = (decision.reason, True)
            else:
                self.noted[entry] = decision.reason
        if step.routed is not None:
            self.routed.add(step.routed)
            self.decided.add(step.routed)
            self.barred.discard(step.routed)
            self.freed.discard(step.routed)
            self.refused.pop(step.routed, None)
            self.noted.pop(step.routed, None)

    def leave(self, before: StreamWindow, step: Transition) -> None:
        """Add the envelopes that a transition takes from the window, and the entries that this frees.

        Their bytes go; their digests stay, to be known whenever the hub decides about them.
        """
        left = {one.digest for one in before.in_flight} - {one.digest for one in step.window.in_flight}
        self.envelopes.update(dict.fromkeys(left, EnvelopeState.VOID))
        self.freed.update(step.freed)


class DecisionStore:
    """Applies decisions: computes each transition, and stores what all of them change."""

    def __init__(
        self,
        connection: Ledger,
        runtime: Runtime,
        streams: StreamStore,
        entries: EntryStore,
        messages: MessageStore,
        deferral: Deferral,
        restoration: Restoration,
    ) -> None:
        self._connection = connection
        self._runtime = runtime
        self._streams = streams
        self._entries = entries
        self._messages = messages
        self._deferral = deferral
        self._restoration = restoration

    async def apply(self, start: int, end: int, decisions: Sequence[HubDecision], secret: bytes) -> ApplyResult:
        """Apply decisions that stood in the feed from offset `start` up to `end`, and store `end`.

        `secret` makes this outbox's envelope ids its own. Raises `OwnershipLostError` where the stored offset is not
        `start`: another instance, or a restored database.
        """
        if (await self._connection.own())["feed_offset"] != start:
            raise OwnershipLostError(detail="the outbox's place in the feed was moved by another instance")
        await self._connection.set_own(feed_offset=end)
        if not decisions:
            return ApplyResult([])
        known = await self._streams.envelopes([one.digest for one in decisions])
        window = before = await self._streams.window()
        effects, closed = Effects(), False
        for one in decisions:
            envelope = known.get(one.digest)
            step = apply_decision(window, one, envelope)
            effects.add(window, step, one, envelope)
            if step.stray:
                await self._restoration.add_stray(window, one, secret)
            window = step.window
            if step.closed:
                await self._store(before, window, effects)
                await self._restoration.finish()
                window, effects, closed = await self._streams.window(), Effects(), True
        await self._store(before, window, effects)
        decided = [(one.reason, known[one.digest].sequences) for one in decisions if one.digest in known]
        return ApplyResult(
            [reason for reason, _ in decided],
            window != before,
            effects.refresh,
            frozenset(name for reason, names in decided if reason is None for name in names),
            frozenset(name for reason, names in decided if reason == NO_FEED and len(names) == 1 for name in names),
            effects.foreign is not None,
            closed,
        )

    async def take_back(self, usable: Callable[[bytes], bool]) -> bool:
        """Void the first envelope in flight whose bytes are not `usable`, and all behind it.

        Their entries are to be sealed again. Returns whether there were any.
        """
        window = await self._streams.window()
        found = await self._streams.bytes_of(window)
        step = without(window, {digest for digest, sealed in found.items() if not usable(sealed)})
        if step.window == window:
            return False
        effects = Effects()
        effects.leave(window, step)
        await self._apply(effects)
        return True

    async def _store(self, before: StreamWindow, window: StreamWindow, effects: Effects) -> None:
        """Store the place in the stream, and the effects in the tables."""
        if window != before:
            await self._streams.save(window)
        await self._apply(effects)

    async def _apply(self, effects: Effects) -> None:
        if effects.foreign is not None:
            await self._restoration.begin(effects.foreign)
        if effects.envelopes:
            await self._streams.settle(effects.envelopes)
        await self._entries.reseal(effects.freed)
        await self._entries.accept(effects.routed)
        for entry, (reason, retry) in effects.refused.items():
            if retry and reason == NO_FEED and effects.addressed.get(entry):
                await self._deferral.refused(entry, effects.addressed[entry])
            elif retry:
                await self._entries.schedule_retry(entry, reason)
            else:
                await self._entries.reject([entry], reason)
        await self._substitute(effects.barred)
        await self._give_up(effects.decided)
        for entry, reason in effects.noted.items():
            await self._entries.change([entry], only=UNDECIDED, reason=reason)

    async def _substitute(self, entries: Collection[int]) -> None:
        """Enqueue an audit event in the place of each of these entries: the hub does not permit their type.

        The entry stays as it is until the event is decided: only then can it not be accepted any more.
        """
        if not entries:
            return
        await self._entries.change(entries, only=(EntryState.SEALED,), reason=BARRED)
        for row in await self._entries.rows(sorted(entries)):
            if row.event is not None or row.message is None:  # an event needs no permission: the hub will learn of it
                await self._entries.schedule_retry(row.id, BARRED)
                continue
            held = (await self._messages.by_row(row.message)).held
            await self._entries.enqueue([(row.message, substitute_event(held, self._runtime))], stands_for=row.id)

    async def _give_up(self, decided: Collection[int]) -> None:
        """Reject the entries whose place an event among `decided` took: it is taken for good."""
        if not decided:
            return
        found = await self._connection.scalars(queries.SUBSTITUTED_ENTRIES, {"entries": sorted(decided)})
        await self._entries.reject(list(found), BARRED)
