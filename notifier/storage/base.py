"""Interfaces of a database: statements in a transaction, for SQLite and PostgreSQL alike."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa

T = TypeVar("T")


class Connection(Protocol):
    """The statements of one transaction."""

    async def execute(self, statement: sa.Executable, parameters: Any = None) -> sa.CursorResult[Any]:
        """Execute `statement`, and return its result."""

    async def scalar(self, statement: sa.Executable, parameters: Any = None) -> Any:
        """Return the first column of the first row; None where there is none."""

    async def scalars(self, statement: sa.Executable, parameters: Any = None) -> sa.ScalarResult[Any]:
        """Return the first column of every row."""

    async def run(self, work: Callable[[sa.Connection], T]) -> T:
        """Return what `work` returns; for making tables."""


class Engine(Protocol):
    """One database, whatever its kind."""

    def begin(self, *, writes: bool) -> AbstractAsyncContextManager[Connection]:
        """One transaction: committed at the end of the block, rolled back when it raises."""

    async def dispose(self) -> None:
        """Close every connection."""
