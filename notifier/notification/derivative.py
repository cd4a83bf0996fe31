"""What may be made of a notification that was received, to pass it on. Pure.

Whoever shares onwards is bound by the originator's word (S/RES/2396 (2017), paragraphs 7, 8, 26; Europol's handling
codes): the codes stand below as data. The forwarder becomes the originator of a notification with an id of its own,
which names its parent; it adds nothing, and the originator's conditions travel with it.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from notifier.errors import RefusedError
from notifier.notification.digest import digest_of
from notifier.notification.model import About, Handling, Notification, Parent

FORWARD_REQUEST: Final = "forward_request"

NEVER: Final = frozenset({"receipt", "response", "correction", "withdrawal", "act"})
"""Types that are said between originator and recipient: nobody passes them on by hand."""


@dataclass(frozen=True, slots=True)
class Code:
    """A handling code: whether what carries it may be shared onwards without asking, and what it says."""

    onward: bool
    says: str


CODES: Final[Mapping[str, Code]] = {
    "H0": Code(onward=True, says="to prevent and combat crime only"),
    "H1": Code(onward=True, says="not in court without the originator's permission"),
    "H2": Code(onward=False, says="not onwards without the originator's permission"),
    "H3": Code(onward=True, says="as its text says"),
}
"""All of them travel with what is shared onwards, and bind whoever gets it."""


def is_shareable(handling: Handling) -> bool:
    """Whether every code lets it be shared onwards; one that nobody knows here may mean anything."""
    return all(code in CODES and CODES[code].onward for code in handling.codes)


def derive(parent: Notification, forwarder: str, notification_id: bytes, today: str) -> Notification:
    """What `forwarder` passes on of `parent`: the same statement, under its own name and id.

    Type, stage, times, grading, handling, dates of review and erasure, and whether it is an exercise are the
    parent's. INTERPOL is opted in by an originator alone. Raises `RefusedError` (`forwarding_forbidden`) for a type
    that is not passed on, and for what has reached its date of review (`today` is a date, YYYY-MM-DD).
    """
    if parent.id is None:
        raise ValueError("what was received has an id")
    if parent.type in NEVER:
        raise RefusedError("forwarding_forbidden", f"a {parent.type} is between its sender and its recipient")
    if parent.review_date <= today:
        raise RefusedError(
            "forwarding_forbidden", "its date of review is reached: its originator has to look at it first"
        )
    origin = Parent(parent.originator, str(uuid.UUID(bytes=parent.id)), digest_of(parent))
    return replace(parent, id=notification_id, originator=forwarder, parent=origin, interpol=False, local=None)


def request_to_forward(
    parent: Notification, forwarder: str, names: tuple[str, ...], notification_id: bytes, at: str
) -> Notification:
    """The response to the originator that asks for leave to forward to `names`; it says nothing of the person.

    `at` is the time (RFC 3339).
    """
    if parent.id is None:
        raise ValueError("what was received has an id")
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
        about=About(str(uuid.UUID(bytes=parent.id)), digest_of(parent)),
        correlation=parent.correlation,
        id=notification_id,
    )
