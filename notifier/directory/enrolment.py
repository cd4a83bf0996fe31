"""Enrolment: an authority proves possession of its keys before the directory lists them.

There are two proofs, both over hub id, authority and key (docs/reference/envelope.md, "Keys"): a signature under a
type of its own, and the answer to a challenge sealed to the encryption key under a personalisation of its own. A raw
challenge would make the applicant an oracle for arbitrary texts.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from notifier.audit.checkpoint import Signer, Verifier
from notifier.crypto.keys import DecryptionKey, KeyUse, SigningKey, signature_holds
from notifier.crypto.points import check_encryption_key, check_signing_key
from notifier.crypto.primitives import blake, decrypt, encrypt, exchange, pae, public_of, u16
from notifier.directory.model import ROLES, Directory, Key, KeyState
from notifier.directory.wording import Endorser
from notifier.errors import Fault, KeyRejectedError, MalformedError, NoteError, NotificationInvalidError
from notifier.names import AuthorityName
from notifier.runtime import Entropy

PROOF_TYPE: Final = b"application/vnd.notifier.enrolment.v1"
CHALLENGE_PERSON: Final = b"ntf1/enrol"
CHALLENGE_BYTES: Final = 32
MAX_NAME: Final = 64
ENDORSEMENT_TYPE: Final = b"application/vnd.notifier.endorsement.v1"
LOG_KEY_TYPE: Final = b"application/vnd.notifier.log-key.v1"
MAX_VKEY: Final = 1024
HUB: Final = "hub"
"""The name under which the hub requests keys of its own."""
PLAIN: Final = ("signing", "encryption", "proof")
ENDORSED: Final = ("endorsed_by", "endorsement")


@dataclass(frozen=True, slots=True)
class Request:
    """An enrolment request: the authority's name, two public keys, and the signature's proof.

    An authority that takes part already adds an `endorsement`: the signature of its present key `endorsed_by` for the
    new keys.
    """

    authority: str
    signing: bytes
    encryption: bytes
    proof: bytes
    endorsed_by: bytes = b""
    endorsement: bytes = b""

    def to_document(self) -> dict[str, Any]:
        """Return the content of the request's file."""
        names = PLAIN + (ENDORSED if self.endorsement else ())
        return {"authority": self.authority} | {name: getattr(self, name).hex() for name in names}

    @classmethod
    def from_document(cls, document: object) -> Request:
        """Return the request in a document; raises `MalformedError`."""
        endorsed = isinstance(document, dict) and not document.keys().isdisjoint(ENDORSED)
        return cls(**_hex_fields(document, PLAIN + (ENDORSED if endorsed else ()), "authority"))


@dataclass(frozen=True, slots=True)
class LogKeyRequest:
    """The auditor's request for another key of the log, as a vkey string with a proof of possession."""

    vkey: str
    proof: bytes

    def to_document(self) -> dict[str, Any]:
        """Return the content of the request's file."""
        return {"vkey": self.vkey, "proof": self.proof.hex()}

    @classmethod
    def from_document(cls, document: object) -> LogKeyRequest:
        """Return the request in a document; raises `MalformedError`."""
        fields = _hex_fields(document, ("proof",), "vkey", MAX_VKEY)
        return cls(fields["vkey"], fields["proof"])


def log_request(hub_id: bytes, signer: Signer) -> LogKeyRequest:
    """Return the request for a key of the log of the hub of that id."""
    vkey = signer.verifier.vkey
    return LogKeyRequest(vkey, signer.key.sign(_log_signed(hub_id, vkey)))


def check_log_request(asked: LogKeyRequest, hub_id: bytes, origin: str) -> None:
    """Raise `KeyRejectedError` for a wrong key, a key of another log, or a wrong proof of possession."""
    try:
        verifier = Verifier.from_vkey(asked.vkey)
    except NoteError as error:
        raise KeyRejectedError(detail=f"the log's key: {error.detail}") from error
    check_signing_key(verifier.public)
    if verifier.name != origin:
        raise KeyRejectedError(detail=f"the key belongs to another log than {origin}")
    if not signature_holds(verifier.public, _log_signed(hub_id, asked.vkey), asked.proof):
        raise KeyRejectedError(detail="the signature does not show possession of the log's key for this hub")


def _log_signed(hub_id: bytes, vkey: str) -> bytes:
    return pae(LOG_KEY_TYPE, hub_id + vkey.encode())


@dataclass(frozen=True, slots=True)
class Challenge:
    """A challenge sealed to an encryption key."""

    authority: str
    epk: bytes
    sealed: bytes

    def to_document(self) -> dict[str, Any]:
        """Return the content of the challenge's file."""
        return {"authority": self.authority, "epk": self.epk.hex(), "sealed": self.sealed.hex()}

    @classmethod
    def from_document(cls, document: object) -> Challenge:
        """Return the challenge in a document; raises `MalformedError`."""
        fields = _hex_fields(document, ("epk", "sealed"), "authority")
        return cls(fields["authority"], fields["epk"], fields["sealed"])


