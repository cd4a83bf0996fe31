"""Enrolment: an authority shows that it holds the keys that it names, before they stand in the directory. Pure.

Two proofs, both over hub id, authority and key (docs/envelope.md, "Keys"): a signature under a type of its own,
and the answer to a challenge that was sealed to the encryption key under a person of its own. A raw challenge
would make the applicant an oracle for whatever somebody wants signed or opened.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Any, Final

from notifier.directory.keys import check_encryption_key, check_signing_key
from notifier.directory.model import ROLES
from notifier.envelope.keys import DecryptionKey, SigningKey, signature_holds
from notifier.envelope.primitives import blake, decrypt, encrypt, exchange, pae, public_of, u16
from notifier.errors import Fault, KeyRejected, Malformed, NotificationInvalid
from notifier.runtime import Entropy

PROOF_TYPE: Final = b"application/vnd.notifier.enrolment.v1"
CHALLENGE_PERSON: Final = b"ntf1/enrol"
CHALLENGE_BYTES: Final = 32
LONGEST_NAME: Final = 64


@dataclass(frozen=True, slots=True)
class Request:
    """What an authority asks to be enrolled with: its name, two public keys, and the signature's proof."""

    authority: str
    signing: bytes
    encryption: bytes
    proof: bytes

    def to_document(self) -> dict[str, Any]:
        """As the request's file holds it."""
        names = ("signing", "encryption", "proof")
        return {"authority": self.authority} | {name: getattr(self, name).hex() for name in names}

    @classmethod
    def from_document(cls, document: object) -> Request:
        """Raises `Malformed`."""
        fields = _hex_fields(document, ("signing", "encryption", "proof"), "authority")
        return cls(fields["authority"], fields["signing"], fields["encryption"], fields["proof"])


@dataclass(frozen=True, slots=True)
class Challenge:
    """A challenge that was sealed to an encryption key."""

    authority: str
    epk: bytes
    sealed: bytes

    def to_document(self) -> dict[str, Any]:
        """As the challenge's file holds it."""
        return {"authority": self.authority, "epk": self.epk.hex(), "sealed": self.sealed.hex()}

    @classmethod
    def from_document(cls, document: object) -> Challenge:
        """Raises `Malformed`."""
        fields = _hex_fields(document, ("epk", "sealed"), "authority")
        return cls(fields["authority"], fields["epk"], fields["sealed"])


def request(authority: str, hub_id: bytes, signing: SigningKey, decryption: DecryptionKey) -> Request:
    """The request of `authority` with these keys, for the hub of that id."""
    proof = signing.sign(_signed(hub_id, authority, signing.public, decryption.public))
    return Request(authority, signing.public, decryption.public, proof)


def check_request(asked: Request, hub_id: bytes) -> None:
    """Raises `KeyRejected` for malformed or low-order keys, and where the signature does not prove possession."""
    participant, _, role = asked.authority.partition("/")
    if not (participant.isascii() and participant.isalnum() and participant.isupper() and role in ROLES):
        raise NotificationInvalid([Fault("/authority", f"must be PARTICIPANT/role, with one of {', '.join(ROLES)}")])
    check_signing_key(asked.signing)
    check_encryption_key(asked.encryption)
    if not signature_holds(
        asked.signing, _signed(hub_id, asked.authority, asked.signing, asked.encryption), asked.proof
    ):
        raise KeyRejected(detail="the signature does not show possession of the signing key for this hub")


def challenge(asked: Request, hub_id: bytes, entropy: Entropy) -> tuple[Challenge, bytes]:
    """A challenge that only the holder of the encryption key can answer, and its answer (32 bytes)."""
    answer, secret = entropy(CHALLENGE_BYTES), entropy(32)
    epk = public_of(secret)
    about = _about(hub_id, asked.authority, asked.encryption)
    try:
        key = blake(CHALLENGE_PERSON, about + epk, key=exchange(secret, asked.encryption))
    except ValueError as error:
        raise KeyRejected from error
    return Challenge(asked.authority, epk, encrypt(key, about, answer)), answer


def answer(posed: Challenge, hub_id: bytes, decryption: DecryptionKey) -> bytes:
    """The answer to a challenge; raises `KeyRejected` where it was not sealed to this key for this hub."""
    about = _about(hub_id, posed.authority, decryption.public)
    try:
        key = blake(CHALLENGE_PERSON, about + posed.epk, key=exchange(decryption.secret, posed.epk))
        return decrypt(key, about, posed.sealed)
    except ValueError as error:
        raise KeyRejected(detail="the challenge was not sealed to this key, for this hub and authority") from error


def check_answer(expected: bytes, given: bytes) -> None:
    """Raises `KeyRejected` unless the answer is right."""
    if not hmac.compare_digest(expected, given):
        raise KeyRejected(detail="the answer does not show possession of the encryption key")


def _about(hub_id: bytes, authority: str, key: bytes) -> bytes:
    name = authority.encode()
    return hub_id + u16(len(name)) + name + key


def _signed(hub_id: bytes, authority: str, signing: bytes, encryption: bytes) -> bytes:
    return pae(PROOF_TYPE, _about(hub_id, authority, signing) + encryption)


def _hex_fields(document: object, names: tuple[str, ...], text: str) -> dict[str, Any]:
    if not isinstance(document, dict) or sorted(document) != sorted((*names, text)):
        raise Malformed(detail=f"has exactly the fields {', '.join((text, *names))}")
    name = document[text]
    if not isinstance(name, str) or not name.isascii() or len(name) > LONGEST_NAME:
        raise Malformed(detail=f"{text} is a name of at most {LONGEST_NAME} ASCII characters")
    try:
        return {text: name} | {name: bytes.fromhex(document[name]) for name in names}
    except (TypeError, ValueError) as error:
        raise Malformed(detail="keys and proofs are hex") from error
