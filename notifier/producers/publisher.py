"""Publishing from Python: what is given is durable when `publish` returns, and goes out by itself.

::

    async with Publisher.from_home(".notifier", "TUR/spoc") as publisher:
        submitted = await publisher.publish(document)
        status = await publisher.wait(submitted.id)
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

import structlog

from notifier.directory.snapshot import DirectorySource
from notifier.envelope import SigningKey
from notifier.errors import ConfigError, DirectoryStale, Fault, NotificationInvalid, NotifierError, Refused
from notifier.notification import TYPES, Notification, parse
from notifier.notification.warnings import warnings
from notifier.ops import metrics
from notifier.producers.courier import Courier
from notifier.producers.ids import uuid7
from notifier.producers.outbox import Outbox, Status
from notifier.producers.plan import Plan, plan
from notifier.producers.sealer import Sealer
from notifier.routing.decision import decide, facts_of
from notifier.runtime import REAL, Runtime
from notifier.transport.base import Transport

if TYPE_CHECKING:
    from notifier.config import Settings

REFRESH_SECONDS: Final = 30.0
LOOK_SECONDS: Final = 0.25  # between looks for what another process settled

log = structlog.get_logger("notifier.publisher")


@dataclass(frozen=True, slots=True)
class Submitted:
    """The answer to `publish`: the notification's id (UUID text), what was decided, and its state now.

    `state` is submitted, held, or, where the same notification was given before, what became of it.
    `warnings` are worth a second look, by JSON pointer: nothing that stops it.
    """

    id: str
    plan: Plan
    state: str
    reason: str | None = None
    warnings: tuple[Fault, ...] = ()

    @property
    def recipients(self) -> tuple[str, ...]:
        """The authorities that it is sent to."""
        return self.plan.recipients


@dataclass(frozen=True, slots=True)
class Parts:
    """What a publisher works with. `close` lets go of what was opened for it besides."""

    outbox: Outbox
    transport: Transport
    directory: DirectorySource
    signing: SigningKey


class Publisher:
    """One authority's publisher; an asynchronous context manager.

    Any number of processes may publish into one outbox; one of them, by a lease, seals and sends.
    """

    def __init__(self, name: str, open_parts: Callable[[], Awaitable[Parts]], runtime: Runtime = REAL) -> None:
        self._name = name
        self._open_parts = open_parts
        self._runtime = runtime
        self._parts: Parts | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._moved = asyncio.Event()
        self._courier: Courier | None = None

    @classmethod
    def of(cls, name: str, parts: Parts, runtime: Runtime = REAL) -> Self:
        """A publisher of these parts; it closes the outbox and the transport when it is left."""

        async def given() -> Parts:
            return parts

        return cls(name, given, runtime)

    @classmethod
    def from_settings(cls, settings: Settings, runtime: Runtime = REAL) -> Self:
        """A publisher of the authority that `settings` configures."""

        async def opened() -> Parts:
            from notifier.directory.client import DirectoryClient
            from notifier.keyfiles import signing_key, storage_key
            from notifier.transport.kafka import KafkaTransport

            if settings.outbox is None:
                raise ConfigError(detail="outbox is not set", hint="name the database of the outbox")
            signing = signing_key(settings.keys)
            directory = DirectoryClient(settings.directory, runtime.clock)
            transport = KafkaTransport(settings.kafka)
            # Last, because it is what has to be closed again.
            outbox = await Outbox.open(settings.outbox, settings.name, storage_key(settings.keys), runtime)
            return Parts(outbox, transport, directory, signing)

        return cls(settings.name, opened, runtime)

    @classmethod
    def from_home(cls, home: str | Path, name: str, runtime: Runtime = REAL) -> Self:
        """A publisher of the authority `name` of the sandbox in the folder `home`."""
        from notifier.config import load, party_config

        return cls.from_settings(load(party_config(Path(home), name)), runtime)

    async def __aenter__(self) -> Self:
        self._parts = parts = await self._open_parts()
        try:
            await _first_look(parts.directory)
            sealer = Sealer(self._name, parts.signing, self._runtime)
            self._courier = Courier(
                parts.outbox, parts.transport, parts.directory, sealer, self._runtime, self._moved.set
            )
            self._tasks = [asyncio.create_task(self._courier.run()), asyncio.create_task(_refresh(parts.directory))]
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def _close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        if self._parts is not None:
            await self._parts.transport.close()
            await self._parts.outbox.close()
            self._parts = None

    @property
    def _open(self) -> Parts:
        if self._parts is None:
            raise RuntimeError("a publisher is used inside `async with`")
        return self._parts

    async def publish(self, document: object) -> Submitted:
        """Checks, decides and stores one notification (a dict, JSON text, or a `Notification`).

        Durable in the outbox when it returns, whether or not the broker answers. Raises `NotificationInvalid`
        with every fault, `Refused` (`not_permitted`, `id_taken`), `DirectoryError`
        (`unknown_signer`), `DirectoryStale`, or `StorageError`.
        """
        return (await self.publish_all([document]))[0]

    async def publish_all(self, documents: Iterable[object]) -> list[Submitted]:
        """As `publish`, for all of `documents` or none, in one transaction."""
        items = [self._planned(document) for document in documents]
        stored = await self._open.outbox.add(items)
        metrics.SUBMITTED.inc(len(stored))
        if self._courier is not None:
            self._courier.wake()
        return [
            Submitted(one.id, one.plan, one.state, one.reason, tuple(warnings(notification)))
            for one, (notification, _) in zip(stored, items, strict=True)
        ]

    def _planned(self, document: object) -> tuple[Notification, Plan]:
        notification = document if isinstance(document, Notification) else parse(document)
        if notification.originator != self._name:
            raise NotificationInvalid([Fault("/originator", f"must be {self._name}, who acts")])
        snapshot = self._open.directory.snapshot()
        snapshot.check_fresh(self._runtime.clock())
        Sealer(self._name, self._open.signing, self._runtime).check(snapshot.directory)
        authority = snapshot.directory.authority(self._name)
        if authority is None or notification.type not in authority.publishes.intersection(TYPES):
            raise Refused("not_permitted", f"{self._name} may not send the type {notification.type}")
        if notification.id is None:
            notification = replace(notification, id=uuid7(self._runtime.clock(), self._runtime.entropy))
        decision = decide(notification, snapshot.directory, snapshot.rules)
        return notification, plan(decision, facts_of(notification, snapshot.rules), snapshot.directory.version)

    async def status(self, message_id: str) -> Status:
        """What became of a notification; `Refused` with reason `not_found` where it was never submitted here."""
        return await self._open.outbox.status(message_id)

    async def waiting(self) -> list[str]:
        """The ids of what the hub has not decided yet."""
        return await self._open.outbox.waiting()

    async def wait(self, message_id: str, timeout: float | None = None) -> Status:
        """The status once it is settled (routed, rejected or held), or as it stands after `timeout` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while True:
                    self._moved.clear()
                    if (found := await self.status(message_id)).settled:
                        return found
                    await self._next_change()
        return await self.status(message_id)

    async def drain(self, timeout: float | None = None, *, of: Collection[str] | None = None) -> list[str]:
        """Waits, at most `timeout` seconds, for the hub to decide what is in the outbox; what still waits.

        `of` limits it to these ids.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while True:
                    self._moved.clear()
                    if not await self._still(of):
                        return []
                    await self._next_change()
        return await self._still(of)

    async def _still(self, of: Collection[str] | None) -> list[str]:
        return [one for one in await self.waiting() if of is None or one in of]

    async def _next_change(self) -> None:
        """Returns when something may have changed; raises what ended the work in the background."""
        for task in self._tasks:
            if task.done():
                task.result()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                await self._moved.wait()


async def _first_look(directory: DirectorySource) -> None:
    """Refreshes; a failure is raised only where there is no earlier state that is fresh enough."""
    try:
        await directory.refresh()
    except NotifierError as error:
        try:
            directory.snapshot()
        except DirectoryStale:
            raise error from None


async def _refresh(directory: DirectorySource) -> None:
    """Keeps the directory fresh; a failed look is felt only when the grace has passed."""
    while True:
        await asyncio.sleep(REFRESH_SECONDS)
        try:
            await directory.refresh()
        except NotifierError as error:
            log.warning("directory not refreshed", reason=error.reason, detail=error.detail)
