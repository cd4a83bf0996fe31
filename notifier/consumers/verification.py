"""Classify a feed record for one recipient: a message, a refusal or a notice. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from notifier.crypto.keys import DecryptionKey
from notifier.directory.model import CLOCK_SKEW_MS, Directory
from notifier.envelope import (
    Body,
    Opened,
    ParsedDelivery,
    SignedStatement,
    VerifiedDelivery,
    notification_digest,
    open_body,
    parse_feed,
    raw_digest,
    verify_delivery,
)
from notifier.errors import Cure, EnvelopeError, MalformedError
from notifier.notification import Notification, decode

UNSIGNED: Final = frozenset(
    {"too_large", "malformed", "unsupported_suite", "wrong_hub", "unknown_signer", "bad_signature"}
)
"""Refusals of what carried no valid signature: nobody is told, or a stranger could make us write to a victim."""

END_OF_TIME: Final = 2**62

LAST_SEQUENCE: Final = 2**63 - 1
"""The last number of a stream that is taken: what a database's integers hold."""


@dataclass(frozen=True, slots=True)
class StreamPosition:
    """Position of a delivery in one originator's stream to this recipient; `sequence` starts at 1."""

    originator: str
    stream: bytes
    sequence: int


@dataclass(frozen=True, slots=True)
class VerifiedMessage:
    """A message that opened; `envelope` is the envelope's digest, times in Unix milliseconds, ids as bytes."""

    place: StreamPosition
    envelope: bytes
    notification_id: bytes
    accepted_at: int
    rules_version: int
    encoded: bytes
    notification: Notification

    @property
    def originator(self) -> str:
        """The authority that sent it."""
        return self.place.originator

    @property
    def body_digest(self) -> bytes:
        """The notification's own digest."""
        return notification_digest(self.encoded)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that is refused; `envelope` is its digest, or the raw value's where it is no envelope.

    `originator` is set only where its signature is good, and so a receipt is owed; `place` only where it opened.
    `cure` is what may make it good; of what is not yet valid `due` says when (Unix milliseconds).
    """

    envelope: bytes
    reason: str
    raw: bytes
    originator: str | None = None
    place: StreamPosition | None = None
    cure: Cure | None = None
    due: int | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """The hub's word to this authority as an originator: the publisher reads it, not the subscriber."""


Result = VerifiedMessage | Refusal | Notice


@dataclass(frozen=True, slots=True)
class Recipient:
    """A recipient: its name, its decryption keys by id, and its current directory."""

    name: str
    keys: Mapping[bytes, DecryptionKey]
    directory: Directory


def read(value: bytes | None, recipient: Recipient, now: int) -> Result:
    """Verify and open the feed record `value` at time `now` (Unix milliseconds)."""
    raw = value or b""
    try:
        parsed = parse_feed(raw)
    except EnvelopeError as error:
        return Refusal(raw_digest(raw), error.reason, raw)
    if isinstance(parsed, SignedStatement):
        return Notice()
    try:
        delivery, opened = _open(parsed, recipient, now)
    except EnvelopeError as error:
        return _refused(parsed, error, raw) if error.cure is not Cure.TIME else _early(parsed, recipient, raw)
    place = _place(opened)
    try:
        notification = _notification(opened.body, recipient.directory, delivery.accepted_at)
    except (EnvelopeError, MalformedError) as error:
        cure = error.cure if isinstance(error, EnvelopeError) else None
        return Refusal(delivery.digest, error.reason, raw, place.originator, place, cure)
    return VerifiedMessage(
        place=place,
        envelope=delivery.digest,
        notification_id=opened.body.notification_id,
        accepted_at=delivery.accepted_at,
        rules_version=delivery.statement.rules_version,
        encoded=opened.body.notification,
        notification=notification,
    )


def claimed_originator(raw: bytes) -> str | None:
    """Return the originator that a delivery names, verified or not; None where it is none."""
    try:
        parsed = parse_feed(raw)
    except EnvelopeError:
        return None
    return None if isinstance(parsed, SignedStatement) else parsed.header.originator


def _refused(parsed: ParsedDelivery, error: EnvelopeError, raw: bytes) -> Refusal:
    signed = error.reason not in UNSIGNED
    originator = parsed.header.originator if signed else None
    return Refusal(parsed.digest, error.reason, raw, originator, cure=error.cure)


def _early(parsed: ParsedDelivery, recipient: Recipient, raw: bytes) -> Refusal:
    """Return what a delivery is that the hub accepted later than it is here: one of the two clocks is off.

    Where it is good but for its time, its place is known and its time will come; else it is refused for the rest.
    """
    try:
        delivery, opened = _open(parsed, recipient, END_OF_TIME)
    except EnvelopeError as error:
        return _refused(parsed, error, raw)
    due = delivery.accepted_at - CLOCK_SKEW_MS
    place = _place(opened)
    return Refusal(delivery.digest, "not_yet_valid", raw, place.originator, place, Cure.TIME, due)


def _place(opened: Opened) -> StreamPosition:
    return StreamPosition(opened.body.originator, opened.body.stream, opened.sequence)


def _open(parsed: ParsedDelivery, recipient: Recipient, now: int) -> tuple[VerifiedDelivery, Opened]:
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
    if not 1 <= opened.sequence <= LAST_SEQUENCE:
        raise EnvelopeError("cannot_open")
    return delivery, opened


def _notification(body: Body, directory: Directory, accepted_at: int) -> Notification:
    """Return the notification in a body that the hub accepted at `accepted_at`.

    Raises `MalformedError`, or `EnvelopeError` where its originator could not send it then.
    """
    notification = decode(body.notification)
    if notification.id != body.notification_id or notification.originator != body.originator:
        raise MalformedError(detail="the notification contradicts its envelope")
    authority = directory.authority(body.originator)
    if authority is None or not authority.permits(notification.type, accepted_at):
        raise EnvelopeError("not_permitted", cure=Cure.DIRECTORY)
    return notification
