"""Notification ids: UUID version 7 (RFC 9562, 5.7)."""

from __future__ import annotations

from notifier.runtime import Entropy


def uuid7(now: int, entropy: Entropy) -> bytes:
    """Return 16 bytes that sort by `now` (Unix milliseconds) and are otherwise random."""
    raw = bytearray(now.to_bytes(6, "big") + entropy(10))
    raw[6] = raw[6] & 0x0F | 0x70
    raw[8] = raw[8] & 0x3F | 0x80
    return bytes(raw)
