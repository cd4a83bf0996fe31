"""Avro single-object encoding: one form for one record, and nothing else is read."""

from __future__ import annotations

import subprocess
import sys

import pytest

from notifier.codec.single_object import MARKER, Codec, codec, fingerprint_in
from notifier.errors import MalformedError


def state(**change):
    place = {"stream": bytes(16), "number": 7, "tail": bytes(32), "signer": None, "dropped": False}
    return {"originator": "TUR/spoc"} | place | change


def test_a_record_reads_back_as_it_was_written():
    """Marker, fingerprint, binary form."""
    encoded = codec("StreamState").encode(state())
    assert encoded[:2] == MARKER
    assert fingerprint_in(encoded) == codec("StreamState").fingerprint
    assert codec("StreamState").decode(encoded) == state()


def test_another_schema_s_record_is_refused():
    """Only pinned fingerprints are read."""
    encoded = codec("IntakePosition").encode({"next_offset": 1})
    with pytest.raises(MalformedError, match="pinned"):
        codec("StreamState").decode(encoded)
    for short in (b"", b"\xc3", b"\xc3\x01", encoded[:9]):
        with pytest.raises(MalformedError):
            codec("IntakePosition").decode(short)


def test_a_longer_form_of_the_same_number_is_refused():
    """A varint with a needless byte means the same to some readers, and nothing to this one."""
    prefix = MARKER + codec("IntakePosition").fingerprint
    assert codec("IntakePosition").decode(prefix + b"\x02") == {"next_offset": 1}
    for other in (b"\x82\x00", b"\x02\x00", b"\x82\x80\x00"):
        with pytest.raises(MalformedError):
            codec("IntakePosition").decode(prefix + other)


def test_a_record_that_does_not_fit_is_not_written():
    """Missing and unknown fields, wrong kinds and lengths."""
    for wrong in ({"number": "seven"}, {"tail": bytes(31)}, {"more": 1}):
        with pytest.raises((ValueError, TypeError)):
            codec("StreamState").encode(state(**wrong))


LIST = {"type": "record", "name": "List", "fields": [{"name": "items", "type": {"type": "array", "items": "int"}}]}
FLAG = {"type": "record", "name": "Flag", "fields": [{"name": "set", "type": "boolean"}]}
TEXT = {"type": "record", "name": "Text", "fields": [{"name": "text", "type": "string"}]}


@pytest.mark.parametrize(
    ("schema", "good", "same_to_others"),
    [
        (LIST, b"\x04\x02\x04\x00", (b"\x03\x04\x02\x04\x00", b"\x02\x02\x02\x04\x00", b"\x04\x02\x84\x00\x00")),
        (LIST, b"\x00", (b"\x80\x00", b"\x01\x00\x00")),
        (FLAG, b"\x01", (b"\x02", b"\xff")),
        (TEXT, b"\x02a", (b"\x82\x00a", b"\x02\xff", b"\x06\xed\xa0\x80", b"\x01a")),
    ],
    ids=["array", "empty array", "boolean", "string"],
)
def test_every_record_has_one_form(schema, good, same_to_others):
    """Split and negative blocks, other truths, long lengths, no UTF-8: other readers differ about them."""
    one = Codec(schema)
    prefix = MARKER + one.fingerprint
    assert one.encode(one.decode(prefix + good)) == prefix + good
    for other in same_to_others:
        with pytest.raises(MalformedError):
            one.decode(prefix + other)


def test_an_earlier_version_stays_readable():
    """Its own form is checked with its own schema; what is new takes its default; the current one is written."""
    grown = TEXT | {"fields": [*TEXT["fields"], {"name": "more", "type": "int", "default": 7}]}
    old, new = Codec(TEXT), Codec(grown, (TEXT,))
    assert new.decode(old.encode({"text": "a"})) == {"text": "a", "more": 7}
    assert new.encode({"text": "a", "more": 7})[:10] == MARKER + new.fingerprint != old.encode({"text": "a"})[:10]
    with pytest.raises(MalformedError):
        new.decode(old.encode({"text": "a"}) + b"\x0e")
    with pytest.raises(MalformedError):
        old.decode(new.encode({"text": "a", "more": 7}))


BOMBS = """
import resource, sys
from notifier.codec.single_object import MARKER, codec
from notifier.shipped import schemas_folder
from notifier.errors import MalformedError

def number(value):
    value, out = (value << 1) ^ (value >> 63), b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])

codecs = {path.stem: codec(path.stem) for path in schemas_folder().glob("*.avsc")}
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (48 << 20), used + (48 << 20)))
head = {"Envelope": number(0) + bytes(80) + number(0), "Delivery": number(0) + bytes(96), "Notice": number(0) * 3}
for name, one in codecs.items():
    for count in (2**62, 2**31, 2**24, -(2**31), -(2**62)):
        for tail in (b"", bytes(1000), b"\\x02" * 1000, bytes(200_000)):
            try:
                one.decode(MARKER + one.fingerprint + head.get(name, b"") + number(count) + tail)
            except MalformedError as error:
                assert not isinstance(error.__cause__, MemoryError), (name, count, len(tail))
print("survived", len(codecs))
"""


def test_no_count_or_length_takes_memory_that_the_record_does_not_have():
    """Every schema, under a limit of 48 MiB above the start: enormous counts are refused, not allocated."""
    done = subprocess.run([sys.executable, "-c", BOMBS], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.startswith("survived"), done.stderr[-500:]
