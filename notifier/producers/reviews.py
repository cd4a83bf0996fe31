"""Holds and the persons who decide about them: `publisher.reviews` and `publisher.reviewers`."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Collection

from notifier.crypto.keys import SigningKey
from notifier.errors import KeyRejectedError
from notifier.lifecycle import Parts
from notifier.outbox.ids import parse_id
from notifier.outbox.outbox import Outbox
from notifier.outbox.review import Reviewed
from notifier.persons.approvals import sign
from notifier.persons.model import Person, PersonKind
from notifier.persons.submissions import Submitter
from notifier.runtime import Runtime


class Reviews:
    """The holds of an authority's own notifications, which registered persons release or refuse."""

    def __init__(self, parts: Parts[Outbox], runtime: Runtime, stored: Callable[[], None]) -> None:
        self._parts = parts
        self._runtime = runtime
        self._stored = stored

    async def list(self) -> list[Reviewed]:
        """Return the notifications that a hold keeps from an authority, oldest first."""
        return await self._parts.store.held()

    async def get(self, message_id: str) -> Reviewed:
        """Return a notification with its holds and rulings; raise `NotFoundError`."""
        return await self._parts.store.reviewed(message_id)

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
        """Release a hold of a notification (for `state`, or for all), signed by a registered person.

        Return the authorities that are told now, by a later envelope. The release is durable on return. Raise
        `NotFoundError`, or `RefusedError`: `not_approvable`, `unknown_person`, `person_retired`,
        `permission_missing`, `self_approval`, `submitted_by_nobody`, `bad_signature`, `assurance_missing`,
        `hold_refused`.
        """
        snapshot = self._parts.directory.snapshot()
        snapshot.check_fresh(self._runtime.clock())
        async with self._parts.store.reviewing() as review:
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
        """Record that a registered person refuses to release a hold, which stays; raise as `approve`."""
        async with self._parts.store.reviewing() as review:
            found = await review.find(parse_id(message_id))
            held, now = found.message.held, self._runtime.clock()
            ruling = sign("refusal", held, hold, state, by=by, key=key, now=now, reference=reference)
            await review.refuse(found, ruling)
        self._stored()

    async def resubmit(self, message_id: str, by: Submitter) -> Reviewed:
        """Sign, as its submitter, a notification that nobody signed, so that its holds can be released.

        Change nothing where somebody signed it. Raise `NotFoundError`, or `RefusedError`: `unknown_person`,
        `person_retired`.
        """
        found = await self._parts.store.resubmit(message_id, by)
        self._stored()
        return found


class Reviewers:
    """The registered persons, who submit and decide about holds, and the registered services, which submit."""

    def __init__(self, parts: Parts[Outbox], stored: Callable[[], None]) -> None:
        self._parts = parts
        self._stored = stored

    async def list(self) -> builtins.list[Person]:
        """Return everybody who is or was registered, by name."""
        return await self._parts.store.persons()

    async def add(
        self, name: str, public: bytes, permissions: Collection[str], kind: PersonKind = PersonKind.PERSON
    ) -> Person:
        """Register a person, or a service, with an Ed25519 public key.

        Raise `RefusedError` (`person_exists`, `invalid_person`) or `KeyRejectedError`.
        """
        self.refuse_own(public)
        person = await self._parts.store.add_person(name, public, permissions, kind)
        self._stored()
        return person

    async def retire(self, name: str) -> Person:
        """Let a person decide nothing from now on; earlier decisions stand. Raise `RefusedError`."""
        person = await self._parts.store.retire_person(name)
        self._stored()
        return person

    async def enlist(self, service: Submitter) -> None:
        """Register the service that submits where no person is named; do nothing where it is registered."""
        self.refuse_own(service.key.public)
        await self._parts.store.enlist(service)

    def refuse_own(self, public: bytes) -> None:
        """Raise `KeyRejectedError` for the authority's own key: it proves a process, and no person."""
        if public == self._parts.signing.public:
            raise KeyRejectedError(
                detail="that is the authority's own signing key", hint="a person has a key of their own"
            )
