"""Sinks: a JSON Lines file, standard output, a Python callback.

A sink takes messages in order and at least once: its cursor moves after it took them. Operational sinks never get an
exercise.
"""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, Protocol

from notifier.consumers.inbox.records import Received
from notifier.errors import StorageError
from notifier.escaping import json_text
from notifier.notification import to_json
from notifier.notification.digest import digest_of
from notifier.notification.freetext import unverified
from notifier.times import rfc3339

NAME_LENGTH: Final = 64


class Sink(Protocol):
    """A destination of messages; `name` names its cursor, `operational` sinks get no exercises."""

    name: str
    operational: bool

    async def take(self, message: Received) -> None:
        """Store the message safely, then return.

        Raise a `TemporaryError` for a fault that concerns every message: delivery waits until it is over. After any
        other error the message is tried again a few times, then parked (`Subscriber.parked`); the next one follows.
        """


def summary(message: Received) -> dict[str, Any]:
    """Return the message as `inbox list --json` shows it (docs/reference/json.md)."""
    return {
        "id": message.id,
        "type": message.type,
        "originator": message.originator,
        "stream": message.stream,
        "seq": message.seq,
        "event_time": message.notification.event_time,
        "received_at": rfc3339(message.received_at),
        "state": message.state,
        "exercise": message.exercise,
    }


def document(message: Received) -> dict[str, Any]:
    """Return the message as `inbox show --json` shows it: with the notification, and its digest.

    `unverified` has the pointers of the free text in the notification, which nobody has checked.
    """
    shown = to_json(message.notification, local=False)
    return {
        **summary(message),
        "digest": digest_of(message.notification),
        "notification": shown,
        "unverified": unverified(shown),
    }


def _position_name(text: str) -> str:
    """Return `text`, or a digest where it is too long or no valid text: two sinks never share a cursor."""
    data = text.encode(errors="surrogateescape")
    if len(text) <= NAME_LENGTH and data.decode(errors="replace") == text:
        return text
    digest = hashlib.blake2b(data, digest_size=24).hexdigest()
    return f"{text.partition(':')[0]}:{digest}"


class OutputClosedError(BrokenPipeError):
    """Nobody reads the output any more: no message can be delivered there, now or later."""


class JsonLines:
    """Append one JSON line for each message to a file, on disk before the next is taken."""

    operational = True

    def __init__(self, path: Path) -> None:
        self.name = _position_name(f"jsonl:{path.absolute()}")
        self._path = path

    async def take(self, message: Received) -> None:
        """Append the message; raise `StorageError` where the file cannot be written."""
        line = json_text(document(message)) + "\n"
        await asyncio.to_thread(self._append, line.encode())

    def _append(self, line: bytes) -> None:
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "ab+") as file:
                size = file.seek(0, os.SEEK_END)
                # A line that a crash cut off stays a line of its own: it never swallows the next one.
                if size and os.pread(file.fileno(), 1, size - 1) != b"\n":
                    line = b"\n" + line
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StorageError(detail=f"{self._path}: {(error.strerror or 'cannot be written').lower()}") from error


class StandardOutput:
    """Print one JSON line for each message."""

    name = "stdout"
    operational = False

    async def take(self, message: Received) -> None:
        """Print the message; raise `OutputClosedError` where nobody reads, or `StorageError`."""
        try:
            sys.stdout.write(json_text(document(message)) + "\n")
            sys.stdout.flush()
        except BrokenPipeError as error:
            raise OutputClosedError(*error.args) from error
        except OSError as error:
            raise StorageError(
                detail=f"standard output: {(error.strerror or 'cannot be written').lower()}"
            ) from error


class Callback:
    """Call a function, plain or asynchronous, with each message."""

    def __init__(
        self, name: str, function: Callable[[Received], Awaitable[None] | None], *, operational: bool = True
    ) -> None:
        self.name = name
        self.operational = operational
        self._function = function

    async def take(self, message: Received) -> None:
        """Call the function; raise whatever it raises."""
        result = self._function(message)
        if inspect.isawaitable(result):
            await result
