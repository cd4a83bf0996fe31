"""`notifier sandbox up|status|down`: a real local Kafka with an example world, below one folder."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path

import click

from notifier.cli.context import Context, common
from notifier.errors import RefusedError, UsageError


@click.group(epilog="Example: notifier sandbox up")
def command() -> None:
    """A real local Kafka with TLS and access rights, an example directory, a router and an auditor."""


@command.command(epilog="Example: notifier sandbox up --routers 2")
@click.option("--brokers", type=click.Choice(["1", "3"]), help="How many brokers, when it is made.  [default: 1]")
@click.option(
    "--routers",
    type=click.IntRange(1, 8),
    help="How many routers; more than there are, and they are added.  [default: as many as there are, or 1]",
)
@click.option("--watch", is_flag=True, help="Stay, and start again what dies, until this is interrupted.")
@common()
def up(context: Context, brokers: str | None, routers: int | None, watch: bool) -> None:
    """Start what does not run; return when an exercise has gone all the way through.

    What is missing is written, what is there is kept: settings that you changed stay as they are.
    """
    from notifier.sandbox.sandbox import Sandbox
    from notifier.sandbox.watching import Watch

    begun = time.monotonic()

    def progress(text: str) -> None:
        click.echo(f"{time.monotonic() - begun:5.1f} s  {text}", err=True)

    sandbox = Sandbox(_home(context))
    parts = sandbox.up(progress, brokers=None if brokers is None else int(brokers), routers=routers)
    progress(f"ready: {sandbox.bootstrap}, home {context.home}")
    if not watch:
        return
    progress("watching; Ctrl-C ends this and not the sandbox, which notifier sandbox down stops")
    # An event and no exception, which could come between the start of a process and the note of which it is.
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    Watch(sandbox, parts, progress).run(stop)


@command.command(epilog="Example: notifier sandbox status --json")
@common(prints=True)
def status(context: Context) -> None:
    """What runs now. Exit status 1 where something does not."""
    from notifier.sandbox.sandbox import Sandbox

    document = Sandbox(_home(context)).status()
    if context.json:
        context.print_json(document)
    else:
        for service in document["services"]:
            since = service["since"] or ""
            click.echo(f"{service['name']:<12} {service['state']:<8} {service['pid'] or '':>8}  {since}")
        click.echo("ready" if document["ready"] else "not ready")
    if not document["ready"]:
        late = [one for one in document["services"] if one["state"] == "stopped"] or document["services"]
        states = [f"{one['name']} is {one['state']}" for one in late if one["state"] != "ready"]
        raise RefusedError("sandbox_not_running", ", ".join(states) or None, hint="notifier sandbox up")


@command.command(epilog="Example: notifier sandbox down")
@common()
def down(context: Context) -> None:
    """Stop what `up` started, and nothing else; the home stays."""
    from notifier.sandbox.sandbox import Sandbox

    Sandbox(_home(context)).down(lambda text: click.echo(text, err=True))


def _home(context: Context) -> Path:
    """The home that is meant; raises `UsageError` where a party's configuration is named, which is no sandbox."""
    if context.config is not None:
        raise UsageError(detail="a sandbox has a home, and no configuration file", hint="name its folder with --home")
    return context.home
