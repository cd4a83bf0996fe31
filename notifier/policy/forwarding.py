"""The decision on forwarding: like any other, with candidates that the forwarder names.

The originator's handling and the person's protection decide. A notification that may be about a child waits for the
forwarder's own child reviewer, because the originator's reviewed other recipients.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from notifier.directory.model import Directory
from notifier.errors import DirectoryError, RefusedError
from notifier.names import AuthorityName
from notifier.notification import Notification
from notifier.notification.derivative import is_shareable
from notifier.notification.model import Approval
from notifier.notification.suggesting import did_you_mean, parties_like
from notifier.notification.territories import BUILT_IN_TABLE, Territories
from notifier.policy.decision import INTERPOL, Decision, Entry, Reason
from notifier.policy.safeguards import is_excluded, is_released_to, needs_child_review

FORWARDED: Final = "forwarded"

OBJECTIONS: Final[Mapping[str, str]] = {
    "child_protected": "a notification that may be about a child goes to no front line and not to INTERPOL",
    "onward_forbidden": "its handling code asks for the originator's permission first",
    "not_to": "the originator names it among those who must not be told",
    "not_released_to": "the originator releases it to others only",
    "another_state": "another state is told only where the originator releases it to that state by name",
}
"""Reasons not to forward to an authority. No permission can lift the first."""


def paragraph_of(forwarder: str, name: str) -> str:
    """Return the paragraph for telling `name`: 8 for the front line, 7 for domestic agencies, 5 for other states."""
    if name.endswith("/border"):
        return "8"
    return "7" if AuthorityName(name).participant == AuthorityName(forwarder).participant else "5"


def objections(received: Notification, forwarder: str, name: str, answers: Territories = BUILT_IN_TABLE) -> list[str]:
    """Return the reasons (keys of `OBJECTIONS`) why `forwarder` may not tell the authority `name`.

    `not_to` never leaves its originator (`for_sealing`); one that other software sent binds all the same.
    """
    found = {
        "child_protected": is_kept_from(name) and needs_child_review(received),
        "onward_forbidden": not is_shareable(received.handling),
        "not_to": is_excluded(name, received, answers),
        "not_released_to": not is_released_to(name, received, answers),
        "another_state": not is_ours_to_tell(name, forwarder, received, answers),
    }
    return [code for code, objected in found.items() if objected]


def is_kept_from(name: str) -> bool:
    """Return whether this authority never gets a notification about a child: the front line, and INTERPOL."""
    return AuthorityName(name).role == "border" or AuthorityName(name).participant == INTERPOL


def is_ours_to_tell(name: str, forwarder: str, received: Notification, answers: Territories) -> bool:
    """Return whether the authority is of the forwarder's own participant, or `release_to` permits it.

    A state may tell its territories; a territory may not tell its state. Only the originator knows whom the person
    fears, and never says so: nobody else chooses another state.
    """
    ours = answers.covers(AuthorityName(forwarder).participant, AuthorityName(name).participant)
    return ours or answers.releases(received.handling.release_to, name)


def check_forward(
    parent: Notification,
    forwarder: str,
    names: Sequence[str],
    directory: Directory,
    answers: Territories = BUILT_IN_TABLE,
) -> None:
    """Raise unless every one of `names` may be told of `parent`.

    Raises `DirectoryError` (`unknown_authority`), and `RefusedError`: `child_protected`, which no permission can
    lift; `forwarding_forbidden`, for which the originator can be asked.
    """
    found: dict[str, set[str]] = {}
    for name in names:
        if name == forwarder or not directory.participates(name):
            meant = did_you_mean(parties_like(name, directory.authorities))
            raise DirectoryError(
                "unknown_authority", f"the directory has no other active authority {name}", hint=meant
            )
        for code in objections(parent, forwarder, name, answers):
            found.setdefault(code, set()).add(name)
    for code in OBJECTIONS:
        if code in found:
            reason = "child_protected" if code == "child_protected" else "forwarding_forbidden"
            raise RefusedError(reason, f"{', '.join(sorted(found[code]))}: {OBJECTIONS[code]}")


def decide_forward(
    derivative: Notification,
    names: Iterable[str],
    directory: Directory,
    rules_version: int,
    approvals: Sequence[Approval] = (),
    answers: Territories = BUILT_IN_TABLE,
) -> Decision:
    """Return the decision on a derivative for `names`: all of them, except for objections and holds.

    Objections are checked at each evaluation: the handling stands in the derivative itself.
    """
    forwarder = derivative.originator
    child = needs_child_review(derivative)
    released = {one.state for one in approvals if one.hold == "child_review" and one.says_enough}
    entries = []
    for name in sorted(names):
        reasons = (Reason(FORWARDED, paragraph_of(forwarder, name)),)
        against = objections(derivative, forwarder, name, answers)
        if against:
            entries.append(Entry(name, "suppress", reasons, tuple(against)))
            continue
        because = []
        if child and not released & {None, AuthorityName(name).participant}:
            because.append("child_review")
        if not directory.participates(name):
            because.append("not_a_participant")
        entries.append(Entry(name, "hold" if because else "send", reasons, tuple(because)))
    return Decision(
        rules_version,
        forwarder,
        tuple(entries),
        tuple(one.authority for one in entries if one.authority and one.outcome == "send"),
        tuple(
            one.authority
            for one in entries
            if one.authority and one.outcome != "send" and directory.participates(one.authority)
        ),
    )


def decide_answer(response: Notification, names: Iterable[str], directory: Directory, rules_version: int) -> Decision:
    """Return the decision on a response: it goes to those whom it answers (paragraph 3), and to nobody else."""
    entries = tuple(
        Entry(name, "send", (Reason("originator", "3"),))
        if directory.participates(name)
        else Entry(name, "hold", (Reason("originator", "3"),), ("not_a_participant",))
        for name in sorted(names)
    )
    told = tuple(one.authority for one in entries if one.authority and one.outcome == "send")
    return Decision(rules_version, response.originator, entries, told, ())
