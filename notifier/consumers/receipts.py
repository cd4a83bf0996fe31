"""Receipts: what a recipient signs about a delivery. Pure."""

from __future__ import annotations

from typing import Final

from notifier.codec.single_object import codec
from notifier.consumers.verification import Refusal, VerifiedMessage
from notifier.crypto.keys import SigningKey
from notifier.crypto.primitives import pae

RECEIPT_TYPE: Final = b"application/vnd.notifier.receipt.v1"


def receipt(result: VerifiedMessage | Refusal, reason: str | None, recipient: str, key: SigningKey, at: int) -> bytes:
    """Return the signature (64 bytes) and the receipt in single-object encoding; `at` in Unix milliseconds.

    `reason` is why it was refused, None where it was opened and stored. A refusal must name its originator: a
    receipt is owed only for what carried a valid signature.
    """
    if result.originator is None:
        raise ValueError("no receipt is owed to nobody")
    record = {
        "envelope": result.envelope,
        "originator": result.originator,
        "recipient": recipient,
        "notification_id": result.notification_id if isinstance(result, VerifiedMessage) else None,
        "notification_digest": result.body_digest if isinstance(result, VerifiedMessage) else None,
        "outcome": "opened" if reason is None else "refused",
        "reason": reason,
        "at": at,
    }
    encoded = codec("Receipt").encode(record)
    return key.sign(pae(RECEIPT_TYPE, encoded)) + encoded
