r"""Escaping of text that others wrote, for terminals and for lines of files.

Control characters move the cursor and forge lines. Invisible and direction characters make one text look like
another. Both are shown as ``\\uXXXX``; every other character stays, in every script.
"""

from __future__ import annotations

import json
import re
from typing import Final

_INVISIBLE: Final = (
    "\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202f\u2060-\u206f"
    "\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_IN_TEXT: Final = re.compile(f"[\x00-\x1f{_INVISIBLE}]")
_IN_JSON: Final = re.compile(f"[{_INVISIBLE}]")


def escaped(text: str) -> str:
    """Return `text` on one line, with every control and invisible character escaped."""
    return _IN_TEXT.sub(_escape, text)


def json_text(document: object, *, indent: int | None = None) -> str:
    """Return `document` as JSON with invisible characters escaped; on one line where `indent` is None."""
    return _IN_JSON.sub(_escape, json.dumps(document, ensure_ascii=False, indent=indent))


def toml_text(text: str) -> str:
    """Return `text` as a basic string of TOML. A TOML escape is one character, where JSON's is a UTF-16 unit."""
    return _IN_JSON.sub(lambda found: f"\\U{ord(found[0]):08x}", json.dumps(text, ensure_ascii=False))


def _escape(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
