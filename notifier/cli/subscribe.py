"""`notifier subscribe`: fills the inbox from the feed until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from notifier.aio import run_until_first
from notifier.cli.context import Context, Seconds, common
from notifier.config import Settings
from notifier.errors import UsageError

if TYPE_CHECKING:
    from notifier.consumers.inbox.cursors import Since
    from notifier.consumers.inbox.records import Received
    from notifier.consumers.sinks import Sink

MAX_DIGITS: Final = 19  # of a row
PATIENCE_SECONDS: Final = 5.0  # without the feed, for whoever does not want to wait


@click.command(epilog="Example: notifier subscribe --as DEU/spoc --sink jsonl:inbox.jsonl")
@click.option("--until-idle", type=Seconds(), metavar="SECONDS", help="End when nothing came for so long.")
@click.option("--sink", "sinks", multiple=True, metavar="SINK", help="Also hand on to jsonl:PATH or stdout.")
@click.option("--listen", metavar="HOST:PORT", help="Where metrics and health are served, in place of the setting.")
@click.option(
    "--from", "since", metavar="PLACE", help="Replay to the sinks from a time (RFC 3339), a row, or 'beginning'."
)
@common(acts=True)
def command(
    context: Context, until_idle: float | None, sinks: tuple[str, ...], listen: str | None, since: str | None
) -> None:
    """Fill the inbox: verify, open and store what comes; end on SIGTERM or SIGINT, or when idle.

    With --until-idle it ends with status 3 where the feed cannot be read. Prints a line for each message on
    standard error: ids, never contents. An exercise reaches the inbox and standard output, and no file that
    others read from.
    """
    from notifier.telemetry.logging import configure

    configure(level=logging.WARNING)
    taken = [_sink(text) for text in sinks]
    place = None if since is None else _place(since)
    settings = context.settings()
    if listen is not None:
        settings = replace(settings, listen=listen)
    asyncio.run(_subscribe(settings, taken, until_idle, place))


def _sink(text: str) -> Sink:
    from notifier.consumers.sinks import JsonLines, StandardOutput

    kind, _, rest = text.partition(":")
    if kind == "jsonl" and rest:
        return JsonLines(Path(rest))
    if text == "stdout":
        return StandardOutput()
    raise UsageError(detail="a sink is jsonl:PATH or stdout")


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

    def say(message: Received) -> None:
        nonlocal count
        count += 1
        mark = "EXERCISE " if message.exercise else ""
        with contextlib.suppress(OSError):  # a word beside the work: what cannot be said stops nothing
            click.echo(f"{message.id}  {mark}{message.type}  from {message.originator}", err=True)

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    everything = [*sinks, Callback("console", say, operational=False)]
    async with Subscriber.from_settings(settings, sinks=everything, since=since) as subscriber:
        work: list[Coroutine[Any, Any, object]] = [stop.wait()]
        if until_idle is None:
            work.append(subscriber.until_idle(float("inf")))
        else:
            patience = max(until_idle, PATIENCE_SECONDS)
            work.append(subscriber.until_idle(until_idle, patience))
        if settings.listen is not None:
            work.append(serve(settings.listen, subscriber.ready, stop, "subscriber"))
        await run_until_first(*work)
        gaps = await subscriber.inbox.gaps()
        kept = await subscriber.inbox.kept(limit=1)
        parked = await subscriber.parked()
    click.echo(f"{count} received", err=True)
    for gap in gaps:
        click.echo(f"missing: {gap.numbers()} of stream {gap.stream} from {gap.originator}", err=True)
    if kept:
        click.echo("refused, and kept to be tried again: notifier inbox refused lists them", err=True)
    if parked:
        click.echo(f"{len(parked)} parked, which a sink could not take: notifier inbox list shows them", err=True)
