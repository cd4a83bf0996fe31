"""Avro single-object encoding: one form for one record, and nothing else is read."""

from __future__ import annotations

import pytest

from notifier.codec import MARKER, codec, fingerprint_in
from notifier.errors import Malformed


def state(**change):
    return {"originator": "TUR/spoc", "stream": bytes(16), "number": 7, "tail": bytes(32)} | change


def test_a_record_reads_back_as_it_was_written():
    """Marker, fingerprint, binary form."""
    encoded = codec("StreamState").encode(state())
    assert encoded[:2] == MARKER
    assert fingerprint_in(encoded) == codec("StreamState").fingerprint
    assert codec("StreamState").decode(encoded) == state()


def test_another_schema_s_record_is_refused():
    """Only pinned fingerprints are read."""
    encoded = codec("IntakePosition").encode({"next_offset": 1})
    with pytest.raises(Malformed, match="pinned"):
        codec("StreamState").decode(encoded)
    for short in (b"", b"\xc3", b"\xc3\x01", encoded[:9]):
        with pytest.raises(Malformed):
            codec("IntakePosition").decode(short)


def test_a_longer_form_of_the_same_number_is_refused():
    """A varint with a needless byte means the same to some readers, and nothing to this one."""
    prefix = MARKER + codec("IntakePosition").fingerprint
    assert codec("IntakePosition").decode(prefix + b"\x02") == {"next_offset": 1}
    for other in (b"\x82\x00", b"\x02\x00", b"\x82\x80\x00"):
        with pytest.raises(Malformed):
            codec("IntakePosition").decode(prefix + other)


def test_a_record_that_does_not_fit_is_not_written():
    """Missing and unknown fields, wrong kinds and lengths."""
    for wrong in ({"number": "seven"}, {"tail": bytes(31)}, {"more": 1}):
        with pytest.raises((ValueError, TypeError)):
            codec("StreamState").encode(state(**wrong))
