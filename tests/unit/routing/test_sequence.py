"""The place of an envelope in its stream, as the model that was checked has it."""

from __future__ import annotations

import random

from notifier.routing.sequence import StreamState, advance, check_sequence


def digest(number):
    return number.to_bytes(32, "big")


def test_a_stream_begins_at_one_upon_nothing():
    """Number 1 upon 32 zero bytes."""
    assert check_sequence(StreamState(), 1, bytes(32), digest(1)) == "in_turn"
    assert check_sequence(StreamState(), 1, digest(9), digest(1)) == "out_of_order"
    assert check_sequence(StreamState(), 2, bytes(32), digest(1)) == "out_of_order"
    assert check_sequence(StreamState(), 0, bytes(32), digest(1)) == "replayed"


def test_acceptance_advances_number_and_tail_and_rejection_the_tail_alone():
    """The follower of a rejected envelope takes its number, upon its digest."""
    state = advance(StreamState(), 1, digest(1), accepted=False)
    assert state == StreamState(0, digest(1))
    assert check_sequence(state, 1, digest(1), digest(2)) == "in_turn"
    state = advance(state, 1, digest(2), accepted=True)
    assert state == StreamState(1, digest(2))
    assert check_sequence(state, 2, digest(2), digest(3)) == "in_turn"


def test_what_was_decided_is_replayed_whatever_it_was():
    """A lower number, or the very envelope that is the tail."""
    state = StreamState(3, digest(9))
    assert check_sequence(state, 3, digest(2), digest(3)) == "replayed"
    assert check_sequence(state, 1, bytes(32), digest(1)) == "replayed"
    assert check_sequence(state, 4, digest(8), digest(9)) == "replayed"


def test_in_random_schedules_each_number_is_accepted_once_and_in_order():
    """Against the model's rule, written down again: number == last + 1 and previous == tail."""
    for seed in range(300):
        rnd = random.Random(seed)
        made = [(1, bytes(32), digest(1))]
        for number in range(2, 30):
            base = rnd.choice(made)
            made.append((base[0] + rnd.choice((0, 1, 1, 2)), base[2], digest(number)))
        state, accepted = StreamState(), []
        for number, previous, own in rnd.choices(made, k=200):
            found = check_sequence(state, number, previous, own)
            model = number == state.number + 1 and previous == state.tail and own != state.tail
            assert (found == "in_turn") == model
            if found == "in_turn":
                ok = rnd.random() < 0.7
                state = advance(state, number, own, accepted=ok)
                if ok:
                    accepted.append(number)
        assert accepted == list(range(1, len(accepted) + 1))
