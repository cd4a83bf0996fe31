"""One active instance per database: a row with an epoch, checked inside every transaction of its holder."""

from __future__ import annotations

import os
import secrets
import socket
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from notifier.errors import OwnershipLostError, StorageError
from notifier.runtime import Clock
from notifier.storage.base import Connection
from notifier.storage.database import Database
from notifier.storage.tables import leases

LEASE_MS: Final = 15_000


class Lease:
    """One active instance per database: a row with an epoch, taken over when its holder is gone or silent.

    `clock` gives Unix milliseconds. `check` belongs inside every transaction of the holder: what an instance
    that lost the lease still tries to write is rolled back with `OwnershipLostError`.
    """

    def __init__(self, database: Database, name: str, clock: Clock, lasts_ms: int = LEASE_MS) -> None:
        self._database = database
        self._name = name
        self._clock = clock
        self._lasts_ms = lasts_ms
        self._holder = f"{socket.gethostname()} {os.getpid()} {_started(os.getpid())} {secrets.token_hex(8)}"
        self.epoch: int | None = None
        self._select = sa.select(leases).where(leases.c.name == name)

    async def acquire(self) -> None:
        """Take the lease. Raises `StorageError` with reason `storage_locked` where a live instance holds it."""
        async with self._database.write() as connection:
            row = (await connection.execute(self._select)).one_or_none()
            if row is not None and row.holder is not None and self._alive(row.holder, row.until):
                raise StorageError(
                    "storage_locked",
                    f"process {row.holder.split()[1]} on {row.holder.split()[0]} is at work on this database",
                    hint="end it first, or let it do the work",
                )
            epoch = 1 if row is None else row.epoch + 1
            values = {"epoch": epoch, "holder": self._holder, "until": self._clock() + self._lasts_ms}
            if row is None:
                await connection.execute(leases.insert().values(name=self._name, **values))
            else:
                await connection.execute(leases.update().where(leases.c.name == self._name).values(**values))
            # Before the commit: a caller that is cancelled in the middle of it can still release the lease.
            self.epoch = epoch

    async def renew(self) -> None:
        """Renew the lease; call it more often than it lasts. Raises `OwnershipLostError` after a takeover."""
        async with self._database.write() as connection:
            await self.check(connection)
            until = self._clock() + self._lasts_ms
            await connection.execute(leases.update().where(leases.c.name == self._name).values(until=until))

    async def check(self, connection: Connection) -> None:
        """Inside a writing transaction: `OwnershipLostError` unless this instance still holds the lease."""
        row = (await connection.execute(self._select)).one_or_none()
        if row is None or self.epoch is None or row.epoch != self.epoch or row.holder != self._holder:
            raise OwnershipLostError(detail="another instance took over this database")

    async def release(self) -> None:
        """Lets the next instance take it at once; does nothing where it was lost."""
        if self.epoch is None:
            return
        mine = (leases.c.name == self._name) & (leases.c.epoch == self.epoch) & (leases.c.holder == self._holder)
        async with self._database.write() as connection:
            await connection.execute(leases.update().where(mine).values(holder=None, until=0))
        self.epoch = None

    async def held_by_other(self) -> bool:
        """Return whether another live instance holds the lease."""
        async with self._database.read() as connection:
            row = (await connection.execute(sa.select(leases).where(leases.c.name == self._name))).one_or_none()
        return row is not None and row.holder not in (None, self._holder) and self._alive(row.holder, row.until)

    def _alive(self, holder: str, until: int) -> bool:
        """Return whether `holder` may still be running: its lease lasts, and its process is not known to be gone.

        A process of another machine is never known to be gone.
        """
        if until <= self._clock():
            return False
        host, pid, started, _ = holder.split()
        return host != socket.gethostname() or _started(int(pid)) == started


def _started(pid: int) -> str:
    """When a process of this machine began (clock ticks since boot); '-' where there is none or it is hidden."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return "-"
