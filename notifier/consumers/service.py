"""The service that fills an inbox. Any number may run; one holds the inbox's lease, the others stand by."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from notifier.aio import run_until_first
from notifier.consumers.inbox.inbox import Inbox
from notifier.consumers.sinks import Sink
from notifier.consumers.subscriber import Subscriber
from notifier.lifecycle import Parts
from notifier.runtime import Runtime


class SubscriberService:
    """Run a `Subscriber` until told to stop."""

    def __init__(
        self, name: str, open_parts: Callable[[], Awaitable[Parts[Inbox]]], sinks: Sequence[Sink], runtime: Runtime
    ) -> None:
        self._name = name
        self._open_parts = open_parts
        self._sinks = sinks
        self._runtime = runtime
        self._subscriber: Subscriber | None = None

    def ready(self) -> bool:
        """Return True while the subscriber follows the feed and its alarm is not raised."""
        return self._subscriber is not None and self._subscriber.ready()

    async def run(self, stop: asyncio.Event) -> None:
        """Fill the inbox until `stop` is set.

        Raise `StorageError` (storage_locked) if another instance fills the inbox, `OwnershipLostError` if another one
        took it over, and any error that ends a `Subscriber`.
        """
        subscriber = Subscriber(self._name, self._open_parts, sinks=self._sinks, runtime=self._runtime)
        async with subscriber:
            self._subscriber = subscriber
            try:
                await run_until_first(subscriber.until_idle(float("inf")), stop.wait())
            finally:
                self._subscriber = None
