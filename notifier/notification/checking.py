"""A reader of JSON values that collects every fault by JSON pointer. Faults never repeat input."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable
from typing import Any, Final, TypeVar

from notifier.errors import Fault, MalformedError
from notifier.notification.blanks import is_blank
from notifier.times import full_date, moment

DOCUMENT_BYTES: Final = 256 * 1024
DEPTH: Final = 12
ITEMS: Final = 64
TEXT: Final = 512
_NAME: Final = re.compile(r"[a-z_]{1,32}")
_BIDI: Final = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u061c")

T = TypeVar("T")


def load(text: str | bytes) -> Any:
    """Return the JSON value in `text`.

    Raises `MalformedError` for anything that two readers could read differently.
    """
    if len(text) > DOCUMENT_BYTES:
        raise MalformedError("too_large", f"a notification has at most {DOCUMENT_BYTES // 1024} KiB")
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
        json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise MalformedError(detail=f"is not JSON (line {error.lineno}, column {error.colno})") from error
    except (ValueError, RecursionError) as error:
        raise MalformedError(
            detail="is not JSON as everybody reads it (a key twice, NaN, a lone surrogate, nested too deeply)"
        ) from error
    _check_depth(value, DEPTH)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found


def _no_constant(_text: str) -> Any:
    raise ValueError("not a number")


def _check_depth(value: Any, left: int) -> None:
    if isinstance(value, dict | list):
        if not left:
            raise MalformedError(detail="nested too deeply")
        for item in value.values() if isinstance(value, dict) else value:
            _check_depth(item, left - 1)


Says = str | Callable[[str], str]
"""The correct form in words, or a function that derives the words from the input without repeating it."""


class Object:
    """A JSON object under reading: fields are taken by name; `end` reports those that nobody took.

    Without a list of `faults` the object is trusted: an earlier version checked it, so its values are taken
    unchecked.
    """

    def __init__(self, faults: list[Fault] | None, pointer: str, value: Any) -> None:
        self.faults = faults
        self.pointer = pointer
        self._rest: dict[str, Any] = dict(value) if isinstance(value, dict) else {}
        if not isinstance(value, dict):
            self.fault("", "must be an object")

    def fault(self, name: str, message: str) -> None:
        """Add a fault at the field `name`, or at the object itself where `name` is empty."""
        if self.faults is None:
            return
        self.faults.append(Fault(f"{self.pointer}/{name}" if name else self.pointer, message))

    def has(self, name: str) -> bool:
        """Return whether the field is present and not null."""
        return self._rest.get(name) is not None

    def _take(self, name: str, optional: bool) -> Any:
        if name not in self._rest:
            if not optional:
                self.fault(name, "is mandatory")
            return None
        value = self._rest.pop(name)
        if value is None and not optional:
            self.fault(name, "must not be null")
        return value

    def text(self, name: str, *, optional: bool = False, limit: int = TEXT) -> str:
        """Return a text of at most `limit` UTF-8 bytes without control and direction characters; "" after a fault.

        Lines end in LF; CR LF is read as LF.
        """
        value = self._take(name, optional)
        return "" if value is None else self._text(name, value, limit)

    def maybe(self, name: str, *, limit: int = TEXT) -> str | None:
        """Return the text as `text` does, or None where it is absent or null."""
        if not self.has(name):
            self._drop(name)
            return None
        return self.text(name, limit=limit) or None

    def _drop(self, name: str) -> None:
        self._rest.pop(name, None)

    def _text(self, name: str, value: Any, limit: int = TEXT) -> str:
        if not isinstance(value, str):
            self.fault(name, "must be text")
            return ""
        text: str = value.replace("\r\n", "\n")
        if self.faults is None:
            return text
        if is_blank(text):
            self.fault(name, "must not be empty")
        elif len(text.encode()) > limit:
            self.fault(name, f"has at most {limit} bytes")
        elif not _plain(text):
            self.fault(name, "holds control or direction characters")
        else:
            return text
        return ""

    def choice(self, name: str, allowed: Collection[str], *, default: str | None = None) -> str:
        """Return the field's value, one of `allowed`; `default` where it is absent."""
        if default is not None and name not in self._rest:
            return default
        return self.one_of(name, self._take(name, False), allowed)

    def maybe_choice(self, name: str, allowed: Collection[str]) -> str | None:
        """Return the value as `choice` does, or None where it is absent or null."""
        if not self.has(name):
            self._drop(name)
            return None
        return self.choice(name, allowed)

    def one_of(self, name: str, value: Any, allowed: Collection[str]) -> str:
        """Return `value` where it is one of `allowed`; else add a fault and return the first of them."""
        if isinstance(value, str) and (value in allowed or self.faults is None):
            return value
        if value is not None:
            self.fault(name, f"must be one of {', '.join(allowed)}")
        return next(iter(allowed))

    def flag(self, name: str, *, default: bool | None = None) -> bool:
        """Return the boolean value of the field; `default` where it is absent."""
        value = default if default is not None and name not in self._rest else self._take(name, False)
        if value is not None and not isinstance(value, bool):
            self.fault(name, "must be true or false")
        self._drop(name)
        return value is True

    def matching(self, name: str, check: Callable[[str], object], says: Says, *, optional: bool = False) -> str:
        """Return a text that passes `check`; else add the fault `says` (the correct form) and return ""."""
        if optional and not self.has(name):
            self._drop(name)
            return ""
        value = self.text(name)
        if value and self.faults is not None and not check(value):
            self.fault(name, says if isinstance(says, str) else says(value))
            return ""
        return value

    def objects(self, name: str, read: Callable[[Object], T], *, optional: bool = False) -> tuple[T, ...]:
        """Return a list of objects, each read by `read`."""
        found = []
        for number, item in enumerate(self.items(name, optional=optional)):
            one = Object(self.faults, f"{self.pointer}/{name}/{number}", item)
            found.append(read(one))
            one.end()
        return tuple(found)

    def nested(self, name: str, read: Callable[[Object], T], *, optional: bool = False) -> T | None:
        """Return the object at `name`, read by `read`; None where it is absent."""
        value = self._take(name, optional)
        if value is None:
            return None
        one = Object(self.faults, f"{self.pointer}/{name}", value)
        result = read(one)
        one.end()
        return result

    def items(self, name: str, *, optional: bool = False) -> list[Any]:
        """Return a list of at most `ITEMS` items of any kind."""
        value: Any = self._take(name, optional)
        if value is None:
            return []
        if not isinstance(value, list):
            self.fault(name, "must be a list")
            return []
        if len(value) > ITEMS:
            self.fault(name, f"has at most {ITEMS} items")
        return value[:ITEMS] if self.faults is not None else value

    def texts(
        self, name: str, check: Callable[[str], object], says: Says, *, optional: bool = False
    ) -> tuple[str, ...]:
        """Return a list of distinct texts that each pass `check`."""
        found = []
        for number, item in enumerate(self.items(name, optional=optional)):
            value = self._text(f"{name}/{number}", item)
            if value and not check(value):
                self.fault(f"{name}/{number}", says if isinstance(says, str) else says(value))
            found.append(value)
        if len(set(found)) != len(found):
            self.fault(name, "holds a value twice")
        return tuple(found)

    def is_word(self, name: str, word: str) -> bool:
        """Take the field where its value is exactly `word`; return whether it was."""
        if self._rest.get(name) != word:
            return False
        self._drop(name)
        return True

    def faulty(self, name: str) -> bool:
        """Return whether a fault at this field was reported already."""
        return any(fault.pointer == f"{self.pointer}/{name}" for fault in self.faults or ())

    def raw(self, name: str, *, optional: bool = False) -> Any:
        """Return the value of the field without a check."""
        return self._take(name, optional)

    def end(self) -> None:
        """Report every field that nobody took; a name that could be personal data is not repeated."""
        for name in self._rest:
            shown = name if _NAME.fullmatch(name) else "..."
            self.fault(shown, "is not a field of this format")


def _plain(text: str) -> bool:
    return not any(
        char in _BIDI or (unicodedata.category(char) in ("Cc", "Cs", "Co", "Zl", "Zp") and char not in "\n\t")
        for char in set(text)  # even a long text has few distinct characters
    )


def is_date(text: str) -> bool:
    """Return whether `text` is a calendar date, YYYY-MM-DD (RFC 3339, full-date)."""
    return full_date(text) is not None


def is_time(text: str) -> bool:
    """Return whether `text` is a time with its offset (RFC 3339, date-time)."""
    return moment(text) is not None


def pattern(expression: str) -> Callable[[str], object]:
    """Return a check for texts that match all of `expression`."""
    return re.compile(expression, re.ASCII).fullmatch


def any_text(_text: str) -> bool:
    """Accept every text."""
    return True


def one_of(allowed: Iterable[str]) -> Callable[[str], object]:
    """Return a check for texts among `allowed`."""
    return frozenset(allowed).__contains__
