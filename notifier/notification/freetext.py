"""Free text fields of a notification, which nobody has verified and which are labelled so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

LABEL: Final = "free text, not verified"
_FIELDS: Final = ("narrative", "handling/text", "biometrics/*/necessity")
_PLACES: Final = ("movement/origin/text", "movement/destination/text", "movement/transit/*/text")


def unverified(document: dict[str, Any]) -> list[str]:
    """Return the JSON pointers of the free text in a notification's JSON form."""
    return [pointer for path in (*_FIELDS, *_PLACES) for pointer in _found(document, path.split("/"), "")]


def _found(value: Any, path: list[str], pointer: str) -> Iterator[str]:
    if not path:
        if value is not None:
            yield pointer
        return
    name, *rest = path
    if name == "*":
        for number, item in enumerate(value if isinstance(value, list) else ()):
            yield from _found(item, rest, f"{pointer}/{number}")
    elif isinstance(value, dict) and name in value:
        yield from _found(value[name], rest, f"{pointer}/{name}")
