"""One publisher, one hub, and a broker between them that loses, delays and repeats: every interleaving.

Explicit states, with the real rules on both sides: where the hub finds an envelope (`check_sequence`, `advance`),
what a decision does to the publisher's stream (`apply_decision`) and to its outbox (`Effects`). Sealed envelopes are
on their way in sessions: what an earlier session still had in flight may arrive after what a later one sent. The hub
asks first whether the signer may say this at all; what it may not leaves no trace in the stream. A signing key may be
revoked: a thief who has it goes on writing, and the owner goes on with another. Checked in every reachable state:
what is accepted is numbered without a gap, for each recipient too, no entry is accepted twice, and none that is
regarded as refused. From every state, once nothing more goes wrong, the outbox empties, and says of each entry what
became of it.

An outbox may be restored from a backup: it closes its stream and goes on in another one. What it cannot settle then
is parked, for a person to decide.

The rules hold; each of them, replaced by one that looks as good, does not, which shows that the model sees what it
is for.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product

import pytest

from notifier.outbox.decisions import Effects
from notifier.outbox.stream import (
    NO_DIGEST,
    OUT_OF_TURN,
    HubDecision,
    InFlightEnvelope,
    StreamWindow,
    Transition,
    apply_decision,
    without,
)
from notifier.routing.sequence import StreamState, advance, check_sequence

LONG = "NOTIFIER_LONG" in os.environ  # make test-long: more entries, and more that goes wrong
STREAM = b"s" * 16
NEXT = b"t" * 16  # the stream after a restore
BEGIN = StreamState()
WINDOW = 2
UNPLACED = ("unknown_signer", "hub_key_retired", "too_many_streams")
ROUNDS = 60  # of a fair ending; more than any takes


@dataclass(frozen=True)
class Rules:
    """The rules of both sides.

    `signer_first`: the hub authorises the signer before it checks the position. `stored_first`: an envelope is in the
    outbox before it is sent. `without`: the publisher's treatment of envelopes under a revoked key.
    """

    place: Callable = check_sequence
    after: Callable = advance
    apply_decisions: Callable = apply_decision
    without: Callable = without
    signer_first: bool = True
    contents_first: bool = False
    stored_first: bool = True


@dataclass(frozen=True)
class Entry:
    """An entry: its recipients, the hub's reason against its contents or None, and whether that reason stays."""

    recipients: tuple[str, ...]
    refused: str | None = None
    always: bool = False


@dataclass(frozen=True)
class Budget:
    """The faults that may still happen."""

    resend: int = 1
    refuse: int = 1
    unplaced: int = 0
    lose: int = 1
    repeat: int = 0
    crash: int = 0
    revoke: int = 0
    steal: int = 0
    restore: int = 0


@dataclass(frozen=True)
class Backup:
    """The state of an outbox at the time of its copy."""

    entries: tuple[str, ...]
    acts: tuple[int, ...]
    made: int
    in_flight: tuple[int, ...]
    number: int
    tail: bytes
    counters: tuple[tuple[str, int], ...]
    heard: int


@dataclass(frozen=True)
class State:
    """The whole state. An envelope is known by its place in `made`, and by its digest, which encodes the place.

    `sessions` are queues of envelopes in flight, the last of them the live one. `intake` has the arrived envelopes,
    of which the hub decided `decided`. `feed` has its statements (envelope, reason, time), of which the publisher
    applied `heard`. `entries` are the model's entries, then the acts, each with the entry that it stands for in
    `acts`. `keys` has the number of each envelope's key; `revoked` means that the first is revoked, `renewed` that
    the publisher knows and uses the second. `closer` is the closing act's entry while the stream is closed. `settled`
    are the entries with an accepted envelope that is unknown here.
    """

    entries: tuple[str, ...]
    made: tuple[InFlightEnvelope, ...] = ()
    keys: tuple[int, ...] = ()
    acts: tuple[int, ...] = ()
    revoked: bool = False
    renewed: bool = False
    in_flight: tuple[int, ...] = ()
    number: int = 0
    tail: bytes = NO_DIGEST
    counters: tuple[tuple[str, int], ...] = ()
    stream: bytes = STREAM
    closer: int | None = None
    decided_at: int = 0
    settled: frozenset[int] = frozenset()
    backup: Backup | None = None
    sessions: tuple[tuple[int, ...], ...] = ((),)
    intake: tuple[int, ...] = ()
    decided: int = 0
    hubs: tuple[StreamState, StreamState] = (BEGIN, BEGIN)
    feed: tuple[tuple[int, str | None, int], ...] = ()
    heard: int = 0
    accepted: tuple[int, ...] = ()
    lost: frozenset[int] = frozenset()  # sealed and sent by a process that had not stored them
    left: Budget = Budget()

    def __hash__(self):
        return hash((self.entries, len(self.made), self.in_flight, self.sessions, self.intake, self.feed, self.heard))


