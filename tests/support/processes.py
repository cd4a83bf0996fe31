"""Processes in virtual time that crash, freeze, are cut off, and come back: at the broker, in databases, on disks.

A process is a task that knows which one it is (`current`), and so is every task that it begins. Each call of the
broker and each transaction of a database asks the process's `Fate` what becomes of it. A dead process does
nothing more: whatever its clean-up tries, raises `Crash`; what it left open, the broker and the database end as
they would for one that was killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import sqlite3
from collections.abc import Callable, Coroutine, Generator, Mapping
from contextlib import asynccontextmanager
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass, field
from typing import Any, Protocol

from notifier.auditor.store import Disk
from notifier.errors import OutcomeUnknownError, OwnershipLostError, StorageError, TemporaryError, TransportError
from notifier.storage import lease, sqlite
from notifier.storage.database import Database
from notifier.storage.sqlite import BUSY_MS
from notifier.transport.base import Outgoing
from notifier.transport.memory import MemoryBroker, MemoryMember, MemorySender, MemoryTransactional, MemoryTransport

LOOK_S = 0.05  # between looks whether a database is free
SESSION_S = 6.0  # after which the group believes a silent member dead


class Crash(Exception):
    """The process is gone."""


class Fate(Protocol):
    """What becomes of each step of each process."""

    async def step(self, process: Process, step: str) -> None:
        """A call of the broker: returns, perhaps later, or raises what the caller gets."""

    async def disk(self, process: Process, step: str) -> None:
        """As `step`, for a database: before it begins, before it commits, and behind the commit."""

    def write(self, process: Process, step: str) -> bool:
        """A write of a file: whether it is cut short; raises as `disk` does."""

    def late(self, process: Process) -> float | None:
        """How much later something that is sent arrives, its sender not knowing; None: now."""


@dataclass(eq=False)
class Process:
    """One life of a party's process. `closing` lets go of what a killed process cannot.

    Wherever any of its tasks waits, it waited once more (`waits`); at `dies_at` it dies there.
    """

    party: str
    number: int
    fate: Fate
    dies_at: int = 0
    waits: int = 0
    dead: bool = False
    cut: bool = False
    frozen_until: float = 0.0
    task: asyncio.Task[None] | None = None
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    closing: list[Callable[[], Coroutine[Any, Any, None]]] = field(default_factory=list)

    def kill(self) -> None:
        """As `kill -9`: none of its tasks goes on, and no step that any still tries takes place."""
        if not self.dead:
            self.dead = True
            for task in self.tasks:
                task.cancel()

    def alive(self) -> None:
        """Raises `Crash` where it is not."""
        if self.dead:
            raise Crash

    def wait(self) -> None:
        """One of its tasks waits; and that may be its end."""
        self.waits += 1
        if self.waits == self.dies_at:
            self.kill()

    async def thaw(self) -> None:
        """Waits while it is frozen, and finds out whether it died."""
        while not self.dead and (rest := self.frozen_until - asyncio.get_running_loop().time()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(rest)
        self.alive()


current: ContextVar[Process | None] = ContextVar("process", default=None)


class _Work(Coroutine[Any, Any, Any]):
    """What one task of a process does; whenever it waits, the process has waited once more."""

    def __init__(self, process: Process, work: Coroutine[Any, Any, Any]) -> None:
        self._process = process
        self._work = work

    def send(self, value: Any) -> Any:
        self._process.tasks.add(asyncio.current_task())
        waited = self._work.send(value)
        self._process.wait()
        return waited

    def throw(self, *error: Any) -> Any:
        waited = self._work.throw(*error)
        self._process.wait()
        return waited

    def close(self) -> None:
        self._work.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._work.__await__()


def _owned(work: Coroutine[Any, Any, Any], context: Context) -> Coroutine[Any, Any, Any]:
    """`work` as a task of the process of its context, if there is one."""
    process = context.get(current)
    return work if process is None else _Work(process, work)


class Machines:
    """Starts processes, and starts them again when they end.

    `dies_at` says at which of its waits a party's first process dies.
    """

    def __init__(self, fate: Fate, pause: Callable[[], float], dies_at: Mapping[str, int] | None = None) -> None:
        self._fate = fate
        self._pause = pause
        self._dies_at = dict(dies_at or {})
        asyncio.get_running_loop().dress = _owned
        self._outside: Context = copy_context()
        self._background: set[asyncio.Task[Any]] = set()
        self.running: dict[str, Process] = {}
        self.started: list[Process] = []
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def outside(self, work: Coroutine[Any, Any, object]) -> None:
        """Runs `work` in no process: what goes on in the world."""
        task = asyncio.get_running_loop().create_task(work, context=self._outside.copy())
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def disturbed(self) -> bool:
        """Whether anything is late, or a process frozen or cut off."""
        now = asyncio.get_running_loop().time()
        return bool(self._background) or any(one.cut or one.frozen_until > now for one in self.running.values())

    async def keep(self, party: str, main: Callable[[Process], Coroutine[Any, Any, None]]) -> None:
        """Runs `main` as a process of `party`; again whenever it dies, or ends with what trying again mends."""
        while True:
            process = Process(party, len(self.started), self._fate, self._dies_at.pop(party, 0))
            self.started.append(process)
            self.running[party] = process
            context = self._outside.copy()
            context.run(current.set, process)
            process.task = asyncio.get_running_loop().create_task(main(process), context=context)
            try:
                await asyncio.wait({process.task})
            finally:
                process.task.cancel()
                (error,) = await asyncio.gather(process.task, return_exceptions=True)
                orderly = process.dead or isinstance(
                    error, Crash | TemporaryError | OwnershipLostError | asyncio.CancelledError
                )
                if error is not None and not orderly and not self.failed.done():
                    self.failed.set_exception(error)
                process.dead = True
                for close in process.closing:
                    await close()
            await asyncio.sleep(self._pause())


class ProcessTransport(MemoryTransport):
    """A process's connection to the broker; `seen` filters the topics that it is shown."""

    def __init__(
        self, broker: MemoryBroker, process: Process, machines: Machines, seen: Callable[[str], bool]
    ) -> None:
        super().__init__(broker)
        self._process = process
        self._machines = machines
        self._seen = seen

    async def sender(self) -> MemorySender:
        await self._broker.fault("sender.open")
        return _Sender(self._broker, self._process, self._machines)

    async def transactional(self, transactional_id, topics):
        await super().transactional(transactional_id, topics)
        owner = _Transactional(self._broker, transactional_id, self._process, self._machines)
        self._broker.owners[transactional_id] = owner
        return owner

    async def member(self, group: str, topic: str) -> MemoryMember:
        await self._broker.fault("member.open")
        member = ProcessMember(self._broker, group, topic, self._process, self._machines)
        self._members.append(member)
        self._process.closing.append(member.forget)
        await member.join()
        return member

    async def topics(self) -> frozenset[str]:
        return frozenset(topic for topic in await super().topics() if self._seen(topic))


