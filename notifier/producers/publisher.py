"""Publishing from Python: what is given is durable when `publish` returns, and goes out by itself.

::

    async with Publisher.from_home(".notifier", "TUR/spoc") as publisher:
        submitted = await publisher.publish(document)
        status = await publisher.wait(submitted.id)
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

import structlog

from notifier.aio import BackgroundTasks, Backoff, wait_for_event
from notifier.crypto.keys import SigningKey
from notifier.directory.fresh import first_look, keep_fresh
from notifier.directory.snapshot import DirectorySource, Snapshot
from notifier.errors import Fault, KeyRejectedError, NotificationInvalidError, RefusedError
from notifier.names import uuid7
from notifier.notification import TYPES, Notification, parse, to_json
from notifier.notification.derivative import derive, request_to_forward
from notifier.notification.digest import digest_of, digests_of
from notifier.notification.timeliness import check_timely, untimely
from notifier.notification.warnings import NotificationWarning, WarningKind, warned, warnings
from notifier.outbox.cases import UPDATES, Planner
from notifier.outbox.outbox import AuditEventProof, Outbox, Status, Submission, parse_id
from notifier.outbox.relay import OutboxRelay
from notifier.outbox.review import Reviewed
from notifier.outbox.sealer import Sealer
from notifier.outbox.states import RecipientState
from notifier.persons.acceptance import REPEATED, check_accepted
from notifier.persons.approvals import NEEDS, sign
from notifier.persons.model import Person, PersonKind
from notifier.persons.submissions import Submitter
from notifier.policy.case import check_released, evaluate_update, planned
from notifier.policy.forwarding import check_forward
from notifier.policy.plan import NO_CASE, CaseContext, Plan
from notifier.runtime import REAL, Runtime
from notifier.telemetry import metrics
from notifier.times import rfc3339
from notifier.transport.base import Transport

if TYPE_CHECKING:
    from notifier.config import Settings

POLL_INTERVAL: Final = 0.25  # between looks for what another process settled

log = structlog.get_logger("notifier.publisher")

Item = tuple[Notification, Plan | Planner]


@dataclass(frozen=True, slots=True)
class Submitted:
    """The answer to `publish`: the notification's id (UUID text), what was decided, and its state now.

    `state` is waiting, or, where the same notification was given before, what became of it.
    `warnings` are worth a second look, by kind and JSON pointer: nothing that stops it.
    """

    id: str
    plan: Plan
    state: RecipientState
    reason: str | None = None
    warnings: tuple[NotificationWarning, ...] = ()

    @property
    def recipients(self) -> tuple[str, ...]:
        """The authorities that it is sent to."""
        return self.plan.recipients


@dataclass(frozen=True, slots=True)
class Prepared:
    """What would be stored: a notification with its plan (an update's is made later), and its warnings."""

    item: Item
    warnings: tuple[NotificationWarning, ...]

    @property
    def notification(self) -> Notification:
        """The notification, with its id."""
        return self.item[0]

    @property
    def plan(self) -> Plan | None:
        """Who is told, held or not told; None of an update, for whom it depends on its case."""
        return self.item[1] if isinstance(self.item[1], Plan) else None


@dataclass(frozen=True, slots=True)
class Parts:
    """What a publisher works with.

    `submitter` signs what is submitted where nobody is named: a service, which is registered on its first use.
    """

    outbox: Outbox
    transport: Transport
    directory: DirectorySource
    signing: SigningKey
    submitter: Submitter | None = None


class Publisher:
    """One authority's publisher; an asynchronous context manager.

    Any number of processes may publish into one outbox; one of them, by a lease, seals and sends.
    """

    def __init__(self, name: str, open_parts: Callable[[], Awaitable[Parts]], runtime: Runtime = REAL) -> None:
        self._name = name
        self._open_parts = open_parts
        self._runtime = runtime
        self._parts: Parts | None = None
        self._background = BackgroundTasks()
        self._moved = asyncio.Event()
        self._courier: OutboxRelay | None = None
        self._enlisted = False

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
            from notifier.keyfiles import signing_key, storage_key, submitter_key
            from notifier.transport.kafka import KafkaTransport

            address = settings.writes_to()
            signing, service = signing_key(settings.keys), submitter_key(settings.keys)
            directory = DirectoryClient(settings.directory, runtime.clock)
            transport = KafkaTransport(settings.kafka)
            # Last, because it is what has to be closed again.
            outbox = await Outbox.open(address, settings.name, storage_key(settings.keys), runtime)
            return Parts(outbox, transport, directory, signing, None if service is None else Submitter(service))

        return cls(settings.name, opened, runtime)

    @classmethod
    def from_home(cls, home: str | Path, name: str, runtime: Runtime = REAL) -> Self:
        """A publisher of the authority `name` of the sandbox in the folder `home`."""
        from notifier.config import load, party_config

        return cls.from_settings(load(party_config(Path(home), name)), runtime)

    async def __aenter__(self) -> Self:
        self._parts = parts = await self._open_parts()
        try:
            await first_look(parts.directory, log)
            sealer = Sealer(self._name, parts.signing, self._runtime)
            self._courier = OutboxRelay(
                parts.outbox, parts.transport, parts.directory, sealer, self._runtime, self._moved.set
            )
            refreshing = keep_fresh(parts.directory, log, Backoff(self._runtime.entropy))
            self._background.start(self._courier.run(), refreshing)
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def _close(self) -> None:
        await self._background.close()
        if self._parts is not None:
            await self._parts.transport.close()
            await self._parts.outbox.close()
            self._parts = None

    @property
    def _open(self) -> Parts:
        if self._parts is None:
            raise RuntimeError("a publisher is used inside `async with`")
        return self._parts

    async def publish(
        self, document: object, *, by: Submitter | None = None, accept_warnings: Collection[str] = ()
    ) -> Submitted:
        """Checks, decides and stores one notification (a dict, JSON text, a `Notification`, or what `prepare` gave).

        `by` is the registered person who submits and signs it, and may not approve it; by default the service of
        `Parts.submitter`. What nobody signs is warned of where it waits for a person: nobody can release it.
        `accept_warnings` names the kinds of warnings concerning a person's safety that do not stop it. Durable in
        the outbox when it returns, whether or not the broker answers. This is where dates are compared with the
        clock (notifier/notification/timeliness.py). Raises `NotificationInvalidError` with every fault,
        `WarningsNotAccepted`, `RefusedError` (`not_permitted`, `id_taken`, `unknown_person`, `person_retired`; of an
        update `not_found`, `about_mismatch`), `DirectoryError` (`unknown_signer`), `DirectoryStaleError`, or
        `StorageError`.
        """
        return (await self.publish_all([document], by=by, accept_warnings=accept_warnings))[0]

    async def publish_all(
        self, documents: Iterable[object], *, by: Submitter | None = None, accept_warnings: Collection[str] = ()
    ) -> list[Submitted]:
        """As `publish`, for all of `documents` or none, in one transaction."""
        prepared = [one if isinstance(one, Prepared) else await self.prepare(one, by=by) for one in documents]
        for one in prepared:
            check_accepted(one.warnings, accept_warnings)
        may_repeat = WarningKind.REPEATED in accept_warnings
        return await self._store([one.item for one in prepared], by, checks_repeats=True, may_repeat=may_repeat)

    async def prepare(self, document: object, *, by: Submitter | None = None) -> Prepared:
        """What `publish` would do with `document`, whom it tells and what it warns of; nothing is stored.

        Raises as `publish`, but for `WarningsNotAccepted`.
        """
        item = self._planned(document)
        found = [*self._warned(*item, by or self._open.submitter)]
        if await self._open.outbox.repeats(item[0]):
            found.append(REPEATED)
        return Prepared(item, tuple(found))

    async def _store(
        self, items: Sequence[Item], by: Submitter | None, *, checks_repeats: bool = False, may_repeat: bool = False
    ) -> list[Submitted]:
        submitter = by or await self._service()
        submissions = [Submission(*item, submitter, checks_repeats, may_repeat) for item in items]
        stored = await self._open.outbox.add(submissions)
        metrics.SUBMITTED.inc(len(stored))
        self._stored()
        return [
            Submitted(
                one.id,
                one.plan,
                one.state,
                one.reason,
                (*self._warned(notification, one.plan, submitter), *[REPEATED] * one.repeats),
            )
            for one, (notification, _) in zip(stored, items, strict=True)
        ]

    def _warned(
        self, notification: Notification, plan: Plan | Planner, submitter: Submitter | None
    ) -> tuple[NotificationWarning, ...]:
        known = plan if isinstance(plan, Plan) else None
        return tuple(_warnings(notification, self._runtime.clock(), known, submitter))

    def _stored(self) -> None:
        if self._courier is not None:
            self._courier.wake()

    async def forward(
        self, received: Notification, names: Sequence[str], *, by: Submitter | None = None
    ) -> Submitted:
        """Passes on to `names` what this authority received: a notification of its own, made from that one.

        Raises `RefusedError`: `forwarding_forbidden`, for which the originator can be asked (`ask_to_forward`),
        `child_protected`, `unknown_authority`, `not_permitted`, and `NotificationInvalidError` where what was
        received breaks its format.
        """
        snapshot = self._snapshot("forward", received.type)
        today = rfc3339(self._runtime.clock())[:10]
        made = derive(received, self._name, self._new_id(), today)
        # First: what breaks its format answers no question, not even whether the person may be a child.
        parse(to_json(made, local=False))
        check_forward(received, self._name, names, snapshot.directory, snapshot.rules.answers)
        ties = CaseContext(named=tuple(sorted(set(names))), digests=digests_of(received))
        return (await self._store([(made, planned(made, ties, snapshot))], by))[0]

    async def ask_to_forward(
        self, received: Notification, names: Sequence[str], *, by: Submitter | None = None
    ) -> Submitted:
        """Asks the originator of what was received for leave to pass it on to `names`; raises as `publish`."""
        snapshot = self._snapshot("response")
        at = rfc3339(self._runtime.clock())
        asked = request_to_forward(received, self._name, tuple(sorted(set(names))), self._new_id(), at)
        plan = planned(asked, CaseContext(named=(received.originator,)), snapshot)
        return (await self._store([(asked, plan)], by))[0]

    async def forwarded(self, originator: str, message_id: str) -> list[Status]:
        """What became of everything that was made from a notification that `originator` sent, in order."""
        return await self._open.outbox.made_from(originator, message_id)

    async def add_person(
        self, name: str, public: bytes, permissions: Collection[str], kind: PersonKind = PersonKind.PERSON
    ) -> Person:
        """Registers a person who may submit and decide about holds, or a service, with an Ed25519 public key."""
        self._refuse_own(public)
        person = await self._open.outbox.add_person(name, public, permissions, kind)
        self._stored()
        return person

    async def _service(self) -> Submitter | None:
        """Return who submits where nobody is named: a service, registered on its first use; None without one."""
        service = self._open.submitter
        if service is not None and not self._enlisted:
            self._refuse_own(service.key.public)
            await self._open.outbox.enlist(service)
            self._enlisted = True
        return service

    def _refuse_own(self, public: bytes) -> None:
        """The authority's own key is whoever's runs the publisher: what it signs, no person has signed."""
        if public == self._open.signing.public:
            raise KeyRejectedError(
                detail="that is the authority's own signing key", hint="a person has a key of their own"
            )

    async def resubmit(self, message_id: str, by: Submitter) -> Reviewed:
        """A registered submitter signs a notification that nobody had, so that its holds can be released.

        Nothing happens where somebody signed it. Raises `RefusedError`: `not_found`, `unknown_person`,
        `person_retired`.
        """
        found = await self._open.outbox.resubmit(message_id, by)
        self._stored()
        return found

    async def retire_person(self, name: str) -> Person:
        """The person decides nothing from now on; what he or she decided stands."""
        person = await self._open.outbox.retire_person(name)
        self._stored()
        return person

    async def approve(
        self,
        message_id: str,
        hold: str,
        *,
        by: str,
        key: SigningKey,
        state: str | None = None,
        reference: str | None = None,
    ) -> tuple[str, ...]:
        """Releases a hold of a notification (for `state`, or for all), signed by a registered person.

        Returns the authorities that are told now, by a later envelope. Durable when it returns. Raises
        `RefusedError`: `not_found`, `not_approvable`, `unknown_person`, `person_retired`, `permission_missing`,
        `self_approval`, `submitted_by_nobody`, `bad_signature`, `assurance_missing`, `hold_refused`.
        """
        snapshot = self._open.directory.snapshot()
        snapshot.check_fresh(self._runtime.clock())
        async with self._open.outbox.reviewing() as review:
            found = await review.find(parse_id(message_id))
            held, now = found.message.held, self._runtime.clock()
            ruling = sign("approval", held, hold, state, by=by, key=key, now=now, reference=reference)
            released = await review.approve(found, ruling, snapshot)
        self._stored()
        return released

    async def refuse(
        self,
        message_id: str,
        hold: str,
        *,
        by: str,
        key: SigningKey,
        state: str | None = None,
        reference: str | None = None,
    ) -> None:
        """Records that a registered person refuses to release a hold: it stays.

        Raises `RefusedError` as `approve`.
        """
        async with self._open.outbox.reviewing() as review:
            found = await review.find(parse_id(message_id))
            held, now = found.message.held, self._runtime.clock()
            ruling = sign("refusal", held, hold, state, by=by, key=key, now=now, reference=reference)
            await review.refuse(found, ruling)
        self._stored()

    async def reviewed(self, message_id: str) -> Reviewed:
        """A notification with its holds and rulings; `NotFoundError`."""
        return await self._open.outbox.reviewed(message_id)

    def _planned(self, document: object) -> Item:
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
            return notification, partial(evaluate_update, notification, snapshot=snapshot)
        check_released(notification, NO_CASE, snapshot.rules.answers)
        return notification, planned(notification, NO_CASE, snapshot)

    def _snapshot(self, *types: str) -> Snapshot:
        """The directory, where it is fresh and lets this authority send these types."""
        snapshot = self._open.directory.snapshot()
        snapshot.check_fresh(self._runtime.clock())
        Sealer(self._name, self._open.signing, self._runtime).check(snapshot.directory)
        authority = snapshot.directory.authority(self._name)
        for type_ in types:
            if authority is None or type_ not in authority.publishes:
                raise RefusedError("not_permitted", f"{self._name} may not send the type {type_}")
        return snapshot

    def _new_id(self) -> bytes:
        return uuid7(self._runtime.clock(), self._runtime.entropy)

    async def status(self, message_id: str) -> Status:
        """What became of a notification; `NotFoundError` where it was never submitted here."""
        return await self._open.outbox.status(message_id)

    async def digest(self, message_id: str) -> str:
        """The digest by which an update names a notification; `NotFoundError` as `status`."""
        return digest_of(await self._open.outbox.notification(message_id))

    async def waiting(self) -> list[str]:
        """The ids of what the hub has not decided yet."""
        return await self._open.outbox.waiting()

    async def set_aside(self) -> dict[str, int]:
        """How many recipients wait until they can be reached, by reason: they are told by themselves."""
        return (await self._open.outbox.backlog()).set_aside

    async def unreachable(self) -> dict[str, list[str]]:
        """The recipients that wait until they can be reached, by reason."""
        return await self._open.outbox.unreachable()

    async def carried(self) -> bool:
        """Whether a service (`notifier publisher`) carries this outbox: what waits is sent once it can be."""
        return await self._open.outbox.carried()

    async def proofs(self, message_id: str | None) -> list[AuditEventProof]:
        """The acts upon a notification, or upon none, with what shows each to an auditor.

        `NotFoundError`.
        """
        return await self._open.outbox.proofs(message_id)

    async def wait(self, message_id: str, timeout: float | None = None) -> Status:
        """The status once the hub decided whatever could be sent, or as it stands after `timeout` seconds."""
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
        self._background.check()
        await wait_for_event(self._moved, POLL_INTERVAL)


def _warnings(
    notification: Notification, now: int, plan: Plan | None, submitter: Submitter | None
) -> Iterator[NotificationWarning]:
    """What is worth a second look when a notification is sent."""
    yield from warnings(notification)
    if notification.type == "update":
        yield from warned(untimely(notification, now))
    if notification.local is not None and notification.local.approvals:
        yield NotificationWarning(
            WarningKind.APPROVAL_WITHOUT_EFFECT,
            "/local/approvals",
            "count in a dry run only and release nothing here: see notifier review",
        )
    holds = plan.holds if plan is not None else ()
    if submitter is None and any(hold in NEEDS for entry in holds for hold in entry.because):
        yield NotificationWarning(
            WarningKind.SUBMITTED_BY_NOBODY,
            "",
            "waits for a person, and nobody signed its submission: see notifier review resubmit",
        )