def window(state):
    """Return the publisher's stream as its outbox has it."""
    pipe = tuple(state.made[one] for one in state.in_flight)
    closing = state.closer is not None
    return StreamWindow(state.stream, state.number, state.tail, dict(state.counters), pipe, closing, state.decided_at)


def digest(envelope):
    return (envelope + 1).to_bytes(32, "big")


def name(digest_):
    return int.from_bytes(digest_, "big") - 1


class Model:
    """The steps of all parties, by these rules, for these entries."""

    def __init__(self, entries, rules=Rules(), **left):
        self.entries = entries
        self.rules = rules
        self.first = State(("pending",) * len(entries), left=Budget(**left))

    # What may happen.

    def steps(self, state):
        """Yield every next state."""
        yield from self.sealing(state)
        yield from self.arriving(state)
        yield from self.deciding(state)
        if state.heard < len(state.feed):
            yield self.heard(state)
        yield from self.revoking(state)
        yield from self.restoring(state)
        if state.left.resend and state.in_flight:
            left = replace(state.left, resend=state.left.resend - 1)
            yield replace(state, sessions=(*state.sessions, state.in_flight), left=left)
        if state.left.repeat:
            for one in dict.fromkeys(state.feed):
                yield replace(state, feed=(*state.feed, one), left=replace(state.left, repeat=state.left.repeat - 1))

    def restoring(self, state):
        """Copy the outbox, and later restore the copy: all changes in between are lost."""
        if not state.left.restore:
            return
        if state.backup is None:
            kept = (state.in_flight, state.number, state.tail, state.counters, state.heard)
            yield replace(state, backup=Backup(state.entries, state.acts, len(state.made), *kept))
        else:
            was = state.backup
            yield replace(
                state,
                entries=was.entries,
                acts=was.acts,
                in_flight=was.in_flight,
                number=was.number,
                tail=was.tail,
                counters=was.counters,
                heard=was.heard,
                lost=state.lost | set(range(was.made, len(state.made))),
                sessions=(*state.sessions, ()),
                left=replace(state.left, restore=0),
            )

    def revoking(self, state):
        """Steal and revoke the key; the thief writes into the stream, and elsewhere under a good key."""
        if state.left.revoke:
            yield replace(state, revoked=True, left=replace(state.left, revoke=state.left.revoke - 1))
        if state.revoked and not state.renewed:
            yield self.renewed(state)
        if state.revoked and state.left.steal:
            left = replace(state.left, steal=state.left.steal - 1)
            made = len(state.made)
            hub = state.hubs[0]
            thief = InFlightEnvelope(digest(made), None, STREAM, hub.number + 1, hub.tail)
            change = {"made": (*state.made, thief), "lost": state.lost | {made}, "left": left}
            stolen = replace(state, keys=(*state.keys, 0), intake=(*state.intake, made), **change)
            yield stolen
            # Another office of the authority: the hub has no room for its stream, and tells the authority so.
            refused = (made, "too_many_streams", state.decided)
            yield replace(state, keys=(*state.keys, 1), feed=(*state.feed, refused), **change)

    def renewed(self, state):
        """Let the publisher see the revocation in the directory, and continue with another key."""
        step = self.rules.without(window(state), {one.digest for one in self.under(state, 0)})
        effects = Effects()
        effects.leave(window(state), step)
        entries, acts = settled(state.entries, state.acts, effects)
        return replace(state, renewed=True, entries=entries, acts=acts, in_flight=self.left(state, effects))

    def under(self, state, key):
        """Return the envelopes in flight that were sealed under this key."""
        return [state.made[one] for one in state.in_flight if state.keys[one] == key]

    def left(self, state, effects):
        """Return the envelopes that are still in flight."""
        return tuple(one for one in state.in_flight if digest(one) not in effects.envelopes)

    def entry(self, index):
        """Return an entry by its place; acts have no recipients, and nobody refuses them."""
        return self.entries[index] if index < len(self.entries) else Entry(())

    def sealing(self, state):
        sealed = self.sealed(state)
        if sealed is not None:
            yield sealed
            if not self.rules.stored_first and state.left.crash:
                left = replace(state.left, crash=state.left.crash - 1)
                lost = state.lost | {len(state.made)}
                yield replace(
                    state,
                    made=sealed.made,
                    keys=sealed.keys,
                    sessions=(*sealed.sessions, ()),
                    lost=lost,
                    left=left,
                )

    def sealed(self, state):
        """Seal and send the next entry where there is one and the window has room; else return None."""
        waiting = [index for index, what in enumerate(state.entries) if what == "pending"]
        if state.closer is not None:
            waiting = [index for index in waiting if index == state.closer]
        if len(state.in_flight) >= WINDOW or not waiting:
            return None
        entry = next((index for index in waiting if index >= len(self.entries)), waiting[0])
        number, previous, sequences = window(state).place(self.entry(entry).recipients)
        envelope = len(state.made)
        placed = InFlightEnvelope(digest(envelope), entry, state.stream, number, previous, sequences)
        return replace(
            state,
            entries=changed(state.entries, entry, "sealed"),
            made=(*state.made, placed),
            keys=(*state.keys, int(state.renewed)),
            in_flight=(*state.in_flight, envelope),
            sessions=(*state.sessions[:-1], (*state.sessions[-1], envelope)),
        )

    def arriving(self, state):
        for index, queue in enumerate(state.sessions):
            if not queue:
                continue
            yield replace(state, sessions=changed(state.sessions, index, queue[1:]), intake=(*state.intake, queue[0]))
            if state.left.lose:
                # A session that is over may lose all that it still had; the live one a part, and go on.
                rest = queue[1:] if index == len(state.sessions) - 1 else ()
                left = replace(state.left, lose=state.left.lose - 1)
                yield replace(state, sessions=changed(state.sessions, index, rest), left=left)

    def deciding(self, state):
        if state.decided == len(state.intake):
            return
        decided = self.decide(state)
        yield decided
        if state.left.refuse:
            refused = self.decide(state, refuse=True)
            if refused.feed != decided.feed:
                yield replace(refused, left=replace(state.left, refuse=state.left.refuse - 1))
        if state.left.unplaced:
            left = replace(state.left, unplaced=state.left.unplaced - 1)
            for reason in ("unknown_signer", "hub_key_retired"):
                yield replace(self.told(state, reason), left=left)

    def decide(self, state, *, refuse=False):
        """Decide the next record as the hub: by its signer, then by the sequence, then by its contents."""
        envelope = state.intake[state.decided]
        placed = state.made[envelope]
        entry = Entry(()) if placed.entry is None else self.entry(placed.entry)
        reason = entry.refused if refuse or entry.always else None
        if state.revoked and state.keys[envelope] == 0:
            reason = "signer_revoked"
        if self.rules.signer_first and reason == "signer_revoked":
            return replace(state, decided=state.decided + 1)  # nobody is told
        if self.rules.signer_first and reason == "not_permitted":
            return self.told(state, reason)
        which = int(placed.stream == NEXT)
        turn = self.rules.place(state.hubs[which], placed.number, placed.previous, placed.digest)
        if turn != "in_turn" and (reason is None or not self.rules.contents_first):
            return self.told(state, turn)
        hub = self.rules.after(state.hubs[which], placed.number, placed.digest, accepted=reason is None)
        accepted = (*state.accepted, envelope) if reason is None else state.accepted
        return replace(self.told(state, reason), hubs=changed(state.hubs, which, hub), accepted=accepted)

    def told(self, state, reason):
        envelope = state.intake[state.decided]
        return replace(state, decided=state.decided + 1, feed=(*state.feed, (envelope, reason, state.decided)))

    def heard(self, state):
        """Let the publisher apply one statement in one transaction of its outbox."""
        envelope, reason, at = state.feed[state.heard]
        placed = state.made[envelope]
        unplaced = reason in UNPLACED or (reason == "not_permitted" and self.rules.signer_first)
        own = not unplaced and reason not in OUT_OF_TURN
        number = None if unplaced else placed.number
        told = HubDecision(placed.digest, reason, placed.stream, number, own=own, at=at)
        before = window(state)
        mine = None if envelope in state.lost else placed
        step = self.rules.apply_decisions(before, told, mine)
        effects = Effects()
        effects.add(before, step, told, mine)
        entries, acts = settled(state.entries, state.acts, effects)
        advance = replace(
            state,
            heard=state.heard + 1,
            entries=entries,
            acts=acts,
            in_flight=self.left(state, effects),
            number=step.window.number,
            tail=step.window.tail,
            counters=tuple(sorted(step.window.counters.items())),
            decided_at=step.window.decided_at,
        )
        if step.foreign:
            advance = replace(advance, entries=(*entries, "pending"), closer=len(entries), acts=(*acts, -1))
        # An envelope's id names its notification where its predecessor is known.
        if step.stray and placed.previous == before.tail:
            advance = replace(advance, settled=state.settled | {placed.entry})
        return self.closed(advance) if step.closed else advance

    def closed(self, state):
        """Accept the closing act: unsettled entries wait for a person, and a new stream begins."""
        entries = tuple(
            {"sealed": "parked", "pending": "parked"}.get(what, what) if index not in state.settled else "routed"
            for index, what in enumerate(state.entries)
        )
        return replace(
            state, entries=entries, closer=None, stream=NEXT, number=0, tail=NO_DIGEST, counters=(), in_flight=()
        )

    # What must be true.

    def fault(self, state):
        """Return the fault of a state, or None."""
        placed = [state.made[one] for one in state.accepted]
        for stream in (STREAM, NEXT):
            numbers = [one.number for one in placed if one.stream == stream]
            if numbers != list(range(1, len(numbers) + 1)):
                return "the accepted are not numbered without a gap"
        # After a restore the numbers of entries are given again to acts that the backup did not have.
        entries = [one.entry for one in placed if one.entry is not None and one.entry < len(self.entries)]
        if len(set(entries)) != len(entries):
            return "an entry was accepted twice"
        for recipient, stream in product(("A", "B"), (STREAM, NEXT)):
            mine = [one.sequences for one in placed if one.stream == stream]
            sequences = [one[recipient] for one in mine if recipient in one]
            if sequences != list(range(1, len(sequences) + 1)):
                return "a recipient sees a gap"
        if any(state.entries[entry] == "rejected" for entry in entries):
            return "an entry is delivered and regarded as refused"
        if window(state).in_flight and state.in_flight != tuple(sorted(state.in_flight)):
            return "the envelopes on their way are not in order"
        return None

    def calmer(self, state):
        """Return the next state without further faults; None where no step is left."""
        if state.revoked and not state.renewed:
            return self.renewed(state)
        for index, queue in enumerate(state.sessions):
            if queue:
                return replace(
                    state, sessions=changed(state.sessions, index, queue[1:]), intake=(*state.intake, queue[0])
                )
        if state.decided < len(state.intake):
            return self.decide(state)
        if state.heard < len(state.feed):
            return self.heard(state)
        sealed = self.sealed(state)
        if sealed is not None:
            return sealed
        return replace(state, sessions=(state.in_flight,)) if state.in_flight else None

    def ends(self, state, sound):
        """Return the fault of the fair ending of `state`, or None; `sound` are states that are known to end well."""
        path = []
        for _ in range(ROUNDS * (1 + len(self.entries))):
            if state in sound:
                break
            path.append(state)
            if wrong := self.fault(state):
                return wrong
            following = self.calmer(state)
            if following is None:
                if wrong := self.verdict(state):
                    return wrong
                break
            state = following
        else:
            return "the outbox does not empty"
        sound.update(path)
        return None

    def verdict(self, state):
        delivered = {state.made[one].entry for one in state.accepted}
        if state.closer is not None:
            return "a stream is not closed"
        for entry, what in enumerate(state.entries[: len(self.entries)]):
            if what == "parked":
                if not self.first.left.restore or state.left.restore:
                    return "an entry is parked, and nothing was restored"
                continue
            if what not in ("routed", "rejected"):
                return f"an entry stays {what}"
            if (what == "routed") != (entry in delivered):
                return f"an entry is regarded as {what}, and is not"
        return None


