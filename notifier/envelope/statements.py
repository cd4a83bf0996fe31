"""Statements of the hub about its decisions: salted, with one signature per transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from notifier.audit.merkle import inclusion_paths, leaf_hash, root_of_path
from notifier.codec.single_object import codec
from notifier.crypto.keys import SigningKey, signature_holds
from notifier.crypto.primitives import pae, u64
from notifier.directory.model import Key
from notifier.envelope.format import parse_record
from notifier.errors import Cure, EnvelopeError, MalformedError, ProofError
from notifier.runtime import Entropy

MIN_LEAVES: Final = 16
STATEMENT_TYPE: Final = b"application/vnd.notifier.hub.v1"
HubSigner = Callable[[bytes], Key | None]


class Statement(NamedTuple):
    """A statement: to the originator about a decision, or to a recipient about its delivery.

    `reason` is None where the outcome is accepted. `stream`, `number` and `envelope_id` are set on decisions only;
    `stream` and `number` only where the position in the stream was checked. `signer` (the id of the signing key) is
    set only where the envelope was in turn. Times are in Unix milliseconds.
    """

    salt: bytes
    kind: Literal["decision", "delivery"]
    digest: bytes
    audience: str
    outcome: Literal["accepted", "rejected"]
    reason: str | None
    accepted_at: int
    rules_version: int
    directory_version: int
    stream: bytes | None = None
    number: int | None = None
    envelope_id: bytes | None = None
    signer: bytes | None = None

    def encode(self) -> bytes:
        """Return the single-object encoding, the data of the leaf."""
        return codec("Statement").encode_object(self)

    @classmethod
    def decode(cls, data: bytes) -> Statement:
        """Return the statement in `data`; raises `MalformedError`."""
        return cls(**codec("Statement").decode(data))


@dataclass(frozen=True, slots=True)
class SignedStatement:
    """A statement's bytes, its place in the transaction's tree, and the hub's signature over the root."""

    statement: bytes
    index: int
    size: int
    path: tuple[bytes, ...]
    key_id: bytes
    signature: bytes

    def record(self) -> dict[str, Any]:
        """Return the Avro record."""
        return {
            "statement": self.statement,
            "index": self.index,
            "size": self.size,
            "path": self.path,
            "key_id": self.key_id,
            "signature": self.signature,
        }

    @classmethod
    def of(cls, record: dict[str, Any]) -> SignedStatement:
        """Return the value of an Avro record."""
        return cls(**(record | {"path": tuple(record["path"])}))


def leaf_of(statement: Statement) -> bytes:
    """Return the statement's leaf hash, which stands in the audit entry of the decision."""
    return leaf_hash(statement.encode())


def sign_statements(
    statements: Sequence[Statement], *, hub_id: bytes, key: SigningKey, entropy: Entropy
) -> list[SignedStatement]:
    """Sign all statements of one transaction at once, in their order.

    Random leaves fill the tree to a power of two of at least 16, so that its size reveals little.
    """
    if not statements:
        return []
    encoded = [statement.encode() for statement in statements]
    leaves = [leaf_hash(data) for data in encoded]
    size = 1 << (max(len(leaves), MIN_LEAVES) - 1).bit_length()
    leaves += [entropy(32) for _ in range(size - len(leaves))]
    root, paths = inclusion_paths(leaves)
    signature = key.sign(_signed_form(hub_id, size, root))
    return [
        SignedStatement(data, index, size, path, key.key_id, signature)
        for index, (data, path) in enumerate(zip(encoded, paths, strict=False))
    ]


def verify_statement(signed: SignedStatement, *, hub_id: bytes, hub_signer: HubSigner) -> Statement:
    """Return the statement where the hub signed it with a key that was accepted at that time.

    Raises `EnvelopeError` (bad_statement).
    """
    key = hub_signer(signed.key_id)
    if key is None:
        raise EnvelopeError("bad_statement", "the hub has no such signing key", cure=Cure.DIRECTORY)
    try:
        root = root_of_path(signed.index, signed.size, leaf_hash(signed.statement), signed.path)
        statement = Statement.decode(signed.statement)
    except (ProofError, MalformedError) as error:
        raise EnvelopeError("bad_statement", "the statement does not parse, or its path does not hold") from error
    if not signature_holds(key.public, _signed_form(hub_id, signed.size, root), signed.signature):
        raise EnvelopeError("bad_statement", "the hub's signature does not verify")
    if not key.accepted(statement.accepted_at):
        raise EnvelopeError(
            "bad_statement", "the hub's key was not valid at the time of acceptance", cure=Cure.DIRECTORY
        )
    return statement


def notice(signed: SignedStatement) -> bytes:
    """Return a decision as a feed record for the originator."""
    return codec("Notice").encode_object(signed)


def parse_notice(data: bytes) -> SignedStatement:
    """Return the signed statement of a notice; raises `EnvelopeError`."""
    return SignedStatement.of(parse_record("Notice", data))


def _signed_form(hub_id: bytes, size: int, root: bytes) -> bytes:
    return pae(STATEMENT_TYPE, hub_id + u64(size) + root)
