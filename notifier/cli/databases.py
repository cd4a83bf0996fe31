"""Access to the local databases of a party, without a broker."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from notifier.config import Settings
from notifier.errors import ConfigError

if TYPE_CHECKING:
    from notifier.consumers.inbox.inbox import Inbox
    from notifier.outbox.outbox import Outbox

T = TypeVar("T")


def with_inbox(settings: Settings, look: Callable[[Inbox], Awaitable[T]]) -> T:
    """Open the inbox of `settings`, and return the result of `look`."""
    from notifier.consumers.inbox.inbox import Inbox
    from notifier.keyfiles import storage_key
    from notifier.runtime import REAL

    if settings.inbox is None:
        raise ConfigError(detail="inbox is not set", hint="name the database of the inbox")
    address, key = settings.inbox, storage_key(settings.keys)

    async def run() -> T:
        inbox = await Inbox.open(address, settings.name, key, REAL)
        try:
            return await look(inbox)
        finally:
            await inbox.close()

    return asyncio.run(run())


def with_outbox(settings: Settings, look: Callable[[Outbox], Awaitable[T]]) -> T:
    """Open the outbox of `settings`, and return the result of `look`."""
    from notifier.keyfiles import storage_key
    from notifier.outbox.outbox import Outbox
    from notifier.runtime import REAL

    address, key = settings.writes_to(), storage_key(settings.keys)

    async def run() -> T:
        outbox = await Outbox.open(address, settings.name, key, REAL)
        try:
            return await look(outbox)
        finally:
            await outbox.close()

    return asyncio.run(run())
