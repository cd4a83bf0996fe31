"""`notifier track`: shows the state of each recipient of a notification."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from notifier.cli.context import Context, common
from notifier.cli.databases import with_outbox
from notifier.cli.render import EXERCISE
from notifier.outbox.states import NO_FEED, NO_KEY, RecipientState
from notifier.times import rfc3339

if TYPE_CHECKING:
    from notifier.outbox.recipients import RecipientStatus
    from notifier.outbox.status import Status

AWAITED: Final = {RecipientState.WAITING: "decision", RecipientState.HELD: "review"}
"""The event that a state waits for, from the hub or from a person."""
KEPT: Final = {NO_KEY: "key", NO_FEED: "feed"}
"""The event that a recipient waits for that cannot be reached yet."""


@click.command(epilog="Example: notifier track 01997e5c-1c00-7c55-9a3e-0d3f5e0b8a11 --as TUR/spoc")
@click.argument("message_id", metavar="ID")
@click.option("--digest", "digest", is_flag=True, help="Print only the digest by which an update names it.")
@common(acts=True, prints=True)
def command(context: Context, message_id: str, digest: bool) -> None:
    """Show the state of each recipient of the notification ID, since when, and what it waits for.

    For the originator, from its outbox; no broker is needed.
    """
    if digest:
        from notifier.notification.digest import digest_of

        found = digest_of(with_outbox(context.settings(), lambda outbox: outbox.notification(message_id)))
        if context.json:
            context.print_json({"id": message_id, "digest": found})
        else:
            click.echo(found)
        return
    status = with_outbox(context.settings(), lambda outbox: outbox.status(message_id))
    document = as_document(status)
    if context.json:
        context.print_json(document)
        return
    mark = EXERCISE if status.exercise else ""
    click.echo(f"{status.id}  {status.state}" + (f"  ({status.reason})" if status.reason else "") + mark)
    for row in document["recipients"]:
        because = f"; because {', '.join(row['because'])}" if row["because"] else ""
        awaited = f"; awaited: {row['awaited']}" if row["awaited"] else ""
        name = row["authority"] or "(no state named yet)"
        click.echo(f"  {name:<22} {row['state']:<10} since {row['since']}{because}{awaited}")
    if not document["recipients"]:
        click.echo("  nobody: no rule names an authority")
    for act in document["acts"]:
        click.echo(f"  act of {act['kind']:<15} {act['state']:<10} since {act['at']}")


def as_document(status: Status) -> dict[str, Any]:
    """Return the document of ``--json`` (docs/reference/json.md); `due` is null if no awaited event has a time."""
    return {
        "id": status.id,
        "exercise": status.exercise,
        "recipients": [_row(recipient) for recipient in status.recipients],
        "acts": [{"kind": act.kind, "at": rfc3339(act.at), "state": act.state} for act in status.acts],
    }


def _row(recipient: RecipientStatus) -> dict[str, Any]:
    missing = [KEPT[code] for code in recipient.because if code in KEPT]
    return {
        "authority": recipient.authority,
        "state": recipient.state,
        "because": list(recipient.because),
        "since": rfc3339(recipient.since),
        "awaited": missing[0] if missing else AWAITED.get(recipient.state),
        "due": None,
    }
