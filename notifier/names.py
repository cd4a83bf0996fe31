"""Value types of the names that every layer uses: an authority's name, and a notification's id."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from notifier.runtime import Entropy


class AuthorityName(str):
    """The name of an authority: a participant's code and a role, as in ``TUR/spoc``.

    Any text may be wrapped; text without a slash is a participant with the empty role.
    """

    __slots__ = ()

    @property
    def participant(self) -> str:
        """The code of the participant, as in ``TUR``."""
        return self.partition("/")[0]

    @property
    def role(self) -> str:
        """The role, as in ``spoc``; empty where there is none."""
        return self.partition("/")[2]

    def is_well_formed(self, roles: Collection[str]) -> bool:
        """Return whether the participant is a code in upper case and the role is one of `roles`."""
        code = self.participant
        return code.isascii() and code.isalnum() and code.isupper() and self.role in roles


class NotificationId(bytes):
    """The id of a notification: 16 bytes, a UUID of version 7 (RFC 9562, 5.7)."""

    __slots__ = ()

    @classmethod
    def new(cls, now: int, entropy: Entropy) -> NotificationId:
        """Return an id that sorts by `now` (Unix milliseconds) and is otherwise random."""
        raw = bytearray(now.to_bytes(6, "big") + entropy(10))
        raw[6] = raw[6] & 0x0F | 0x70
        raw[8] = raw[8] & 0x3F | 0x80
        return cls(raw)

    @classmethod
    def parse(cls, text: str) -> NotificationId:
        """Return the id that `text` writes as a UUID of any version. Raises `ValueError` for other text."""
        return cls(uuid.UUID(text).bytes)

    @property
    def text(self) -> str:
        """The canonical text of the UUID: 36 characters in lower case."""
        return str(uuid.UUID(bytes=bytes(self)))
