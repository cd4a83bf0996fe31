"""The hub's side: verification of an envelope, opening of its slip, check of its stanzas, cutting of deliveries.

A verified envelope has a type of its own, `VerifiedEnvelope`, which all further steps take.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from notifier.codec.single_object import codec
from notifier.crypto.keys import DecryptionKey, signature_holds
from notifier.crypto.primitives import blake, decrypt, exchange, unpad
from notifier.directory.model import Authority, Key
from notifier.envelope.format import (
    BODY_STEP,
    RECIPIENTS,
    SLIP_STEP,
    SUITE,
    Header,
    Prefix,
    Slip,
    Stanza,
    envelope_digest,
    parse_record,
    raw_digest,
    signed_form,
    slip_digest,
    stanza_hashes,
    transcript,
)
from notifier.envelope.sealing import stanza_count
from notifier.envelope.statements import SignedStatement
from notifier.errors import Cure, EnvelopeError, MalformedError

TAG_BYTES: Final = 16
SUITES: Final = frozenset({SUITE})
Signers = Callable[[bytes], tuple[Authority, Key] | None]
Recipients = Callable[[bytes], tuple[Authority, Key] | None]


@dataclass(frozen=True, slots=True)
class Parsed:
    """The parts of an envelope; none is verified yet."""

    prefix: Prefix
    header: Header
    epk: bytes
    commit: bytes
    hid: bytes
    slip: bytes
    slip_digest: bytes
    stanzas: tuple[Stanza, ...]
    hashes: tuple[bytes, ...]
    body: bytes
    signature: bytes
    text: bytes

    @property
    def digest(self) -> bytes:
        """Return the envelope's digest."""
        return envelope_digest(self.text, self.signature)


@dataclass(frozen=True, slots=True)
class VerifiedEnvelope:
    """An envelope with a valid signature of its originator."""

    parts: Parsed
    digest: bytes

    @property
    def header(self) -> Header:
        """Return the signed header."""
        return self.parts.header

    @property
    def signer_key_id(self) -> bytes:
        """Return the id of the key that signed."""
        return self.parts.prefix.signer


def read_prefix(raw: bytes, suites: Collection[int]) -> tuple[Prefix, Header]:
    """Return the prefix and its header; raises `EnvelopeError` (malformed, unsupported_suite)."""
    prefix = Prefix.parse(raw)
    if prefix.suite not in suites:
        raise EnvelopeError("unsupported_suite")
    try:
        return prefix, Header.decode(prefix.header_bytes)
    except MalformedError as error:
        raise EnvelopeError("malformed", error.detail) from error


def check_signer(
    prefix: Prefix, header: Header, hub_id: bytes, signer: Signers, text: bytes, signature: bytes
) -> tuple[Authority, Key]:
    """Return the signer's authority and key after checking hub id, signer and signature.

    Raises `EnvelopeError` for the first that is wrong: wrong_hub, unknown_signer, unsupported_suite, bad_signature.
    """
    if header.hub_id != hub_id:
        raise EnvelopeError("wrong_hub")
    known = signer(prefix.signer)
    if known is None or known[0].name != header.originator:
        raise EnvelopeError("unknown_signer", cure=Cure.DIRECTORY)
    if known[1].suite != prefix.suite:
        raise EnvelopeError("unsupported_suite", "the signer's key is listed for another suite")
    if not signature_holds(known[1].public, signed_form(text), signature):
        raise EnvelopeError("bad_signature")
    return known


def check_count(stanzas: Sequence[object]) -> None:
    """Raise `EnvelopeError` (too_large) for too many stanzas, before any work is done on them."""
    if len(stanzas) > RECIPIENTS:
        raise EnvelopeError("too_large", "too many stanzas")


def parse_envelope(data: bytes, suites: Collection[int] = SUITES) -> Parsed:
    """Return the parts of an envelope; raises `EnvelopeError` (too_large, malformed, unsupported_suite)."""
    record = parse_record("Envelope", data)
    prefix, header = read_prefix(record["prefix"], suites)
    check_count(record["stanzas"])
    stanzas = tuple([Stanza(stanza["rid"], stanza["wrap"]) for stanza in record["stanzas"]])
    if any(left.rid >= right.rid for left, right in pairwise(stanzas)):
        raise EnvelopeError("malformed", "the stanzas are not in strictly ascending order")
    hashes = tuple(stanza_hashes(prefix.hh, stanzas))
    sealed_slip = slip_digest(record["hid"], record["slip"])
    text = transcript(prefix.raw, record["epk"], record["commit"], sealed_slip, hashes, record["body"])
    return Parsed(
        prefix,
        header,
        record["epk"],
        record["commit"],
        record["hid"],
        record["slip"],
        sealed_slip,
        stanzas,
        hashes,
        record["body"],
        record["signature"],
        text,
    )


