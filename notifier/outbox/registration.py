"""The registration of persons and services, in one transaction of the outbox."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from notifier.outbox.payloads import AuditEvent
from notifier.outbox.transaction import OutboxTransaction
from notifier.persons.model import Person, PersonKind, register
from notifier.persons.submissions import Submitter
from notifier.runtime import Runtime
from notifier.times import rfc3339

SERVICE: Final = "service"
"""The name under which a submitter is registered that has none."""


class Registration:
    """Registers and retires persons, each with an audit event."""

    def __init__(self, transaction: OutboxTransaction, authority: str, runtime: Runtime) -> None:
        self._transaction = transaction
        self._registry = transaction.registry
        self._authority = authority
        self._runtime = runtime

    async def add(self, name: str, public: bytes, permissions: Collection[str], kind: PersonKind) -> Person:
        """Register a person or service with an Ed25519 key. Raises as `persons.register`."""
        now, known = self._runtime.clock(), await self._registry.persons()
        person = register(name, public, permissions, now, known, kind)
        await self._registry.add(person)
        await self._log("person_added", person)
        return person

    async def enlist(self, submitter: Submitter) -> None:
        """Register a submitter as a service, if nobody has its key yet. No audit event: it decides nothing."""
        known, public = await self._registry.persons(), submitter.key.public
        if all(one.public != public for one in known):
            name, now = submitter.name or SERVICE, self._runtime.clock()
            await self._registry.add(register(name, public, (), now, known, PersonKind.SERVICE))

    async def retire(self, name: str) -> Person:
        """Retire a person, whose decisions stand."""
        person = await self._registry.retire(name, self._runtime.clock())
        await self._log("person_retired", person)
        return person

    async def _log(self, kind: str, person: Person) -> None:
        facts = {
            "authority": self._authority,
            "name": person.name,
            "public": person.public.hex(),
            "permissions": sorted(person.permissions),
            "person_kind": person.kind,
            "at": rfc3339(self._runtime.clock()),
        }
        await self._transaction.entries.enqueue([(None, AuditEvent.of(kind, self._runtime, facts))])
