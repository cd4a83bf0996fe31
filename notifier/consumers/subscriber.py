"""Subscribing from Python: a record of the feed is verified, opened and stored, then delivered.

::

    async with Subscriber.from_home(".notifier", "DEU/spoc") as subscriber:
        async for message in subscriber.messages(cursor="case-system"):
            store(message)
            await message.ack()
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self, TypeVar

import structlog

from notifier.aio import wait_for_event
from notifier.consumers.alarm import Alarm
from notifier.consumers.delivery import CursorMessage, SinkDelivery, show_parked
from notifier.consumers.inbox.cursors import Since
from notifier.consumers.inbox.inbox import Inbox
from notifier.consumers.inbox.records import Parked, Received
from notifier.consumers.inbox.transaction import BatchResult
from notifier.consumers.reader import Verification
from notifier.consumers.retrial import Retrial
from notifier.consumers.retries import Retries
from notifier.consumers.sinks import Sink
from notifier.consumers.verification import Refusal, Result
from notifier.directory.fresh import first_look
from notifier.errors import (
    ConfigError,
    Cure,
    DirectoryStaleError,
    NotifierError,
    OwnershipLostError,
    StorageError,
    TemporaryError,
)
from notifier.lifecycle import BackgroundWork, Lifecycle, Parts, settings_in, settings_of
from notifier.runtime import REAL, Runtime
from notifier.storage.lease import Lease
from notifier.telemetry import metrics
from notifier.topics import feed_of
from notifier.transport.base import Reader, Record

if TYPE_CHECKING:
    from notifier.config import Settings

BATCH: Final = 200
WAIT_MS: Final = 250
RENEW_SECONDS: Final = 4.0
POLL_INTERVAL: Final = 5.0  # a look for a later directory holds the feed up for no longer
ITERATOR: Final = "iterator"
FEED: Final = "feed"

T = TypeVar("T")

log = structlog.get_logger("notifier.subscriber")


class Subscriber(Lifecycle[Inbox]):
    """One authority's subscriber; an asynchronous context manager that fills the inbox while it is open.

    One instance at a time fills an inbox, by a lease; entering raises `StorageError` (storage_locked) where
    another one does. Messages reach a program by `messages`, with a cursor of its own, or by `sinks`; `since` has all
    sinks begin there, whatever they took before. Iterating over the subscriber acknowledges each message by itself.
    """

    def __init__(
        self,
        name: str,
        open_parts: Callable[[], Awaitable[Parts[Inbox]]],
        *,
        sinks: Sequence[Sink] = (),
        since: Since | None = None,
        runtime: Runtime = REAL,
    ) -> None:
        super().__init__(name, open_parts, log, runtime)
        self._sinks = sinks
        self._since = since
        self._verification: Verification
        self._retrial: Retrial
        self._lease: Lease | None = None
        self._moved = asyncio.Condition()
        self._reading = False
        self._caught_up = False
        self._quiet_since = 0.0
        self._retries = Retries(runtime.entropy)
        self._alarm = Alarm()

    @classmethod
    def of(
        cls,
        name: str,
        parts: Parts[Inbox],
        *,
        sinks: Sequence[Sink] = (),
        since: Since | None = None,
        runtime: Runtime = REAL,
    ) -> Self:
        """Return a subscriber of these parts; leaving it closes the inbox and the transport."""

        async def given() -> Parts[Inbox]:
            return parts

        return cls(name, given, sinks=sinks, since=since, runtime=runtime)

    @classmethod
    def from_settings(
        cls,
        settings: Settings,
        *,
        sinks: Sequence[Sink] = (),
        since: Since | None = None,
        runtime: Runtime = REAL,
    ) -> Self:
        """Return a subscriber of the authority that `settings` configures; `since` replays for its sinks."""

        async def opened() -> Parts[Inbox]:
            from notifier.directory.client import DirectoryClient
            from notifier.keyfiles import decryption_keys, signing_key, storage_key
            from notifier.transport.kafka import KafkaTransport

            if settings.inbox is None:
                raise ConfigError(detail="inbox is not set", hint="name the database of the inbox")
            signing, decryption = signing_key(settings.keys), decryption_keys(settings.keys)
            inbox = await Inbox.open(settings.inbox, settings.name, storage_key(settings.keys), runtime)
            directory = DirectoryClient(settings.directory, runtime.clock)
            return Parts(inbox, KafkaTransport(settings.kafka), directory, signing, decryption)

        return cls(settings.name, opened, sinks=sinks, since=since, runtime=runtime)

    @classmethod
    def from_config(
        cls, path: str | Path, *, sinks: Sequence[Sink] = (), since: Since | None = None, runtime: Runtime = REAL
    ) -> Self:
        """Return a subscriber of the authority whose settings are in the TOML file `path`; raise `ConfigError`."""
        return cls.from_settings(settings_in(path), sinks=sinks, since=since, runtime=runtime)

    @classmethod
    def from_home(
        cls,
        home: str | Path,
        authority: str,
        *,
        sinks: Sequence[Sink] = (),
        since: Since | None = None,
        runtime: Runtime = REAL,
    ) -> Self:
        """Return a subscriber of `authority` in the sandbox in the folder `home`; raise `ConfigError`."""
        return cls.from_settings(settings_of(home, authority), sinks=sinks, since=since, runtime=runtime)

    async def _start(self, parts: Parts[Inbox]) -> list[BackgroundWork]:
        self._lease = parts.store.lease()
        await self._lease.acquire()
        # A directory that cannot be reached now may still be fresh in the cache: its use decides.
        with contextlib.suppress(NotifierError):
            await first_look(parts.directory, log)
        self._verification = Verification(
            self._name, parts.directory, parts.signing, parts.decryption, self._runtime.clock
        )
        with contextlib.suppress(DirectoryStaleError):
            self._verification.check(parts.directory.snapshot().directory)
        self._retrial = Retrial(parts.store, self._verification, self._lease)
        self._alarm.begin(await parts.store.refused_in_a_row())
        self._quiet_since = asyncio.get_running_loop().time()
        await show_parked(parts.store.cursors)
        if self._since is not None:
            for sink in self._sinks:
                await parts.store.cursors.seek(sink.name, self._since)
        deliveries = [SinkDelivery(sink, parts.store, self._retries, self._runtime.entropy) for sink in self._sinks]
        return [self._follow(), self._renew(), *(one.run(self._move) for one in deliveries)]

    async def _stop(self, parts: Parts[Inbox]) -> None:  # noqa: ARG002 - the lease has its database
        if self._lease is not None:
            with contextlib.suppress(StorageError):
                await self._lease.release()

    @property
    def inbox(self) -> Inbox:
        """The inbox that this fills."""
        return self._open.store

    def ready(self) -> bool:
        """Return True while it reads the feed, its background tasks run and no alarm is raised.

        A run of curable refusals raises the alarm: clock or directory is probably wrong.
        """
        return self._reading and not self._alarm.raised and self._background.running

    def __aiter__(self) -> AsyncIterator[Received]:
        return self._iterate()

    async def _iterate(self) -> AsyncIterator[Received]:
        """Yield each message; acknowledge it when the next one is asked for."""
        async with contextlib.aclosing(self.messages(ITERATOR)) as messages:
            async for message in messages:
                yield message
                await self._surely(ITERATOR, message.ack)

    async def messages(
        self, cursor: str = ITERATOR, *, since: Since | None = None
    ) -> AsyncGenerator[CursorMessage, None]:
        """Yield the messages that `cursor` has not acknowledged, oldest first, and wait for more.

        Any number of cursors go on independently, each from its own place. A cursor that is new begins at `since`: a
        time (aware of its offset), a row, or by default the first message; to replay with a cursor that exists, see
        `seek`. Call `ack` of each message once it is safe: what was not acknowledged is yielded again by the next
        iteration. A database that is gone or full is waited for. Raise the error that ended the subscriber's work.
        """
        inbox = self.inbox
        if since is not None:
            await self._surely(cursor, partial(inbox.cursors.begin, cursor, since))
        row = await self._surely(cursor, partial(inbox.cursors.position, cursor))
        tried: dict[int, int] = {}  # attempts at parked messages, as they were when this iteration yielded them
        while True:
            for parked in await self._surely(cursor, partial(inbox.cursors.due, cursor)):
                if tried.get(parked.message.row) != parked.attempts:
                    tried[parked.message.row] = parked.attempts
                    yield CursorMessage.of(parked.message, cursor, inbox.cursors)
            messages = await self._surely(cursor, partial(inbox.messages, after=row, limit=BATCH))
            for message in messages:
                yield CursorMessage.of(message, cursor, inbox.cursors)
                row = message.row
            if not messages:
                await self._next_change()

    async def seek(self, cursor: str, since: Since) -> None:
        """Move `cursor`, forward or back: the next iteration, or the next start of a sink, begins at `since`.

        `since` is a time (aware of its offset) or a row; 0 replays everything. No other cursor moves.
        """
        await self.inbox.cursors.seek(cursor, since)

    async def parked(self, cursor: str | None = None) -> list[Parked]:
        """Return the messages that the reader of `cursor`, or any reader, could not take, with the reasons."""
        return await self.inbox.cursors.parked(cursor)

    async def retry(self, cursor: str | None = None) -> int:
        """Have parked messages of `cursor`, or all, delivered again; return how many there are."""
        count = await self.inbox.cursors.retry(cursor)
        async with self._moved:
            self._moved.notify_all()
        return count

    async def _surely(self, name: str, work: Callable[[], Awaitable[T]]) -> T:
        """As `Retries.surely`; raises what ended the work in the background, too."""

        async def looked() -> T:
            self._background.check()
            return await work()

        return await self._retries.surely(name, looked)

    async def until_idle(self, seconds: float, patience: float = float("inf")) -> None:
        """Return when the feed's end was reached and nothing came for `seconds`.

        Raise the error that ended the work: `OwnershipLostError` where another instance took the inbox over, or a
        refusal. Raise the `TemporaryError` that has kept it from the feed, or a sink from its work, for `patience`
        seconds.
        """
        loop = asyncio.get_running_loop()
        while not (self._caught_up and loop.time() - self._quiet_since >= seconds and await self._all_handed()):
            fault = self._retries.lasting(patience)
            if fault is not None:
                raise fault
            await self._next_change()

    async def _all_handed(self) -> bool:
        try:
            for sink in self._sinks:
                if await self.inbox.messages(after=await self.inbox.cursors.position(sink.name), limit=1):
                    return False
        except StorageError:  # felt and told by those who work on it
            return False
        return True

    async def _next_change(self) -> None:
        """Return when something may have changed; raise the error that ended work in the background."""
        self._background.check()
        await self._move()

    async def _move(self) -> None:
        """Return when a batch was stored, or after `WAIT_MS`."""
        async with self._moved:
            await wait_for_event(self._moved, WAIT_MS / 1000)

    async def _follow(self) -> None:
        """Read the feed from the stored offset; begin again after a fault, with back-off."""
        await self._retries.surely(FEED, self._read_feed)

    async def _read_feed(self) -> None:
        """Read the feed from the stored offset until a fault ends it."""
        try:
            offset = await self.inbox.offset()
            reader = await self._open.transport.reader(feed_of(self._name), 0, offset)
            try:
                while True:
                    await self._try_again(offset)
                    offset = await self._batch(reader, offset)
                    self._reading = True
                    self._retries.well(FEED)
            finally:
                self._reading = False
                await reader.close()
        except TemporaryError:
            self._caught_up = False
            raise

    async def _batch(self, reader: Reader, begun_at: int) -> int:
        """Store the records after `begun_at`, this reader's own position; return where the next batch begins.

        The position is never asked of the database again: it could be an older one that was put back, and what
        lies between would be skipped.
        """
        records = await reader.read(BATCH, WAIT_MS)
        if not records:
            self._caught_up = not self._retrial.busy and await reader.position() >= await reader.end()
            return begun_at
        self._caught_up = False
        self._quiet_since = asyncio.get_running_loop().time()
        results = await self._read(records)
        if self._lease is None:
            raise OwnershipLostError
        offsets = [record.offset for record in records]
        stored = await self.inbox.store(results, offsets, begun_at, self._lease, self._open.signing)
        self._alarm.came(results)
        await self._stored(stored)
        return offsets[-1] + 1

    async def _read(self, records: Sequence[Record]) -> list[Result]:
        """Verify and open the records; look once, not for long, for a later directory where that may help."""
        values = [record.value for record in records]
        results = await self._verification.results(values)
        if any(isinstance(result, Refusal) and result.cure is Cure.DIRECTORY for result in results):
            await self._look()
            results = await self._verification.results(values)
        return results

    async def _look(self) -> None:
        """Refresh the directory, for `POLL_INTERVAL` at most. A version that comes later is used then."""
        with contextlib.suppress(NotifierError, TimeoutError):
            async with asyncio.timeout(POLL_INTERVAL):
                await self._open.directory.refresh()

    async def _try_again(self, begun_at: int) -> None:
        """Try again a batch of refused records that may be good by now."""
        stored = await self._retrial.step(begun_at)
        if stored is not None:
            if stored.messages + stored.duplicates + stored.conflicts:
                self._alarm.end()
            await self._stored(stored)

    async def _stored(self, stored: BatchResult) -> None:
        _report(stored)
        async with self._moved:
            self._moved.notify_all()

    async def _renew(self) -> None:
        """Renew the lease; try a failed renewal again, since every transaction checks the lease."""
        while self._lease is not None:
            await asyncio.sleep(RENEW_SECONDS)
            await self._retries.surely("lease", self._lease.renew)


def _report(stored: BatchResult) -> None:
    """Count the results of a batch, and log faults by their ids."""
    metrics.RECEIVED.labels("opened", "").inc(stored.messages)
    metrics.RECEIVED.labels("duplicate", "").inc(stored.duplicates)
    for refusal in stored.refusals:
        metrics.RECEIVED.labels("refused", refusal.reason).inc()
        log.warning("refused", reason=refusal.reason, envelope=refusal.envelope.hex(), cure=refusal.cure)
    if stored.conflicts:
        metrics.RECEIVED.labels("conflict", "id_conflict").inc(stored.conflicts)
        log.error("another text under a known id", reason="id_conflict", count=stored.conflicts)
    for gap in stored.gaps:
        metrics.GAPS.inc()
        where = {"originator": gap.originator, "stream": gap.stream}
        log.error("messages are missing", **where, first=gap.first, last=gap.last)
