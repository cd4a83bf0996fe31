"""Signed submissions: the basis of the four-eyes rule (docs/explanation/threat-model.md, 39).

A submitter is registered with the authority and signs, as an approver does. Neither is a mere typed name, so the same
key or person on both sides is found. An unsigned notification has no submitter: it goes out by the rules, and no
person can release its holds until a registered submitter signs it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar

from notifier.crypto.keys import SigningKey, signature_holds
from notifier.errors import RefusedError
from notifier.persons.model import Person, SignedDocument
from notifier.times import rfc3339


@dataclass(frozen=True, slots=True)
class Submitter:
    """The signer of a submission: an Ed25519 key, and the name that it must be registered under (None: any)."""

    key: SigningKey
    name: str | None = None


@dataclass(frozen=True, slots=True)
class SignedSubmission(SignedDocument):
    """A submitter's signed responsibility for a notification.

    `notification_id` is UUID text, `notification_digest` hex over the whole content. `by` is the registered name,
    `public` its key in hex. `at` is RFC 3339 text; `signature` has 64 bytes.
    """

    TYPE: ClassVar[bytes] = b"application/vnd.notifier.submission.v1"

    authority: str
    notification_id: str
    notification_digest: str
    by: str
    public: str
    at: str
    signature: bytes = b""


def submit(
    authority: str,
    notification_id: str,
    notification_digest: str,
    submitter: Submitter,
    persons: Iterable[Person],
    now: int,
) -> SignedSubmission:
    """Return the signed submission of a notification by `submitter`, who must be registered.

    Raises `RefusedError`: `unknown_person` where the key is not registered, or under another name than
    `submitter.name`; `person_retired`.
    """
    public = submitter.key.public
    person = next((one for one in persons if secrets.compare_digest(one.public, public)), None)
    if person is None or not _is_named(person, submitter.name):
        raise RefusedError(
            "unknown_person",
            "the submitter's key is not registered under that name",
            hint="notifier person list shows who is; notifier person add NAME registers",
        )
    if person.retired is not None:
        raise RefusedError("person_retired", "the submitter is retired")
    unsigned = SignedSubmission(
        authority, notification_id, notification_digest, person.name, person.public.hex(), rfc3339(now)
    )
    return replace(unsigned, signature=submitter.key.sign(unsigned.signed_form()))


def submitter_of(
    submission: SignedSubmission | None,
    authority: str,
    notification_id: str,
    notification_digest: str,
    persons: Iterable[Person],
) -> Person | None:
    """Return the submitter of that text of that notification; None where no registered person signed it.

    Every evaluation asks again; the database alone is not trusted.
    """
    if submission is None:
        return None
    said = (submission.authority, submission.notification_id, submission.notification_digest)
    if said != (authority, notification_id, notification_digest):
        return None
    person = next((one for one in persons if one.public.hex() == submission.public), None)
    if person is None or not person.matches(submission.by):
        return None
    if not signature_holds(person.public, submission.signed_form(), submission.signature):
        return None
    return person


def _is_named(person: Person, name: str | None) -> bool:
    return name is None or person.matches(name)
