"""The errors of the notifier: one tree, with one stable reason each.

::

    NotifierError
    ├── RefusedError                      the same input gets the same refusal again               exit 1
    │   ├── MalformedError                bytes or a document of the wrong form
    │   ├── NotificationInvalidError      every fault of a notification, by JSON pointer
    │   ├── MrzError                      a machine readable zone; names field and expected check digit
    │   ├── EnvelopeError                 an envelope, delivery or statement that does not verify
    │   ├── KeyRejectedError              a public key that may not be enrolled or used
    │   ├── ProofError                    a Merkle proof that does not hold
    │   ├── NoteError                     a signed note or checkpoint that does not parse or verify
    │   ├── DirectoryError                directory metadata that does not verify
    │   ├── NotFoundError                 no notification, key, version or file of that name
    │   ├── ConfigError                   a setting, by its key
    │   └── UsageError                    the command line                                         exit 2
    ├── OwnershipLostError                another owner took over: close, and acquire again        exit 3
    └── TemporaryError                    trying again helps                                       exit 3
        ├── ClockError                    the clock is off: no decision may use it
        ├── DirectoryStaleError           the directory could not be refreshed within its grace
        ├── TransportError                the broker
        │   └── OutcomeUnknownError       a commit or send may or may not have happened
        └── StorageError                  a local database or file

An error carries three texts. `reason` is stable, one of `REASONS`: the same in logs, metrics, topics and exit lines.
`detail` is one line in lower case, without personal data or secrets. `hint` says how to mend the fault.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

MAX_FAULTS = 100
"""Faults of one document that are listed; the others are counted."""

REASONS: dict[str, str] = {
    # The hub on an envelope, in the order of its checks (docs/reference/envelope.md).
    "too_large": "the record exceeds its size cap",
    "malformed": "the bytes do not parse, or not identically when encoded again",
    "unsupported_suite": "the cryptographic suite is not one that this directory lists",
    "wrong_hub": "the envelope was made for another hub",
    "unknown_signer": "no known authority of that name signs with that key",
    "signer_suspended": "the authority is suspended or removed",
    "signer_retired": "the signing key was retired, or had ended, before this was made",
    "bad_signature": "the signature does not verify",
    "hub_key_retired": "the slip was sealed to a hub key that is no longer in use",
    "directory_unknown": "a key of the hub or of a recipient is newer than the hub's directory",
    "unreadable_slip": "the slip does not open, or contradicts the header or the stanzas",
    "wrong_partition": "the stream does not live on this partition",
    "quota_exceeded": "the originator has had more delivered than it may for now",
    "too_many_streams": "the originator has as many streams as it may have",
    "replayed": "this number was decided before",
    "out_of_order": "the envelope does not follow the last one decided in its stream",
    "expired": "the envelope's expiry time has passed",
    "not_yet_valid": "the envelope's issue time, or the hub's time of acceptance, lies in the future",
    "not_permitted": "the originator may not send this type",
    "rules_outdated": "the rules or directory version is no longer accepted",
    "rules_unknown": "the rules or directory version is newer than the hub's",
    "recipients_mismatch": "recipients and withheld do not match the rules for the facts",
    "feed_missing": "a recipient's feed does not exist",
    "recipient_has_no_key": "the directory lists no key of a recipient to seal to",
    # A recipient on a delivery.
    "bad_statement": "the hub's statement does not verify or is about something else",
    "not_addressed": "the recipient's own stanza is not in the signed list",
    "cannot_open": "the envelope does not open with the recipient's key",
    "id_conflict": "another text is known under this originator and id",
    "signer_revoked": "the signer's key or permission was not valid when the hub accepted",
    # At the edges.
    "invalid_notification": "the notification breaks its format",
    "invalid_mrz": "a machine readable zone does not check",
    "key_rejected": "the public key is malformed or of low order",
    "proof_invalid": "a Merkle proof does not hold",
    "note_invalid": "a signed note does not parse or verify",
    "audit_mismatch": "the audit log contradicts itself",
    "directory_invalid": "the directory's metadata does not verify",
    "directory_stale": "the directory could not be refreshed within its grace",
    "unknown_authority": "the directory has no such authority",
    "config_invalid": "a setting is missing or wrong",
    "usage": "the command line is wrong",
    "not_found": "there is no such thing here",
    "warnings_not_accepted": "a warning that concerns a person's safety was not accepted by name",
    "declined": "the person at the terminal said no",
    "id_taken": "a notification of that id with other contents is already in the outbox",
    "about_mismatch": "about names what cannot be updated: another text, another originator's, or an update itself",
    "forwarding_forbidden": "the originator's handling does not permit forwarding it there",
    "child_protected": "a notification that may be about a child goes to no front line and not to INTERPOL",
    "undecided": "the hub has not decided yet",
    "held": "a person has to decide before this is sent",
    # A person's ruling on a hold.
    "not_approvable": "this is not for a person to release",
    "unknown_person": "nobody of that name is registered with the authority",
    "person_retired": "the person is retired and may not decide",
    "person_exists": "a person of that name, or with that key, is or was registered",
    "invalid_person": "a person's name or permissions are invalid",
    "permission_missing": "the person lacks the permission that this hold needs",
    "submitted_by_nobody": "no registered person or service signed the submission",
    "self_approval": "the submitter of a notification may not approve it",
    "digest_mismatch": "the signature is for another notification, or another text of it",
    "ruling_untimely": "it was signed before its subject existed, or in the future",
    "assurance_missing": "the release of a risk names one state and the reference of its assurance",
    "hold_refused": "a person refused to release this hold",
    "broker_unavailable": "the broker cannot be reached",
    "broker_refused": "the broker denies this principal",
    "outbox_restored": "the outbox was restored from a backup: a person must decide whether it is sent",
    "fenced": "another process took over",
    "outcome_unknown": "it is unknown whether this was done",
    "storage_failed": "a local file or database cannot be read or written",
    "rows_changed": "a row of a local database was made, changed or removed by somebody else",
    "output_failed": "standard output cannot be written, or nobody reads it",
    "storage_locked": "another process holds the lease of this database",
    "certificate_invalid": "a certificate is another's, has ended, or is not valid yet",
    "clock_wrong": "this machine's clock is off",
    "sandbox_failed": "a part of the sandbox did not start",
    "sandbox_not_running": "the sandbox is not running",
    "extra_missing": "a part of the software that this needs is not installed",
    "interrupted": "stopped by a signal",
    "internal": "a fault of the software",
}


class NotifierError(Exception):
    """A refusal or fault with a stable reason.

    `reason` is a key of `REASONS`. `detail` replaces that reason's text where more can be said. `hint` says how to
    mend the fault. No text may hold personal data or secrets: they go to logs and terminals.
    """

    retryable = False
    exit_status = 1
    default_reason = "internal"

    def __init__(self, reason: str | None = None, detail: str | None = None, *, hint: str | None = None) -> None:
        self.reason = reason or self.default_reason
        if self.reason not in REASONS:
            raise AssertionError(f"not a stable reason: {self.reason}")
        self.detail = detail or REASONS[self.reason]
        self.hint = hint
        super().__init__(f"{self.reason}: {self.detail}")


class RefusedError(NotifierError):
    """A refusal that stays: trying the same again does not help."""


class MalformedError(RefusedError):
    """Bytes or a document that lack the form that they claim."""

    default_reason = "malformed"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a document: its place (JSON pointer, RFC 6901), and what would be right.

    `hint` is a suggestion derived from the input. Only the submitter may see it, so it stands in no text that goes to
    logs.
    """

    pointer: str
    message: str
    hint: str | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"{self.pointer or '/'}: {self.message}"


