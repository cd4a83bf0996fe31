"""`notifier outbox status|adopt`: decides what a restored outbox still has to send."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from notifier.cli.context import Context, common
from notifier.cli.databases import with_outbox
from notifier.cli.output import Group
from notifier.cli.person import decider_key, decider_options
from notifier.errors import UsageError
from notifier.escaping import escaped
from notifier.names import NotificationId
from notifier.persons.adoptions import Adopted
from notifier.times import rfc3339

if TYPE_CHECKING:
    from notifier.outbox.outbox import Outbox
    from notifier.outbox.restoration import Restored

DECIDED: Final = {
    Adopted.SENT_AGAIN: "goes out again",
    Adopted.GIVEN_UP: "is given up",
    Adopted.NEW_STREAM: "a new stream begins",
}
"""The text of each decision."""


@click.group(cls=Group, epilog="Example: notifier outbox status --as TUR/spoc")
def command() -> None:
    """Show and decide what waits after an outbox was restored from a backup.

    A running publisher notices the restore, closes the former stream and opens a new one. These commands work on the
    database; no broker is needed.
    """


@command.command(epilog="Example: notifier outbox status --as TUR/spoc --json")
@common(acts=True, prints=True)
def status(context: Context) -> None:
    """Show whether the outbox was restored, and what waits for a decision."""
    found = with_outbox(context.settings(), lambda outbox: outbox.restored())
    if context.json:
        context.print_json({"restored": None if found is None else as_document(found)})
        return
    if found is None:
        click.echo("no restore from a backup was noticed (a running publisher notices one)")
        return
    for line in lines(found):
        click.echo(line)


@command.command(epilog="Example: notifier outbox adopt --all --send --by 'A. Lindt' --as TUR/spoc")
@click.argument("ids", metavar="ID...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Everything that waits after a restore.")
@click.option("--send/--drop", "send", default=None, help="Send it again, or give it up.")
@click.option("--new-stream", is_flag=True, help="Open a new stream even if the former one could not be closed.")
@decider_options
@common(acts=True, prints=True)
def adopt(
    context: Context,
    ids: tuple[str, ...],
    every: bool,
    send: bool | None,
    new_stream: bool,
    by: str,
    key: Path | None,
) -> None:
    """Sign a decision about what a restored outbox still had to send.

    The outbox does not know if it was sent, stopped or changed after the backup. The person needs the permission
    release. Each decision is recorded in the audit log.
    """
    if (ids or every) and send is None:
        raise UsageError(detail="no decision given", hint="use --send or --drop")
    if send is not None and not (ids or every):
        raise UsageError(detail="no notification given", hint="name notifications, or use --all")
    if ids and every:
        raise UsageError(detail="--all and named notifications exclude each other")
    if send is None and not new_stream:
        raise UsageError(detail="nothing to do", hint="name notifications, or use --all or --new-stream")
    settings = context.writer()
    signing = decider_key(settings, by, key)

    async def act(outbox: Outbox) -> tuple[list[str], bool]:
        begun = new_stream and await outbox.begin_stream(by=by, key=signing)
        found = await outbox.restored()
        wanted = [NotificationId(one.id).text for one in found.parked] if every and found else list(ids)
        return await outbox.adopt(wanted, send=send, by=by, key=signing) if send is not None else [], begun

    done, begun = with_outbox(settings, act)
    if context.json:
        context.print_json({"adopted": done, "sent_again": bool(send), "new_stream": begun, "by": by})
        return
    if new_stream:
        click.echo("a new stream begins" if begun else "no stream is being closed")
    if send is not None:
        click.echo(f"{len(done)} {'go out again' if send else 'given up'}" if done else "nothing waits")


def as_document(found: Restored) -> dict[str, Any]:
    """Return the document of a restore."""
    return {
        "noticed_at": rfc3339(found.noticed_at),
        "backup_at": rfc3339(found.backup_at),
        "stream_closed": found.closed,
        "unknown": found.unknown,
        "waiting": [{"id": NotificationId(one.id).text, "accepted": one.accepted} for one in found.parked],
        "refused": found.refused,
        "decided": [
            {"decision": one.decision, "id": one.notification_id, "by": one.by, "at": one.at} for one in found.decided
        ],
    }


def lines(found: Restored) -> list[str]:
    """Return the lines that describe a restore."""
    said = [
        f"restored from a backup of {rfc3339(found.backup_at)}, noticed {rfc3339(found.noticed_at)}",
        "the former stream is closed, a new one is open"
        if found.closed
        else "the former stream is being closed; this needs a running publisher (notifier run publisher)",
        "submit again what was published since the backup: it is not in the outbox",
    ]
    if found.refused:
        said.append(f"the closing act was refused: {found.refused}")
    if found.unknown:
        said.append(f"since the backup the hub accepted {found.unknown} envelopes that the outbox does not know")
    for one in found.parked:
        since = f"; the hub accepted {one.accepted} of its envelopes since the backup" if one.accepted else ""
        said.append(f"{NotificationId(one.id).text} waits for a decision (notifier outbox adopt){since}")
    for done in found.decided:
        about = f"{done.notification_id} " if done.notification_id else ""
        said.append(escaped(f"{done.by} decided at {done.at}: {about}{DECIDED[done.decision]}"))
    return said
