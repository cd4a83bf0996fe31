"""The service that carries an outbox: it sends the entries that any process stores there.

It does the background work of a `Publisher` for as long as it runs, and shows by a lease of its own that it does
(`Outbox.carried`). Any number may run; one carries, the others stand by.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from notifier.aio import run_until_first
from notifier.crypto.keys import SigningKey
from notifier.directory.snapshot import DirectorySource
from notifier.errors import OwnershipLostError, StorageError
from notifier.outbox.outbox import Outbox
from notifier.outbox.relay import OutboxRelay
from notifier.outbox.sealer import Sealer
from notifier.runtime import Runtime
from notifier.storage.lease import LEASE_MS, Lease
from notifier.telemetry import metrics
from notifier.transport.base import Transport

MEASURE_SECONDS: Final = 1.0
log = structlog.get_logger("notifier.publisher")


class Carrier:
    """One process of the service: it carries the outbox, or stands by for another process that does."""

    def __init__(
        self,
        name: str,
        open_outbox: Callable[[], Awaitable[Outbox]],
        transport: Transport,
        directory: DirectorySource,
        signing: SigningKey,
        runtime: Runtime,
    ) -> None:
        self._open_outbox = open_outbox
        self._transport = transport
        self._directory = directory
        self._sealer = Sealer(name, signing, runtime)
        self._runtime = runtime
        self._measured = False

    def ready(self) -> bool:
        """Tell whether the outbox answers; the supervisor checks the broker and the directory."""
        return self._measured

    async def run(self, stop: asyncio.Event) -> None:
        """Carry the outbox until `stop` is set; raise `StorageError`, and errors that are not retryable."""
        outbox = await self._open_outbox()
        lease = outbox.service_lease()
        try:
            relay = OutboxRelay(outbox, self._transport, self._directory, self._sealer, self._runtime, lambda: None)
            await run_until_first(relay.run(), self._hold(lease), self._measure(outbox), _stopped(stop))
        finally:
            self._measured = False
            with contextlib.suppress(StorageError):
                await lease.release()
            await outbox.close()

    async def _hold(self, lease: Lease) -> None:
        """Hold the lease that shows that a service carries the outbox; another process may hold it instead."""
        while True:
            try:
                await (lease.acquire() if lease.epoch is None else lease.renew())
            except OwnershipLostError:
                lease.epoch = None
            except StorageError as error:
                if error.reason != "storage_locked":
                    log.warning("outbox fault", reason=error.reason, detail=error.detail)
            await asyncio.sleep(LEASE_MS / 3000)

    async def _measure(self, outbox: Outbox) -> None:
        while True:
            try:
                backlog = await outbox.backlog()
            except StorageError as error:
                self._measured = False
                log.warning("outbox fault", reason=error.reason, detail=error.detail)
            else:
                metrics.show_backlog(backlog.depth, backlog.oldest, backlog.set_aside, self._runtime.clock())
                self._measured = True
            await asyncio.sleep(MEASURE_SECONDS)


async def _stopped(stop: asyncio.Event) -> None:
    await stop.wait()
