"""States of what an inbox holds. Pure."""

from __future__ import annotations

from enum import StrEnum


class MessageState(StrEnum):
    """State of a message of the inbox."""

    OPENED = "opened"
    """It was verified, opened and stored."""
    CONFLICT = "conflict"
    """As `OPENED`, but another text came before under the same originator and id."""
