"""What leaves: a letter for all who get the same of a notification, and deeds for the log alone. Pure.

A letter is encoded before anybody seals it. A deed is what this authority did (a hold, an approval, a refusal): its
document stays in the outbox, and its digest goes to the log in an envelope to nobody.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from notifier.crypto.primitives import ID_BYTES, blake
from notifier.envelope import Act, Slip
from notifier.envelope.format import inputs_digest
from notifier.names import uuid7
from notifier.notification import Notification, encode, for_sealing
from notifier.notification.digest import naming
from notifier.notification.profiles import cut, profile_of
from notifier.persons.model import canonical
from notifier.policy.case import is_for_a_child
from notifier.policy.plan import NO_CASE, CaseContext
from notifier.runtime import Runtime

NOBODY: Final = "none"
"""The profile of a letter to nobody: that the notification was withheld is recorded, never silent."""


@dataclass(frozen=True, slots=True)
class Payload:
    """One envelope's worth: the authorities that it is for (sorted), its profile, and the encoded notification."""

    profile: str
    names: tuple[str, ...]
    wire: bytes

    def document(self) -> bytes:
        """The stored form: the length of a JSON head, the head, the wire form."""
        head = json.dumps({"profile": self.profile, "names": self.names}).encode()
        return len(head).to_bytes(4, "big") + head + self.wire

    @classmethod
    def from_document(cls, stored: bytes) -> Payload:
        """The letter that `document` gave."""
        end = 4 + int.from_bytes(stored[:4], "big")
        head = json.loads(stored[4:end])
        return cls(head["profile"], tuple(head["names"]), stored[end:])


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """An act: `kind` in a word, `id` (16 bytes) its own, `said` what was done (canonical JSON).

    The id is no notification's, so that the hub cannot tell which one waits; a salt in what is said keeps whoever
    sees its digest from guessing it.
    """

    kind: str
    id: bytes
    said: bytes

    @classmethod
    def of(cls, kind: str, runtime: Runtime, facts: Mapping[str, Any]) -> AuditEvent:
        """A new one, that says `facts`."""
        said = {**facts, "kind": kind, "salt": runtime.entropy(16).hex()}
        return cls(kind, uuid7(runtime.clock(), runtime.entropy), canonical(said))

    def after(self, head: str) -> AuditEvent:
        """Return the deed with the head of the chain of persons and rulings, to which the log is bound by it."""
        return replace(self, said=canonical({**json.loads(self.said), "chain": head}))

    def document(self) -> bytes:
        """The stored form."""
        return self.id + self.said

    @classmethod
    def from_document(cls, kind: str, stored: bytes) -> AuditEvent:
        """The deed of that kind of which `document` gave this."""
        return cls(kind, stored[:ID_BYTES], stored[ID_BYTES:])

    def act(self) -> Act:
        """What the hub is told of it."""
        return Act(self.kind, act_digest(self.said))


def shows(said: str, slip: bytes, logged: bytes) -> bool:
    """Whether `said` is what an entry of the log is about: its inputs digest is `logged` (32 bytes).

    `slip` is the one that the act went with; nobody else can show it, and none other fits.
    """
    sent = Slip.decode(slip)
    return sent.act is not None and sent.act.digest == act_digest(said.encode()) and inputs_digest(sent) == logged


def act_digest(said: bytes) -> bytes:
    """What the hub is told of an act in place of what it says."""
    return blake(b"ntf1/act", said)


def payloads_for(notification: Notification, names: Iterable[str], ties: CaseContext = NO_CASE) -> list[Payload]:
    """The letters to these authorities: one for each profile among them."""
    child = is_for_a_child(notification, ties)
    groups: dict[str, list[str]] = {}
    wires: dict[str, bytes] = {}
    outgoing = for_sealing(notification)
    for name in sorted(names):
        profile, allowed = profile_of(name.partition("/")[2], child=child)
        if profile not in wires:
            wires[profile] = encode(cut(naming(outgoing, ties.digests, profile), allowed))
        groups.setdefault(profile, []).append(name)
    return [Payload(profile, tuple(group), wires[profile]) for profile, group in sorted(groups.items())]


def first_payloads(notification: Notification, names: Iterable[str], ties: CaseContext = NO_CASE) -> list[Payload]:
    """As `payloads_for`; where nobody is told, one to nobody."""
    return payloads_for(notification, names, ties) or [Payload(NOBODY, (), b"")]
