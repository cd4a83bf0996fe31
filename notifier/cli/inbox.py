"""`notifier inbox list|show`: what came in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import click

from notifier.cli.context import Context, common
from notifier.errors import ConfigError

if TYPE_CHECKING:
    from notifier.consumers.inbox import Inbox, Received

T = TypeVar("T")


@click.group(epilog="Example: notifier inbox list --as DEU/spoc")
def command() -> None:
    """What came in, from the local database: no broker is needed."""


@command.command("list", epilog="Example: notifier inbox list --as DEU/spoc --json")
@common(acts=True, prints=True)
def list_(context: Context) -> None:
    """List the messages, oldest first, and what is missing."""
    from notifier.consumers.sinks import summary

    async def look(inbox: Inbox) -> tuple[list[Received], list[str]]:
        missing = [
            f"number {gap.sequence} of stream {gap.stream} from {gap.originator}" for gap in await inbox.gaps()
        ]
        messages: list[Received] = []
        while page := await inbox.messages(after=messages[-1].row if messages else 0):
            messages += page
        return messages, missing

    messages, missing = _with_inbox(context, look)
    if context.json:
        context.print_json({"messages": [summary(message) for message in messages]})
        return
    for message in messages:
        row = summary(message)
        mark = "EXERCISE  " if message.exercise else ""
        line = f"{row['id']}  {row['received_at']}  {row['state']:<8}  {row['type']:<11}  {row['originator']:<12}"
        click.echo(f"{line}  {mark}number {row['seq']}")
    click.echo(f"{len(messages)} messages")
    for name in missing:
        click.echo(f"missing: {name}")


@command.command(epilog="Example: notifier inbox show 01997e5c-1c00-7c55-9a3e-0d3f5e0b8a11 --as DEU/spoc")
@click.argument("message_id", metavar="ID")
@common(acts=True, prints=True)
def show(context: Context, message_id: str) -> None:
    """Show one message with its notification."""
    from notifier.consumers.sinks import document

    def look(inbox: Inbox) -> Awaitable[list[Received]]:
        return inbox.find(message_id)

    found = _with_inbox(context, look)
    if context.json:
        context.print_json(document(found[0]))
        return
    for message in found:
        if message.exercise:
            click.echo("*** EXERCISE: nothing here is real ***")
        if message.state == "conflict":
            click.echo("*** CONFLICT: another text came before under this id ***")
        # ASCII escapes: what somebody wrote must not move the cursor or turn the reading direction.
        click.echo(json.dumps(document(message), ensure_ascii=True, indent=2))


def _with_inbox(context: Context, look: Callable[[Inbox], Awaitable[T]]) -> T:
    from notifier.consumers.inbox import Inbox
    from notifier.keyfiles import storage_key
    from notifier.runtime import REAL

    settings = context.settings()
    if settings.inbox is None:
        raise ConfigError(detail="inbox is not set", hint="name the database of the inbox")
    address = settings.inbox

    async def run() -> T:
        inbox = await Inbox.open(address, settings.name, storage_key(settings.keys), REAL)
        try:
            return await look(inbox)
        finally:
            await inbox.close()

    return asyncio.run(run())
