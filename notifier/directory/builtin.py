"""The directory for `notifier route` without a home: every state of ISO 3166-1, specimens, INTERPOL; no keys."""

from __future__ import annotations

from notifier.config import OVERSIGHT
from notifier.directory.model import Authority, Directory, Hub
from notifier.directory.snapshot import Snapshot
from notifier.rules.facts import PERMISSIONS
from notifier.rules.ruleset import default_rules
from notifier.topics import feed_of

STATE_ROLES = ("spoc", "ncb", "consular", "fiu", "border")


def builtin_snapshot() -> Snapshot:
    """Every state has its authorities, UTO (specimens) too; INTERPOL has a contact point; nobody has keys.

    A territory has none: the state that answers for it is told.
    """
    from notifier.notification.states import iso_codes

    rules = default_rules()
    states = [code for code in iso_codes() if rules.answers.state_of(code) is None]
    names = [f"{state}/{role}" for state in (*states, "UTO") for role in STATE_ROLES] + ["INTERPOL/spoc"]
    authorities = {name: Authority(name, principal_of(name), feed_of(name), (), frozenset()) for name in names}
    return Snapshot(Directory(1, 0, Hub(bytes(16), (), 1, "", ""), authorities), rules)


def principal_of(authority: str) -> str:
    """The broker's principal of an authority: ``TUR/spoc`` is ``tur-spoc``."""
    return authority.lower().replace("/", "-")


def permissions_of(authority: str) -> frozenset[str]:
    """What an authority may send until the directory says less: oversight nothing, since it only reads."""
    return frozenset() if authority.endswith(f"/{OVERSIGHT}") else PERMISSIONS
