"""Signed notes and checkpoints, after C2SP signed-note and tlog-checkpoint.

A note is a text with signatures under it. A checkpoint is a note whose text names a log, its size and its root.
`parse` checks the form, `verify` the signatures. Only Ed25519 signatures (type 0x01) are made and verified; others
are ignored, as the specification asks. Every function is total: any input gives a result or a `NoteError`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from notifier.crypto.keys import SigningKey, signature_holds
from notifier.errors import NoteError

MAX_NOTE: Final = 1_000_000  # characters
MAX_SIGNATURES: Final = 100
MAX_SIZE: Final = 2**63 - 1

_ED25519: Final = b"\x01"
_KEY_SIZE: Final = 32
_SIGNATURE_SIZE: Final = 64
_DASH: Final = "\N{EM DASH} "
_PRIVATE: Final = "PRIVATE+KEY+"


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature line: the key's name, its id (4 bytes), and the signature as it stands."""

    name: str
    key_id: bytes
    signature: bytes

    @property
    def line(self) -> str:
        """Return the line as it stands under a note, with its newline."""
        return f"{_DASH}{self.name} {base64.b64encode(self.key_id + self.signature).decode()}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A signed note: `text` ends in a newline, and there is at least one signature."""

    text: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        return f"{self.text}\n{''.join(one.line for one in self.signatures)}"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's head: `origin` names the log, `root` has 32 bytes; `extensions` are further lines."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...]
    note: Note

    def __str__(self) -> str:
        return str(self.note)


@dataclass(frozen=True, slots=True)
class Verifier:
    """A named Ed25519 public key (32 bytes)."""

    name: str
    public: bytes

    def __post_init__(self) -> None:
        if not _is_name(self.name):
            raise NoteError(detail="a key's name must not be empty, nor have spaces or a plus sign")
        if len(self.public) != _KEY_SIZE:
            raise NoteError(detail=f"a public key has {_KEY_SIZE} bytes")

    @property
    def key_id(self) -> bytes:
        """Return the first 4 bytes of SHA-256(name | newline | type | public key)."""
        return _key_id(self.name, self.public)

    @property
    def vkey(self) -> str:
        """Return the verifier key as text: ``name+id+base64``."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(_ED25519 + self.public).decode()}"

    @classmethod
    def from_vkey(cls, text: str) -> Verifier:
        """Return the key in `text`; raises `NoteError` for another form, or an id of another key."""
        name, key_id, key = _split_key(text)
        verifier = cls(name, key)
        if verifier.key_id.hex() != key_id:
            raise NoteError(detail="the key's id is another key's")
        return verifier


def vkey_of(name: str, public: bytes) -> str:
    """Return the verifier key as text of a name and an Ed25519 public key; raises `NoteError` for wrong ones."""
    return Verifier(name, public).vkey


@dataclass(frozen=True, slots=True)
class Signer:
    """A named private key that signs notes."""

    verifier: Verifier
    key: SigningKey = field(repr=False)

    @classmethod
    def of(cls, name: str, key: SigningKey) -> Signer:
        """Return the signer of that name with that key; raises `NoteError` for a wrong name."""
        return cls(Verifier(name, key.public), key)

    @classmethod
    def from_skey(cls, text: str) -> Signer:
        """Return the signer in `text`, the form of `skey`; raises `NoteError`."""
        if not text.startswith(_PRIVATE):
            raise NoteError(detail="not a private key")
        name, key_id, secret = _split_key(text[len(_PRIVATE) :])
        signer = cls.of(name, SigningKey.from_secret(secret))
        if signer.verifier.key_id.hex() != key_id:
            raise NoteError(detail="the key's id is another key's")
        return signer

    @property
    def skey(self) -> str:
        """Return the private key as text: ``PRIVATE+KEY+name+id+base64``. It is a secret."""
        key = base64.b64encode(_ED25519 + self.key.secret).decode()
        return f"{_PRIVATE}{self.verifier.name}+{self.verifier.key_id.hex()}+{key}"


def parse(text: str | bytes) -> Checkpoint:
    """Return the checkpoint in `text`, not yet verified; raises `NoteError`."""
    note = parse_note(text)
    lines = note.text[:-1].split("\n")
    if len(lines) < 3 or not all(lines):
        raise NoteError(detail="a checkpoint must have origin, size and root, and no empty line")
    origin, size, root, *extensions = lines
    if not (size.isascii() and size.isdigit()) or len(size) > len(str(MAX_SIZE)):
        raise NoteError(detail="the size is not a number")
    if str(int(size)) != size or int(size) > MAX_SIZE:
        raise NoteError(detail="the size is not in its canonical form")
    digest = _base64(root)
    if len(digest) != 32:
        raise NoteError(detail="the root must have 32 bytes")
    return Checkpoint(origin, int(size), digest, tuple(extensions), note)


def parse_note(text: str | bytes) -> Note:
    """Return the note in `text`, its signatures not yet verified; raises `NoteError`."""
    if len(text) > MAX_NOTE:
        raise NoteError(detail="the note is too long")
    try:
        plain = text.decode() if isinstance(text, bytes) else text.encode().decode()
    except UnicodeError as error:
        raise NoteError(detail="the note is not UTF-8") from error
    if any(char < " " and char != "\n" for char in plain):
        raise NoteError(detail="a note has no control characters")
    body, separator, signed = plain.rpartition("\n\n")
    if not separator or not signed.endswith("\n"):
        raise NoteError(detail="a note is a text, an empty line, and signature lines")
    lines = signed[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise NoteError(detail="the note has too many signatures")
    return Note(body + "\n", tuple(_signature(line) for line in lines))


def sign(text: str, signers: Sequence[Signer]) -> Note:
    """Return the note of `text` with these signatures; raises `NoteError` where the text cannot be a note's."""
    try:
        message = text.encode()
    except UnicodeError as error:
        raise NoteError(detail="the text is not Unicode") from error
    signatures = (Signature(one.verifier.name, one.verifier.key_id, one.key.sign(message)) for one in signers)
    note = Note(text, tuple(signatures))
    if parse_note(str(note)) != note:
        raise NoteError(detail="the text does not parse back as a note: it must end in one newline")
    return note


