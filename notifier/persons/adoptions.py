"""Signed decisions of a person after a restore: which notifications go again, and a new stream.

A backup lacks all that was sent, stopped or changed since. The decider must therefore be registered, have the
permission `release`, and sign for that restore alone: the signature names the closed stream.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, ClassVar, Final

from notifier.crypto.keys import SigningKey, signature_holds
from notifier.errors import RefusedError
from notifier.persons.model import Person, SignedDocument, check_timely, entitled
from notifier.times import rfc3339

NEEDS: Final = "release"
"""The required permission: only authorities named by the rules, and by rulings before the backup, are told."""


class Adopted(StrEnum):
    """The decision of a person."""

    SENT_AGAIN = "sent_again"
    """The notification goes to the recipients without a proof of delivery."""
    GIVEN_UP = "given_up"
    """The notification counts as refused for good."""
    NEW_STREAM = "new_stream"
    """A new stream begins although the former one could not be closed."""


@dataclass(frozen=True, slots=True)
class Signer:
    """The signer of a decision: the registered name, and the Ed25519 key registered for it."""

    by: str
    key: SigningKey


@dataclass(frozen=True, slots=True)
class Subject:
    """The subject of a decision: the closed stream of `authority` (hex), and id and digest of a notification.

    `since` is the time at which the restore was noticed (Unix milliseconds).
    """

    authority: str
    stream: str
    since: int
    notification_id: str | None = None
    notification_digest: str | None = None


@dataclass(frozen=True, slots=True)
class Adoption(SignedDocument):
    """A signed decision after a restore; `at` is RFC 3339 text, `signature` has 64 bytes.

    `notification_id` (UUID text) and `notification_digest` (hex, over the whole content) are None for a new stream.
    """

    TYPE: ClassVar[bytes] = b"application/vnd.notifier.adoption.v1"

    decision: Adopted
    authority: str
    stream: str
    notification_id: str | None
    notification_digest: str | None
    by: str
    at: str
    signature: bytes = b""

    @classmethod
    def from_document(cls, value: dict[str, Any]) -> Adoption:
        """Return the adoption that `document` gave."""
        decision, signature = Adopted(value["decision"]), bytes.fromhex(value["signature"])
        return cls(**{**value, "decision": decision, "signature": signature})


def sign(decision: Adopted, subject: Subject, signer: Signer, now: int) -> Adoption:
    """Return a signed decision; only `check` tells whether it counts."""
    unsigned = Adoption(
        decision,
        subject.authority,
        subject.stream,
        subject.notification_id,
        subject.notification_digest,
        signer.by,
        rfc3339(now),
    )
    return replace(unsigned, signature=signer.key.sign(unsigned.signed_form()))


def check(adoption: Adoption, subject: Subject, persons: Iterable[Person], now: int) -> None:
    """Raise `RefusedError`, with its reason, unless a decision about `subject` counts now.

    Every decision passes here. The reasons are those of rulings: `unknown_person`, `person_retired`,
    `permission_missing` (a service, too), `digest_mismatch`, `bad_signature`, `ruling_untimely`.
    """
    person = entitled(adoption.by, NEEDS, persons, "what a restore left")
    said = (adoption.authority, adoption.stream, adoption.notification_id, adoption.notification_digest)
    about = (subject.authority, subject.stream, subject.notification_id, subject.notification_digest)
    if said != about:
        raise RefusedError("digest_mismatch")
    if not signature_holds(person.public, adoption.signed_form(), adoption.signature):
        raise RefusedError("bad_signature", "the signature is not that of the registered person")
    check_timely(adoption.at, subject.since, person, now)
