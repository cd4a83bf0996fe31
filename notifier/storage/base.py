"""What a database is to the rest of the software: statements in a transaction, whatever its kind."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa

T = TypeVar("T")


class Connection(Protocol):
    """The statements of one transaction."""

    async def execute(self, statement: sa.Executable, parameters: Any = None) -> sa.CursorResult[Any]:
        """The result of `statement`."""

    async def scalar(self, statement: sa.Executable, parameters: Any = None) -> Any:
        """The first column of the first row; None where there is none."""

    async def scalars(self, statement: sa.Executable, parameters: Any = None) -> sa.ScalarResult[Any]:
        """The first column of every row."""

    async def run(self, work: Callable[[sa.Connection], T]) -> T:
        """What `work` returns; for the making of tables."""


class Engine(Protocol):
    """One database, whatever its kind."""

    def begin(self, *, writes: bool) -> AbstractAsyncContextManager[Connection]:
        """One transaction: committed at the end of the block, rolled back when it raises."""

    async def dispose(self) -> None:
        """Closes every connection."""
