"""The built-in directory of `notifier route` without a home: ISO 3166-1 states, specimens, INTERPOL; no keys."""

from __future__ import annotations

from notifier.config import OVERSIGHT
from notifier.directory.model import Authority, Directory, Hub
from notifier.directory.snapshot import Snapshot
from notifier.rules.facts import PERMISSIONS
from notifier.rules.ruleset import default_rules
from notifier.topics import feed_of

STATE_ROLES = ("spoc", "ncb", "consular", "fiu", "border")


def builtin_snapshot() -> Snapshot:
    """Return a snapshot in which every state has its authorities, UTO (specimens) too, and INTERPOL a contact point.

    Nobody has keys. A territory has no authorities: its answering state is told.
    """
    from notifier.notification.states import iso_codes

    rules = default_rules()
    states = [code for code in iso_codes() if rules.answers.state_of(code) is None]
    names = [f"{state}/{role}" for state in (*states, "UTO") for role in STATE_ROLES] + ["INTERPOL/spoc"]
    authorities = {name: Authority(name, principal_of(name), feed_of(name), (), frozenset()) for name in names}
    return Snapshot(Directory(1, 0, Hub(bytes(16), (), 1, "", ""), authorities), rules)


def principal_of(authority: str) -> str:
    """Return the broker's principal of an authority: ``TUR/spoc`` is ``tur-spoc``."""
    return authority.lower().replace("/", "-")


def permissions_of(authority: str) -> frozenset[str]:
    """Return the types that an authority may send by default; none for oversight, which only reads."""
    return frozenset() if authority.endswith(f"/{OVERSIGHT}") else PERMISSIONS
