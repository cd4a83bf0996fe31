"""The headers of each kind of record: the bytes that the broker's tools were promised."""

from __future__ import annotations

import pytest

from notifier.transport.cloudevents import headers

PROMISED = {
    "envelope": (b"/notifier/publisher", b"org.notifier.envelope.v1", b"application/vnd.notifier.envelope.v1"),
    "delivery": (b"/notifier/hub", b"org.notifier.delivery.v1", b"application/vnd.notifier.feed.v1"),
    "notice": (b"/notifier/hub", b"org.notifier.notice.v1", b"application/vnd.notifier.feed.v1"),
}


@pytest.mark.parametrize("kind", PROMISED)
def test_headers_stay_as_they_are(kind):
    """Name by name, in their order."""
    source, type_, content = PROMISED[kind]
    assert headers(kind, lambda count: bytes(range(count))) == (
        ("ce_specversion", b"1.0"),
        ("ce_id", b"000102030405060708090a0b0c0d0e0f"),
        ("ce_source", source),
        ("ce_type", type_),
        ("content-type", content),
        ("traceparent", b"00-101112131415161718191a1b1c1d1e1f-2021222324252627-01"),
    )