class NotificationInvalidError(RefusedError):
    """A notification that breaks its format; `faults` lists every fault at once.

    A list of more than `MAX_FAULTS` is cut, and its last entry counts the rest.
    """

    default_reason = "invalid_notification"

    def __init__(self, faults: Sequence[Fault]) -> None:
        listed = [*faults[:MAX_FAULTS]]
        if len(faults) > MAX_FAULTS:
            listed.append(Fault("", f"has {len(faults) - MAX_FAULTS} more faults"))
        self.faults = tuple(listed)
        super().__init__(None, "; ".join(str(fault) for fault in self.faults))


class MrzError(RefusedError):
    """A machine readable zone that does not check (ICAO 9303-3, 4.9).

    `field` is the name of the field. `expected` is the right check digit where that differs.
    """

    default_reason = "invalid_mrz"

    def __init__(self, field: str, detail: str, expected: str | None = None) -> None:
        self.field = field
        self.expected = expected
        super().__init__(None, f"{field}: {detail}" + (f" (expected check digit {expected})" if expected else ""))


class Cure(StrEnum):
    """The event that can make the same refused bytes acceptable.

    ``time``: they become valid later. ``directory``: a later version has another key, permission or date. ``key``: a
    private key of this recipient is supplied.
    """

    TIME = "time"
    DIRECTORY = "directory"
    KEY = "key"


class EnvelopeError(RefusedError):
    """An envelope, delivery or statement that is refused; `cure` is set where the same bytes may become good."""

    default_reason = "malformed"

    def __init__(
        self,
        reason: str | None = None,
        detail: str | None = None,
        *,
        hint: str | None = None,
        cure: Cure | None = None,
    ) -> None:
        self.cure = cure
        super().__init__(reason, detail, hint=hint)


class KeyRejectedError(RefusedError):
    """A malformed or low-order public key."""

    default_reason = "key_rejected"


class ProofError(RefusedError):
    """A Merkle inclusion or consistency proof that does not hold."""

    default_reason = "proof_invalid"


class NoteError(RefusedError):
    """A signed note or checkpoint that does not parse or verify."""

    default_reason = "note_invalid"


class DirectoryError(RefusedError):
    """Directory metadata or a directory document that does not verify."""

    default_reason = "directory_invalid"


class ConfigError(RefusedError):
    """A setting that is missing or wrong; the detail names its key."""

    default_reason = "config_invalid"


class NotFoundError(RefusedError):
    """A name under which there is no notification, key, version or file."""

    default_reason = "not_found"


class UsageError(RefusedError):
    """A command line that is wrong."""

    default_reason = "usage"
    exit_status = 2


class OwnershipLostError(NotifierError):
    """A takeover: another owner has the transactional id or the database lease.

    Not retryable in place: the same call fails again. Close what was owned, and acquire it again; a service that is
    supervised starts again, and a command exits with status 3.
    """

    exit_status = 3
    default_reason = "fenced"


class TemporaryError(NotifierError):
    """A fault that may pass: trying again helps."""

    retryable = True
    exit_status = 3
    default_reason = "broker_unavailable"


class ClockError(TemporaryError):
    """A clock of this machine that is off by more than the skew: no decision may use it."""

    default_reason = "clock_wrong"


class DirectoryStaleError(TemporaryError):
    """A directory that could not be refreshed within its grace: nothing is sent or accepted."""

    default_reason = "directory_stale"


class TransportError(TemporaryError):
    """A broker that cannot be reached, or that denies this principal."""


class OutcomeUnknownError(TransportError):
    """A send or commit that may or may not have happened: send the same bytes again, never reseal."""

    default_reason = "outcome_unknown"


class StorageError(TemporaryError):
    """A local database or file that cannot be read or written."""

    default_reason = "storage_failed"
