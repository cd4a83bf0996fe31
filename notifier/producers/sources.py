"""Where documents come from: JSON, or JSON Lines. Pure."""

from __future__ import annotations


def documents(text: str) -> list[str]:
    """The documents in `text`: one JSON document, or one on each line; their contents are not looked at here."""
    lines = [line for line in (line.strip() for line in text.splitlines()) if line]
    if len(lines) > 1 and all(line.startswith("{") and line.endswith("}") for line in lines):
        return lines
    return [text]
