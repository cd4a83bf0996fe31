"""`notifier subscribe`: fills the inbox from the feed, shows what comes, and ends when told to or when idle."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from notifier.aio import run_until_first
from notifier.cli.context import Context, Seconds, common
from notifier.cli.output import configure_log, note
from notifier.cli.run import listen_option, listening
from notifier.config import Settings
from notifier.errors import UsageError

if TYPE_CHECKING:
    from notifier.consumers.inbox.cursors import Since
    from notifier.consumers.inbox.records import Received
    from notifier.consumers.sinks import Sink

F = TypeVar("F", bound=Callable[..., Any])
MAX_DIGITS: Final = 19  # of a row
TIMEOUT_SECONDS: Final = 5.0  # without the feed, with --until-idle


def sink_option(function: F) -> F:
    """Add ``--sink``."""
    return click.option(
        "--sink", "sinks", multiple=True, metavar="SINK", help="Also deliver to jsonl:PATH or stdout; repeatable."
    )(function)


def sinks_of(texts: Sequence[str]) -> list[Sink]:
    """Return the sinks that ``--sink`` names; raise `UsageError` for another kind."""
    return [_sink(text) for text in texts]


@click.command(epilog="Example: notifier subscribe --as DEU/spoc --sink jsonl:inbox.jsonl")
@click.option("--until-idle", type=Seconds(), metavar="SECONDS", help="Exit after SECONDS without a new message.")
@sink_option
@listen_option
@click.option("--from", "since", metavar="PLACE", help="Replay to the sinks from a time, a row, or 'beginning'.")
@common(acts=True)
def command(
    context: Context, until_idle: float | None, sinks: tuple[str, ...], listen: str | None, since: str | None
) -> None:
    """Fill the inbox: verify, open and store each message, until SIGTERM, SIGINT or --until-idle.

    Prints a line for each message on standard error: its id, never its contents. Exercises go to the inbox and to
    standard output, never to a jsonl file. With --until-idle, exit status 3 says that the feed cannot be read. The
    service for every day is notifier run subscriber.
    """
    configure_log()
    given = sinks_of(sinks)
    place = None if since is None else _place(since)
    settings = listening(context.settings(), listen)
    asyncio.run(_subscribe(settings, given, until_idle, place))


def _sink(text: str) -> Sink:
    from notifier.consumers.sinks import JsonLines, StandardOutput

    kind, _, rest = text.partition(":")
    if kind == "jsonl" and rest:
        return JsonLines(Path(rest))
    if text == "stdout":
        return StandardOutput()
    raise UsageError(detail=f"unknown sink {text} (use jsonl:PATH or stdout)")


def _place(text: str) -> Since:
    """Return the place that ``--from`` names; raise `UsageError`."""
    from notifier.times import moment

    if text == "beginning":
        return 0
    if text.isascii() and text.isdecimal() and len(text) < MAX_DIGITS:
        return int(text)
    if (at := moment(text)) is not None:
        return at
    raise UsageError(
        detail="--from takes a time, a row, or beginning", hint="e.g. --from 2026-11-25T08:00:00Z, --from 120"
    )


async def _subscribe(settings: Settings, sinks: list[Sink], until_idle: float | None, since: Since | None) -> None:
    from notifier.consumers.sinks import Callback
    from notifier.consumers.subscriber import Subscriber
    from notifier.telemetry.server import serve

    count = 0

    def show(message: Received) -> None:
        nonlocal count
        count += 1
        mark = "EXERCISE " if message.exercise else ""
        with contextlib.suppress(OSError):  # a line that cannot be printed stops nothing
            note(f"{message.id}  {mark}{message.type}  from {message.originator}")

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    everything = [*sinks, Callback("console", show, operational=False)]
    async with Subscriber.from_settings(settings, sinks=everything, since=since) as subscriber:
        work: list[Coroutine[Any, Any, object]] = [stop.wait()]
        if until_idle is None:
            work.append(subscriber.until_idle(float("inf")))
        else:
            timeout = max(until_idle, TIMEOUT_SECONDS)
            work.append(subscriber.until_idle(until_idle, timeout))
        if settings.listen is not None:
            work.append(serve(settings.listen, subscriber.ready, stop, "subscriber"))
        await run_until_first(*work)
        gaps = await subscriber.inbox.gaps()
        kept = await subscriber.inbox.kept(limit=1)
        parked = await subscriber.parked()
    note(f"{count} received")
    for gap in gaps:
        note(f"missing: {gap.numbers()} of stream {gap.stream} from {gap.originator}")
    if kept:
        note("some messages were refused and are kept for a retry (see notifier inbox refused)")
    if parked:
        note(f"{len(parked)} parked: a sink could not take them (see notifier inbox list)")
