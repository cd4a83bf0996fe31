"""The roles of the directory: who signs, for how long, and when to renew."""

from __future__ import annotations

from typing import Final

from notifier.directory.model import DAY_MS

HOUR_MS: Final = DAY_MS // 24
HOLDERS: Final = 3
THRESHOLD: Final = 2
DELEGATED: Final = ("directory", "rules")
"""The roles of documents; `targets` lists their holders."""
NUMBERED: Final = ("rules",)
"""Roles whose versions are all kept: a decision is explained by the rules of its day."""
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
"""Lifetime of each role's signatures. Those of the last three limit the time for which a revocation can be hidden."""

FRESHEN_EVERY_MS: Final = HOUR_MS
MISSED_MS: Final = 2 * FRESHEN_EVERY_MS + FRESHEN_EVERY_MS // 2
"""The age of a timestamp after two missed runs, with half an hour for a late third one."""

WARN_MS: Final = 60 * DAY_MS


def margin(lifetime: int) -> int:
    """Return the time of renewal before the end of a lifetime: 60 days or a third of it, whichever is less."""
    return min(WARN_MS, lifetime // 3)


def margin_of(role: str) -> int:
    """Return how long before the end of a role's signature somebody must act (milliseconds).

    The timestamp, which is valid for a day, is due after two missed runs of `freshen`.
    """
    return LIFETIME_MS[role] - MISSED_MS if role == "timestamp" else margin(LIFETIME_MS[role])


def due(role: str, ends: int, now: int) -> bool:
    """Return whether somebody must renew a role's signature that ends at `ends` (Unix milliseconds)."""
    return now >= ends - margin_of(role)


def delegator_of(role: str) -> str:
    """Return the role whose metadata lists the holders of `role`."""
    return "targets" if role in DELEGATED else "root"
