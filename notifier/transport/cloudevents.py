"""CloudEvents headers (binary mode) and a W3C trace, for the broker's tools; no code trusts them."""

from __future__ import annotations

from typing import Final, Literal

from notifier.runtime import Entropy
from notifier.transport.base import Headers

EventKind = Literal["envelope", "delivery", "notice"]

_SOURCES: Final = {"envelope": b"/notifier/publisher", "delivery": b"/notifier/hub", "notice": b"/notifier/hub"}
_FORMATS: Final = {"envelope": "envelope", "delivery": "feed", "notice": "feed"}
ID_BYTES: Final = 16
TRACE_BYTES: Final = 16
SPAN_BYTES: Final = 8


def headers(kind: EventKind, entropy: Entropy) -> Headers:
    """Return the headers of a record of this kind, with an id and a trace of its own."""
    token = entropy(ID_BYTES + TRACE_BYTES + SPAN_BYTES)
    trace, span = token[ID_BYTES:-SPAN_BYTES], token[-SPAN_BYTES:]
    return (
        ("ce_specversion", b"1.0"),
        ("ce_id", token[:ID_BYTES].hex().encode()),
        ("ce_source", _SOURCES[kind]),
        ("ce_type", f"org.notifier.{kind}.v1".encode()),
        ("content-type", f"application/vnd.notifier.{_FORMATS[kind]}.v1".encode()),
        ("traceparent", f"00-{trace.hex()}-{span.hex()}-01".encode()),
    )
