"""What may be sent can be delivered: the largest envelope's delivery still fits its own cap."""

from __future__ import annotations

import pytest

from notifier.envelope.format import ENVELOPE_BYTES, RECORD_BYTES
from notifier.errors import EnvelopeError


def test_the_largest_envelope_is_delivered(cast):
    """Grown step by step until it is refused: the one before it opens."""
    largest = b""
    with pytest.raises(EnvelopeError, match="too_large"):
        for size in range(250_000, 262_144, 1024):
            largest = cast.seal(body=cast.body(bytes(size))).envelope
    assert ENVELOPE_BYTES - 2048 < len(largest) <= ENVELOPE_BYTES
    delivery = cast.deliver(largest)
    assert len(delivery) <= RECORD_BYTES
    assert cast.open(delivery).sequence == 1


def test_an_envelope_over_its_cap_is_refused_by_size(cast):
    """Before anything else is looked at."""
    with pytest.raises(EnvelopeError) as error:
        cast.verify(bytes(ENVELOPE_BYTES + 1))
    assert error.value.reason == "too_large"
