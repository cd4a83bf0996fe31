"""Delivery of an inbox to one sink, and the messages of a cursor that a program acknowledges itself."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any, Final

import structlog

from notifier.aio import Backoff
from notifier.consumers.inbox.cursors import Cursors
from notifier.consumers.inbox.inbox import Inbox
from notifier.consumers.inbox.records import Received
from notifier.consumers.retries import Retries
from notifier.consumers.sinks import OutputClosedError, Sink
from notifier.errors import NotifierError, StorageError
from notifier.runtime import Entropy
from notifier.telemetry import metrics

BATCH: Final = 200
ATTEMPTS: Final = 5
"""Attempts at one message, with back-off between them, before it is parked."""

log = structlog.get_logger("notifier.subscriber")


@dataclass(frozen=True, slots=True)
class CursorMessage(Received):
    """A message as the reader of one cursor gets it. Call `ack` once it is safe, or `park` where it cannot be."""

    cursor: str
    _cursors: Cursors = field(repr=False, compare=False)

    @classmethod
    def of(cls, message: Received, cursor: str, cursors: Cursors) -> CursorMessage:
        """Return `message` for the reader of `cursor`."""
        values: dict[str, Any] = {one.name: getattr(message, one.name) for one in fields(Received)}
        return cls(**values, cursor=cursor, _cursors=cursors)

    async def ack(self) -> None:
        """Acknowledge this message and all before it: its cursor goes on behind it. Raise `StorageError`."""
        await self._cursors.acknowledge(self.cursor, self.row)

    async def park(self, reason: str) -> None:
        """Set this message aside with `reason` (a word or two, no personal data), and acknowledge those before it.

        Raise `StorageError`.
        """
        await park(self._cursors, self.cursor, self, reason, 1)


class SinkDelivery:
    """Delivers messages to one sink, in order and at least once; a slow sink holds up nobody else."""

    def __init__(self, sink: Sink, inbox: Inbox, retries: Retries, entropy: Entropy) -> None:
        self._sink = sink
        self._inbox = inbox
        self._surely = partial(retries.surely, f"sink {sink.name}")
        self._entropy = entropy

    async def run(self, next_change: Callable[[], Awaitable[None]]) -> None:
        """Deliver until cancelled; `next_change` returns when there may be more."""
        sink, cursors, surely = self._sink, self._inbox.cursors, self._surely
        row = stored = await surely(partial(cursors.position, sink.name))
        while True:
            for parked in await surely(partial(cursors.due, sink.name)):
                if await self._deliver(parked.message):
                    await surely(partial(cursors.acknowledge, sink.name, parked.message.row))
                    await surely(partial(show_parked, cursors))
            messages = await surely(partial(self._inbox.messages, after=row, limit=BATCH))
            try:
                for message in messages:
                    await self._deliver(message)
                    row = message.row
                # Once for all that was there: each time is a wait for the disk, in which nothing else is stored.
                if messages:
                    await surely(partial(cursors.acknowledge, sink.name, row))
                    stored = row
            finally:
                if row != stored:
                    with contextlib.suppress(StorageError):
                        await cursors.acknowledge(sink.name, row)
            if not messages:
                await next_change()

    async def _deliver(self, message: Received) -> bool:
        """Deliver one message, or park it after `ATTEMPTS`; tell whether the sink took it.

        A temporary fault of the sink, such as a full disk, concerns every message: it is waited for.
        """
        if self._sink.operational and message.exercise:
            return True
        backoff = Backoff(self._entropy)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                await self._surely(partial(self._sink.take, message))
            except OutputClosedError:
                raise
            except Exception as error:
                reason = error.reason if isinstance(error, NotifierError) else type(error).__name__
                if attempt == ATTEMPTS:
                    parking = partial(park, self._inbox.cursors, self._sink.name, message, reason, attempt)
                    await self._surely(parking)
                    return False
                await backoff.wait()
            else:
                break
        return True


async def park(cursors: Cursors, cursor: str, message: Received, reason: str, attempts: int) -> None:
    """Park a message, and say so: by ids and the reason, never by what the error says."""
    await cursors.park(cursor, message.row, reason, attempts)
    log.error(
        "message parked",
        cursor=cursor,
        id=message.id,
        reason=reason,
        attempts=attempts,
        hint="notifier inbox list shows it, notifier inbox retry delivers it again",
    )
    await show_parked(cursors)


async def show_parked(cursors: Cursors) -> None:
    """Set the gauge of parked messages."""
    metrics.PARKED.set(await cursors.count_parked())
