"""Forwarding: the notification that a recipient may make from one that it received.

The originator's conditions bind every forwarder (S/RES/2396 (2017), paragraphs 7, 8, 26; Europol's handling codes).
The codes stand below as data. A forwarded notification has a new id and the forwarder as originator, and names its
parent. The forwarder adds nothing, and the conditions travel with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from notifier.errors import RefusedError
from notifier.names import NotificationId
from notifier.notification.digest import digest_of
from notifier.notification.model import About, Handling, Notification, Parent

FORWARD_REQUEST: Final = "forward_request"

NEVER: Final = frozenset({"receipt", "response", "correction", "withdrawal", "act"})
"""Types between one originator and one recipient, which nobody forwards by hand."""


@dataclass(frozen=True, slots=True)
class Code:
    """A handling code: permission to forward without asking (`onward`), and its meaning in words."""

    onward: bool
    says: str


CODES: Final[Mapping[str, Code]] = {
    "H0": Code(onward=True, says="to prevent and combat crime only"),
    "H1": Code(onward=True, says="not in court without the originator's permission"),
    "H2": Code(onward=False, says="not onwards without the originator's permission"),
    "H3": Code(onward=True, says="as its text says"),
}
"""Every code travels with a forwarded notification and binds its recipient."""


def is_shareable(handling: Handling) -> bool:
    """Return whether every code permits forwarding without asking; an unknown code does not."""
    return all(code in CODES and CODES[code].onward for code in handling.codes)


def derive(parent: Notification, forwarder: str, notification_id: bytes, today: str) -> Notification:
    """Return the notification that `forwarder` makes of `parent`: the same statement, under its own name and id.

    Type, stage, times, grading, handling, dates of review and erasure, and the exercise flag stay the parent's.
    `interpol` is cleared, because only an originator opts in. Raises `RefusedError` (`forwarding_forbidden`) for a
    type that is not forwarded, and after the date of review (`today` is a date, YYYY-MM-DD).
    """
    if parent.id is None:
        raise ValueError("a received notification has an id")
    if parent.type in NEVER:
        raise RefusedError("forwarding_forbidden", f"a {parent.type} is between its sender and its recipient")
    if parent.review_date <= today:
        raise RefusedError(
            "forwarding_forbidden", "its date of review has come: ask its originator for a review first"
        )
    origin = Parent(parent.originator, NotificationId(parent.id).text, digest_of(parent))
    return replace(parent, id=notification_id, originator=forwarder, parent=origin, interpol=False, local=None)


def request_to_forward(
    parent: Notification, forwarder: str, names: tuple[str, ...], notification_id: bytes, at: str
) -> Notification:
    """Return the response that asks the originator for leave to forward to `names`, without personal data.

    `at` is the time (RFC 3339).
    """
    if parent.id is None:
        raise ValueError("a received notification has an id")
    return Notification(
        type="response",
        stage=FORWARD_REQUEST,
        originator=forwarder,
        event_time=at,
        urgency=parent.urgency,
        purpose=parent.purpose,
        legal_basis=parent.legal_basis,
        grading=parent.grading,
        handling=Handling(),
        review_date=parent.review_date,
        erase_date=parent.erase_date,
        language="en",
        subject=None,
        movement=None,
        exercise=parent.exercise,
        narrative=f"asks to forward it to {', '.join(names)}",
        about=About(NotificationId(parent.id).text, digest_of(parent)),
        correlation=parent.correlation,
        id=notification_id,
    )
