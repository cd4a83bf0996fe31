"""The lifecycle that publisher and subscriber share: open the parts, run work in the background, close."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar

from notifier.aio import BackgroundTasks, Backoff
from notifier.crypto.keys import DecryptionKey, SigningKey
from notifier.directory.fresh import keep_fresh
from notifier.directory.snapshot import DirectorySource
from notifier.persons.submissions import Submitter
from notifier.runtime import REAL, Runtime
from notifier.transport.base import Transport

if TYPE_CHECKING:
    from notifier.config import Settings

BackgroundWork = Coroutine[Any, Any, None]


class Store(Protocol):
    """An outbox or an inbox."""

    async def close(self) -> None:
        """Close all connections to its database."""


S = TypeVar("S", bound=Store)


@dataclass(frozen=True, slots=True)
class Parts(Generic[S]):
    """The parts that a publisher or a subscriber works with; `store` is its outbox or its inbox.

    `decryption` has a subscriber's private keys by their id. `submitter` signs what a publisher is given where no
    person is named: a service, which is registered on its first use. `refreshes` is False where the owner of the
    directory source keeps it fresh.
    """

    store: S
    transport: Transport
    directory: DirectorySource
    signing: SigningKey
    decryption: Mapping[bytes, DecryptionKey] = field(default_factory=dict)
    submitter: Submitter | None = None
    refreshes: bool = True


class Lifecycle(ABC, Generic[S]):
    """An asynchronous context manager: it opens its parts, runs its work beside the block, and closes them."""

    def __init__(
        self, name: str, open_parts: Callable[[], Awaitable[Parts[S]]], log: Any, runtime: Runtime = REAL
    ) -> None:
        self._name = name
        self._open_parts = open_parts
        self._log = log
        self._runtime = runtime
        self._parts: Parts[S] | None = None
        self._background = BackgroundTasks()

    @abstractmethod
    async def _start(self, parts: Parts[S]) -> Sequence[BackgroundWork]:
        """Prepare the parts, and return the work that runs until the block is left."""

    async def _stop(self, parts: Parts[S]) -> None:
        """Release what `_start` acquired; the work has ended."""

    async def __aenter__(self) -> Self:
        self._parts = parts = await self._open_parts()
        try:
            work = await self._start(parts)
            self._background.start(*work)
            if parts.refreshes:
                self._background.start(keep_fresh(parts.directory, self._log, Backoff(self._runtime.entropy)))
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
            parts, self._parts = self._parts, None
            await self._stop(parts)
            await parts.transport.close()
            await parts.store.close()

    @property
    def _open(self) -> Parts[S]:
        """The parts; `RuntimeError` outside of the block."""
        if self._parts is None:
            raise RuntimeError(f"use the {type(self).__name__.lower()} inside `async with`")
        return self._parts


def settings_of(home: str | Path, authority: str) -> Settings:
    """Return the settings of `authority` in the sandbox in the folder `home`."""
    from notifier.config import load, party_config

    return load(party_config(Path(home), authority))


def settings_in(path: str | Path) -> Settings:
    """Return the settings in the TOML file `path`."""
    from notifier.config import load

    return load(Path(path))
