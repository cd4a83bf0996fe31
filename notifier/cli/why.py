"""`notifier why`: why an authority did or did not get a notification."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from notifier.cli.context import Context, common
from notifier.config import Settings
from notifier.errors import ConfigError

WORDS = {"send": "is told", "hold": "is not told yet", "suppress": "is not told"}


@click.command(epilog="Example: notifier why 01997e5c-1c00-7c55-9a3e-0d3f5e0b8a11 DEU/spoc --as TUR/spoc")
@click.argument("message_id", metavar="ID")
@click.argument("about", metavar="[AUTHORITY]", required=False)
@common(acts=True, prints=True)
def command(context: Context, message_id: str, about: str | None) -> None:
    """Say why AUTHORITY did or did not get the notification ID, with the rule and the paragraph.

    The originator sees every authority. A recipient sees why it was told itself, and nobody else.
    """
    document = asyncio.run(_why(context.settings(), message_id))
    if about is not None:
        document["recipients"] = [entry for entry in document["recipients"] if entry["authority"] == about]
    if context.json:
        context.print_json(document)
        return
    click.echo(f"{document['id']}, by version {document['rules_version']} of the rules")
    for entry in document["recipients"]:
        click.echo(_line(entry))
    if not document["recipients"]:
        click.echo(f"{about or 'nobody'}: no rule names it for this notification")


def _line(entry: dict[str, Any]) -> str:
    reasons = ", ".join(f"{reason['rule']} (paragraph {reason['paragraph']})" for reason in entry["reasons"])
    text = f"{entry['authority'] or 'a state not known yet'} {WORDS[entry['outcome']]}: {reasons}"
    if entry["because"]:
        text += f"; because {', '.join(entry['because'])}"
    if entry.get("successors"):
        text += f"; successors {', '.join(entry['successors'])}"
    return text


async def _why(settings: Settings, message_id: str) -> dict[str, Any]:
    """What the outbox knows."""
    from notifier.keyfiles import storage_key
    from notifier.producers.outbox import Outbox
    from notifier.runtime import REAL

    if settings.outbox is None:
        raise ConfigError(detail="outbox is not set", hint="name the database of the outbox")
    outbox = await Outbox.open(settings.outbox, settings.name, storage_key(settings.keys), REAL)
    try:
        status = await outbox.status(message_id)
    finally:
        await outbox.close()
    return {"id": status.id, "rules_version": status.rules_version, "recipients": list(status.entries)}
