"""Publishing from Python: a notification is durable when `publish` returns, and is sent in the background.

::

    async with Publisher.from_home(".notifier", "TUR/spoc") as publisher:
        submitted = await publisher.publish(document)
        status = await publisher.wait(submitted.id)
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import structlog

from notifier.aio import wait_for_event
from notifier.directory.fresh import first_look
from notifier.directory.snapshot import Snapshot
from notifier.errors import Fault, NotificationInvalidError, RefusedError
from notifier.lifecycle import BackgroundWork, Lifecycle, Parts, settings_in, settings_of
from notifier.names import NotificationId
from notifier.notification import TYPES, Notification, parse, to_json
from notifier.notification.derivative import derive, request_to_forward
from notifier.notification.digest import digest_of, digests_of
from notifier.notification.timeliness import check_timely
from notifier.notification.warnings import NotificationWarning, WarningKind
from notifier.outbox.cases import UPDATES
from notifier.outbox.outbox import Outbox
from notifier.outbox.relay import OutboxRelay
from notifier.outbox.sealer import Sealer
from notifier.outbox.status import AuditEventProof, Status
from notifier.outbox.submissions import Submission
from notifier.persons.acceptance import REPEATED, check_accepted
from notifier.persons.submissions import Submitter
from notifier.policy.case import check_released, planned
from notifier.policy.forwarding import check_forward
from notifier.policy.plan import NO_CASE, CaseContext, Plan
from notifier.producers.results import Prepared, Submitted
from notifier.producers.reviews import Reviewers, Reviews
from notifier.producers.warnings import warnings_of
from notifier.runtime import REAL, Runtime
from notifier.telemetry import metrics
from notifier.times import rfc3339

if TYPE_CHECKING:
    from notifier.config import Settings

POLL_INTERVAL: Final = 0.25  # between looks for what another process settled

log = structlog.get_logger("notifier.publisher")


class Publisher(Lifecycle[Outbox]):
    """One authority's publisher; an asynchronous context manager.

    Any number of processes may publish into one outbox; one of them, by a lease, seals and sends. `reviews` has the
    holds of the authority's notifications, `reviewers` the persons who decide about them.
    """

    def __init__(
        self, name: str, open_parts: Callable[[], Awaitable[Parts[Outbox]]], runtime: Runtime = REAL
    ) -> None:
        super().__init__(name, open_parts, log, runtime)
        self._moved = asyncio.Event()
        self._relay: OutboxRelay | None = None
        self._enlisted = False

    @classmethod
    def of(cls, name: str, parts: Parts[Outbox], runtime: Runtime = REAL) -> Self:
        """Return a publisher of these parts; leaving it closes the outbox and the transport."""

        async def given() -> Parts[Outbox]:
            return parts

        return cls(name, given, runtime)

    @classmethod
    def from_settings(cls, settings: Settings, runtime: Runtime = REAL) -> Self:
        """Return a publisher of the authority that `settings` configures."""

        async def opened() -> Parts[Outbox]:
            from notifier.directory.client import DirectoryClient
            from notifier.keyfiles import signing_key, storage_key, submitter_key
            from notifier.transport.kafka import KafkaTransport

            address = settings.writes_to()
            signing, service = signing_key(settings.keys), submitter_key(settings.keys)
            directory = DirectoryClient(settings.directory, runtime.clock)
            transport = KafkaTransport(settings.kafka)
            # Last, because it is what has to be closed again.
            outbox = await Outbox.open(address, settings.name, storage_key(settings.keys), runtime)
            submitter = None if service is None else Submitter(service)
            return Parts(outbox, transport, directory, signing, submitter=submitter)

        return cls(settings.name, opened, runtime)

    @classmethod
    def from_config(cls, path: str | Path, runtime: Runtime = REAL) -> Self:
        """Return a publisher of the authority whose settings are in the TOML file `path`; raise `ConfigError`."""
        return cls.from_settings(settings_in(path), runtime)

    @classmethod
    def from_home(cls, home: str | Path, authority: str, runtime: Runtime = REAL) -> Self:
        """Return a publisher of `authority` in the sandbox in the folder `home`; raise `ConfigError`."""
        return cls.from_settings(settings_of(home, authority), runtime)

    async def _start(self, parts: Parts[Outbox]) -> list[BackgroundWork]:
        await first_look(parts.directory, log)
        sealer = Sealer(self._name, parts.signing, self._runtime)
        self._relay = OutboxRelay(
            parts.store, parts.transport, parts.directory, sealer, self._runtime, self._moved.set
        )
        return [self._relay.run()]

    @property
    def reviews(self) -> Reviews:
        """The holds of this authority's notifications: list, get, approve, refuse, resubmit."""
        return Reviews(self._open, self._runtime, self._stored)

    @property
    def reviewers(self) -> Reviewers:
        """The persons and services registered with this authority: list, add, retire."""
        return Reviewers(self._open, self._stored)

    async def publish(
        self, document: object, *, by: Submitter | None = None, accept_warnings: Collection[str] = ()
    ) -> Submitted:
        """Check, plan and store one notification (a dict, JSON text, a `Notification`, or a `Prepared`).

        `by` is the registered person who submits and signs it, and may not approve it; by default the service of
        `Parts.submitter`. A notification that nobody signs gets a warning where it is held: nobody can release it.
        `accept_warnings` names the kinds of warnings concerning a person's safety that do not stop it. The
        notification is durable in the outbox on return, whether or not the broker answers. Dates are compared with
        the clock here (notifier/notification/timeliness.py). Raise `NotificationInvalidError` with every fault,
        `WarningsNotAccepted`, `RefusedError` (`not_permitted`, `id_taken`, `unknown_person`, `person_retired`; of an
        update `not_found`, `about_mismatch`), `DirectoryError` (`unknown_signer`), `DirectoryStaleError`, or
        `StorageError`.
        """
        return (await self.publish_all([document], by=by, accept_warnings=accept_warnings))[0]

    async def publish_all(
        self, documents: Iterable[object], *, by: Submitter | None = None, accept_warnings: Collection[str] = ()
    ) -> list[Submitted]:
        """Publish all of `documents` or none, in one transaction; raise as `publish`."""
        prepared = [one if isinstance(one, Prepared) else await self.prepare(one, by=by) for one in documents]
        for one in prepared:
            check_accepted(one.warnings, accept_warnings)
        may_repeat = WarningKind.REPEATED in accept_warnings
        return await self._store([one.submission for one in prepared], by, checks_repeats=True, may_repeat=may_repeat)

    async def prepare(self, document: object, *, by: Submitter | None = None) -> Prepared:
        """Return the plan and the warnings that `publish` would make of `document`; store nothing.

        Raise as `publish`, but for `WarningsNotAccepted`.
        """
        submission = self._planned(document)
        notification = submission.notification
        found = [*self._warned(notification, submission.plan, by or self._open.submitter)]
        if await self._open.store.repeats(notification):
            found.append(REPEATED)
        return Prepared(submission, tuple(found))

    async def _store(
        self,
        submissions: Sequence[Submission],
        by: Submitter | None,
        *,
        checks_repeats: bool = False,
        may_repeat: bool = False,
    ) -> list[Submitted]:
        submitter = by or await self._service()
        submissions = [
            replace(one, submitter=submitter, checks_repeats=checks_repeats, may_repeat=may_repeat)
            for one in submissions
        ]
        stored = await self._open.store.add(submissions)
        metrics.SUBMITTED.inc(len(stored))
        self._stored()
        return [
            Submitted(
                one.id,
                one.plan,
                one.state,
                one.reason,
                (*self._warned(submission.notification, one.plan, submitter), *[REPEATED] * one.repeats),
            )
            for one, submission in zip(stored, submissions, strict=True)
        ]

    def _warned(
        self, notification: Notification, plan: Plan | None, submitter: Submitter | None
    ) -> tuple[NotificationWarning, ...]:
        return tuple(warnings_of(notification, self._runtime.clock(), plan, submitter))

    def _stored(self) -> None:
        if self._relay is not None:
            self._relay.wake()

    async def forward(
        self, received: Notification, names: Sequence[str], *, by: Submitter | None = None
    ) -> Submitted:
        """Pass a received notification on to `names`, as a notification of this authority's own.

        Raise `RefusedError`: `forwarding_forbidden`, for which the originator can be asked (`ask_to_forward`),
        `child_protected`, `unknown_authority`, `not_permitted`. Raise `NotificationInvalidError` where the received
        notification breaks its format.
        """
        snapshot = self._snapshot("forward", received.type)
        today = rfc3339(self._runtime.clock())[:10]
        made = derive(received, self._name, self._new_id(), today)
        # First: what breaks its format answers no question, not even whether the person may be a child.
        parse(to_json(made, local=False))
        check_forward(received, self._name, names, snapshot.directory, snapshot.rules.answers)
        ties = CaseContext(named=tuple(sorted(set(names))), digests=digests_of(received))
        return (await self._store([Submission(made, planned(made, ties, snapshot))], by))[0]

    async def ask_to_forward(
        self, received: Notification, names: Sequence[str], *, by: Submitter | None = None
    ) -> Submitted:
        """Ask the originator of a received notification for leave to forward it to `names`; raise as `publish`."""
        snapshot = self._snapshot("response")
        at = rfc3339(self._runtime.clock())
        asked = request_to_forward(received, self._name, tuple(sorted(set(names))), self._new_id(), at)
        plan = planned(asked, CaseContext(named=(received.originator,)), snapshot)
        return (await self._store([Submission(asked, plan)], by))[0]

    async def forwarded(self, originator: str, message_id: str) -> list[Status]:
        """Return the status of each notification made from one that `originator` sent, in order."""
        return await self._open.store.made_from(originator, message_id)

    async def _service(self) -> Submitter | None:
        """Return the service that submits where no person is named, registered on its first use; None without one."""
        service = self._open.submitter
        if service is not None and not self._enlisted:
            await self.reviewers.enlist(service)
            self._enlisted = True
        return service

    def _planned(self, document: object) -> Submission:
        notification = document if isinstance(document, Notification) else parse(document)
        if notification.originator != self._name:
            raise NotificationInvalidError([Fault("/originator", f"must be {self._name}, who acts")])
        if notification.parent is not None:
            raise NotificationInvalidError([Fault("/parent", "must not be there: notifier forward makes it")])
        if notification.type not in TYPES:
            raise RefusedError("not_permitted", f"the type {notification.type} is not published by hand")
        check_timely(notification, self._runtime.clock())
        snapshot = self._snapshot(notification.type)
        if notification.id is None:
            notification = replace(notification, id=self._new_id())
        if notification.type in UPDATES:
            return Submission(notification, None, snapshot=snapshot)
        check_released(notification, NO_CASE, snapshot.rules.answers)
        return Submission(notification, planned(notification, NO_CASE, snapshot))

    def _snapshot(self, *types: str) -> Snapshot:
        """Return the directory; raise where it is stale or does not let this authority send these types."""
        snapshot = self._open.directory.snapshot()
        snapshot.check_fresh(self._runtime.clock())
        Sealer(self._name, self._open.signing, self._runtime).check(snapshot.directory)
        authority = snapshot.directory.authority(self._name)
        for type_ in types:
            if authority is None or type_ not in authority.publishes:
                raise RefusedError("not_permitted", f"{self._name} may not send the type {type_}")
        return snapshot

    def _new_id(self) -> bytes:
        return NotificationId.new(self._runtime.clock(), self._runtime.entropy)

    async def status(self, message_id: str) -> Status:
        """Return the status of a notification; raise `NotFoundError` where the outbox has none of that id."""
        return await self._open.store.status(message_id)

    async def digest(self, message_id: str) -> str:
        """Return the digest by which an update names a notification; raise `NotFoundError`."""
        return digest_of(await self._open.store.notification(message_id))

    async def pending(self) -> list[str]:
        """Return the ids of the notifications and acts that the hub has not decided yet."""
        return await self._open.store.waiting()

    async def set_aside(self) -> dict[str, int]:
        """Count, by reason, the recipients that wait until they can be reached; they are told by themselves."""
        return (await self._open.store.backlog()).set_aside

    async def unreachable(self) -> dict[str, list[str]]:
        """Return, by reason, the recipients that wait until they can be reached."""
        return await self._open.store.unreachable()

    async def carried(self) -> bool:
        """Tell whether a service (`notifier run publisher`) carries this outbox, and sends what is pending."""
        return await self._open.store.carried()

    async def proofs(self, message_id: str | None) -> list[AuditEventProof]:
        """Return the acts about a notification, or about none, each with its proof; raise `NotFoundError`."""
        return await self._open.store.proofs(message_id)

    async def wait(self, message_id: str, timeout: float | None = None) -> Status:
        """Return the status once the hub decided whatever could be sent, or after `timeout` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while True:
                    self._moved.clear()
                    if (found := await self.status(message_id)).settled:
                        return found
                    await self._next_change()
        return await self.status(message_id)

    async def flush(self, timeout: float | None = None, *, of: Collection[str] | None = None) -> list[str]:
        """Wait until the hub has decided what is in the outbox, or for `timeout` seconds; return what is pending.

        `of` limits both to these ids.
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
        return [one for one in await self.pending() if of is None or one in of]

    async def _next_change(self) -> None:
        """Return when something may have changed; raise the error that ended work in the background."""
        self._background.check()
        await wait_for_event(self._moved, POLL_INTERVAL)
