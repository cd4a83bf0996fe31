"""The roles of the directory: who signs what, for how long it is good, and when to see to it. Pure."""

from __future__ import annotations

from typing import Final

from notifier.directory.model import DAY_MS

HOUR_MS: Final = DAY_MS // 24
HOLDERS: Final = 3
THRESHOLD: Final = 2
DELEGATED: Final = ("directory", "rules")
"""The roles of documents; `targets` says who holds them."""
NUMBERED: Final = ("rules",)
"""Whose versions all stay, to be compared: what somebody was told is explained by the rules of its day."""
THRESHOLD_ROLES: Final = ("root", "targets", *DELEGATED)
ONLINE_ROLES: Final = ("snapshot", "timestamp")
ALL_ROLES: Final = (*THRESHOLD_ROLES, *ONLINE_ROLES)
LIFETIME_MS: Final = {
    "root": 730 * DAY_MS,
    "targets": 730 * DAY_MS,
    "directory": 30 * DAY_MS,
    "rules": 365 * DAY_MS,
    "snapshot": 7 * DAY_MS,
    "timestamp": DAY_MS,
}
"""How long a signature of each role is good. The last three say for how long a revocation can be hidden."""

FRESHEN_EVERY_MS: Final = HOUR_MS
MISSED_MS: Final = 2 * FRESHEN_EVERY_MS + FRESHEN_EVERY_MS // 2
"""The age of a timestamp of which two runs were missed, and half an hour for the third to be late."""

WARN_MS: Final = 60 * DAY_MS


def margin(lifetime: int) -> int:
    """How long before its end something of that lifetime is to be renewed: 60 days or a third of it, the lesser."""
    return min(WARN_MS, lifetime // 3)


def margin_of(role: str) -> int:
    """How long before a role's signature ends somebody must see to it (milliseconds).

    Of the timestamp two missed runs of `freshen` are enough: it is good for a day.
    """
    return LIFETIME_MS[role] - MISSED_MS if role == "timestamp" else margin(LIFETIME_MS[role])


def due(role: str, ends: int, now: int) -> bool:
    """Tell whether a role's signature, which ends at `ends`, needs somebody to see to it now (Unix milliseconds)."""
    return now >= ends - margin_of(role)


def delegator_of(role: str) -> str:
    """The role whose metadata says who holds `role`."""
    return "targets" if role in DELEGATED else "root"