class _Sender(MemorySender):
    """What it sends may arrive later, all of it or the first part, and its sender does not know."""

    def __init__(self, broker: MemoryBroker, process: Process, machines: Machines) -> None:
        super().__init__(broker)
        self._process = process
        self._machines = machines

    async def send(self, batch):
        late = self._process.fate.late(self._process)
        if late is None:
            return await super().send(batch)
        await self._broker.fault("send.late")
        self._machines.outside(self._arrive(late, batch))
        raise OutcomeUnknownError

    async def _arrive(self, late: float, batch: list[Outgoing]) -> None:
        await asyncio.sleep(late)
        await self._broker.append(batch[: len(batch) - int(late * 10) % 3])


class _Transactional(MemoryTransactional):
    """A commit may take effect later, where nobody fenced it before."""

    def __init__(self, broker: MemoryBroker, transactional_id: str, process: Process, machines: Machines) -> None:
        super().__init__(broker, transactional_id)
        self._process = process
        self._machines = machines

    async def transact(self, batch) -> None:
        late = self._process.fate.late(self._process)
        if late is None:
            return await super().transact(batch)
        await self._broker.fault("transact.late")
        self._machines.outside(self._take_effect(late, batch))
        raise OutcomeUnknownError

    async def _take_effect(self, late: float, batch) -> None:
        await asyncio.sleep(late)
        with contextlib.suppress(OwnershipLostError):
            await super().transact(batch)


