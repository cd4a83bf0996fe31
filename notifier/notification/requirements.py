"""The stages and parts that each type of notification must, may and must not have: a new type is a new row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Presence = Literal["mandatory", "optional", "none"]


@dataclass(frozen=True, slots=True)
class Requirement:
    """The stages of one type (none: null), and the parts that it must, may and must not have."""

    stages: tuple[str, ...] = ()
    subject: Presence = "mandatory"
    movement: Presence = "optional"
    corridor: Presence = "none"
    amounts: Presence = "none"
    about: Presence = "none"


REQUIREMENTS: Final = {
    "arrest": Requirement(),
    "detention": Requirement(),
    "deportation": Requirement(("ordered", "in_progress", "completed", "cancelled"), movement="mandatory"),
    "travel": Requirement(
        ("planned", "departed", "attempted", "denied", "transited", "arrived"), movement="mandatory"
    ),
    "identity": Requirement(movement="none"),
    "consular": Requirement(("informed", "requested", "declined", "notified", "visited"), movement="none"),
    "pattern": Requirement(subject="none", movement="none", corridor="mandatory"),
    "finint": Requirement(amounts="optional"),
    "release": Requirement(about="mandatory"),
    "update": Requirement(subject="optional", about="mandatory"),
    "correction": Requirement(subject="optional", about="mandatory"),
    "withdrawal": Requirement(subject="none", movement="none", about="mandatory"),
    "response": Requirement(
        (
            "identity_confirmed",
            "identity_denied",
            "nationality_confirmed",
            "nationality_denied",
            "hit",
            "no_hit",
            "action_taken",
            "consular_request",
            "information_request",
            "resend_request",
            "new_deadline",
            "error_report",
            "forward_request",
        ),
        subject="none",
        movement="none",
        about="mandatory",
    ),
}
