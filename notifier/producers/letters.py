"""What leaves of one notification: a letter for all who get the same, encoded before anybody seals it. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from notifier.notification import Notification, encode, for_sealing
from notifier.notification.digest import naming
from notifier.notification.profiles import cut, profile_of
from notifier.producers.plan import UNTIED, Ties
from notifier.producers.ties import is_for_a_child

NOBODY: Final = "none"
"""The profile of a letter to nobody: that the notification was withheld is recorded, never silent."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One envelope's worth: the authorities that it is for (sorted), its profile, and the encoded notification."""

    profile: str
    names: tuple[str, ...]
    wire: bytes

    def document(self) -> bytes:
        """The stored form: the length of a JSON head, the head, the wire form."""
        head = json.dumps({"profile": self.profile, "names": self.names}).encode()
        return len(head).to_bytes(4, "big") + head + self.wire

    @classmethod
    def from_document(cls, stored: bytes) -> Letter:
        """The letter that `document` gave."""
        end = 4 + int.from_bytes(stored[:4], "big")
        head = json.loads(stored[4:end])
        return cls(head["profile"], tuple(head["names"]), stored[end:])


def letters_to(notification: Notification, names: Iterable[str], ties: Ties = UNTIED) -> list[Letter]:
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
    return [Letter(profile, tuple(group), wires[profile]) for profile, group in sorted(groups.items())]


def first_letters(notification: Notification, names: Iterable[str], ties: Ties = UNTIED) -> list[Letter]:
    """As `letters_to`; where nobody is told, one to nobody."""
    return letters_to(notification, names, ties) or [Letter(NOBODY, (), b"")]