def changed(items, index, item):
    """Return the tuple with one item replaced."""
    return (*items[:index], item, *items[index + 1 :])


def settled(entries, acts, effects):
    """Return the entries' states, and the acts that stand for some, after one transaction of the outbox."""
    found, standing = list(entries), list(acts)
    first = len(entries) - len(acts)
    for entry in effects.freed:
        if found[entry] == "sealed":
            found[entry] = "pending"
    for entry in effects.routed:
        found[entry] = "routed"
    for entry, (_, again) in effects.refused.items():
        if found[entry] in ("sealed", "pending"):
            found[entry] = "pending" if again else "rejected"
    for entry in effects.barred:
        found.append("pending")
        standing.append(entry)
    for entry in effects.decided:
        stands_for = standing[entry - first] if entry >= first else -1
        if stands_for >= 0 and found[stands_for] in ("sealed", "pending"):
            found[stands_for] = "rejected"
    return tuple(found), tuple(standing)


def explore(model):
    """(what is wrong or None, how many states were seen)."""
    seen, waiting, sound = {model.first}, deque([model.first]), set()
    while waiting:
        state = waiting.popleft()
        wrong = model.fault(state) or model.ends(state, sound)
        if wrong:
            return wrong, len(seen)
        for following in model.steps(state):
            if following not in seen:
                seen.add(following)
                waiting.append(following)
    return None, len(seen)


