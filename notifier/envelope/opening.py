"""The recipient's side: verification of a delivery with the hub's statement, and opening of the body."""

from __future__ import annotations

import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from notifier.codec.single_object import codec, fingerprint_in
from notifier.crypto.keys import DecryptionKey
from notifier.crypto.primitives import blake, decrypt, exchange, unpad
from notifier.directory.model import CLOCK_SKEW_MS
from notifier.envelope.format import (
    BODY_STEP,
    Body,
    Header,
    Prefix,
    envelope_digest,
    parse_record,
    stanza_hash,
    transcript,
)
from notifier.envelope.statements import HubSigner, SignedStatement, Statement, parse_notice, verify_statement
from notifier.envelope.verifying import SUITES, Signers, check_count, check_signer, read_prefix
from notifier.errors import Cure, EnvelopeError, MalformedError

CEK_BYTES = 32


@dataclass(frozen=True, slots=True)
class ParsedDelivery:
    """The parts of a delivery; none is verified yet."""

    prefix: Prefix
    header: Header
    epk: bytes
    commit: bytes
    hashes: tuple[bytes, ...]
    body: bytes
    signature: bytes
    rid: bytes
    wrap: bytes
    text: bytes
    signed: SignedStatement

    @property
    def digest(self) -> bytes:
        """Return the envelope's digest."""
        return envelope_digest(self.text, self.signature)


@dataclass(frozen=True, slots=True)
class VerifiedDelivery:
    """A delivery that its originator signed, and that the hub accepted for this audience."""

    parts: ParsedDelivery
    digest: bytes
    statement: Statement

    @property
    def header(self) -> Header:
        """Return the signed header."""
        return self.parts.header

    @property
    def accepted_at(self) -> int:
        """Return the hub's time of acceptance in Unix milliseconds."""
        return self.statement.accepted_at


@dataclass(frozen=True, slots=True)
class Opened:
    """An opened body, with the recipient's own sequence number in the stream."""

    body: Body
    sequence: int


def parse_delivery(data: bytes, suites: Collection[int] = SUITES) -> ParsedDelivery:
    """Return the parts of a delivery; raises `EnvelopeError` (too_large, malformed, unsupported_suite)."""
    record = parse_record("Delivery", data)
    prefix, header = read_prefix(record["prefix"], suites)
    check_count(record["list"])
    hashes = tuple(record["list"])
    text = transcript(prefix.raw, record["epk"], record["commit"], record["slip_digest"], hashes, record["body"])
    return ParsedDelivery(
        prefix,
        header,
        record["epk"],
        record["commit"],
        hashes,
        record["body"],
        record["signature"],
        record["rid"],
        record["wrap"],
        text,
        SignedStatement.of(record["statement"]),
    )


def parse_feed(value: bytes) -> ParsedDelivery | SignedStatement:
    """Return a feed record: a delivery, or a notice to the originator; raises `EnvelopeError`."""
    if fingerprint_in(value) == codec("Notice").fingerprint:
        return parse_notice(value)
    return parse_delivery(value)


def verify_delivery(
    data: bytes | ParsedDelivery,
    *,
    hub_id: bytes,
    signer: Signers,
    hub_signer: HubSigner,
    audience: str,
    now: int,
    suites: Collection[int] = SUITES,
) -> VerifiedDelivery:
    """Return the delivery where its originator signed it and the hub accepted it for `audience`.

    `now` is this recipient's time in Unix milliseconds. Expiry, the validity of the signer's key and the state of its
    authority are judged at the time of acceptance, never at opening. Raises `EnvelopeError` with, in this order:
    too_large, malformed, unsupported_suite, wrong_hub, unknown_signer, bad_signature, bad_statement, signer_revoked,
    not_addressed.
    """
    parts = parse_delivery(data, suites) if isinstance(data, bytes) else data
    authority, key = check_signer(parts.prefix, parts.header, hub_id, signer, parts.text, parts.signature)
    digest = parts.digest
    statement = verify_statement(parts.signed, hub_id=hub_id, hub_signer=hub_signer)
    _check_statement(statement, parts.header, digest, audience, now)
    if not (authority.active_at(statement.accepted_at) and key.accepted(statement.accepted_at)):
        raise EnvelopeError("signer_revoked", cure=Cure.DIRECTORY)
    if stanza_hash(parts.prefix.hh, parts.rid, parts.wrap) not in parts.hashes:
        raise EnvelopeError("not_addressed")
    return VerifiedDelivery(parts, digest, statement)


def _check_statement(statement: Statement, header: Header, digest: bytes, audience: str, now: int) -> None:
    about = (statement.kind, statement.digest, statement.audience, statement.outcome)
    if about != ("delivery", digest, audience, "accepted"):
        raise EnvelopeError("bad_statement", "the hub's statement is about another envelope or audience")
    if not header.issued_at - CLOCK_SKEW_MS <= statement.accepted_at <= header.expires_at:
        raise EnvelopeError("bad_statement", "the hub's time of acceptance is impossible")
    if statement.accepted_at > now + CLOCK_SKEW_MS:
        raise EnvelopeError("bad_statement", "the hub's time of acceptance lies in the future", cure=Cure.TIME)


def open_body(delivery: VerifiedDelivery, keys: Mapping[bytes, DecryptionKey]) -> Opened:
    """Return the body, opened with one of this recipient's decryption `keys` (by rid).

    Raises `EnvelopeError`: not_addressed where the stanza is for a key that is missing here; cannot_open for every
    failure from the unwrap to the body's contents, so that no error tells which step failed.
    """
    parts, header = delivery.parts, delivery.header
    key = keys.get(parts.rid)
    if key is None:
        raise EnvelopeError("not_addressed", "the stanza is for another key", cure=Cure.KEY)
    hh = parts.prefix.hh
    try:
        kek = blake(b"ntf1/wrap", hh + parts.epk + key.public, key=exchange(key.secret, parts.epk))
        wrapped = decrypt(kek, hh + parts.rid + parts.commit, parts.wrap)
        cek, sequence = wrapped[:CEK_BYTES], int.from_bytes(wrapped[CEK_BYTES:], "big")
        if not hmac.compare_digest(blake(b"ntf1/commit", hh, key=cek), parts.commit):
            raise ValueError("the commitment is to another key")
        padded = decrypt(blake(b"ntf1/body", hh, key=cek), hh + parts.epk + parts.commit, parts.body)
        body = Body.decode(unpad(padded, BODY_STEP))
    except (ValueError, MalformedError) as error:
        raise EnvelopeError("cannot_open") from error
    if (body.envelope_id, body.originator, body.stream) != (header.envelope_id, header.originator, header.stream):
        raise EnvelopeError("cannot_open")
    return Opened(body, sequence)
