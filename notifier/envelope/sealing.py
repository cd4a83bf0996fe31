"""Sealing: one content to several recipients, and a slip to the hub (docs/reference/envelope.md, "Sealing")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nacl.utils import random

from notifier.codec.single_object import codec
from notifier.crypto.keys import KEY_BYTES, KeyUse, SigningKey, key_id
from notifier.crypto.primitives import ID_BYTES, blake, encrypt, exchange, pad, public_of, u32, u64
from notifier.envelope.format import (
    BODY_STEP,
    ENVELOPE_BYTES,
    MIN_STANZAS,
    RECIPIENTS,
    SLIP_STEP,
    Body,
    Header,
    Prefix,
    Slip,
    Stanza,
    envelope_digest,
    signed_form,
    slip_digest,
    stanza_hashes,
    transcript,
)
from notifier.errors import EnvelopeError, KeyRejectedError
from notifier.runtime import Entropy

WRAP_BYTES = 56


@dataclass(frozen=True, slots=True)
class Addressee:
    """A recipient's public encryption key, and its sequence number in this stream (from 1)."""

    public: bytes
    sequence: int


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed envelope as bytes, and the digest that names it in statements, receipts and audit."""

    envelope: bytes
    digest: bytes


def seal(
    header: Header,
    slip: Slip,
    body: Body | None,
    *,
    signer: SigningKey,
    hub_key: bytes,
    addressees: Sequence[Addressee],
    entropy: Entropy = random,
) -> Sealed:
    """Return `body` sealed to `addressees` and `slip` sealed to the hub's `hub_key`, signed by `signer`.

    `body` is None exactly where there is no addressee. Only tests give `entropy`. Raises `EnvelopeError` (too_large)
    over a cap, and `KeyRejectedError` where a public key gives no shared secret.
    """
    if (body is None) != (not addressees):
        raise ValueError("a body needs at least one addressee, and addressees need a body")
    if len(addressees) > RECIPIENTS:
        raise EnvelopeError("too_large", "too many recipients for one envelope")
    prefix = Prefix.build(signer.key_id, header)
    hh = prefix.hh
    slip_text, body_text = slip.encode(), body.encode() if body is not None else b""
    ids = [key_id(KeyUse.ENCRYPT, one.public) for one in addressees]
    if len(set(ids)) != len(ids):
        raise ValueError("an addressee occurs twice")
    hedge = blake(b"ntf1/hedge", _hedged(prefix.raw, slip_text, body_text, ids, addressees))
    cek = blake(b"ntf1/h-cek", hedge, key=entropy(KEY_BYTES))
    esk = blake(b"ntf1/h-esk", hedge, key=entropy(KEY_BYTES))
    epk = public_of(esk)
    commit = blake(b"ntf1/commit", hh, key=cek)

    def sealed_to(person: bytes, public: bytes, kid: bytes, text: bytes) -> bytes:
        try:
            kek = blake(person, hh + epk + public, key=exchange(esk, public))
        except ValueError as error:
            raise KeyRejectedError from error
        return encrypt(kek, hh + kid + commit, text)

    hid = key_id(KeyUse.ENCRYPT, hub_key)
    sealed_slip = sealed_to(b"ntf1/slip", hub_key, hid, pad(slip_text, SLIP_STEP))
    stanzas = [
        Stanza(rid, sealed_to(b"ntf1/wrap", one.public, rid, cek + u64(one.sequence)))
        for rid, one in zip(ids, addressees, strict=True)
    ]
    stanzas = _with_dummies(stanzas, entropy)
    sealed_body = b""
    if body is not None:
        sealed_body = encrypt(blake(b"ntf1/body", hh, key=cek), hh + epk + commit, pad(body_text, BODY_STEP))
    parts = {"epk": epk, "commit": commit, "hid": hid, "slip": sealed_slip, "body": sealed_body}
    return _signed(signer, prefix, stanzas, parts)


def _signed(signer: SigningKey, prefix: Prefix, stanzas: Sequence[Stanza], parts: dict[str, bytes]) -> Sealed:
    """Return the envelope of these parts, signed over their transcript."""
    hashes = stanza_hashes(prefix.hh, stanzas)
    sealed_slip = slip_digest(parts["hid"], parts["slip"])
    text = transcript(prefix.raw, parts["epk"], parts["commit"], sealed_slip, hashes, parts["body"])
    signature = signer.sign(signed_form(text))
    listed = [{"rid": stanza.rid, "wrap": stanza.wrap} for stanza in stanzas]
    record = parts | {"prefix": prefix.raw, "stanzas": listed, "signature": signature}
    envelope = codec("Envelope").encode(record)
    if len(envelope) > ENVELOPE_BYTES:
        raise EnvelopeError("too_large")
    return Sealed(envelope, envelope_digest(text, signature))


def _hedged(prefix: bytes, slip: bytes, body: bytes, ids: Sequence[bytes], addressees: Sequence[Addressee]) -> bytes:
    """Return all that is sealed: it enters the keys, so that weak randomness still gives distinct keys per text."""
    numbered = b"".join(rid + u64(one.sequence) for rid, one in zip(ids, addressees, strict=True))
    return prefix + u32(len(slip)) + slip + u32(len(body)) + body + numbered


def _with_dummies(stanzas: list[Stanza], entropy: Entropy) -> list[Stanza]:
    """Return the stanzas with dummies up to the next power of two, sorted by rid, so that their number is hidden."""
    total = stanza_count(len(stanzas))
    dummies = [Stanza(entropy(ID_BYTES), entropy(WRAP_BYTES)) for _ in range(total - len(stanzas))]
    return sorted(stanzas + dummies, key=lambda stanza: stanza.rid)


def stanza_count(recipients: int) -> int:
    """Return the smallest power of two that is at least `recipients` and at least 8."""
    return 1 << (max(recipients, MIN_STANZAS) - 1).bit_length()