class ProcessMember(MemoryMember):
    """A member whose death, or silence, the group finds out only when the session has timed out."""

    def __init__(self, broker: MemoryBroker, group: str, topic: str, process: Process, machines: Machines) -> None:
        super().__init__(broker, group, topic)
        self.process = process
        self._machines = machines

    async def rejoin(self) -> None:
        self.process.alive()
        if self.process.cut:
            raise TransportError
        await super().rejoin()

    async def close(self) -> None:
        if not (self.process.dead or self.process.cut):
            await super().close()

    async def forget(self) -> None:
        """Its process has ended."""
        self._machines.outside(self.time_out())

    async def time_out(self) -> None:
        """The session's end, where nothing was heard meanwhile."""
        await asyncio.sleep(SESSION_S)
        if self.process.dead or self.process.cut:
            await self.expel()


# Databases and disks.


def install(monkeypatch) -> None:
    """Put databases, their leases and the auditor's disk on simulated machines; code outside a process is spared."""
    write, read, connect = Database.write, Database.read, sqlite._sqlite_connect

    @asynccontextmanager
    async def fated_write(database):
        process = current.get()
        if process is None:
            async with write(database) as connection:
                yield connection
            return
        await process.fate.disk(process, "begin")
        async with write(database) as connection:
            process.alive()
            yield connection
            await process.fate.disk(process, "commit")
        await process.fate.disk(process, "committed")

    @asynccontextmanager
    async def fated_read(database):
        process = current.get()
        if process is not None:
            await process.thaw()
        async with read(database) as connection:
            yield connection

    async def patient(_engine, connection):
        """Waits for another writer in virtual time."""
        give_up = asyncio.get_running_loop().time() + BUSY_MS / 1000
        while True:
            try:
                connection.execution_options(notifier_patience_ms=0).begin()
                return
            except sqlite3.OperationalError:
                if asyncio.get_running_loop().time() >= give_up:
                    raise
            await asyncio.sleep(LOOK_S)

    def quick(connection, record):
        """No power is ever cut here: the machine's real disk need not be waited for."""
        connect(connection, record)
        connection.execute("PRAGMA synchronous=OFF")

    monkeypatch.setattr(Database, "write", fated_write)
    monkeypatch.setattr(Database, "read", fated_read)
    monkeypatch.setattr(sqlite.SqliteEngine, "_begin", patient)
    monkeypatch.setattr(sqlite, "_sqlite_connect", quick)
    monkeypatch.setattr("notifier.auditor.store.Disk", FatedDisk)
    monkeypatch.setattr(os, "fsync", lambda _file: None)


def same_host(monkeypatch, machines: Machines) -> None:
    """Lets every process have its own number, and a lease know at once that its holder is gone."""

    def number():
        process = current.get()
        return len(machines.started) if process is None else process.number

    def began(of):
        return "-" if of < len(machines.started) and machines.started[of].dead else "1"

    class Os:
        getpid = staticmethod(number)

        def __getattr__(self, name):
            return getattr(os, name)

    monkeypatch.setattr(lease, "os", Os())
    monkeypatch.setattr(lease, "_started", began)


class FatedDisk(Disk):
    """A crash before or behind every durable step, an append cut short, a disk that is full."""

    def put(self, path, data):
        if self._fate("put"):
            raise OSError(errno.ENOSPC, "full")
        super().put(path, data)
        self._fate("put, done")

    def append(self, path, at, data):
        if self._fate("append"):
            super().append(path, at, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "full")
        super().append(path, at, data)
        self._fate("append, done")

    def remove(self, path):
        self._fate("remove")
        super().remove(path)

    @staticmethod
    def _fate(step):
        process = current.get()
        return process is not None and process.fate.write(process, step)


def full() -> StorageError:
    """What a database says whose disk is full."""
    return StorageError(detail="the disk is full")
