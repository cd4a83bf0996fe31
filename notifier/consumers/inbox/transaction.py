"""One batch of the feed on its way into the inbox, inside the transaction that also moves the feed's offset."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Final

from notifier.consumers.inbox import gaps, queries, tables
from notifier.consumers.inbox.cipher import InboxCipher
from notifier.consumers.inbox.gaps import Gap
from notifier.consumers.inbox.records import MessageState
from notifier.consumers.receipts import receipt
from notifier.consumers.verification import Notice, Refusal, Result, StreamPosition, VerifiedMessage
from notifier.crypto.keys import SigningKey
from notifier.errors import Cure, OwnershipLostError
from notifier.storage.integrity import Ledger

CONFLICT: Final = "id_conflict"


@dataclass(frozen=True, slots=True)
class BatchResult:
    """Result of one batch: new messages, refusals, conflicts, and gaps that were not known before."""

    messages: int
    duplicates: int
    conflicts: int
    refusals: tuple[Refusal, ...]
    gaps: tuple[Gap, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """A refused record that may be cured: its offset, its bytes as they came, and what may cure it."""

    offset: int
    raw: bytes
    reason: str
    cure: Cure


@dataclass(frozen=True, slots=True)
class MessageMetadata:
    """Metadata sealed with a message's content."""

    originator: str
    stream: str
    seq: int
    envelope: str
    accepted_at: int
    rules_version: int


def refusal_context(offset: int) -> bytes:
    """Return where a refused record is sealed to."""
    return b"refusal/" + offset.to_bytes(8, "big")


def receipt_context(envelope: bytes, outcome: str) -> bytes:
    """Return the associated data that binds a sealed receipt to its row."""
    return b"receipt/" + outcome.encode() + b"/" + envelope


