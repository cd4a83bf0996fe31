"""`notifier sandbox up|status|down`: runs a real local Kafka with an example world, in one folder."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path

import click

from notifier.cli.context import Context, common
from notifier.cli.output import Group, note
from notifier.errors import RefusedError, UsageError


@click.group(cls=Group, epilog="Example: notifier sandbox up")
def command() -> None:
    """Run a real local Kafka with an example world.

    It has TLS and access rights, an example directory, a router and an auditor.
    """


@command.command(epilog="Example: notifier sandbox up --routers 2")
@click.option("--brokers", type=click.Choice(["1", "3"]), help="Brokers of a new sandbox.  [default: 1]")
@click.option(
    "--routers",
    type=click.IntRange(1, 8),
    help="Routers; missing ones are added.  [default: the present number, or 1]",
)
@click.option("--watch", is_flag=True, help="Stay, and restart what dies, until interrupted.")
@common()
def up(context: Context, brokers: str | None, routers: int | None, watch: bool) -> None:
    """Start what does not run, and return once an exercise was delivered.

    It writes missing files and keeps existing ones, with your changes.
    """
    from notifier.sandbox.sandbox import Sandbox
    from notifier.sandbox.watching import Watch

    begun = time.monotonic()

    def progress(text: str) -> None:
        note(f"{time.monotonic() - begun:5.1f} s  {text}")

    sandbox = Sandbox(_home(context))
    parts = sandbox.up(progress, brokers=None if brokers is None else int(brokers), routers=routers)
    progress(f"ready: {sandbox.bootstrap}, home {context.home}")
    if not watch:
        return
    progress("watching; Ctrl-C ends the watch, notifier sandbox down stops the sandbox")
    # An event: an exception could come between the start of a process and the record of its pid.
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    Watch(sandbox, parts, progress).run(stop)


@command.command(epilog="Example: notifier sandbox status --json")
@common(prints=True)
def status(context: Context) -> None:
    """Show what runs.

    Exit status 1 if a service does not run.
    """
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
    """Stop what up started; keep the home."""
    from notifier.sandbox.sandbox import Sandbox

    Sandbox(_home(context)).down(note)


def _home(context: Context) -> Path:
    """Return the home; raise `UsageError` for a configuration file, which has no sandbox."""
    if context.config is not None:
        raise UsageError(detail="a sandbox has no configuration file", hint="give its folder with --home")
    return context.home
