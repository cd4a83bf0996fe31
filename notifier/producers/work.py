"""What the lease-holder does to the outbox inside one transaction: seal, and hear what the hub decided."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.errors import Fenced, Refused
from notifier.producers import tables
from notifier.producers.pipeline import Pipeline, Placed, Resend, Told, hear
from notifier.producers.plan import Plan
from notifier.producers.sealer import Load
from notifier.runtime import Runtime
from notifier.storage import RowCipher

FIRST_PAUSE_MS: Final = 1_000
LONGEST_PAUSE_MS: Final = 300_000
INITIAL: Final = {"send": "submitted", "hold": "held", "suppress": "suppressed"}
FOREIGN: Final = "the outbox is older than its stream: it was restored from a backup"


@dataclass(slots=True)
class Heard:
    """What a batch of decisions came to: how many were this outbox's, and what is to be done besides."""

    decided: list[str | None]  # one reason per decision of an own envelope; None: accepted
    moved: bool = False  # the stream's state changed: something was decided in turn
    refresh: bool = False  # the directory should be looked at before sealing anew


class Work:
    """One transaction. The caller checked the lease in it."""

    def __init__(self, connection: AsyncConnection, cipher: RowCipher, runtime: Runtime) -> None:
        self._connection = connection
        self._cipher = cipher
        self._runtime = runtime

    async def secret(self) -> bytes:
        """The secret that makes this database's envelope ids its own (32 bytes)."""
        sealed = (await self._connection.execute(sa.select(tables.instance.c.secret))).scalar_one()
        return self._cipher.open(b"instance/secret", sealed)

    async def pipeline(self) -> Pipeline:
        """The stream as it stands; `Refused` where the hub knows more of it than this database."""
        row = (await self._connection.execute(sa.select(tables.streams))).one()
        if row.state == "foreign":
            raise Refused("storage_failed", FOREIGN, hint="nothing is sent from it; keep it for a person to settle")
        query = sa.select(tables.envelopes).where(tables.envelopes.c.state == "flying")
        flying = (await self._connection.execute(query.order_by(tables.envelopes.c.number))).all()
        counters = json.loads(self._cipher.open(b"stream/counters/" + row.id, row.counters))
        return Pipeline(row.id, row.number, row.tail, counters, tuple(self._placed(one) for one in flying))

    async def pending(self, limit: int, now: int) -> list[tuple[Load, bytes]]:
        """The next messages to be sealed, in order, each with its content (canonical JSON)."""
        table = tables.messages
        query = sa.select(table).where(table.c.state == "pending", table.c.due <= now)
        rows = (await self._connection.execute(query.order_by(table.c.id).limit(limit))).all()
        return [(self._load(row), self._open("content", row)) for row in rows]

    def _load(self, row: sa.Row[Any]) -> Load:
        plan = Plan.from_document(self._open("plan", row))
        return Load(row.id, row.notification_id, self._open("wire", row), plan)

    async def fly(self, placed: Placed, envelope: bytes) -> None:
        """An envelope of its message was sealed: stored before its first sending."""
        await self._connection.execute(
            tables.envelopes.insert().values(
                digest=placed.digest,
                message=placed.message,
                stream=placed.stream,
                number=placed.number,
                previous=placed.previous,
                sequences=self._seal_json(b"envelope/sequences/" + placed.digest, placed.sequences),
                state="flying",
                bytes=envelope,
                created=self._runtime.clock(),
            )
        )
        await self._message(placed.message, state="sealed")

    async def replan(self, load: Load) -> None:
        """Replaces a message's plan by `load.plan`: what each recipient's entry says now."""
        key = b"message/plan/" + load.notification_id
        await self._message(load.message, plan=self._cipher.seal(key, load.plan.document()))
        await self._connection.execute(tables.recipients.delete().where(tables.recipients.c.message == load.message))
        await add_recipients(self._connection, load.message, load.plan, self._runtime.clock())

    async def defer(self, message: int, reason: str) -> None:
        """A message cannot be sealed now: it waits, longer each time."""
        await self._retry(message, reason)

    async def hold(self, message: int) -> None:
        """A message is not to leave at all."""
        await self._message(message, state="held")

    async def hear(self, start: int, end: int, told: Sequence[Told]) -> Heard:
        """Applies decisions that stood in the feed from offset `start` up to `end`, and stores `end`.

        Raises `Fenced` where the stored offset is not `start`: another instance, or a restored database.
        """
        moved = await self._connection.execute(
            tables.instance.update().where(tables.instance.c.feed_offset == start).values(feed_offset=end)
        )
        if moved.rowcount != 1:
            raise Fenced(detail="the outbox's place in the feed was moved by another instance")
        heard = Heard([])
        if not told:
            return heard
        pipeline = before = await self.pipeline()
        for one in told:
            pipeline = await self._hear(pipeline, one, heard)
        if pipeline != before:
            heard.moved = True
            await self._store(pipeline)
        return heard

    async def _hear(self, pipeline: Pipeline, told: Told, heard: Heard) -> Pipeline:
        query = sa.select(tables.envelopes).where(tables.envelopes.c.digest == told.digest)
        row = (await self._connection.execute(query)).one_or_none()
        mine = self._placed(row) if row is not None else None
        step = hear(pipeline, told, mine)
        if row is not None:
            heard.decided.append(told.reason)
        if step.foreign:
            await self._connection.execute(tables.streams.update().values(state="foreign"))
        await self._close_envelopes(pipeline, step.pipeline, told)
        for message in step.freed:
            await self._message(message, state="pending")
        if step.routed is not None:
            await self._routed(step.routed)
        if step.refused is not None and told.reason is not None:
            await self._refused(step.refused, told.reason, retry=step.retry)
        if step.resend is not None and told.reason is not None:
            await self._say(mine, told.reason)
        heard.refresh = heard.refresh or step.retry or step.resend is Resend.AFRESH
        return step.pipeline

    async def _close_envelopes(self, before: Pipeline, after: Pipeline, told: Told) -> None:
        """What left the pipe flies no more: its bytes go, its digest stays, to be known whenever it is decided."""
        left = {one.digest for one in before.pipe} - {one.digest for one in after.pipe}
        outcome = "accepted" if told.reason is None else "rejected"
        for digest in left:
            await self._envelope(digest, outcome if digest == told.digest else "void")
        if told.reason is None and told.digest not in left:
            await self._envelope(told.digest, "accepted")

    async def _envelope(self, digest: bytes, state: str) -> None:
        table = tables.envelopes
        await self._connection.execute(table.update().where(table.c.digest == digest).values(state=state, bytes=None))

    async def _routed(self, message: int) -> None:
        """An acceptance always wins, whatever this outbox thought of the message before."""
        table, now = tables.recipients, self._runtime.clock()
        moved = await self._connection.execute(
            table.update()
            .where(table.c.message == message, table.c.state.in_(("submitted", "rejected")))
            .values(state="routed", since=now)
        )
        already = sa.select(table.c.place).where(table.c.message == message, table.c.state == "routed").limit(1)
        told = moved.rowcount > 0 or (await self._connection.execute(already)).first() is not None
        await self._message(message, state="routed" if told else "held", reason=None)

    async def _refused(self, message: int, reason: str, *, retry: bool) -> None:
        if retry:
            await self._retry(message, reason)
            return
        table, now = tables.recipients, self._runtime.clock()
        await self._message(message, state="rejected", reason=reason)
        await self._connection.execute(
            table.update()
            .where(table.c.message == message, table.c.state == "submitted")
            .values(state="rejected", since=now)
        )

    async def _say(self, envelope: Placed | None, reason: str) -> None:
        """Keeps a reason that decides nothing, so that whoever waits can see what stands in the way."""
        if envelope is not None and envelope.message is not None:
            await self._message(envelope.message, reason=reason)

    async def _retry(self, message: int, reason: str) -> None:
        """Pending again: at once the first time, then after growing pauses."""
        table = tables.messages
        attempts: int = (
            await self._connection.execute(sa.select(table.c.attempts).where(table.c.id == message))
        ).scalar_one()
        pause = min(FIRST_PAUSE_MS * 2 ** min(attempts - 1, 16), LONGEST_PAUSE_MS) if attempts else 0
        due = self._runtime.clock() + int(pause)
        await self._message(message, state="pending", reason=reason, attempts=attempts + 1, due=due)

    async def _store(self, pipeline: Pipeline) -> None:
        counters = self._seal_json(b"stream/counters/" + pipeline.stream, pipeline.counters)
        await self._connection.execute(
            tables.streams.update()
            .where(tables.streams.c.id == pipeline.stream)
            .values(number=pipeline.number, tail=pipeline.tail, counters=counters)
        )

    async def _message(self, message: int | None, **values: Any) -> None:
        table = tables.messages
        await self._connection.execute(
            table.update().where(table.c.id == message).values(updated=self._runtime.clock(), **values)
        )

    def _placed(self, row: sa.Row[Any]) -> Placed:
        sequences = json.loads(self._cipher.open(b"envelope/sequences/" + row.digest, row.sequences))
        return Placed(row.digest, row.message, row.stream, row.number, row.previous, sequences)

    def _open(self, column: str, row: sa.Row[Any]) -> bytes:
        value: bytes = getattr(row, column)
        return self._cipher.open(f"message/{column}/".encode() + row.notification_id, value)

    def _seal_json(self, context: bytes, value: Mapping[str, int]) -> bytes:
        return self._cipher.seal(context, json.dumps(dict(value)).encode())


async def add_recipients(connection: AsyncConnection, message: int, plan: Plan, now: int) -> None:
    """Stores the first state of every entry of `plan`."""
    rows = [
        {"message": message, "place": place, "state": INITIAL[entry["outcome"]], "since": now}
        for place, entry in enumerate(plan.entries)
    ]
    if rows:
        await connection.execute(tables.recipients.insert(), rows)
