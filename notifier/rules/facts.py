"""What the hub may know of a notification: the facts that route it, and nothing else.

They travel in the slip, which the router opens; so they hold resolved legs only, by code, without names,
statuses or reasons (DESIGN.md, "What the hub checks").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

LEG_RULES: Final = ("origin", "destination", "transit", "nationality", "residence")
"""The rules that name a state; `interpol`, `corridor`, `originator` and `told_before` do not."""

Naming = Literal["rules", "rules_and_told_before", "asserted", "nobody"]
NAMING: Final[Mapping[str, Naming]] = {
    **dict.fromkeys(
        ("arrest", "detention", "deportation", "travel", "identity", "consular", "pattern", "finint"), "rules"
    ),
    **dict.fromkeys(("update", "release"), "rules_and_told_before"),
    **dict.fromkeys(("receipt", "response", "correction", "withdrawal", "forward"), "asserted"),
    "act": "nobody",
}
"""Every type that a slip may have, and who must be named in it as recipient or withheld.

``rules``: exactly those whom the rules expect. ``rules_and_told_before``: those whom they expect of the new facts,
and whoever else the slip says was told before. ``asserted``: the slip's word, for the hub cannot know it.
``nobody``: an act, for the log alone.
"""

PERMISSIONS: Final = frozenset(NAMING)
"""What an authority may send, unless the directory says less."""


class Leg(NamedTuple):
    """One state that a notification touches: `rule` is one of `LEG_RULES`, `state` a participant's code."""

    rule: str
    state: str


@dataclass(frozen=True, slots=True)
class RoutingFacts:
    """The routing facts of one notification.

    `type` is a notification type; `in_custody` is true where the person travels or is moved in custody;
    `interpol` is true where the originator opted in and nothing forbids it; `corridor` is (from, to) for
    type pattern; `legs` are sorted and unique. `of` is the type of the notification that an update or release
    is about: that type's rows decide about the new facts (an update of finint goes to fiu's, never to spocs).
    """

    type: str
    in_custody: bool = False
    interpol: bool = False
    corridor: tuple[str, str] | None = None
    legs: tuple[Leg, ...] = ()
    of: str | None = None

    @property
    def judged_as(self) -> str:
        """The type whose rows decide."""
        return effective_type(self.type, self.of)


def effective_type(type_: str, of: str | None) -> str:
    """The type whose rows decide about a notification of `type_` that is about one of type `of`.

    Only an update or release is judged by another type's rows, and only by one that is named by the rules.
    """
    follows = NAMING.get(type_) == "rules_and_told_before" and NAMING.get(of or "") == "rules"
    return of if follows and of is not None else type_
