"""Contents of outbox entries: payloads for recipients, and audit events for the log alone. Pure.

A payload goes to all who get the same of a notification. It is encoded before it is sealed. An audit event is an act
of this authority (a hold, an approval, a refusal). Its document stays in the outbox, and its digest goes to the log
in an envelope to nobody.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from notifier.crypto.primitives import ID_BYTES, blake
from notifier.envelope import Act, Slip
from notifier.envelope.format import inputs_digest
from notifier.names import AuthorityName, NotificationId
from notifier.notification import Notification, encode, for_sealing
from notifier.notification.digest import naming
from notifier.notification.profiles import cut, profile_of
from notifier.outbox.stream import BARRED
from notifier.persons.approvals import ReviewSubject
from notifier.persons.model import canonical
from notifier.policy.case import is_for_a_child
from notifier.policy.decision import Entry
from notifier.policy.plan import NO_CASE, CaseContext
from notifier.runtime import Runtime
from notifier.times import rfc3339

NOBODY: Final = "none"
"""The profile of a payload to nobody: that the notification was withheld is recorded, never silent."""


@dataclass(frozen=True, slots=True)
class Payload:
    """The contents of one envelope: its authorities (sorted), their profile, and the encoded notification."""

    profile: str
    names: tuple[str, ...]
    wire: bytes

    def document(self) -> bytes:
        """Return the stored form: the length of a JSON head, the head, the wire form."""
        head = json.dumps({"profile": self.profile, "names": self.names}).encode()
        return len(head).to_bytes(4, "big") + head + self.wire

    @classmethod
    def from_document(cls, stored: bytes) -> Payload:
        """Return the payload that `document` gave."""
        end = 4 + int.from_bytes(stored[:4], "big")
        head = json.loads(stored[4:end])
        return cls(head["profile"], tuple(head["names"]), stored[end:])


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One act of this authority: `kind`, an `id` of its own (16 bytes), and `said`, the document (canonical JSON).

    The id is no notification's, so that the hub cannot tell which one waits. A salt in the document keeps those who
    see its digest from guessing it.
    """

    kind: str
    id: bytes
    said: bytes

    @classmethod
    def of(cls, kind: str, runtime: Runtime, facts: Mapping[str, Any]) -> AuditEvent:
        """Return a new event that says `facts`."""
        said = {**facts, "kind": kind, "salt": runtime.entropy(16).hex()}
        return cls(kind, NotificationId.new(runtime.clock(), runtime.entropy), canonical(said))

    def after(self, head: str) -> AuditEvent:
        """Return the event with the head of the chain of persons and rulings, to which it binds the log."""
        return replace(self, said=canonical({**json.loads(self.said), "chain": head}))

    def document(self) -> bytes:
        """Return the stored form."""
        return self.id + self.said

    @classmethod
    def from_document(cls, kind: str, stored: bytes) -> AuditEvent:
        """Return the event of that kind of which `document` gave `stored`."""
        return cls(kind, stored[:ID_BYTES], stored[ID_BYTES:])

    def act(self) -> Act:
        """Return what the hub is told of it: the digest."""
        return Act(self.kind, act_digest(self.said))


def shows(said: str, slip: bytes, logged: bytes) -> bool:
    """Return whether `said` is the document of an entry of the log, whose inputs digest is `logged` (32 bytes).

    `slip` is the one that the event was sent with; nobody else can show it, and none other fits.
    """
    sent = Slip.decode(slip)
    return sent.act is not None and sent.act.digest == act_digest(said.encode()) and inputs_digest(sent) == logged


def act_digest(said: bytes) -> bytes:
    """Return the digest of an audit event's document, which the hub is told in its place."""
    return blake(b"ntf1/act", said)


def payloads_for(notification: Notification, names: Iterable[str], ties: CaseContext = NO_CASE) -> list[Payload]:
    """Return the payloads for these authorities: one for each profile among them."""
    child = is_for_a_child(notification, ties)
    groups: dict[str, list[str]] = {}
    wires: dict[str, bytes] = {}
    outgoing = for_sealing(notification)
    for name in sorted(names):
        profile, allowed = profile_of(AuthorityName(name).role, child=child)
        if profile not in wires:
            wires[profile] = encode(cut(naming(outgoing, ties.digests, profile), allowed))
        groups.setdefault(profile, []).append(name)
    return [Payload(profile, tuple(group), wires[profile]) for profile, group in sorted(groups.items())]


def first_payloads(notification: Notification, names: Iterable[str], ties: CaseContext = NO_CASE) -> list[Payload]:
    """Return the payloads of `payloads_for`; where nobody is told, one to nobody."""
    return payloads_for(notification, names, ties) or [Payload(NOBODY, (), b"")]


def hold_event(held: ReviewSubject, entries: Sequence[Entry], runtime: Runtime) -> AuditEvent:
    """Return the event that a notification waits, for whom and why."""
    return AuditEvent.of(
        "hold",
        runtime,
        {
            "authority": held.authority,
            "notification_id": held.notification_id,
            "notification_digest": held.notification_digest,
            "submission": None if held.submission is None else held.submission.document(),
            "at": rfc3339(runtime.clock()),
            "holds": [{"authority": entry.authority, "because": list(entry.because)} for entry in entries],
        },
    )


def substitute_event(held: ReviewSubject, runtime: Runtime) -> AuditEvent:
    """Return the event that takes the place of a notification whose type the hub does not permit."""
    return AuditEvent.of(
        BARRED,
        runtime,
        {
            "authority": held.authority,
            "notification_id": held.notification_id,
            "notification_digest": held.notification_digest,
            "at": rfc3339(runtime.clock()),
        },
    )
