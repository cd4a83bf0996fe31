"""Where messages go besides the inbox: a JSON Lines file, standard output, a Python callback.

A sink takes messages in order and at least once: its position is stored after it took what was there. Operational
sinks never get an exercise.
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

from notifier.consumers.inbox.inbox import Received
from notifier.errors import StorageError
from notifier.escaping import json_text
from notifier.notification import to_json
from notifier.notification.digest import digest_of
from notifier.notification.freetext import unverified
from notifier.times import rfc3339

NAME_LENGTH: Final = 64


class Sink(Protocol):
    """A taker of messages; `name` keeps its position, `operational` sinks are spared exercises."""

    name: str
    operational: bool

    async def take(self, message: Received) -> None:
        """Returns when the message is safe there; raises `StorageError` where it cannot be."""


def summary(message: Received) -> dict[str, Any]:
    """The message as `inbox list --json` shows it (docs/reference/json.md), and whether it is an exercise."""
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
    """The message as `inbox show --json` shows it: with the notification, and its digest.

    `unverified` has the pointers of what is free text in the notification: nobody has checked it.
    """
    shown = to_json(message.notification, local=False)
    return {
        **summary(message),
        "digest": digest_of(message.notification),
        "notification": shown,
        "unverified": unverified(shown),
    }


def _position_name(text: str) -> str:
    """`text`, or what stands for it where it is too long to keep or no text: two sinks never share a position."""
    data = text.encode(errors="surrogateescape")
    if len(text) <= NAME_LENGTH and data.decode(errors="replace") == text:
        return text
    digest = hashlib.blake2b(data, digest_size=24).hexdigest()
    return f"{text.partition(':')[0]}:{digest}"


class JsonLines:
    """Appends one line a message to a file, on disk before the next is taken."""

    operational = True

    def __init__(self, path: Path) -> None:
        self.name = _position_name(f"jsonl:{path.absolute()}")
        self._path = path

    async def take(self, message: Received) -> None:
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
    """Prints one JSON line a message."""

    name = "stdout"
    operational = False

    async def take(self, message: Received) -> None:
        try:
            sys.stdout.write(json_text(document(message)) + "\n")
            sys.stdout.flush()
        except BrokenPipeError:  # nobody reads it any more: no trying again helps
            raise
        except OSError as error:
            raise StorageError(
                detail=f"standard output: {(error.strerror or 'cannot be written').lower()}"
            ) from error


class Callback:
    """Calls a function, plain or asynchronous, with each message."""

    def __init__(
        self, name: str, function: Callable[[Received], Awaitable[None] | None], *, operational: bool = True
    ) -> None:
        self.name = name
        self.operational = operational
        self._function = function

    async def take(self, message: Received) -> None:
        result = self._function(message)
        if inspect.isawaitable(result):
            await result
