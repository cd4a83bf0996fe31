"""Submissions: notifications that are stored in the outbox with their plans, in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import sqlalchemy as sa

from notifier.directory.snapshot import Snapshot
from notifier.errors import RefusedError
from notifier.names import NotificationId
from notifier.notification import Notification, to_json
from notifier.outbox import queries, tables
from notifier.outbox.cases import Cases
from notifier.outbox.entry_store import NewEntry
from notifier.outbox.key_separation import OutboxCipher
from notifier.outbox.message_store import id_of, message_context, review_subject_of
from notifier.outbox.payloads import first_payloads, hold_event
from notifier.outbox.recipients import recipient_rows
from notifier.outbox.states import RecipientState
from notifier.outbox.status import MessageState, StatusReader
from notifier.outbox.transaction import OutboxTransaction
from notifier.persons.acceptance import REPEAT_MS, REPEATED, WarningsNotAccepted, fingerprint
from notifier.persons.approvals import ReviewSubject
from notifier.persons.model import Person, canonical
from notifier.persons.submissions import Submitter, submit
from notifier.policy.case import evaluate_update
from notifier.policy.plan import Plan
from notifier.runtime import Runtime

CHUNK: Final = 500  # ids in one query


@dataclass(frozen=True, slots=True)
class Submission:
    """One notification to store, with its id, and the submitter who signs it (None: nobody).

    `plan` is None of an update: it is made by `snapshot`, in the transaction that reads the update's case.
    `checks_repeats` refuses what was submitted a short time before under another id, unless `may_repeat` is set.
    """

    notification: Notification
    plan: Plan | None
    submitter: Submitter | None = None
    checks_repeats: bool = False
    may_repeat: bool = False
    snapshot: Snapshot | None = None


@dataclass(frozen=True, slots=True)
class AddResult:
    """One message as `add` found or made it."""

    id: str
    plan: Plan
    state: RecipientState
    reason: str | None
    repeats: bool = False  # the same was submitted a short time before, under another id


@dataclass(frozen=True, slots=True)
class _New:
    """A submission that is not in the outbox yet, with its plan."""

    submission: Submission
    plan: Plan


class SubmissionStore:
    """Stores submissions in one transaction. `secret` keys fingerprints and links."""

    def __init__(self, transaction: OutboxTransaction, cipher: OutboxCipher, runtime: Runtime, secret: bytes) -> None:
        self._transaction = transaction
        self._connection = transaction.connection
        self._cipher = cipher
        self._runtime = runtime
        self._secret = secret
        self._cases = Cases(transaction, secret)

    async def add(self, items: Sequence[Submission]) -> list[AddResult]:
        """Store `items`; return each as it is stored.

        Raises `RefusedError` (`id_taken`, and what `submissions.submit` and `evaluate_update` raise), `NotFoundError`
        for an update of an unknown notification, and `WarningsNotAccepted` for what repeats another one.
        """
        rows = await self._rows({id_of(item.notification) for item in items})
        status = StatusReader(self._transaction, self._cipher)
        states = await status.states([row.id for row in rows.values()])
        marks = [fingerprint(item.notification, self._secret) if item.checks_repeats else None for item in items]
        submitted = await self._submitted({one for one in marks if one is not None})
        results: list[AddResult] = []
        batch: dict[bytes, _New] = {}
        added: dict[bytes, _New] = {}
        for item, mark in zip(items, marks, strict=True):
            notification_id = id_of(item.notification)
            if row := rows.get(notification_id):
                results.append(await self._known(row, item, states[row.id]))
                continue
            twin = added.get(notification_id)
            if twin is not None and _content(twin.submission.notification) != _content(item.notification):
                raise _taken()
            repeats = mark is not None and bool(submitted[mark] - {notification_id})
            if repeats and not item.may_repeat:
                raise WarningsNotAccepted([REPEATED])
            if mark is not None:
                submitted[mark].add(notification_id)
            if twin is None and item.plan is not None:
                batch[notification_id] = added[notification_id] = _New(item, item.plan)
            elif twin is None:
                # The message that it is about may be in this very batch.
                await self._insert(batch)
                new = _New(item, await self._evaluate_update(item))
                batch = {notification_id: new}
                added[notification_id] = new
            plan = added[notification_id].plan
            results.append(
                AddResult(NotificationId(notification_id).text, plan, RecipientState.WAITING, None, repeats)
            )
        await self._insert(batch)
        return results

    async def repeats(self, notification: Notification) -> bool:
        """Return whether the same was submitted a short time ago under another id, and not refused by the hub."""
        mark = fingerprint(notification, self._secret)
        if mark is None:
            return False
        return bool((await self._submitted({mark}))[mark] - {id_of(notification)})

    async def _submitted(self, fingerprints: Collection[bytes]) -> dict[bytes, set[bytes]]:
        """Return by fingerprint the ids under which it was submitted a short time ago."""
        since = self._runtime.clock() - REPEAT_MS
        found: dict[bytes, set[bytes]] = {one: set() for one in fingerprints}
        for chunk in batched(sorted(fingerprints), CHUNK):
            which = {"fingerprints": chunk, "since": since}
            for row in await self._connection.execute(queries.MESSAGES_BY_FINGERPRINT, which):
                found[row.fingerprint].add(row.notification_id)
        return found

    async def _rows(self, ids: Collection[bytes]) -> dict[bytes, sa.Row[Any]]:
        found = {}
        for chunk in batched(sorted(ids), CHUNK):
            rows = await self._connection.execute(queries.MESSAGES_BY_NOTIFICATION, {"ids": chunk})
            found.update({row.notification_id: row for row in rows})
        return found

    async def _known(self, row: sa.Row[Any], item: Submission, state: MessageState) -> AddResult:
        """Return the message that is stored under this id. Raises `RefusedError` where it is another notification."""
        if self._transaction.messages.content_of(row) != _content(item.notification):
            raise _taken()
        if row.submission is None and item.submitter is not None:
            await self._transaction.messages.sign(self._transaction.messages.opened(row), item.submitter)
        return AddResult(NotificationId(row.notification_id).text, self._transaction.messages.plan_of(row), *state)

    async def _evaluate_update(self, item: Submission) -> Plan:
        """Return the plan of an update, and store what it does to the messages of its case."""
        if item.snapshot is None:
            raise ValueError("an update is planned by a snapshot")
        messages = await self._cases.messages_of(item.notification)
        case = [await self._cases.case_message(message) for message in messages]
        update = evaluate_update(item.notification, case, item.snapshot)
        await self._cases.store(messages, update.earlier)
        return update.plan

    async def _insert(self, batch: Mapping[bytes, _New]) -> None:
        """Store new messages with their recipients and entries."""
        if not batch:
            return
        now = self._runtime.clock()
        persons: list[Person] = []
        if any(new.submission.submitter is not None for new in batch.values()):
            persons = await self._transaction.registry.persons()
        contents = {key: _content(new.submission.notification) for key, new in batch.items()}
        subjects = {key: self._subject(new.submission, contents[key], persons, now) for key, new in batch.items()}
        rows = [self._row(key, new, contents[key], subjects[key], now) for key, new in batch.items()]
        ids = dict(zip(batch, await self._connection.insert(tables.messages, rows), strict=True))
        entries: list[NewEntry] = []
        for key, new in batch.items():
            payloads = first_payloads(new.submission.notification, new.plan.recipients, new.plan.ties)
            entries += [(ids[key], one) for one in payloads]
            if new.plan.holds:
                entries.append((ids[key], hold_event(subjects[key], new.plan.holds, self._runtime)))
        carried = await self._transaction.entries.enqueue(entries)
        recipients = [
            row | {"entry": carried.get((ids[key], entry.authority or ""))}
            for key, new in batch.items()
            for row, entry in zip(recipient_rows(ids[key], new.plan, now), new.plan.entries, strict=True)
        ]
        await self._connection.insert(tables.recipients, recipients)
        for key, new in batch.items():
            await self._cases.link(ids[key], new.submission.notification)

    def _subject(self, item: Submission, content: bytes, persons: Collection[Person], now: int) -> ReviewSubject:
        """Return the subject that rulings on a new message must name, signed by its submitter if it has one."""
        subject = review_subject_of(item.notification, content, None, now)
        if item.submitter is None:
            return subject
        named = (subject.authority, subject.notification_id, subject.notification_digest)
        return replace(subject, submission=submit(*named, item.submitter, persons, now))

    def _row(
        self, notification_id: bytes, new: _New, content: bytes, subject: ReviewSubject, now: int
    ) -> dict[str, bytes | int | None]:
        def seal(column: str, value: bytes) -> bytes:
            return self._cipher.seal(message_context(column, notification_id), value)

        item, signed = new.submission, subject.submission
        return {
            "notification_id": notification_id,
            "created": now,
            "content": seal("content", content),
            "submitted_by": seal("submitted_by", (subject.submitted_by or "").encode()),
            "plan": seal("plan", new.plan.document()),
            "submission": None if signed is None else seal("submission", canonical(signed.document())),
            "fingerprint": fingerprint(item.notification, self._secret) if item.checks_repeats else None,
        }


def _content(notification: Notification) -> bytes:
    """Return the canonical JSON, by which the same submission is known again."""
    return canonical(to_json(notification, local=True))


def _taken() -> RefusedError:
    return RefusedError("id_taken", hint="give the other notification an id of its own")


def batched(items: Sequence[bytes], size: int) -> Iterator[Sequence[bytes]]:
    """Yield `items` in pieces of at most `size`."""
    return (items[start : start + size] for start in range(0, len(items), size))
