"""The routing facts of a notification: all that the hub may know of it.

They travel in the slip, which the router opens. They hold resolved legs only, by code, without names, statuses or
reasons.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

LEG_RULES: Final = ("origin", "destination", "transit", "nationality", "residence")
"""Rules that name a state; `interpol`, `corridor`, `originator` and `told_before` name none."""

Naming = Literal["rules", "rules_and_told_before", "asserted", "nobody"]
NAMING: Final[Mapping[str, Naming]] = {
    **dict.fromkeys(
        ("arrest", "detention", "deportation", "travel", "identity", "consular", "pattern", "finint"), "rules"
    ),
    **dict.fromkeys(("update", "release"), "rules_and_told_before"),
    **dict.fromkeys(("receipt", "response", "correction", "withdrawal", "forward"), "asserted"),
    "act": "nobody",
}
"""Every type that a slip may have, and the authorities that it must name as recipient or withheld.

``rules``: exactly those that the rules expect. ``rules_and_told_before``: those expected for the new facts, and the
others that the slip states were told before. ``asserted``: those of the slip, because the hub cannot know them.
``nobody``: none, for an act, which is for the log alone.
"""

PERMISSIONS: Final = frozenset(NAMING)
"""The types that an authority may send, unless the directory permits fewer."""


class Leg(NamedTuple):
    """A state that a notification touches: `rule` is one of `LEG_RULES`, `state` a participant's code."""

    rule: str
    state: str


@dataclass(frozen=True, slots=True)
class RoutingFacts:
    """The routing facts of one notification.

    `type` is a notification type. `in_custody` is true where the person travels or is moved in custody. `interpol` is
    true where the originator opted in and nothing forbids it. `corridor` is (from, to) for type pattern. `legs` are
    sorted and unique. `of` is the type of the notification that an update or release is about. That type's rows
    decide on the new facts: an update of finint goes to the role fiu, never to spoc.
    """

    type: str
    in_custody: bool = False
    interpol: bool = False
    corridor: tuple[str, str] | None = None
    legs: tuple[Leg, ...] = ()
    of: str | None = None

    @property
    def effective_type(self) -> str:
        """Return the type whose rows decide."""
        return effective_type(self.type, self.of)


def effective_type(type_: str, of: str | None) -> str:
    """Return the type whose rows decide on a notification of `type_` about one of type `of`.

    Only an update or release uses the rows of another type, and only of one that the rules name.
    """
    follows = NAMING.get(type_) == "rules_and_told_before" and NAMING.get(of or "") == "rules"
    return of if follows and of is not None else type_
