"""Runs one service in the foreground: signals, metrics, the directory's refresh, and a new start after a fault."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import structlog

from notifier.config import Settings
from notifier.errors import NotifierError
from notifier.runtime import REAL, Runtime

if TYPE_CHECKING:
    from notifier.directory.client import DirectoryClient
    from notifier.transport.base import Transport

REFRESH_SECONDS = 30.0
PAUSE_SECONDS = 1.0  # between a fault and the next try; doubled up to the longest
LONGEST_PAUSE_SECONDS = 15.0
NEW_OBJECTS = 50_000  # between two looks of the collector; a batch goes by itself when it is done, in no cycle

log = structlog.get_logger("notifier.service")


class Service(Protocol):
    """What runs until it is told to stop; `ready` says whether it does its work now."""

    async def run(self, stop: asyncio.Event) -> None: ...

    def ready(self) -> bool: ...


Build = Callable[["Transport", "DirectoryClient", Runtime], Service]


def run_service(name: str, settings: Settings, build: Build) -> None:
    """Runs the service that `build` makes until SIGTERM or SIGINT; returns after a clean stop.

    A temporary fault (broker down, directory stale) is logged and tried again with growing pauses; a refusal
    (wrong configuration, broken log) is raised.
    """
    from notifier.ops.logging import configure

    configure()
    structlog.contextvars.bind_contextvars(service=name)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_main(settings, build))


async def _main(settings: Settings, build: Build) -> None:
    from notifier.directory.client import DirectoryClient
    from notifier.ops import server

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    current: list[Service] = []
    directory = DirectoryClient(settings.directory, REAL.clock)
    tasks = [asyncio.create_task(_supervise(settings, directory, build, current, stop))]
    if settings.listen is not None:
        tasks.append(
            asyncio.create_task(server.serve(settings.listen, lambda: bool(current) and current[0].ready(), stop))
        )
    # Whichever ends first, however it ends, ends the other: a service that is dead must not look alive.
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
    log.info("stopped")


async def _supervise(
    settings: Settings, directory: DirectoryClient, build: Build, current: list[Service], stop: asyncio.Event
) -> None:
    from notifier.ops import metrics
    from notifier.transport.kafka import KafkaTransport

    # What was imported lives as long as the process, and need not be looked at again with every batch.
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS)
    pause = PAUSE_SECONDS
    while not stop.is_set():
        transport = KafkaTransport(settings.kafka)
        refreshing: asyncio.Task[None] | None = None
        try:
            await directory.refresh()
            refreshing = asyncio.create_task(_refresh(directory, stop))
            service = build(transport, directory, REAL)
            current[:] = [service]
            log.info("started")
            await service.run(stop)
            pause = PAUSE_SECONDS
        except NotifierError as error:
            if not error.retryable:
                raise
            log.warning("fault", reason=error.reason, detail=error.detail, again_in_seconds=pause)
            metrics.RESTARTS.labels(error.reason).inc()
            await _sleep(pause, stop)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        finally:
            current.clear()
            if refreshing is not None:
                refreshing.cancel()
                await asyncio.gather(refreshing, return_exceptions=True)
            await transport.close()


async def _refresh(directory: DirectoryClient, stop: asyncio.Event) -> None:
    """Keeps the directory fresh; a failed refresh is logged, and felt only when the grace has passed."""
    from notifier.ops import metrics

    while not stop.is_set():
        snapshot = directory.snapshot()
        metrics.DIRECTORY_VERSION.set(snapshot.directory.version)
        metrics.RULES_VERSION.set(snapshot.rules.version)
        await _sleep(REFRESH_SECONDS, stop)
        try:
            await directory.refresh()
        except NotifierError as error:
            log.warning("directory not refreshed", reason=error.reason, detail=error.detail)


async def _sleep(seconds: float, stop: asyncio.Event) -> None:
    """Waits that long, or until told to stop."""
    # Not wait_for: in Python 3.11 it can swallow a cancellation that meets the event.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
