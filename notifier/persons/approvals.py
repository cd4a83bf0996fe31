"""Rulings: a person's signed approval or refusal of one hold of one notification.

Suppressions and holds protect people who never see this software. Only a person releases a hold: one registered for
that kind of hold, who signs over the notification's digest, and who did not submit it
(docs/explanation/threat-model.md, 34). No time-out and no unsigned act releases anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, Literal

from notifier.crypto.keys import SigningKey, signature_holds
from notifier.errors import RefusedError
from notifier.notification.model import NEED_ASSURANCE, Approval
from notifier.persons.model import Person, SignedDocument, check_timely, entitled, same_person, under_signature
from notifier.persons.submissions import SignedSubmission, submitter_of
from notifier.times import rfc3339

NEEDS: Final = {
    "child_review": "child_reviewer",
    "torture_or_death_risk": "assurance",
    "nationality_unconfirmed": "release",
    "consular_not_requested": "release",
    "rules_changed": "release",
}
"""The holds that a person can release, each with its permission."""

FACTS_MISSING: Final = frozenset({"nationality_unknown", "former_state", "unresolved_place"})
"""Holds without a known state: no approval can name a recipient; an update names the state."""

_TYPES: Final = {
    "approval": b"application/vnd.notifier.approval.v1",
    "refusal": b"application/vnd.notifier.refusal.v1",
}

Kind = Literal["approval", "refusal"]


@dataclass(frozen=True, slots=True)
class ReviewSubject:
    """The subject of a ruling as the outbox has it.

    `notification_id` is UUID text. `notification_digest` is hex over the whole content. `submitted_at` is in Unix
    milliseconds. `submission` is the submitter's signature, if there is one.
    """

    authority: str
    notification_id: str
    notification_digest: str
    submitted_at: int
    submission: SignedSubmission | None = None

    @property
    def submitted_by(self) -> str | None:
        """Return the registered name of the signer of the submission; None where it is not signed."""
        return None if self.submission is None else self.submission.by

    def submitter(self, persons: Iterable[Person]) -> Person | None:
        """Return the submitter; None where no valid signature names one."""
        named = (self.authority, self.notification_id, self.notification_digest)
        return submitter_of(self.submission, *named, persons)


@dataclass(frozen=True, slots=True)
class ReviewDecision(SignedDocument):
    """A person's decision on one hold, for one state or, where `state` is None, for every state that it holds.

    `at` is RFC 3339 text; `reference` names an assurance or a file; `signature` has 64 bytes.
    """

    kind: Kind
    authority: str
    notification_id: str
    notification_digest: str
    hold: str
    state: str | None
    by: str
    at: str
    reference: str | None = None
    signature: bytes = b""

    def signed_form(self) -> bytes:
        """Return the bytes under the signature: the canonical JSON of all fields, under the type of its kind."""
        said = self.document()
        del said["kind"]
        return under_signature(_TYPES[self.kind], said)

    def applies_to(self, hold: str, state: str) -> bool:
        """Return whether it is about that hold of that state."""
        return self.hold == hold and self.state in (None, state)


def sign(
    kind: Kind,
    held: ReviewSubject,
    hold: str,
    state: str | None,
    *,
    by: str,
    key: SigningKey,
    now: int,
    reference: str | None = None,
) -> ReviewDecision:
    """Return the ruling of `by`, signed with `key`; only `check` tells whether it counts."""
    ruling = ReviewDecision(
        kind,
        held.authority,
        held.notification_id,
        held.notification_digest,
        hold,
        state,
        by,
        rfc3339(now),
        reference,
    )
    return replace(ruling, signature=key.sign(ruling.signed_form()))


def check(ruling: ReviewDecision, held: ReviewSubject, persons: Iterable[Person], now: int) -> None:
    """Raise `RefusedError`, with its reason, unless `ruling` counts now; every ruling passes here.

    Reasons: `not_approvable`, `unknown_person`, `person_retired`, `permission_missing`, `submitted_by_nobody`,
    `self_approval`, `digest_mismatch`, `bad_signature`, `ruling_untimely`, `assurance_missing`.
    """
    persons = tuple(persons)
    needed = NEEDS.get(ruling.hold)
    if needed is None:
        raise _not_approvable(ruling.hold)
    person = entitled(ruling.by, needed, persons, "this hold")
    if ruling.kind == "approval":
        submitter = held.submitter(persons)
        if submitter is None:
            raise RefusedError("submitted_by_nobody", hint="notifier review resubmit ID --by NAME signs it")
        if _is_one(person, submitter):
            raise RefusedError("self_approval", hint="a second person has to decide")
    _check_content(ruling, held, person)
    check_timely(ruling.at, held.submitted_at, person, now)
    if ruling.kind == "approval" and not says_enough(ruling):
        raise RefusedError("assurance_missing")


def counts(ruling: ReviewDecision, held: ReviewSubject, persons: Iterable[Person]) -> bool:
    """Return whether an approval that passed `check` still releases its hold; every evaluation asks again."""
    persons = tuple(persons)
    person = next((one for one in persons if one.matches(ruling.by)), None)
    if ruling.kind != "approval" or person is None or not person.may(NEEDS.get(ruling.hold)):
        return False
    submitter = held.submitter(persons)
    if submitter is None or _is_one(person, submitter) or not says_enough(ruling):
        return False
    try:
        _check_content(ruling, held, person)
    except RefusedError:
        return False
    return True


def says_enough(ruling: ReviewDecision) -> bool:
    """Return whether it names state and assurance where its hold needs them; a blank names nothing."""
    named = ruling.hold not in NEED_ASSURANCE or ruling.state is not None
    return named and _approval(ruling).says_enough


def approvals_of(rulings: Iterable[ReviewDecision], held: ReviewSubject, persons: Iterable[Person]) -> list[Approval]:
    """Return the approvals that count, in the form that the decision takes."""
    known = list(persons)
    return [_approval(one) for one in rulings if counts(one, held, known)]


def _approval(ruling: ReviewDecision) -> Approval:
    return Approval(ruling.hold, ruling.by, ruling.at, ruling.state, ruling.reference)


def _is_one(person: Person, submitter: Person) -> bool:
    """Return whether both are the same person, by name in any spelling, or by key."""
    return same_person(person.name, submitter.name) or person.public == submitter.public


def _check_content(ruling: ReviewDecision, held: ReviewSubject, person: Person) -> None:
    said = (ruling.authority, ruling.notification_id, ruling.notification_digest)
    if said != (held.authority, held.notification_id, held.notification_digest):
        raise RefusedError("digest_mismatch")
    if not signature_holds(person.public, ruling.signed_form(), ruling.signature):
        raise RefusedError("bad_signature", "the signature is not that of the registered person")


def _not_approvable(hold: str) -> RefusedError:
    if hold in FACTS_MISSING:
        return RefusedError(
            "not_approvable", "no state is known for this hold: nobody can be told", hint="send an update with it"
        )
    if hold == "not_a_participant":
        return RefusedError(
            "not_approvable", "the directory has no such authority of that state", hint="have it enrolled"
        )
    return RefusedError("not_approvable", f"there is no such hold; a person can release {', '.join(sorted(NEEDS))}")
