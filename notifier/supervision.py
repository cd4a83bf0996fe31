"""The supervisor of a service in the foreground: signals, metrics, directory refresh, restart after a fault."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Protocol

import structlog

from notifier.aio import BackgroundTasks, Backoff, wait_for_event
from notifier.config import Settings
from notifier.directory.fresh import first_look, keep_fresh
from notifier.errors import DirectoryStaleError, NotifierError, OwnershipLostError
from notifier.runtime import REAL, Runtime
from notifier.telemetry.health import Readiness

if TYPE_CHECKING:
    from notifier.directory.client import DirectoryClient
    from notifier.directory.ends import End
    from notifier.directory.snapshot import Snapshot
    from notifier.transport.base import Transport

LONG_SECONDS = 60.0  # of uptime, after which a fault counts as a new one and the back-off starts again
NEW_OBJECTS = 50_000  # between two collections; a finished batch is in no reference cycle, so it is freed at once

log = structlog.get_logger("notifier.service")


class Service(Protocol):
    """A task that runs until it is stopped; `ready` returns whether it does its work now."""

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set."""

    def ready(self) -> bool:
        """Return whether the service does its work now."""


Build = Callable[["Transport", "DirectoryClient", Runtime], Service]


def run_service(
    name: str, settings: Settings, build: Build, *, level: int = logging.INFO, color: bool = True
) -> None:
    """Run the service that `build` makes until SIGTERM or SIGINT; return after a clean stop.

    A temporary fault (broker down, directory stale, disk full) is logged and tried again after a back-off of at most
    three seconds. A refusal (wrong configuration, broken log) is raised.
    """
    from notifier.telemetry.logging import configure

    configure(level=level, color=color)
    structlog.contextvars.bind_contextvars(service=name)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_main(name, settings, build))


async def _main(name: str, settings: Settings, build: Build) -> None:
    from notifier.directory.client import DirectoryClient
    from notifier.telemetry import server

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    current: list[Readiness] = []
    directory = DirectoryClient(settings.directory, REAL.clock)
    tasks = [asyncio.create_task(_supervise(settings, directory, build, current, stop))]
    if settings.listen is not None:
        ready = lambda: bool(current) and current[0]()  # noqa: E731
        tasks.append(asyncio.create_task(server.serve(settings.listen, ready, stop, name)))
    # The end of one task ends the other: the health endpoint must not outlive the service.
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
    log.info("stopped")


async def _supervise(
    settings: Settings, directory: DirectoryClient, build: Build, current: list[Readiness], stop: asyncio.Event
) -> None:
    from notifier.telemetry import metrics
    from notifier.transport.kafka import KafkaTransport

    # Imported objects live as long as the process; freezing them spares each collection the scan.
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS)
    backoff, loop = Backoff(), asyncio.get_running_loop()
    while not stop.is_set():
        began = loop.time()
        transport = KafkaTransport(settings.kafka)
        background = BackgroundTasks()
        try:
            await first_look(directory, log)
            show = partial(_show, name=settings.name)
            show(directory.snapshot())
            background.start(keep_fresh(directory, log, Backoff(), show))
            service = build(transport, directory, REAL)
            checks: dict[str, Callable[[], bool]] = {
                "service": service.ready,
                "directory": partial(_fresh, directory),
            }
            current[:] = [Readiness(transport.ping, checks)]
            background.start(current[0].run())
            log.info("started")
            await service.run(stop)
        except NotifierError as error:
            # A new start acquires again what another owner took.
            if not (error.retryable or isinstance(error, OwnershipLostError)):
                raise
            if loop.time() - began > LONG_SECONDS:
                backoff.reset()
            pause = backoff.next()
            log.warning("fault", reason=error.reason, detail=error.detail, again_in_seconds=round(pause, 1))
            metrics.RESTARTS.labels(error.reason).inc()
            await wait_for_event(stop, pause)
        finally:
            current.clear()
            await background.close()
            await transport.close()


def _fresh(directory: DirectoryClient) -> bool:
    """Return whether the directory is fresh enough to use now."""
    try:
        directory.snapshot()
    except DirectoryStaleError:
        return False
    return True


def _show(snapshot: Snapshot, name: str) -> None:
    """Set the directory's gauges for the party `name`; the times left are computed at each scrape."""
    from notifier.directory.ends import ends
    from notifier.telemetry import metrics

    metrics.DIRECTORY_VERSION.set(snapshot.directory.version)
    metrics.RULES_VERSION.set(snapshot.rules.version)
    for end in ends(snapshot, name, REAL.clock()):
        metrics.ENDS_IN.labels(end.what).set_function(partial(_left_s, end.at))
        metrics.ENDS_SOON.labels(end.what).set_function(partial(_is_due, end))


def _left_s(at: int) -> float:
    return (at - REAL.clock()) / 1000


def _is_due(end: End) -> int:
    return int(end.due(REAL.clock()))
