"""What one feed record is to this recipient: a message, a refusal, or nobody's business here. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from notifier.directory.model import Directory
from notifier.envelope import (
    DecryptionKey,
    ParsedDelivery,
    SignedStatement,
    notification_digest,
    open_body,
    parse_feed,
    raw_digest,
    verify_delivery,
)
from notifier.errors import EnvelopeError, Malformed
from notifier.notification import Notification, decode

UNSIGNED: Final = frozenset(
    {"too_large", "malformed", "unsupported_suite", "wrong_hub", "unknown_signer", "bad_signature"}
)
"""Refusals of what carried no valid signature: nobody is told, or a stranger could make us write to a victim."""

DIRECTORY_MAY_CURE: Final = frozenset({"unknown_signer", "bad_statement", "signer_revoked"})


@dataclass(frozen=True, slots=True)
class Message:
    """A message that opened; times in Unix milliseconds, digests and ids as bytes."""

    originator: str
    stream: bytes
    sequence: int
    envelope: bytes
    notification_id: bytes
    accepted_at: int
    encoded: bytes
    notification: Notification

    @property
    def body_digest(self) -> bytes:
        """The notification's own digest."""
        return notification_digest(self.encoded)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that is refused; `originator` only where its signature is good, and so a receipt is owed."""

    digest: bytes
    reason: str
    raw: bytes
    originator: str | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """The hub's word to this authority as an originator: the publisher reads it, not the subscriber."""


Result = Message | Refusal | Notice


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who reads: its name, its decryption keys by their id, and the directory as it stands."""

    name: str
    keys: Mapping[bytes, DecryptionKey]
    directory: Directory


def read(value: bytes | None, recipient: Recipient, now: int) -> Result:
    """What the feed record `value` is at time `now` (Unix milliseconds)."""
    raw = value or b""
    try:
        parsed = parse_feed(raw)
    except EnvelopeError as error:
        return Refusal(raw_digest(raw), error.reason, raw)
    if isinstance(parsed, SignedStatement):
        return Notice()
    try:
        return _opened(parsed, recipient, now)
    except (EnvelopeError, Malformed) as error:
        signed = error.reason not in UNSIGNED or isinstance(error, _Unreadable)
        return Refusal(parsed.digest, error.reason, raw, parsed.header.originator if signed else None)


class _Unreadable(Malformed):
    """The envelope opened, and what is in it is no notification of a known schema."""


def _opened(parsed: ParsedDelivery, recipient: Recipient, now: int) -> Message:
    directory = recipient.directory
    delivery = verify_delivery(
        parsed,
        hub_id=directory.hub.hub_id,
        signer=directory.signer,
        hub_signer=directory.hub.signing_key,
        audience=recipient.name,
        now=now,
    )
    opened = open_body(delivery, recipient.keys)
    body = opened.body
    try:
        notification = decode(body.notification)
    except Malformed as error:
        raise _Unreadable(detail="the body is no notification of a known schema") from error
    if notification.id != body.notification_id or notification.originator != body.originator:
        raise _Unreadable(detail="the notification contradicts its envelope")
    authority = directory.authority(body.originator)
    if authority is None or notification.type not in authority.publishes:
        raise EnvelopeError("not_permitted")
    return Message(
        originator=body.originator,
        stream=body.stream,
        sequence=opened.sequence,
        envelope=delivery.digest,
        notification_id=body.notification_id,
        accepted_at=delivery.accepted_at,
        encoded=body.notification,
        notification=notification,
    )