OK = Entry(("A", "B"))
SHORT = Entry(("A",))
FOR_A_WHILE = Entry(("A", "B"), "rules_unknown")
UNTIL_PERMITTED = Entry(("A", "B"), "not_permitted")
FORBIDDEN = Entry(("A", "B"), "not_permitted", always=True)
FOR_GOOD = Entry(("A", "B"), "recipients_mismatch", always=True)
WRONG_FOR_A_WHILE = Entry(("A", "B"), "recipients_mismatch")

SMALL = {
    "two entries": Model((FOR_A_WHILE, OK)),
    "refused for good": Model((FOR_GOOD, FOR_A_WHILE), refuse=2),
    "refused without a place": Model((FOR_A_WHILE, SHORT), unplaced=1, lose=0),
    "refused until the facts are right": Model((FOR_A_WHILE, WRONG_FOR_A_WHILE), refuse=2),
    "refused until it is permitted": Model((UNTIL_PERMITTED, SHORT), refuse=2, lose=0),
    "never permitted": Model((FORBIDDEN, FOR_A_WHILE), lose=0),
    "a key is revoked": Model((OK, SHORT), revoke=1, steal=1, lose=0, resend=0),
    "statements said again": Model((FOR_A_WHILE, SHORT), repeat=1, lose=0),
    "restored from a backup": Model((FOR_A_WHILE, SHORT), restore=1, resend=0, lose=0),
}
LARGE = {
    "a key is revoked, and what flies goes again": Model((OK, SHORT), revoke=1, steal=1, lose=0),
    "three entries": Model((FOR_A_WHILE, SHORT, OK), refuse=2),
    "three entries, one refused for good": Model((FOR_GOOD, FOR_A_WHILE, OK), lose=2),
    "many resends": Model((WRONG_FOR_A_WHILE, FOR_A_WHILE), resend=2, refuse=2),
    "permitted, and not, and lost": Model((UNTIL_PERMITTED, FORBIDDEN), refuse=2, unplaced=1, lose=0),
    "three entries, one never permitted": Model((OK, FORBIDDEN, FOR_A_WHILE)),
    "a key is revoked while much goes wrong": Model((FORBIDDEN, FOR_A_WHILE), revoke=1, steal=2, unplaced=1, lose=0),
    "many refused without a place": Model((FOR_GOOD, OK), unplaced=2),
    "more lost and refused without a place": Model((FOR_A_WHILE, SHORT), unplaced=1),
    "many statements said again": Model((FOR_A_WHILE, FOR_GOOD), repeat=2),
    "restored while much goes wrong": Model((FOR_A_WHILE, SHORT), restore=1, resend=1, repeat=1, lose=0),
    "restored and lost": Model((FOR_GOOD, OK), restore=1, resend=1, lose=1),
}


