"""A publisher's stream against a hub that decides, refuses, loses and repeats: the rules of the sequences."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from notifier.outbox.stream import (
    NO_DIGEST,
    HubDecision,
    InFlightEnvelope,
    Resend,
    StreamWindow,
    Transition,
    apply_decision,
    without,
)
from notifier.routing.sequence import StreamState, advance, check_sequence

STREAM = b"s" * 16
RECIPIENTS = (("A", "B"), ("A",), ("A", "B"), ("B",), ())


def digest(number):
    return number.to_bytes(32, "big")


def sealed(window, message, name, recipients=("A",)):
    number, previous, sequences = window.place(recipients)
    return window.sealed(InFlightEnvelope(digest(name), message, STREAM, number, previous, sequences))


def three_in_flight():
    window = StreamWindow(STREAM)
    for message in (1, 2, 3):
        window = sealed(window, message, message)
    return window


def told(window, name, reason=None, number=None):
    mine = next((one for one in window.in_flight if one.digest == digest(name)), None)
    if number is None:
        number = mine.number if mine else 1
    return apply_decision(window, HubDecision(digest(name), reason, STREAM, number), mine)


def test_envelopes_chain_and_count_per_recipient():
    """The next place follows upon what is on its way, and counts each authority by itself."""
    window = sealed(sealed(StreamWindow(STREAM), 1, 1, ("A", "B")), 2, 2, ("B",))
    assert window.place(("A", "B", "C")) == (3, digest(2), {"A": 2, "B": 3, "C": 1})


def test_an_envelope_out_of_its_place_is_a_fault_of_the_caller():
    """Nothing enters the window that does not chain upon what is before it."""
    with pytest.raises(ValueError, match="chain"):
        StreamWindow(STREAM).sealed(InFlightEnvelope(digest(1), 1, STREAM, 2, NO_DIGEST))


def test_an_acceptance_moves_number_tail_and_counters():
    """The head was accepted: the followers stay as they are."""
    step = told(three_in_flight(), 1)
    assert (step.routed, step.freed, step.refused) == (1, (), None)
    assert (step.window.number, step.window.tail, step.window.counters) == (1, digest(1), {"A": 1})
    assert [one.entry for one in step.window.in_flight] == [2, 3]


def test_a_rejection_frees_the_followers_and_becomes_the_tail():
    """A final rejection: the followers are sealed anew upon its digest, under its number."""
    step = told(three_in_flight(), 1, "recipients_mismatch")
    assert (step.refused, step.retry, step.freed) == (1, False, (2, 3))
    assert step.window.place(("A",)) == (1, digest(1), {"A": 1})


@pytest.mark.parametrize("reason", ["rules_outdated", "rules_unknown", "feed_missing", "expired", "not_yet_valid"])
def test_what_may_be_retried_goes_again_with_the_followers(reason):
    """A rejection that trying again mends: the message itself is sealed anew."""
    step = told(three_in_flight(), 1, reason)
    assert (step.refused, step.retry, step.freed) == (1, True, (1, 2, 3))


@pytest.mark.parametrize("reason", ["replayed", "out_of_order"])
def test_the_publisher_acts_on_neither_replay_nor_order(reason):
    """Nothing changes: the decision that counts is another one."""
    window = three_in_flight()
    assert told(window, 2, reason).window == window


@pytest.mark.parametrize(
    "reason", ["unreadable_slip", "wrong_partition", "unknown_signer", "signer_suspended", "quota_exceeded"]
)
def test_a_refusal_before_the_sequence_check_keeps_the_bytes(reason):
    """Nothing was placed: the same bytes go again."""
    window = three_in_flight()
    step = told(window, 1, reason)
    assert (step.window, step.resend, step.refused, step.freed) == (window, Resend.SAME, None, ())


@pytest.mark.parametrize("reason", ["hub_key_retired", "directory_unknown", "signer_retired"])
def test_what_new_keys_mend_is_sealed_anew_in_the_same_place(reason):
    """Under the same number and previous digest, the message among its followers; what is before it stays."""
    step = told(three_in_flight(), 1, reason)
    assert (step.freed, step.resend, step.refused) == ((1, 2, 3), Resend.AFRESH, None)
    assert step.window.place(()) == (1, NO_DIGEST, {})
    step = told(three_in_flight(), 2, reason)
    assert (step.freed, step.resend) == ((2, 3), Resend.AFRESH)
    assert step.window.place(()) == (2, digest(1), {})


def test_a_type_that_is_not_permitted_leaves_its_place_to_an_act():
    """It is not final yet: what takes the place is decided first. What is chained behind goes on, behind that."""
    window = three_in_flight()
    mine = window.in_flight[1]
    step = apply_decision(window, HubDecision(mine.digest, "not_permitted", None, None), mine)
    assert (step.barred, step.refused, step.freed, step.foreign) == (2, None, (3,), False)
    assert step.window.place(()) == (2, digest(1), {})
    again = apply_decision(step.window, HubDecision(mine.digest, "not_permitted", None, None), mine)
    assert again == Transition(step.window), "said twice, it is barred once"


def test_what_a_revoked_key_sealed_leaves_the_pipe_with_all_behind_it():
    """Each is sealed anew in its place; what was before it stays."""
    window = three_in_flight()
    step = without(window, {digest(2)})
    assert (step.freed, [one.entry for one in step.window.in_flight]) == ((2, 3), [1])
    assert without(window, {digest(9)}) == Transition(window)


def test_a_refusal_that_names_no_number_is_not_final():
    """A content reason from before the slip's place was known does not end a message."""
    window = three_in_flight()
    mine = window.in_flight[0]
    step = apply_decision(window, HubDecision(mine.digest, "recipients_mismatch", STREAM, None), mine)
    assert (step.window, step.resend) == (window, Resend.SAME)