def sign_checkpoint(signer: Signer, size: int, root: bytes) -> Checkpoint:
    """Return the signed checkpoint of the log that is named like its key."""
    text = f"{signer.verifier.name}\n{size}\n{base64.b64encode(root).decode()}\n"
    return parse(str(sign(text, [signer])))


def verify(note: Note, verifiers: Sequence[Verifier]) -> frozenset[str]:
    """Return the names of the `verifiers` that signed; raises `NoteError` where none did.

    A wrong signature under a known name and id fails the whole note; unknown ones are ignored.
    """
    known = {(one.name, one.key_id): one for one in verifiers}
    names = set()
    for signature in note.signatures:
        verifier = known.get((signature.name, signature.key_id))
        if verifier is None:
            continue
        whole = len(signature.signature) == _SIGNATURE_SIZE
        if not whole or not signature_holds(verifier.public, note.text.encode(), signature.signature):
            raise NoteError("bad_signature", f"the signature of {verifier.name} does not hold")
        names.add(verifier.name)
    if not names:
        raise NoteError("unknown_signer", "no known key signed the note")
    return frozenset(names)


def _signature(line: str) -> Signature:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not _is_name(name):
        raise NoteError(detail="a signature line is a dash, a key's name, and base64")
    signature = _base64(encoded)
    if len(signature) <= 4:
        raise NoteError(detail="a signature line holds a key id and a signature")
    return Signature(name, signature[:4], signature[4:])


def _is_name(name: str) -> bool:
    odd = any(char.isspace() or char < " " or "\ud800" <= char <= "\udfff" for char in name)
    return bool(name) and "+" not in name and not odd


def _key_id(name: str, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:4]


def _split_key(text: str) -> tuple[str, str, bytes]:
    """Return name, id in hex, and the 32 bytes of a key in text form."""
    name, _, rest = text.partition("+")
    key_id, _, encoded = rest.partition("+")
    key = _base64(encoded)
    if key[:1] != _ED25519 or len(key) != 1 + _KEY_SIZE:
        raise NoteError(detail="not an Ed25519 key")
    return name, key_id, key[1:]


def _base64(text: str) -> bytes:
    """Return the bytes of canonical standard base64; raises `NoteError`."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteError(detail="not base64") from error
    if base64.b64encode(data).decode() != text:
        raise NoteError(detail="not base64 in its canonical form")
    return data