@pytest.mark.parametrize("model", SMALL | LARGE if LONG else SMALL)
def test_the_rules_hold_in_every_interleaving(model):
    """Every entry ends routed or refused, once, in order, and both sides agree."""
    wrong, states = explore((SMALL | LARGE)[model])
    assert wrong is None
    assert states > 1_000


def hub_forgets_rejections(state, number, digest_, *, accepted):
    return advance(state, number, digest_, accepted=True) if accepted else state


def publisher_forgets_rejections(stream, told, mine):
    step = apply_decision(stream, told, mine)
    return replace(step, window=replace(step.window, tail=stream.tail)) if told.reason is not None else step


def any_rejection_counts(stream, told, mine):
    if told.reason in ("recipients_mismatch", "rules_unknown") and mine is not None:
        return apply_decision(replace(stream, tail=mine.previous), told, mine)
    return apply_decision(stream, told, mine)


def earlier_envelopes_are_forgotten(stream, told, mine):
    return apply_decision(stream, told, mine if mine in stream.in_flight else None)


def no_refusal_needs_a_place(stream, told, mine):
    if told.reason == "unknown_signer" and mine in stream.in_flight:
        freed = tuple(one.entry for one in stream.in_flight if one != mine)
        return Transition(replace(stream, in_flight=()), refused=mine.entry, freed=freed)
    return apply_decision(stream, told, mine)


