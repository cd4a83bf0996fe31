"""Input of a verb: notifications in files or standard input (JSON or JSON Lines), and the errors in them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click

from notifier.errors import MalformedError, NotFoundError, NotificationInvalidError, NotifierError
from notifier.escaping import escaped

MAX_FILE_BYTES: Final = 64 * 1024 * 1024


def read_documents(name: str) -> list[tuple[str, str]]:
    """Return the documents of the file `name` (``-``: standard input), each with its name for messages.

    Raise `NotFoundError`, or `MalformedError` if the file is not text, too large, or empty.
    """
    from notifier.producers.sources import documents

    label = "standard input" if name == "-" else escaped(name)
    try:
        data = _bytes(name)
        if len(data) > MAX_FILE_BYTES:
            raise MalformedError("too_large", f"{label}: larger than 64 MiB", hint="split it")
        text = data.decode("utf-8-sig")
    except OSError as error:
        what = (error.strerror or "cannot be read").lower()
        raise NotFoundError(detail=f"{label}: {what}", hint="give a readable file, or -") from error
    except UnicodeDecodeError as error:
        raise MalformedError(detail=f"{label}: not UTF-8 text") from error
    if not text.strip():
        raise MalformedError(detail=f"{label}: contains no notification")
    found = documents(_dated(name, text))
    return [(label if len(found) == 1 else f"{label}, line {place}", one) for place, one in enumerate(found, 1)]


def _dated(name: str, text: str) -> str:
    """Return the text of a file; move the dates of a built-in example to today."""
    from notifier import examples
    from notifier.runtime import REAL

    if name == "-" or not examples.is_example(Path(name)):
        return text
    return examples.dated_text(text, REAL.clock())


def _bytes(name: str) -> bytes:
    """Return the input, cut one byte after MAX_FILE_BYTES."""
    if name != "-":
        with Path(name).open("rb") as stream:
            return stream.read(MAX_FILE_BYTES + 1)
    if sys.stdin is None:
        raise NotFoundError(detail="standard input is closed")
    return sys.stdin.buffer.read(MAX_FILE_BYTES + 1)


def print_refused(where: str, error: NotifierError) -> None:
    """Print one line with the reason, and each fault of a notification on a line below, with its pointer."""
    if isinstance(error, NotificationInvalidError):
        click.echo(f"notifier: {error.reason}: {where}", err=True)
        for fault in error.faults:
            meant = f" ({fault.hint})" if fault.hint else ""
            click.echo(f"  {fault}{meant}", err=True)
        return
    hint = f" ({error.hint})" if error.hint else ""
    click.echo(f"notifier: {error.reason}: {where}: {escaped(error.detail)}{hint}", err=True)
