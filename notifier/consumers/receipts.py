"""Receipts: what a recipient signs about a delivery. Pure."""

from __future__ import annotations

from typing import Final

from notifier.codec import codec
from notifier.consumers.reading import Message, Refusal
from notifier.envelope import SigningKey
from notifier.envelope.primitives import pae

RECEIPT_TYPE: Final = b"application/vnd.notifier.receipt.v1"


def receipt(result: Message | Refusal, recipient: str, key: SigningKey, at: int) -> bytes:
    """The signature (64 bytes) and the receipt in single-object encoding; `at` in Unix milliseconds.

    A refusal must name its originator: a receipt is owed only for what carried a valid signature.
    """
    opened = isinstance(result, Message)
    if result.originator is None:
        raise ValueError("no receipt is owed to nobody")
    record = {
        "envelope": result.envelope if isinstance(result, Message) else result.digest,
        "originator": result.originator,
        "recipient": recipient,
        "notification_id": result.notification_id if isinstance(result, Message) else None,
        "notification_digest": result.body_digest if isinstance(result, Message) else None,
        "outcome": "opened" if opened else "refused",
        "reason": None if isinstance(result, Message) else result.reason,
        "at": at,
    }
    encoded = codec("Receipt").encode(record)
    return key.sign(pae(RECEIPT_TYPE, encoded)) + encoded