def a_type_refused_is_final(stream, told, mine):
    step = apply_decision(stream, told, mine)
    return replace(step, barred=None, refused=step.barred) if step.barred is not None else step


def a_type_refused_is_sent_again(stream, told, mine):
    return Transition(stream) if told.reason == "not_permitted" else apply_decision(stream, told, mine)


def any_notice_is_of_its_stream(stream, told, mine):
    return Transition(stream, foreign=True) if mine is None else apply_decision(stream, told, mine)


def a_restored_outbox_goes_on(stream, told, mine):
    step = apply_decision(stream, told, mine)
    if not step.foreign:
        return step
    moved = replace(step.window, closing=False)
    return replace(step, window=moved, foreign=False, freed=tuple(one.entry for one in stream.in_flight))


def number_alone(state, number, previous, digest_):
    return check_sequence(state, number, state.tail, digest_)


def previous_alone(state, number, previous, digest_):
    return check_sequence(state, state.number + 1, previous, digest_)


BROKEN = {
    "a rejection is no tail, at the hub": Model((FOR_A_WHILE, OK), Rules(after=hub_forgets_rejections)),
    "a rejection is no tail, anywhere": Model(
        (WRONG_FOR_A_WHILE, OK), Rules(after=hub_forgets_rejections, apply_decisions=publisher_forgets_rejections)
    ),
    "a rejection counts whenever it is said": Model(
        (FOR_A_WHILE, SHORT), Rules(apply_decisions=any_rejection_counts), repeat=1, refuse=2
    ),
    "earlier envelopes are forgotten": Model(
        (FOR_A_WHILE, OK), Rules(apply_decisions=earlier_envelopes_are_forgotten), unplaced=1
    ),
    "a refusal without a place is final": Model(
        (OK, SHORT), Rules(apply_decisions=no_refusal_needs_a_place), unplaced=1
    ),
    "the hub compares numbers alone": Model((WRONG_FOR_A_WHILE, FOR_A_WHILE), Rules(place=number_alone), refuse=2),
    "the hub compares digests alone": Model((FOR_A_WHILE, OK), Rules(place=previous_alone)),
    "the hub looks at the contents first": Model((FOR_GOOD, OK), Rules(contents_first=True)),
    "the place comes before the signer": Model((OK, SHORT), Rules(signer_first=False), revoke=1, steal=1, lose=0),
    "a type that was refused is final": Model((UNTIL_PERMITTED, OK), Rules(apply_decisions=a_type_refused_is_final)),
    "a type that was refused goes again": Model(
        (FORBIDDEN, OK), Rules(apply_decisions=a_type_refused_is_sent_again), lose=0
    ),
    "whatever is told is of the stream": Model(
        (OK,), Rules(apply_decisions=any_notice_is_of_its_stream), revoke=1, steal=1, lose=0
    ),
    "what a revoked key sealed goes again": Model(
        (OK,), Rules(without=lambda stream, _: Transition(stream)), revoke=1, lose=0
    ),
    "a restored outbox goes on in its stream": Model(
        (OK, SHORT), Rules(apply_decisions=a_restored_outbox_goes_on), restore=1, resend=0, lose=0
    ),
    "what is sent is stored afterwards": Model((OK, SHORT), Rules(stored_first=False), crash=1),
}


@pytest.mark.parametrize("rules", BROKEN)
def test_rules_that_look_as_good_do_not_hold(rules):
    """Each replaced rule is found out."""
    assert explore(BROKEN[rules])[0] is not None
