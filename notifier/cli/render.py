"""Routing decisions, rules and their changes as text, the same in `route`, `why` and `rules`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from notifier.notification.places import ReadPlace
    from notifier.persons.approvals import ReviewDecision
    from notifier.rules.diff import Change

EXERCISE: Final = "  EXERCISE"
"""The mark behind the line of an exercise."""

_FURTHER: Final = {
    "successors": "successors",
    "answers_for": "answers for",
    "readings": "sources give the code to",
}
_WORDS: Final = {"send": "told", "hold": "held", "suppress": "not told"}


def entry_line(entry: dict[str, Any]) -> str:
    """Return the line of a decision entry: outcome, authority, rules with their paragraphs, and reasons.

    An entry that was sent shows its state in place of the outcome: it is told once the hub accepted it.
    """
    word = entry["state"].replace("_", " ") if "state" in entry else _WORDS[entry["outcome"]]
    return f"{word:<9} {entry['authority'] or '(no state named yet)':<22} {reasons(entry)}"


def reasons(entry: dict[str, Any]) -> str:
    """Return the rules that name an authority, with their paragraphs, and the reasons of a hold."""
    text = ", ".join(f"{reason['rule']} (para {reason['paragraph']})" for reason in entry["reasons"])
    text = text or "by facts outside its profile"
    if entry["because"]:
        text += f"; because {', '.join(entry['because'])}"
    for name, words in _FURTHER.items():
        if entry.get(name):
            text += f"; {words} {', '.join(entry[name])}"
    return text


def _outcome(entry: dict[str, Any]) -> str:
    return f"{_WORDS[entry['outcome']]}: {reasons(entry)}"


def place_line(one: ReadPlace) -> str:
    """Return the line of a place: its code, and the states that the code was read as."""
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
    "told_before": "everyone who was told before",
    "consular": "every state of nationality, in a consular matter",
}
_CUSTODY: Final = {"any": "", "in_custody": " in custody", "free": " not in custody"}


def row_line(row: dict[str, Any]) -> str:
    """Return the line of a row: type, role, leg and paragraph."""
    what = row["type"] + _CUSTODY[row["custody"]]
    return f"{what:<22} {row['role']:<9} {_LEGS[row['rule']]} ({_paragraphs(row)})"


def submitted_text(by: str | None) -> str:
    """Return the name of the submitter, or the way to sign an unsigned submission."""
    return by or "nobody (sign it with notifier review resubmit)"


def ruling_document(ruling: ReviewDecision) -> dict[str, Any]:
    """Return the document of a person's decision about a hold."""
    return {
        "kind": ruling.kind,
        "hold": ruling.hold,
        "state": ruling.state,
        "by": ruling.by,
        "at": ruling.at,
        "reference": ruling.reference,
    }


def ruling_line(ruling: dict[str, Any]) -> str:
    """Return the line of a decision about a hold."""
    state = f" for {ruling['state']}" if ruling["state"] else ""
    reference = f", reference {ruling['reference']}" if ruling["reference"] else ""
    return f"{ruling['kind']} of {ruling['hold']}{state} by {ruling['by']} at {ruling['at']}{reference}"


def lane_line(lane: dict[str, Any]) -> str:
    """Return the line of a corridor, with its subscribers."""
    return f"corridor {lane['from']} to {lane['to']}: {', '.join(lane['subscribers']) or 'nobody'}"


def territory_line(row: dict[str, Any]) -> str:
    """Return the line of a territory: the state that answers for it, and who is told."""
    return f"territory {row['code']}: {row['state']} answers{_TELLS[row['tells']]}"


_TELLS: Final = {"own": ", where it has no authority of its own", "both": ", and is told beside its own authority"}


def change_line(change: Change) -> str:
    """Return the line of one difference between two versions of the rules."""
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
    """Yield a line for each authority that the other rules change: + added, - removed, ~ other reasons."""
    for entry in difference["entries"]:
        name = entry["authority"]
        mark = "+" if name in difference["added"] else "-" if name in difference["removed"] else "~"
        before, after = ("not named" if one is None else _outcome(one) for one in (entry["before"], entry["after"]))
        yield f"{mark} {name or '(no state named yet)':<22} {before} -> {after}"


def _paragraphs(row: dict[str, Any]) -> str:
    stages = "".join(f"; {paragraph} when {stage}" for stage, paragraph in row["stage_paragraphs"].items())
    return f"para {row['paragraph']}{stages}"
