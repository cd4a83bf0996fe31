"""A routing decision in words, the same in `route` and `why`."""

from __future__ import annotations

from typing import Any, Final

_WORDS: Final = {"send": "told", "hold": "held", "suppress": "not told"}


def entry_line(entry: dict[str, Any]) -> str:
    """One entry of a decision document: outcome, authority, rules with their paragraphs, and because of what."""
    reasons = ", ".join(f"{reason['rule']} (para {reason['paragraph']})" for reason in entry["reasons"])
    text = f"{_WORDS[entry['outcome']]:<9} {entry['authority'] or '(no state named yet)':<22} {reasons}"
    if entry["because"]:
        text += f"; because {', '.join(entry['because'])}"
    if entry.get("successors"):
        text += f"; successors {', '.join(entry['successors'])}"
    return text
