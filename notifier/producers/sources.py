"""Split a text into documents: JSON, or JSON Lines. Pure."""

from __future__ import annotations


def documents(text: str) -> list[str]:
    """Return the documents in `text`, unparsed: one JSON document, or one on each line."""
    lines = [line for line in (line.strip() for line in text.splitlines()) if line]
    if len(lines) > 1 and all(line.startswith("{") and line.endswith("}") for line in lines):
        return lines
    return [text]
