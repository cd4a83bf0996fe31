"""What the hub may know of a notification: the facts that route it, and nothing else.

They travel in the slip, which the router opens; so they hold resolved legs only, by code, without names,
statuses or reasons (DESIGN.md, "What the hub checks").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LEG_RULES: Final = ("origin", "destination", "transit", "nationality", "residence")
"""The rules that name a state; `interpol`, `corridor`, `originator` and `told_before` do not."""


@dataclass(frozen=True, slots=True, order=True)
class Leg:
    """One state that a notification touches: `rule` is one of `LEG_RULES`, `state` a participant's code."""

    rule: str
    state: str


@dataclass(frozen=True, slots=True)
class RoutingFacts:
    """The routing facts of one notification.

    `type` is a notification type; `in_custody` is true where the person travels or is moved in custody;
    `interpol` is true where the originator opted in and nothing forbids it; `corridor` is (from, to) for
    type pattern; `legs` are sorted and unique.
    """

    type: str
    in_custody: bool = False
    interpol: bool = False
    corridor: tuple[str, str] | None = None
    legs: tuple[Leg, ...] = ()
