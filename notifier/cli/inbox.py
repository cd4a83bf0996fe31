"""`notifier inbox list|show`: what came in."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

import click

from notifier.cli.context import Context, common
from notifier.cli.databases import with_inbox
from notifier.escaping import escaped

if TYPE_CHECKING:
    from notifier.consumers.inbox import Inbox, Received

WORDS = {"True": "yes", "False": "no"}


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

    messages, missing = with_inbox(context.settings(), look)
    if context.json:
        context.print_json({"messages": [summary(message) for message in messages]})
        return
    for message in messages:
        row = summary(message)
        mark = "EXERCISE  " if message.exercise else ""
        line = f"{row['id']}  {row['received_at']}  {row['state']:<8}  {row['type']:<11}  {row['originator']:<12}"
        click.echo(escaped(f"{line}  {mark}number {row['seq']}"))
    click.echo(f"{len(messages)} messages")
    for name in missing:
        click.echo(f"missing: {escaped(name)}")


@command.command(epilog="Example: notifier inbox show 01997e5c-1c00-7c55-9a3e-0d3f5e0b8a11 --as DEU/spoc")
@click.argument("message_id", metavar="ID")
@common(acts=True, prints=True)
def show(context: Context, message_id: str) -> None:
    """Show one message with its notification.

    Where more than one message came under ID, the first is shown, and the others below it ("others" in JSON).
    """
    from notifier.consumers.sinks import document

    async def look(inbox: Inbox) -> list[tuple[Received, dict[str, Any]]]:
        found = []
        for message in await inbox.find(message_id):
            traced = await inbox.traced(message)
            found.append((message, document(message) if traced is None else {**document(message), "traced": traced}))
        return found

    found = with_inbox(context.settings(), look)
    first, *others = (shown for _, shown in found)
    if context.json:
        context.print_json({**first, "others": others} if others else first)
        return
    for message, shown in found:
        if message.exercise:
            click.echo("*** EXERCISE: nothing here is real ***")
        if message.state == "conflict":
            click.echo("*** CONFLICT: another text came before under this id from this originator ***")
        if shown.get("traced") == "differs":
            click.echo("*** NOT WHAT IT SAYS: what it was made from, or is about, is another text here ***")
        unverified = {f"/notification{pointer}" for pointer in shown.pop("unverified")}
        for line in lines(shown, "", "", unverified):
            click.echo(line)
    if others:
        click.echo(f"{len(found)} messages have this id", err=True)


def lines(value: Any, margin: str, pointer: str = "", unverified: Collection[str] = ()) -> Iterator[str]:
    """`value` for reading: a line a field, deeper ones indented; nothing in it acts on the terminal.

    `pointer` says where it stands; what stands at one of `unverified` is labelled.
    """
    from notifier.notification.freetext import LABEL

    items = value.items() if isinstance(value, dict) else enumerate(value)
    for name, item in items:
        place = f"{pointer}/{name}"
        # A name can be the sender's, too: a place is shown under its kind.
        mark = f" ({LABEL})" if place in unverified else ""
        label = f"{margin}-" if isinstance(name, int) else f"{margin}{escaped(name)}{mark}:"
        if isinstance(item, dict | list) and item:
            yield label
            yield from lines(item, margin + "  ", place, unverified)
            continue
        text = "none" if item in (None, [], {}) else WORDS.get(str(item), str(item))
        first, *rest = text.split("\n")
        yield f"{label} {escaped(first)}"
        yield from (f"{margin}  {escaped(line)}" for line in rest)