def test_an_acceptance_of_earlier_bytes_wins():
    """Bytes sealed before a hub key retired are accepted after all: the message is routed, the rest sealed anew."""
    window = three_in_flight()
    old = window.in_flight[0]
    window = told(window, 1, "hub_key_retired").window
    window = sealed(sealed(window, 1, 11), 2, 12)
    step = apply_decision(window, HubDecision(old.digest, None, STREAM, 1), old)
    assert (step.routed, step.freed) == (1, (2,))
    assert step.window.place(("A",)) == (2, digest(1), {"A": 2})


def test_a_rejection_that_is_said_again_changes_nothing():
    """Whoever runs the broker may put an old statement of the hub on the feed: its place in the stream is taken."""
    first = three_in_flight()
    second = sealed(told(first, 1, "rules_outdated").window, 1, 11)
    third = sealed(told(second, 11, "rules_outdated").window, 1, 12)
    for old in (first.in_flight[0], second.in_flight[0]):
        assert apply_decision(third, HubDecision(old.digest, "rules_outdated", STREAM, 1), old) == Transition(third)


def test_a_decision_that_this_database_does_not_know_stops_the_stream():
    """The hub accepted an envelope of this stream that is not in the outbox: it was restored from a backup."""
    for reason in (None, "recipients_mismatch"):
        assert apply_decision(StreamWindow(STREAM), HubDecision(digest(9), reason, STREAM, 1, own=True), None).foreign
        assert not apply_decision(
            StreamWindow(STREAM), HubDecision(digest(9), reason, b"o" * 16, 1, own=True), None
        ).foreign


@pytest.mark.parametrize("reason", [None, "not_permitted", "recipients_mismatch", "too_many_streams", "expired"])
def test_what_was_not_under_a_key_of_ours_in_turn_stops_nothing(reason):
    """A thief's envelope under a key that was revoked, or whatever else was refused without a place."""
    window = three_in_flight()
    assert apply_decision(window, HubDecision(digest(9), reason, STREAM, 1), None) == Transition(window)
    assert apply_decision(window, HubDecision(digest(9), reason, None, None), None) == Transition(window)


