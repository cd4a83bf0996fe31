"""The auditor: it follows the audit topic, and signs a checkpoint every 64 entries or every second.

Its only state is the log: it resumes at the offset after the last signed leaf. It takes every record of the topic in
order, even one that it cannot decode, so any two auditors build the same tree.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import structlog

from notifier.audit.checkpoint import Signer, Verifier
from notifier.audit.entry import AuditEntry
from notifier.auditor.store import LogStore
from notifier.errors import MalformedError, StorageError
from notifier.telemetry import metrics
from notifier.topics import AUDIT
from notifier.transport.base import Reader, Record, Transport

BATCH_ENTRIES: Final = 64
BATCH_SECONDS: Final = 1.0
MAX_BATCH: Final = 2048  # entries under one checkpoint when catching up
POLL_MS: Final = 200

log = structlog.get_logger("notifier.auditor")


class Auditor:
    """An auditor with a log folder of its own; any number may follow the same topic. Run with `run`."""

    def __init__(
        self, transport: Transport, log_folder: Path, signer: Signer, *, earlier: Sequence[Verifier] = ()
    ) -> None:
        """Take the log folder and its signer; one of the `earlier` keys may have signed it before."""
        self._transport = transport
        self._folder = log_folder
        self._signer = signer
        self._earlier = earlier
        self._ready = False

    def ready(self) -> bool:
        """Return whether the log is open and the topic is being read."""
        return self._ready

    async def run(self, stop: asyncio.Event) -> None:
        """Audit until `stop` is set; sign for all that was read by then.

        Raises `TransportError` or `StorageError` (try again: nothing is lost), and `RefusedError` with reason
        `audit_mismatch` where the folder contradicts itself.
        """
        store = LogStore.open(self._folder, self._signer, earlier=self._earlier)
        try:
            metrics.AUDIT_SIZE.set(store.size)
            log.info("log opened", size=store.size, offset=store.position)
            reader = await self._transport.reader(AUDIT, 0, store.position)
            try:
                await self._compare(store, reader)
                self._ready = True
                await self._follow(store, reader, stop)
            finally:
                self._ready = False
                await reader.close()
        finally:
            store.close()

    async def _compare(self, store: LogStore, reader: Reader) -> None:
        """Raise `StorageError` unless the topic goes on where the log ends; it may have been deleted or cut."""
        begin, end = await reader.position(), await reader.end()
        if end < store.position or begin > store.position:
            raise StorageError(
                "audit_mismatch",
                f"the log goes on at offset {store.position}, and the audit topic has {begin} to {end}",
                hint="the topic was cut or recreated: keep the log, and find out who did it",
            )

    async def _follow(self, store: LogStore, reader: Reader, stop: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        pending: list[Record] = []
        due = 0.0
        while not stop.is_set():
            # Rounded up: a wait of zero would spin until the time has come.
            wait_ms = min(POLL_MS, max(0, math.ceil((due - loop.time()) * 1000))) if pending else POLL_MS
            found = await reader.read(MAX_BATCH - len(pending), wait_ms)
            if found and not pending:
                due = loop.time() + BATCH_SECONDS
            pending += found
            if pending and (len(pending) >= BATCH_ENTRIES or loop.time() >= due):
                await self._commit(store, pending)
                pending = []
        if pending:
            await self._commit(store, pending)

    async def _commit(self, store: LogStore, records: list[Record]) -> None:
        for record in records:
            _look_at(record)
        batch = [(record.offset, record.value or b"") for record in records]
        checkpoint = await asyncio.to_thread(store.append, batch)
        metrics.AUDIT_SIZE.set(checkpoint.size)
        metrics.AUDIT_CHECKPOINTS.inc()
        log.info("checkpoint signed", size=checkpoint.size, root=checkpoint.root.hex(), offset=store.position)


def _look_at(record: Record) -> None:
    """Log a record that is no audit entry; it becomes a leaf all the same, and verification reports it."""
    try:
        AuditEntry.decode(record.value or b"")
    except MalformedError:
        log.error("not an audit entry", offset=record.offset)
