"""`notifier sandbox up|status|down`: a real local Kafka with an example world, below one folder."""

from __future__ import annotations

import time

import click

from notifier.cli.context import Context, common
from notifier.errors import Refused


@click.group(epilog="Example: notifier sandbox up")
def command() -> None:
    """A real local Kafka with TLS and access rights, an example directory, a router and an auditor."""


@command.command(epilog="Example: notifier sandbox up --brokers 1")
@click.option("--brokers", type=click.Choice(["1", "3"]), default="1", show_default=True, help="How many brokers.")
@click.option("--routers", type=click.IntRange(1, 8), default=1, show_default=True, help="How many routers.")
@common()
def up(context: Context, brokers: str, routers: int) -> None:
    """Start what does not run; return when an exercise has gone all the way through."""
    from notifier.sandbox.sandbox import Sandbox

    begun = time.monotonic()

    def progress(text: str) -> None:
        click.echo(f"{time.monotonic() - begun:5.1f} s  {text}", err=True)

    sandbox = Sandbox(context.home)
    sandbox.up(progress, brokers=int(brokers), routers=routers)
    progress(f"ready: {sandbox.bootstrap}, home {context.home}")


@command.command(epilog="Example: notifier sandbox status --json")
@common(prints=True)
def status(context: Context) -> None:
    """What runs now. Exit status 1 where something does not."""
    from notifier.sandbox.sandbox import Sandbox

    document = Sandbox(context.home).status()
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
        raise Refused("sandbox_not_running", ", ".join(states) or None, hint="notifier sandbox up")


@command.command(epilog="Example: notifier sandbox down")
@common()
def down(context: Context) -> None:
    """Stop what `up` started, and nothing else; the home stays."""
    from notifier.sandbox.sandbox import Sandbox

    Sandbox(context.home).down(lambda text: click.echo(text, err=True))