@dataclass
class World:
    """A publisher and a hub over a channel that repeats and loses; everything follows from one seed."""

    random: random.Random
    window: StreamWindow = field(default_factory=lambda: StreamWindow(STREAM))
    state: dict = field(default_factory=lambda: dict.fromkeys(range(len(RECIPIENTS)), "pending"))
    known: dict = field(default_factory=dict)
    channel: list = field(default_factory=list)
    hub: StreamState = field(default_factory=StreamState)
    feed: list = field(default_factory=list)
    accepted: list = field(default_factory=list)

    def seal(self):
        waiting = [message for message, state in self.state.items() if state == "pending"]
        if not waiting or len(self.window.in_flight) >= 3:
            return
        number, previous, sequences = self.window.place(RECIPIENTS[waiting[0]])
        name = digest(len(self.known) + 1)
        placed = InFlightEnvelope(name, waiting[0], STREAM, number, previous, sequences)
        self.known[name] = placed
        self.window = self.window.sealed(placed)
        self.state[waiting[0]] = "sealed"
        self.channel.append(placed)

    def resend(self):
        self.channel += self.window.in_flight

    def decide(self, faulty=True):
        if not self.channel:
            return
        placed = self.channel.pop(0)
        if faulty and self.random.random() < 0.15:
            reason = self.random.choice(["hub_key_retired", "unreadable_slip"])
            self.feed.append(HubDecision(placed.digest, reason, STREAM, None))
            return
        turn = check_sequence(self.hub, placed.number, placed.previous, placed.digest)
        if turn != "in_turn":
            self.feed.append(HubDecision(placed.digest, turn, STREAM, placed.number))
            return
        reason = None
        if faulty and self.random.random() < 0.3:
            reason = self.random.choice(["recipients_mismatch", "rules_unknown"])
        self.hub = advance(self.hub, placed.number, placed.digest, accepted=reason is None)
        if reason is None:
            self.accepted.append(placed)
        self.feed.append(HubDecision(placed.digest, reason, STREAM, placed.number))

    def read(self):
        if not self.feed:
            return
        one = self.feed.pop(0)
        step = apply_decision(self.window, one, self.known[one.digest])
        assert not step.foreign
        for message in step.freed:
            self.state[message] = "pending"
        if step.routed is not None:
            self.state[step.routed] = "routed"
        if step.refused is not None and not step.retry:
            self.state[step.refused] = "rejected"
        self.window = step.window

    def lose(self):
        if self.channel:
            self.channel = self.channel[: self.random.randrange(len(self.channel))]

    def drain(self):
        for _ in range(200):
            self.seal()
            while self.channel:
                self.decide(faulty=False)
            while self.feed:
                self.read()
            if not self.window.in_flight and "pending" not in self.state.values():
                return
            self.resend()
        pytest.fail(f"the outbox does not empty: {self.state}")


@pytest.mark.parametrize("block", range(10))
def test_every_message_ends_routed_once_or_rejected_whatever_happens(block):
    """300 random schedules of loss, repetition and refusals each: no double, no gap, no disagreement at the end."""
    for seed in range(block * 300, block * 300 + 300):
        world = World(random.Random(seed))
        moves = [world.seal, world.seal, world.decide, world.decide, world.read, world.read, world.resend, world.lose]
        for _ in range(60):
            world.random.choice(moves)()
        world.drain()
        delivered = [one.entry for one in world.accepted]
        assert len(set(delivered)) == len(delivered), f"seed {seed}: a message was accepted twice"
        routed = {message for message, state in world.state.items() if state == "routed"}
        assert routed == set(delivered), f"seed {seed}: the publisher believes {world.state}"
        assert [one.number for one in world.accepted] == list(range(1, len(delivered) + 1))
        for name in ("A", "B"):
            counted = [one.sequences[name] for one in world.accepted if name in one.sequences]
            assert counted == list(range(1, len(counted) + 1)), f"seed {seed}: a gap at {name}"
