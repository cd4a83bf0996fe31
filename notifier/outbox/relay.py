"""The relay: seals and sends the entries of an outbox in the background, and applies what the hub decided.

One instance per outbox does this, by the lease; others stand by. Three tasks share nothing but the database,
whose transactions follow each other: one renews the lease, one seals and sends, one follows the feed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import structlog

from notifier.aio import Backoff, backoff_delay, run_until_first, wait_for_event
from notifier.directory.snapshot import DirectorySource, Snapshot
from notifier.envelope import partition_of
from notifier.errors import (
    DirectoryError,
    DirectoryStaleError,
    OwnershipLostError,
    StorageError,
    TemporaryError,
    TransportError,
)
from notifier.outbox.deferral import Feeds
from notifier.outbox.feed import DecisionReader
from notifier.outbox.outbox import Outbox
from notifier.outbox.payloads import AuditEvent
from notifier.outbox.sealer import Sealer, SealRequest, without_key
from notifier.outbox.states import NO_FEED, NO_KEY, SET_ASIDE
from notifier.outbox.stream import HubDecision, StreamWindow
from notifier.outbox.transaction import OutboxTransaction
from notifier.policy.plan import nothing
from notifier.policy.revision import evaluate_again, is_current
from notifier.runtime import Runtime
from notifier.storage.lease import LEASE_MS, Lease
from notifier.telemetry import metrics
from notifier.topics import INTAKE, feed_of
from notifier.transport.base import Outgoing, Reader, Sender, Transport
from notifier.transport.cloudevents import headers

WINDOW: Final = 32  # envelopes on their way at once
MAX_REMEMBERED: Final = 4 * WINDOW  # of what was sent, before what is decided is forgotten
READ_LIMIT: Final = 500
READ_MS: Final = 1_000
IDLE_SECONDS: Final = 0.5  # between looks for what another process stored
STANDBY_SECONDS: Final = 1.0
ACK_TIMEOUT_SECONDS: Final = 15.0  # the stream did not move for so long: the same bytes go again
ACK_TIMEOUT_MAX_SECONDS: Final = 300.0

log = structlog.get_logger("notifier.publisher")


class OutboxRelay:
    """Carries one outbox. `changed` is called after every transaction that may have settled something."""

    def __init__(
        self,
        outbox: Outbox,
        transport: Transport,
        directory: DirectorySource,
        sealer: Sealer,
        runtime: Runtime,
        changed: Callable[[], None],
    ) -> None:
        self._outbox = outbox
        self._transport = transport
        self._directory = directory
        self._sealer = sealer
        self._decisions = DecisionReader(sealer, directory)
        self._runtime = runtime
        self._changed = changed
        self._wake = asyncio.Event()
        self._sent: set[bytes] = set()
        self._resent = 0  # how often the same bytes went again since the stream moved
        self._resend_at = 0.0
        self._refresh = False
        self._version = 0  # of the directory by which recipients were last looked at
        self._feeds = Feeds(runtime.entropy)
        self._looked_at = 0  # the version of the directory by which revoked keys were looked for
        self._noted: str | None = None  # why nothing is sent, as it was stored last
        self._asked = (0, 0)  # the versions of rules and directory that the hub named when it found ours outdated

    def wake(self) -> None:
        """Look now: something was stored."""
        self._wake.set()

    async def run(self) -> None:
        """Work until cancelled; raise what trying again does not mend."""
        while True:
            try:
                await self._session(self._outbox.lease())
            except StorageError as error:
                if error.reason != "storage_locked":
                    log.warning("outbox fault", reason=error.reason, detail=error.detail)
            except OwnershipLostError:
                log.warning("another instance took over")
            await asyncio.sleep(STANDBY_SECONDS)

    async def _session(self, lease: Lease) -> None:
        """Work under the lease until a fault ends it."""
        try:
            await lease.acquire()
            await run_until_first(_keep(lease), self._send(lease), self._follow(lease))
        finally:
            with contextlib.suppress(StorageError):
                await lease.release()

    # Sealing and sending.

    async def _send(self, lease: Lease) -> None:
        sender: Sender | None = None
        backoff = Backoff(self._runtime.entropy)
        self._sent.clear()
        async with self._outbox.working(lease) as transaction:
            await transaction.restoration.resume()
        try:
            while True:
                self._wake.clear()
                try:
                    await self._take_back_revoked(lease)
                    await self._seal(lease)
                    sender = await self._send_new(sender)
                    self._noted = None
                except (TransportError, DirectoryStaleError, DirectoryError) as error:
                    log.warning("not sent", reason=error.reason, detail=error.detail)
                    if isinstance(error, DirectoryError):
                        await self._note(lease, error.reason)
                    self._sent.clear()
                    if sender is not None:
                        await sender.close()
                        sender = None
                    await backoff.wait()
                    continue
                backoff.reset()
                await wait_for_event(self._wake, IDLE_SECONDS)
        finally:
            if sender is not None:
                await sender.close()

    async def _take_back_revoked(self, lease: Lease) -> None:
        """Take back what is in flight under a revoked key: the hub accepts it no more, and tells nobody.

        Checked once for each version of the directory.
        """
        directory = self._directory.snapshot().directory
        if directory.version == self._looked_at:
            return
        if await self._outbox.in_flight():
            async with self._outbox.working(lease) as transaction:
                taken = await transaction.decisions.take_back(lambda sealed: self._sealer.takes(sealed, directory))
            if taken:
                log.warning("signing key revoked: envelopes in flight are sealed again")
        self._looked_at = directory.version

    async def _note(self, lease: Lease, reason: str) -> None:
        """Store why nothing is sent, once for each reason."""
        if reason != self._noted:
            async with self._outbox.working(lease) as transaction:
                await transaction.note_reason(reason)
            self._noted = reason
            self._changed()

    async def _seal(self, lease: Lease) -> None:
        """Seal what is due, as far as the window has room; committed when it returns."""
        await self._look_again(lease)
        if not await self._outbox.due(self._runtime.clock()):
            return
        if self._refresh:
            await self._directory.refresh()
            self._refresh = False
        now = self._runtime.clock()
        snapshot = self._directory.snapshot()
        snapshot.check_fresh(now)
        self._check_versions(snapshot)
        self._sealer.check(snapshot.directory)
        async with self._outbox.working(lease) as transaction:
            window = await transaction.streams.window()
            sealed = []
            room = WINDOW - len(window.in_flight)
            for one in await transaction.pending(room, now, closing=window.closing):
                current = await _evaluated(transaction, one, snapshot)
                request = await self._split(transaction, current, window, snapshot, now)
                if request is None:
                    self._wake.set()  # what is behind it may be due, too
                    continue
                try:
                    envelope = self._sealer.seal(request, window, snapshot, self._outbox.secret)
                except DirectoryError as error:
                    log.warning("cannot seal", reason=error.reason, detail=error.detail)
                    await transaction.entries.schedule_retry(request.row, error.reason)
                    continue
                sealed.append(envelope)
                window = window.sealed(envelope.placed)
            await transaction.mark_in_flight(sealed)

    async def _look_again(self, lease: Lease) -> None:
        """Make due what waits for a key or a feed, where another version of the directory may have it."""
        with contextlib.suppress(DirectoryStaleError):
            version = self._directory.snapshot().directory.version
            if version != self._version:
                async with self._outbox.working(lease) as transaction:
                    await transaction.entries.retry_deferred(SET_ASIDE)
                self._version = version
                self._feeds.forget()

    async def _split(
        self,
        transaction: OutboxTransaction,
        request: SealRequest,
        window: StreamWindow,
        snapshot: Snapshot,
        now: int,
    ) -> SealRequest | None:
        """Return what of `request` can be sealed now; a recipient that cannot be reached waits in its own entry."""
        missing = dict.fromkeys(without_key(request, snapshot.directory, now), NO_KEY)
        for name in self._feeds.absent(set(request.recipients) - missing.keys()):
            asked = any(name in one.sequences for one in window.in_flight)
            if request.reason != NO_FEED or asked or not self._feeds.may_ask(name, _monotonic()):
                missing[name] = NO_FEED
        return await transaction.deferral.split(request, missing)

    def _check_versions(self, snapshot: Snapshot) -> None:
        """Raise `DirectoryStaleError` where the hub is known to refuse everything that would be sealed now."""
        rules, directory = self._asked
        if snapshot.rules.version < rules or snapshot.directory.version < directory:
            self._refresh = True
            raise DirectoryStaleError(
                detail=f"the hub asks for version {rules} of the rules and {directory} of the directory",
                hint="the directory's source has not got them yet",
            )

    async def _send_new(self, sender: Sender | None) -> Sender | None:
        """Send what is in flight and was not sent in this session: in order, the same bytes as stored."""
        if self._sent and _monotonic() >= self._resend_at:
            self._sent.clear()
            if in_flight := await self._outbox.in_flight():
                log.warning("no decision yet, the same bytes go again", envelopes=len(in_flight))
                self._resent += 1
        elif len(self._sent) > MAX_REMEMBERED:
            self._sent.intersection_update(await self._outbox.in_flight())
        new = await self._outbox.sealed(self._sent)
        if not new:
            return sender
        directory = self._directory.snapshot().directory
        self._sealer.check_standing(directory)
        sender = sender or await self._transport.sender()
        partitions = directory.hub.partitions
        await sender.send([self._outgoing(stream, envelope, partitions) for _, stream, envelope in new])
        self._sent.update(digest for digest, _, _ in new)
        self._expect_decision()
        return sender

    def _expect_decision(self) -> None:
        """Start the time within which the hub decides something, or the same bytes go again."""
        timeout = backoff_delay(self._resent, ACK_TIMEOUT_SECONDS, ACK_TIMEOUT_MAX_SECONDS)
        self._resend_at = _monotonic() + timeout

    def _outgoing(self, stream: bytes, envelope: bytes, partitions: int) -> Outgoing:
        partition = partition_of(self._sealer.name, stream, partitions)
        return Outgoing(INTAKE, envelope, partition=partition, headers=headers("envelope", self._runtime.entropy))

    # Following the own feed.

    async def _follow(self, lease: Lease) -> None:
        reader: Reader | None = None
        backoff = Backoff(self._runtime.entropy)
        offset = await self._outbox.feed_offset()
        try:
            while True:
                try:
                    if reader is None:
                        reader = await self._transport.reader(feed_of(self._sealer.name), 0, offset)
                        if await reader.beginning() > offset:
                            await self._missed(lease)
                    records = await reader.read(READ_LIMIT, READ_MS)
                    end = await reader.position()
                    found = [await self._decisions.decision(record) for record in records]
                except (TemporaryError, DirectoryError) as error:
                    log.warning("feed not read", reason=error.reason, detail=error.detail)
                    if reader is not None:
                        await reader.close()
                        reader = None
                    await backoff.wait()
                    continue
                backoff.reset()
                if end != offset:
                    await self._apply(lease, offset, end, [one for one in found if one is not None])
                    offset = end
        finally:
            if reader is not None:
                await reader.close()

    async def _missed(self, lease: Lease) -> None:
        """Apply that the feed begins behind the place up to which it was read: statements in between are gone."""
        async with self._outbox.working(lease) as transaction:
            if await transaction.restoration.missed():
                log.warning("the outbox is older than its feed", reason="outbox_restored")
                self._wake.set()

    async def _apply(self, lease: Lease, start: int, end: int, decisions: Sequence[HubDecision]) -> None:
        # First: what the transaction frees may be sealed as soon as it is committed.
        outdated = [one.versions for one in decisions if one.reason == "rules_outdated"]
        rules, directory = zip(self._asked, *outdated, strict=True)
        self._asked = (max(rules), max(directory))
        async with self._outbox.working(lease) as transaction:
            result = await transaction.decisions.apply(start, end, decisions, self._outbox.secret)
            if self._feeds.is_there(result.reached):
                await transaction.entries.retry_deferred([NO_FEED])
        if result.restored:
            log.warning("the outbox is older than its stream", reason="outbox_restored")
        if result.closed:
            log.warning("the stream of the restored outbox is closed, a new one begins", reason="outbox_restored")
        if not (result.decided or result.moved):
            return
        for name in result.missed:
            self._feeds.was_absent(name, _monotonic())
        for reason in result.decided:
            metrics.SETTLED.labels("accepted" if reason is None else "rejected", reason or "").inc()
        self._refresh = self._refresh or result.refresh
        if result.moved:
            self._resent = 0
            self._expect_decision()
        self._changed()
        self._wake.set()


async def _evaluated(transaction: OutboxTransaction, request: SealRequest, snapshot: Snapshot) -> SealRequest:
    """Return `request` under the versions of now; its message is evaluated again where they changed."""
    if request.message is None or isinstance(request.contents, AuditEvent):
        return replace(request, plan=nothing(snapshot.rules.version, snapshot.directory.version))
    if not is_current(request.plan, snapshot):
        message = await transaction.messages.by_row(request.message)
        plan = message.plan
        if not is_current(plan, snapshot):  # unless another entry of the message came before in this transaction
            approvals = await transaction.messages.approvals(message)
            again = evaluate_again(message.notification, plan, snapshot, approvals)
            plan = await transaction.messages.replace_plan(message, again)
        request = replace(request, plan=plan)
    await transaction.messages.unassign(request)
    return request


async def _keep(lease: Lease) -> None:
    while True:
        await asyncio.sleep(LEASE_MS / 3000)
        await lease.renew()


def _monotonic() -> float:
    return asyncio.get_running_loop().time()
