"""The part of a publisher that works in the background: seals, sends, and reads what the hub decided.

One instance per outbox does this, by the lease; others stand by. Three tasks share nothing but the database,
whose transactions follow each other: one holds on to the lease, one seals and sends, one follows the feed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from notifier.aio import Backoff, backoff_delay, run_until_first, wait_for_event
from notifier.directory.snapshot import DirectorySource, Snapshot
from notifier.envelope import ParsedDelivery, SignedStatement, Statement, parse_feed, partition_of, verify_statement
from notifier.errors import (
    REASONS,
    DirectoryError,
    DirectoryStaleError,
    EnvelopeError,
    MalformedError,
    OwnershipLostError,
    StorageError,
    TemporaryError,
    TransportError,
)
from notifier.outbox.deferral import Feeds
from notifier.outbox.outbox import Outbox
from notifier.outbox.sealer import Sealer, SealRequest, without_key
from notifier.outbox.states import NO_FEED, NO_KEY, SET_ASIDE
from notifier.outbox.stream import HubDecision, StreamWindow
from notifier.outbox.transaction import OutboxTransaction
from notifier.runtime import Runtime
from notifier.storage.lease import LEASE_MS, Lease
from notifier.telemetry import metrics
from notifier.topics import INTAKE, feed_of
from notifier.transport.base import Headers, Outgoing, Reader, Record, Sender, Transport

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
        self._said: str | None = None  # why nothing is sent, as it was told to whoever waits
        self._asked = (0, 0)  # the versions of rules and directory that the hub named when it found ours outdated

    def wake(self) -> None:
        """Something was stored: look now."""
        self._wake.set()

    async def run(self) -> None:
        """Works until cancelled; raises what trying again does not mend."""
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
        """One tenure of the lease, until a fault ends it."""
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
        async with self._outbox.working(lease) as work:
            await work.restoration.resume()
        try:
            while True:
                self._wake.clear()
                try:
                    await self._leave_revoked(lease)
                    await self._seal(lease)
                    sender = await self._send_new(sender)
                    self._said = None
                except (TransportError, DirectoryStaleError, DirectoryError) as error:
                    log.warning("not sent", reason=error.reason, detail=error.detail)
                    if isinstance(error, DirectoryError):
                        await self._say(lease, error.reason)
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

    async def _leave_revoked(self, lease: Lease) -> None:
        """Seal anew what flies under a key that was revoked: the hub takes it no more, and tells nobody.

        Looked at once for each version of the directory.
        """
        directory = self._directory.snapshot().directory
        if directory.version == self._looked_at:
            return
        if await self._outbox.in_flight():
            async with self._outbox.working(lease) as work:
                left = await work.leave(lambda envelope: self._sealer.takes(envelope, directory))
            if left:
                log.warning("the key of what was on its way is revoked, it is sealed anew")
        self._looked_at = directory.version

    async def _say(self, lease: Lease, reason: str) -> None:
        """Tell whoever waits why nothing is sent, once for each reason."""
        if reason != self._said:
            async with self._outbox.working(lease) as work:
                await work.say(reason)
            self._said = reason
            self._changed()

    async def _seal(self, lease: Lease) -> None:
        """Seals what is due, as far as the window has room; committed when it returns."""
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
        async with self._outbox.working(lease) as work:
            pipeline = await work.pipeline()
            sealed = []
            for load in await work.pending(WINDOW - len(pipeline.in_flight), now, closing=pipeline.closing):
                current = await self._part(work, await work.current(load, snapshot), pipeline, snapshot, now)
                if current is None:
                    self._wake.set()  # what is behind it may be due, too
                    continue
                try:
                    outbound = self._sealer.seal(current, pipeline, snapshot, self._outbox.secret)
                except DirectoryError as error:
                    log.warning("cannot seal", reason=error.reason, detail=error.detail)
                    await work.schedule_retry(load.row, error.reason)
                    continue
                sealed.append(outbound)
                pipeline = pipeline.sealed(outbound.placed)
            await work.mark_in_flight(sealed)

    async def _look_again(self, lease: Lease) -> None:
        """Makes due what waits for a key or a feed, where another version of the directory may have it."""
        with contextlib.suppress(DirectoryStaleError):
            version = self._directory.snapshot().directory.version
            if version != self._version:
                async with self._outbox.working(lease) as work:
                    await work.aside.try_again(SET_ASIDE)
                self._version = version
                self._feeds.forget()

    async def _part(
        self, work: OutboxTransaction, load: SealRequest, pipeline: StreamWindow, snapshot: Snapshot, now: int
    ) -> SealRequest | None:
        """What of `load` can be sealed now; whoever cannot be reached waits in a letter of its own."""
        missing = dict.fromkeys(without_key(load, snapshot.directory, now), NO_KEY)
        for name in self._feeds.absent(set(load.recipients) - missing.keys()):
            asked = any(name in one.sequences for one in pipeline.in_flight)
            if load.reason != NO_FEED or asked or not self._feeds.may_ask(name, _monotonic()):
                missing[name] = NO_FEED
        return await work.aside.part(load, missing)

    def _check_versions(self, snapshot: Snapshot) -> None:
        """Raises `DirectoryStaleError` where the hub is known to refuse whatever would be sealed now."""
        rules, directory = self._asked
        if snapshot.rules.version < rules or snapshot.directory.version < directory:
            self._refresh = True
            raise DirectoryStaleError(
                detail=f"the hub asks for version {rules} of the rules and {directory} of the directory",
                hint="the directory's source has not got them yet",
            )

    async def _send_new(self, sender: Sender | None) -> Sender | None:
        """Sends what flies and was not sent in this session: in order, the same bytes as stored."""
        if self._sent and _monotonic() >= self._resend_at:
            self._sent.clear()
            if flying := await self._outbox.in_flight():
                log.warning("no decision yet, the same bytes go again", envelopes=len(flying))
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
        return Outgoing(INTAKE, envelope, partition=partition, headers=_headers(self._runtime.entropy(40)))

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
                    told = [told for record in records if (told := await self._told(record)) is not None]
                except (TemporaryError, DirectoryError) as error:
                    log.warning("feed not read", reason=error.reason, detail=error.detail)
                    if reader is not None:
                        await reader.close()
                        reader = None
                    await backoff.wait()
                    continue
                backoff.reset()
                if end != offset:
                    await self._apply(lease, offset, end, told)
                    offset = end
        finally:
            if reader is not None:
                await reader.close()

    async def _missed(self, lease: Lease) -> None:
        """The feed begins behind the place up to which it was read: what the hub said in between is gone."""
        async with self._outbox.working(lease) as work:
            if await work.restoration.missed():
                log.warning("the outbox is older than its feed", reason="outbox_restored")
                self._wake.set()

    async def _apply(self, lease: Lease, start: int, end: int, told: Sequence[HubDecision]) -> None:
        # First: what the transaction frees may be sealed as soon as it is committed.
        outdated = [one.versions for one in told if one.reason == "rules_outdated"]
        rules, directory = zip(self._asked, *outdated, strict=True)
        self._asked = (max(rules), max(directory))
        async with self._outbox.working(lease) as work:
            heard = await work.apply_decisions(start, end, told, self._outbox.secret)
            if self._feeds.is_there(heard.reached):
                await work.aside.try_again([NO_FEED])
        if heard.restored:
            log.warning("the outbox is older than its stream", reason="outbox_restored")
        if heard.closed:
            log.warning("the stream of the restored outbox is closed, a new one begins", reason="outbox_restored")
        if not (heard.decided or heard.moved):
            return
        for name in heard.missed:
            self._feeds.was_absent(name, _monotonic())
        for reason in heard.decided:
            metrics.SETTLED.labels("accepted" if reason is None else "rejected", reason or "").inc()
        self._refresh = self._refresh or heard.refresh
        if heard.moved:
            self._resent = 0
            self._expect_decision()
        self._changed()
        self._wake.set()

    async def _told(self, record: Record) -> HubDecision | None:
        """What a feed record says about an envelope of this authority; None for a delivery, or what nobody signed."""
        try:
            parsed = parse_feed(record.value or b"")
            if isinstance(parsed, ParsedDelivery):
                return None
            statement = await self._verified(parsed)
        except (EnvelopeError, MalformedError) as error:
            log.warning("feed record ignored", offset=record.offset, reason=error.reason)
            return None
        if statement.kind != "decision" or statement.audience != self._sealer.name:
            log.warning("feed record ignored", offset=record.offset, reason="bad_statement")
            return None
        # The reason is shown and counted: whatever a hub may have put there, it is one that there is.
        known = statement.reason if statement.reason in REASONS else "malformed"
        reason = None if statement.outcome == "accepted" else known
        versions = (statement.rules_version, statement.directory_version)
        own = self._owns(statement)
        return HubDecision(
            statement.digest,
            reason,
            statement.stream,
            statement.number,
            versions,
            own,
            statement.accepted_at,
            statement.envelope_id,
        )

    def _owns(self, statement: Statement) -> bool:
        """Whether the statement says that an envelope under a key of ours was in turn.

        One from before statements named the signer says so only where it accepts: the hub then knew the key as ours.
        """
        if statement.signer is None:
            return statement.outcome == "accepted"
        return self._sealer.owns(statement.signer, self._directory.snapshot().directory)

    async def _verified(self, signed: SignedStatement) -> Statement:
        """Verified with the hub's keys, looked up anew once: the hub may sign with a key that is newer than ours."""
        hub = self._directory.snapshot().directory.hub
        if hub.signing_key(signed.key_id) is None:
            await self._directory.refresh()
            hub = self._directory.snapshot().directory.hub
        return verify_statement(signed, hub_id=hub.hub_id, hub_signer=hub.signing_key)


async def _keep(lease: Lease) -> None:
    while True:
        await asyncio.sleep(LEASE_MS / 3000)
        await lease.renew()


def _monotonic() -> float:
    return asyncio.get_running_loop().time()


def _headers(token: bytes) -> Headers:
    """CloudEvents binary mode and a trace, for tools; trusted by nobody."""
    return (
        ("ce_specversion", b"1.0"),
        ("ce_id", token[:16].hex().encode()),
        ("ce_source", b"/notifier/publisher"),
        ("ce_type", b"org.notifier.envelope.v1"),
        ("content-type", b"application/vnd.notifier.envelope.v1"),
        ("traceparent", f"00-{token[16:32].hex()}-{token[32:40].hex()}-01".encode()),
    )