class InboxTransaction:
    """One transaction of the feed."""

    def __init__(
        self, connection: Ledger, cipher: InboxCipher, authority: str, signing: SigningKey, now: int
    ) -> None:
        self._connection = connection
        self._cipher = cipher
        self._authority = authority
        self._now = now
        self._signing = signing
        self._counts = {"opened": 0, "duplicate": 0, "conflict": 0}
        self._refusals: list[Refusal] = []
        self._gaps: list[Gap] = []

    def stored(self) -> BatchResult:
        """Return the result of the batch."""
        counts = self._counts
        return BatchResult(
            counts["opened"], counts["duplicate"], counts["conflict"], tuple(self._refusals), tuple(self._gaps)
        )

    async def apply(self, offset: int, result: Result) -> None:
        """Store one result."""
        if isinstance(result, Notice):
            return
        if result.place is not None:
            await self._follow(result.place, result.envelope)
        if isinstance(result, Refusal):
            await self._refuse(offset, result)
        await self._answer(result)

    async def apply_again(self, kept: Kept, result: Result) -> None:
        """Store the new result of a record that was refused before: a message, or another refusal.

        Raises `OwnershipLostError` where it is not there any more: another instance went on.
        """
        mine = (await self._connection.execute(queries.REFUSAL_AT, {"offset": kept.offset})).all()
        if not mine:
            raise OwnershipLostError(detail="the inbox went on without this instance")
        if isinstance(result, Refusal):
            change = {"reason": result.reason, "cure": result.cure, "due": result.due}
            await self._connection.change(tables.refusals, mine, **change)
        else:
            await self._connection.remove(tables.refusals, mine)
        if isinstance(result, Notice):
            return
        if isinstance(result, Refusal) and result.reason != kept.reason:
            self._refusals.append(result)
        # What was only early has its place in its stream already.
        if result.place is not None and kept.cure is not Cure.TIME:
            await self._follow(result.place, result.envelope)
        await self._answer(result)

    async def _answer(self, result: VerifiedMessage | Refusal) -> None:
        """Store a message, and sign the receipt that is owed; none is owed before the decision."""
        reason = await self._message(result) if isinstance(result, VerifiedMessage) else result.reason
        early = isinstance(result, Refusal) and result.cure is Cure.TIME
        if result.originator is not None and not early:
            await self._receipt(result, reason)

    async def _message(self, message: VerifiedMessage) -> str | None:
        """Store a new message; return the reason where another text is known under its originator and id."""
        name = (message.originator.encode(), message.notification_id)
        blind_index = self._cipher.blind_index(*name)
        before = await self._known(blind_index)
        if before == message.body_digest:
            self._counts["duplicate"] += 1
            return None
        state = MessageState.OPENED if before is None else MessageState.CONFLICT
        if before is not None:
            # Kept beside the first, and alarmed, never dropped.
            blind_index = self._cipher.blind_index(*name, message.body_digest)
            if await self._known(blind_index) is not None:
                self._counts["duplicate"] += 1
                return CONFLICT
        self._counts[state] += 1
        await self._insert(message, blind_index, state)
        return None if before is None else CONFLICT

    async def _known(self, blind_index: bytes) -> bytes | None:
        """Return the digest of the text that is stored under a name."""
        row = (await self._connection.execute(queries.MESSAGE_BY_INDEX, {"which": blind_index})).one_or_none()
        if row is None:
            return None
        self._connection.check(tables.messages, row)
        digest: bytes = row.body_digest
        return digest

    async def _insert(self, message: VerifiedMessage, blind_index: bytes, state: str) -> None:
        facts = MessageMetadata(
            originator=message.originator,
            stream=message.place.stream.hex(),
            seq=message.place.sequence,
            envelope=message.envelope.hex(),
            accepted_at=message.accepted_at,
            rules_version=message.rules_version,
        )
        row = {
            "notification_id": message.notification_id,
            "blind_index": blind_index,
            "body_digest": message.body_digest,
            "state": state,
            "received": self._now,
            "metadata": self._cipher.seal(b"facts/" + blind_index, json.dumps(asdict(facts)).encode()),
            "content": self._cipher.seal(b"content/" + blind_index, message.encoded),
        }
        await self._connection.insert(tables.messages, [row])

    async def _follow(self, place: StreamPosition, envelope: bytes) -> None:
        """Record that a number of a stream was used: open a gap over those it skips, close the gap that it fills."""
        blind_index = self._cipher.blind_index(place.originator.encode(), place.stream, b"stream")
        stream = (await self._connection.execute(queries.STREAM_BY_INDEX, {"which": blind_index})).one_or_none()
        if stream is None:
            name = json.dumps([place.originator, place.stream.hex()]).encode()
            row = {
                "blind_index": blind_index,
                "last": place.sequence,
                "name": self._cipher.seal(b"stream/" + blind_index, name),
            }
            await self._connection.insert(tables.streams, [row])
        else:
            self._connection.check(tables.streams, stream)
        last = 0 if stream is None else stream.last
        if place.sequence <= last:
            again = await self._connection.scalar(queries.ANY_RECEIPT_OF, {"digest": envelope}) is not None
            await gaps.came(self._connection, blind_index, place.sequence, again=again)
            return
        first, end = last + 1, place.sequence - 1
        if first <= end:
            await gaps.skipped(self._connection, blind_index, first, end, self._now)
            self._gaps.append(Gap(place.originator, place.stream.hex(), first, end, end - first + 1))
        if stream is not None:
            await self._connection.change(tables.streams, [stream], last=place.sequence)

    async def _refuse(self, offset: int, refusal: Refusal) -> None:
        self._refusals.append(refusal)
        context = refusal_context(offset)
        row = {
            "feed_offset": offset,
            "digest": refusal.envelope,
            "reason": refusal.reason,
            "received": self._now,
            "raw": self._cipher.seal(context, refusal.raw),
            "cure": refusal.cure,
            "due": refusal.due,
        }
        await self._connection.insert(tables.refusals, [row])

    async def _receipt(self, result: VerifiedMessage | Refusal, reason: str | None) -> None:
        """Sign and store one receipt for each envelope and outcome; keep the first if the delivery repeats.

        The carrier of the feed could put a spoilt copy before the true delivery; so a refusal does not take
        the place of the receipt that the true one earns.
        """
        outcome = "opened" if reason is None else "refused"
        if (
            await self._connection.scalar(queries.RECEIPT_OF, {"digest": result.envelope, "said": outcome})
            is not None
        ):
            return
        now = self._now
        signed = receipt(result, reason, self._authority, self._signing, now)
        sealed = self._cipher.seal(receipt_context(result.envelope, outcome), signed)
        row = {"envelope": result.envelope, "outcome": outcome, "made": now, "signed": sealed}
        await self._connection.insert(tables.receipts, [row])