def verify(data: bytes, *, hub_id: bytes, signer: Signers, suites: Collection[int] = SUITES) -> VerifiedEnvelope:
    """Return the envelope in `data` where the authority of its header signed it for this hub.

    `signer` finds the authority and key of a key id, whatever their state: validity is judged later, at the time of
    acceptance. Raises `EnvelopeError` with, in this order: too_large, malformed, unsupported_suite, wrong_hub,
    unknown_signer, bad_signature.
    """
    parts = parse_envelope(data, suites)
    check_signer(parts.prefix, parts.header, hub_id, signer, parts.text, parts.signature)
    return VerifiedEnvelope(parts, parts.digest)


def record_digest(data: bytes) -> bytes:
    """Return the name of a record: the envelope's digest where it parses, else the digest of the raw value."""
    try:
        return parse_envelope(data).digest
    except EnvelopeError:
        return raw_digest(data)


def signer_of(data: bytes) -> bytes:
    """Return the id of the key that signed an envelope; raises `EnvelopeError` for other data."""
    return Prefix.parse(parse_record("Envelope", data)["prefix"]).signer


def open_slip(envelope: VerifiedEnvelope, keys: Mapping[bytes, DecryptionKey]) -> Slip:
    """Return the slip, opened with the hub's key that it is sealed to.

    Raises `EnvelopeError`: hub_key_retired where that key is no longer held; unreadable_slip where it does not open,
    does not parse, or contradicts the header.
    """
    parts, header = envelope.parts, envelope.header
    key = keys.get(parts.hid)
    if key is None:
        raise EnvelopeError("hub_key_retired")
    hh = parts.prefix.hh
    try:
        kek = blake(b"ntf1/slip", hh + parts.epk + key.public, key=exchange(key.secret, parts.epk))
        slip = Slip.decode(unpad(decrypt(kek, hh + parts.hid + parts.commit, parts.slip), SLIP_STEP))
    except (ValueError, MalformedError) as error:
        raise EnvelopeError("unreadable_slip") from error
    if (slip.envelope_id, slip.originator, slip.stream) != (header.envelope_id, header.originator, header.stream):
        raise EnvelopeError("unreadable_slip", "the slip contradicts the header")
    return slip


def check_stanzas(envelope: VerifiedEnvelope, slip: Slip, recipient: Recipients) -> Mapping[str, bytes]:
    """Return each recipient's rid by its name, where the known rids are exactly those of the slip's recipients.

    This excludes hidden addressees and removed stanzas. Raises `EnvelopeError` (unreadable_slip).
    """
    found: dict[str, bytes] = {}
    for stanza in envelope.parts.stanzas:
        owner = recipient(stanza.rid)
        if owner is None:
            continue
        if owner[0].name in found:
            raise EnvelopeError("unreadable_slip", "a recipient has two stanzas")
        found[owner[0].name] = stanza.rid
    if tuple(sorted(found)) != slip.recipients:
        raise EnvelopeError("unreadable_slip", "the stanzas are not the slip's recipients")
    if len(envelope.parts.stanzas) != stanza_count(len(found)):
        raise EnvelopeError("unreadable_slip", "the number of stanzas is wrong")
    length = len(envelope.parts.body)
    if (length == 0) if found else (length != 0):
        raise EnvelopeError("unreadable_slip", "a body needs recipients, and recipients need a body")
    if found and (length <= TAG_BYTES or (length - TAG_BYTES) % BODY_STEP):
        raise EnvelopeError("unreadable_slip", "the body is not padded")
    return found


def delivery(envelope: VerifiedEnvelope, rid: bytes, signed: SignedStatement) -> bytes:
    """Return the feed record of the recipient `rid`: its stanza only, no slip, and the hub's statement."""
    parts = envelope.parts
    (own,) = (stanza for stanza in parts.stanzas if stanza.rid == rid)
    return codec("Delivery").encode(
        {
            "prefix": parts.prefix.raw,
            "epk": parts.epk,
            "commit": parts.commit,
            "slip_digest": parts.slip_digest,
            "list": parts.hashes,
            "body": parts.body,
            "signature": parts.signature,
            "rid": own.rid,
            "wrap": own.wrap,
            "statement": signed.record(),
        }
    )
