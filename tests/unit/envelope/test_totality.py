"""Parsers are total: whatever comes, they answer with a value or one clean refusal."""

from __future__ import annotations

import contextlib
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.codec.single_object import MARKER, codec
from notifier.envelope import parse_delivery, parse_feed
from notifier.envelope.verifying import parse_envelope
from notifier.errors import EnvelopeError, MalformedError
from support.drawing import examples

NAMES = ("Envelope", "Delivery", "Statement", "Header", "Slip", "Body", "Notice", "Notification", "Receipt")


@settings(max_examples=examples(300), deadline=None)
@given(st.sampled_from(NAMES), st.binary(max_size=400))
def test_arbitrary_bytes_are_refused_cleanly(name, data):
    """With and without the right fingerprint."""
    for value in (data, MARKER + codec(name).fingerprint + data):
        for parse in (codec(name).decode, parse_envelope, parse_delivery, parse_feed):
            try:
                parse(value)
            except (EnvelopeError, MalformedError):
                continue


@pytest.mark.parametrize("name", NAMES)
def test_enormous_counts_and_lengths_cost_nothing(name):
    """A length of 2^62 in every place where one may stand is refused without the memory for it."""
    huge = b"\xfe\xff\xff\xff\xff\xff\xff\xff\x7f"
    tracemalloc.start()
    for place in range(0, 200, 3):
        with contextlib.suppress(MalformedError):  # a few prefixes make a record of it; none may cost memory
            codec(name).decode(MARKER + codec(name).fingerprint + bytes(place) + huge * 4)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * 1024 * 1024
