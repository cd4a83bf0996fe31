"""Validation of a rules document before anybody signs it, beyond its format.

A typing error in it would leave a state untold unnoticed, so every word must have a meaning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from notifier.directory.model import ROLES, Directory
from notifier.errors import DirectoryError
from notifier.names import AuthorityName
from notifier.notification.states import is_state
from notifier.notification.territories import Territory
from notifier.rules.facts import NAMING
from notifier.rules.ruleset import Row, RuleSet

TYPES: Final = tuple(sorted(type_ for type_, naming in NAMING.items() if naming.startswith("rules")))
"""The types whose recipients the rules decide."""

_PARAGRAPH: Final = re.compile(r"[1-9][0-9]?")


def check(rules: RuleSet) -> None:
    """Raise `DirectoryError` that names every fault by its place in the document."""
    faults = [*_of_rows(rules.rows), *_of_corridors(rules), *_of_territories(rules.territories or ())]
    if not all(is_state(state) for state in rules.consular_mandatory):
        faults.append("consular_mandatory: must list states")
    if faults:
        raise DirectoryError(detail="; ".join(faults))


def unknown_subscribers(rules: RuleSet, directory: Directory) -> list[str]:
    """Return the subscribers of corridors that do not take part; rules may come before an authority does."""
    named = {name for lane in rules.corridors for name in lane.subscribers}
    return sorted(name for name in named if not directory.participates(name))


def _of_rows(rows: Sequence[Row]) -> Iterator[str]:
    seen: dict[tuple[str, str, str, bool], int] = {}
    for number, row in enumerate(rows):
        where = f"rows/{number}"
        if row.type not in TYPES:
            yield f"{where}/type: must be one of {', '.join(TYPES)}"
        if row.role not in ROLES:
            yield f"{where}/role: must be one of {', '.join(ROLES)}"
        for paragraph in (row.paragraph, *(text for _, text in row.stage_paragraphs)):
            if not _PARAGRAPH.fullmatch(paragraph):
                yield f"{where}/paragraph: must be the number of a paragraph of the resolution"
        for custody in {"any": (True, False), "in_custody": (True,), "free": (False,)}[row.custody]:
            earlier = seen.setdefault((row.type, row.rule, row.role, custody), number)
            if earlier != number:
                yield f"{where}: repeats rows/{earlier}"
                break


def _of_corridors(rules: RuleSet) -> Iterator[str]:
    lanes = [(lane.start, lane.end) for lane in rules.corridors]
    if len(set(lanes)) != len(lanes):
        yield "corridors: must not list one twice"
    for number, lane in enumerate(rules.corridors):
        where = f"corridors/{number}"
        if lane.start == lane.end or not (is_state(lane.start) and is_state(lane.end)):
            yield f"{where}: must lead from one state to another"
        for name in lane.subscribers:
            if not AuthorityName(name).is_well_formed(ROLES):
                yield f"{where}/subscribers: each must be PARTICIPANT/role"
        if len(set(lane.subscribers)) != len(lane.subscribers):
            yield f"{where}/subscribers: must not list one twice"


def _of_territories(rows: Sequence[Territory]) -> Iterator[str]:
    """Check that each code is listed once, and that an answering state is no territory itself."""
    seen: set[str] = set()
    codes = {row.code for row in rows}
    for number, row in enumerate(rows):
        where = f"territories/{number}"
        if not is_state(row.code):
            yield f"{where}/code: must be a code of ISO 3166-1"
        if not is_state(row.state) or row.state in codes:
            yield f"{where}/state: must be a state's code, and no territory's"
        if row.code in seen:
            yield f"{where}/code: must not be listed twice"
        seen.add(row.code)