def request(
    authority: str,
    hub_id: bytes,
    signing: SigningKey,
    decryption: DecryptionKey,
    present: SigningKey | None = None,
) -> Request:
    """Return the request of `authority` (or of `HUB`) with these keys, for the hub of that id.

    Where it takes part already, its `present` signing key endorses them.
    """
    proof = signing.sign(_signed(hub_id, authority, signing.public, decryption.public))
    made = Request(authority, signing.public, decryption.public, proof)
    if present is None:
        return made
    return replace(made, endorsed_by=present.key_id, endorsement=present.sign(_endorsed(hub_id, made)))


def endorser(requests: Sequence[Request], directory: Directory, hub_id: bytes) -> Endorser:
    """Return a function that finds the present key of an authority that endorsed all given new keys, or None."""

    def find(name: str, added: Sequence[Key]) -> Key | None:
        known = directory.authority(name)
        present = directory.hub.keys if name == HUB else known.keys if known is not None else ()
        signed: dict[bytes, Key] = {}
        for asked in requests:
            by = next((key for key in present if key.key_id == asked.endorsed_by), None)
            if asked.authority == name and by is not None and endorses(by, asked, hub_id):
                signed |= {asked.signing: by, asked.encryption: by}
        found = [signed.get(key.public) for key in added]
        return found[0] if found and None not in found else None

    return find


def endorses(by: Key, asked: Request, hub_id: bytes) -> bool:
    """Return whether the present key `by` endorsed the keys of a request; a revoked key endorses nothing."""
    able = by.use is KeyUse.SIGN and by.state is not KeyState.REVOKED
    return able and signature_holds(by.public, _endorsed(hub_id, asked), asked.endorsement)


def check_request(asked: Request, hub_id: bytes) -> None:
    """Raise `KeyRejectedError` for a malformed or low-order key, and for a signature that proves no possession."""
    if not AuthorityName(asked.authority).is_well_formed(ROLES) and asked.authority != HUB:
        raise NotificationInvalidError(
            [Fault("/authority", f"must be PARTICIPANT/role, with one of {', '.join(ROLES)}")]
        )
    check_signing_key(asked.signing)
    check_encryption_key(asked.encryption)
    if not signature_holds(
        asked.signing, _signed(hub_id, asked.authority, asked.signing, asked.encryption), asked.proof
    ):
        raise KeyRejectedError(detail="the signature does not show possession of the signing key for this hub")


def challenge(asked: Request, hub_id: bytes, entropy: Entropy) -> tuple[Challenge, bytes]:
    """Return a challenge that only the holder of the encryption key can answer, and its answer (32 bytes)."""
    answer, secret = entropy(CHALLENGE_BYTES), entropy(32)
    epk = public_of(secret)
    about = _about(hub_id, asked.authority, asked.encryption)
    try:
        key = blake(CHALLENGE_PERSON, about + epk, key=exchange(secret, asked.encryption))
    except ValueError as error:
        raise KeyRejectedError from error
    return Challenge(asked.authority, epk, encrypt(key, about, answer)), answer


def answer(posed: Challenge, hub_id: bytes, decryption: DecryptionKey) -> bytes:
    """Return the answer to a challenge; raises `KeyRejectedError` where it is for another key, hub or authority."""
    about = _about(hub_id, posed.authority, decryption.public)
    try:
        key = blake(CHALLENGE_PERSON, about + posed.epk, key=exchange(decryption.secret, posed.epk))
        return decrypt(key, about, posed.sealed)
    except ValueError as error:
        raise KeyRejectedError(
            detail="the challenge was not sealed to this key, for this hub and authority"
        ) from error


def check_answer(expected: bytes, given: bytes) -> None:
    """Raise `KeyRejectedError` unless the answer is right."""
    if not hmac.compare_digest(expected, given):
        raise KeyRejectedError(detail="the answer does not show possession of the encryption key")


def _about(hub_id: bytes, authority: str, key: bytes) -> bytes:
    name = authority.encode()
    return hub_id + u16(len(name)) + name + key


def _signed(hub_id: bytes, authority: str, signing: bytes, encryption: bytes) -> bytes:
    return pae(PROOF_TYPE, _about(hub_id, authority, signing) + encryption)


def _endorsed(hub_id: bytes, asked: Request) -> bytes:
    return pae(ENDORSEMENT_TYPE, _about(hub_id, asked.authority, asked.signing) + asked.encryption)


def _hex_fields(document: object, names: tuple[str, ...], text: str, longest: int = MAX_NAME) -> dict[str, Any]:
    if not isinstance(document, dict) or sorted(document) != sorted((*names, text)):
        raise MalformedError(detail=f"must have exactly the fields {', '.join((text, *names))}")
    name = document[text]
    if not isinstance(name, str) or not name.isascii() or len(name) > longest:
        raise MalformedError(detail=f"{text} must be a name of at most {longest} ASCII characters")
    try:
        return {text: name} | {name: bytes.fromhex(document[name]) for name in names}
    except (TypeError, ValueError) as error:
        raise MalformedError(detail="keys and proofs must be hex") from error
