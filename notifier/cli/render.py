"""Routing decisions, rules and their changes in words: the same in `route`, `why` and `rules`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from notifier.notification.places import ReadPlace
    from notifier.persons.approvals import ReviewDecision
    from notifier.rules.diff import Change

EXERCISE: Final = "  EXERCISE"
"""What stands behind the line of a notification that is a drill, wherever one is shown."""

_FURTHER: Final = {
    "successors": "successors",
    "answers_for": "answers for",
    "readings": "sources give the code to",
}
_WORDS: Final = {"send": "told", "hold": "held", "suppress": "not told"}


def entry_line(entry: dict[str, Any]) -> str:
    """One entry of a decision document: outcome, authority, rules with their paragraphs, and because of what.

    Of what was given to be sent its state stands in place of the outcome: only what the hub accepted is told.
    """
    word = entry["state"].replace("_", " ") if "state" in entry else _WORDS[entry["outcome"]]
    return f"{word:<9} {entry['authority'] or '(no state named yet)':<22} {reasons(entry)}"


def reasons(entry: dict[str, Any]) -> str:
    """The rules that name an authority, with their paragraphs, and because of what it is held or not told."""
    text = ", ".join(f"{reason['rule']} (para {reason['paragraph']})" for reason in entry["reasons"])
    text = text or "by facts that its profile does not show"
    if entry["because"]:
        text += f"; because {', '.join(entry['because'])}"
    for name, words in _FURTHER.items():
        if entry.get(name):
            text += f"; {words} {', '.join(entry[name])}"
    return text


def _outcome(entry: dict[str, Any]) -> str:
    return f"{_WORDS[entry['outcome']]}: {reasons(entry)}"


def place_line(one: ReadPlace) -> str:
    """What the code of a place was read as."""
    read = " or ".join(one.readings) or "no state: no list has it"
    if len(one.readings) > 1:
        read += ": sources differ"
    return f"{'read':<9} {one.pointer}: {one.place.value} as {read}{f' ({one.place.name})' if one.place.name else ''}"


_LEGS: Final = {
    "origin": "the state of origin",
    "destination": "the state of destination",
    "transit": "every state of transit",
    "nationality": "every state of nationality",
    "residence": "every state of residence",
    "interpol": "INTERPOL, by opt-in",
    "corridor": "the corridor's subscribers",
    "originator": "the originator",
    "told_before": "whoever was told before",
    "consular": "every state of nationality, in a consular matter",
}
_CUSTODY: Final = {"any": "", "in_custody": " in custody", "free": " not in custody"}


def row_line(row: dict[str, Any]) -> str:
    """One row of a rules document: of what, whom, in which role, by which paragraph."""
    what = row["type"] + _CUSTODY[row["custody"]]
    return f"{what:<22} {row['role']:<9} {_LEGS[row['rule']]} ({_paragraphs(row)})"


def submitted_text(by: str | None) -> str:
    """Return who signed a submission, in words."""
    return by or "nobody (it is not signed: notifier review resubmit)"


def ruling_document(ruling: ReviewDecision) -> dict[str, Any]:
    """What a person decided upon a hold, as every verb prints it with ``--json``."""
    return {
        "kind": ruling.kind,
        "hold": ruling.hold,
        "state": ruling.state,
        "by": ruling.by,
        "at": ruling.at,
        "reference": ruling.reference,
    }


def ruling_line(ruling: dict[str, Any]) -> str:
    """The same on a line."""
    state = f" for {ruling['state']}" if ruling["state"] else ""
    reference = f", reference {ruling['reference']}" if ruling["reference"] else ""
    return f"{ruling['kind']} of {ruling['hold']}{state} by {ruling['by']} at {ruling['at']}{reference}"


def lane_line(lane: dict[str, Any]) -> str:
    """A corridor of a rules document, and who subscribes to it."""
    return f"corridor {lane['from']} to {lane['to']}: {', '.join(lane['subscribers']) or 'nobody'}"


def territory_line(row: dict[str, Any]) -> str:
    """Which state answers for a territory, and whom a leg there reaches."""
    return f"territory {row['code']}: {row['state']} answers{_TELLS[row['tells']]}"


_TELLS: Final = {"own": ", where it has no authority of its own", "both": ", and is told beside its own authority"}


def change_line(change: Change) -> str:
    """One difference between two versions of the rules."""
    item = change.after or change.before
    if change.part == "rows":
        was = f", before {_paragraphs(change.before)}" if change.kind == "changed" else ""
        return f"{change.kind:<8} {row_line(item)}{was}"
    if change.part == "corridors":
        was = f", before {', '.join(change.before['subscribers']) or 'nobody'}" if change.kind == "changed" else ""
        return f"{change.kind:<8} {lane_line(item)}{was}"
    if change.part == "territories":
        was = f", before {territory_line(change.before)}" if change.kind == "changed" else ""
        return f"{change.kind:<8} {territory_line(item)}{was}"
    return f"{change.kind:<8} consular, told without a request: {item}"


def moved_lines(difference: dict[str, Any]) -> Iterator[str]:
    """What other rules do to one notification, an authority a line: + told as well, - not any more, ~ otherwise."""
    for entry in difference["entries"]:
        name = entry["authority"]
        mark = "+" if name in difference["added"] else "-" if name in difference["removed"] else "~"
        before, after = ("not named" if one is None else _outcome(one) for one in (entry["before"], entry["after"]))
        yield f"{mark} {name or '(no state named yet)':<22} {before} -> {after}"


def _paragraphs(row: dict[str, Any]) -> str:
    stages = "".join(f"; {paragraph} when {stage}" for stage, paragraph in row["stage_paragraphs"].items())
    return f"para {row['paragraph']}{stages}"
