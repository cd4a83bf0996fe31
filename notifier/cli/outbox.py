"""`notifier outbox status|adopt`: what a restored outbox leaves for a person to decide."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from notifier.cli.context import Context, common
from notifier.cli.databases import with_outbox
from notifier.cli.person import decider_key, decider_options
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
"""What a person decided, as it is printed."""


@click.group(epilog="Example: notifier outbox status --as TUR/spoc")
def command() -> None:
    """Look after an outbox that was restored from a backup: in its database, no broker is needed.

    A running publisher notices the restore, closes the former stream and goes on in a new one by itself.
    """


@command.command(epilog="Example: notifier outbox status --as TUR/spoc --json")
@common(acts=True, prints=True)
def status(context: Context) -> None:
    """Say whether the outbox was restored, what it lost, and what waits for a person."""
    found = with_outbox(context.settings(), lambda outbox: outbox.restored())
    if context.json:
        context.print_json({"restored": None if found is None else as_document(found)})
        return
    if found is None:
        click.echo("no restore from a backup was noticed (a publisher that runs notices one)")
        return
    for line in lines(found):
        click.echo(line)


@command.command(epilog="Example: notifier outbox adopt --all --send --by 'A. Lindt' --as TUR/spoc")
@click.argument("ids", metavar="ID...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Everything that waits after a restore.")
@click.option("--send/--drop", "send", default=None, help="Send it again, or give it up. Who has it knows it again.")
@click.option("--new-stream", is_flag=True, help="Go on in a new stream although the former one could not be closed.")
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
    """Decide, signed, about what a restored outbox still had to send.

    It may have been sent, stopped or changed after the backup, and the outbox does not know. The person needs the
    permission `release`. Each decision is an act in the audit log.
    """
    if (bool(ids) or every) is (send is None):
        raise click.UsageError("name notifications (or --all) together with --send or --drop")
    if ids and every:
        raise click.UsageError("--all excludes single notifications")
    if send is None and not new_stream:
        raise click.UsageError("nothing to do: name notifications, --all or --new-stream")
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
    """Return what is printed of a restore as JSON."""
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
    """Return what is printed of a restore, line by line."""
    said = [
        f"restored from a backup of {rfc3339(found.backup_at)}, noticed {rfc3339(found.noticed_at)}",
        "the former stream is closed, a new one is open"
        if found.closed
        else "the former stream is being closed: a publisher has to run (notifier publish)",
        "submit again what was given to the outbox in between: it is not in the backup",
    ]
    if found.refused:
        said.append(f"the closing act was refused: {found.refused}")
    if found.unknown:
        said.append(f"the hub accepted {found.unknown} envelopes in between that belong to nothing in the outbox")
    for one in found.parked:
        since = f"; the hub accepted {one.accepted} of its envelopes since the backup" if one.accepted else ""
        said.append(f"{NotificationId(one.id).text} waits for a decision (notifier outbox adopt){since}")
    for done in found.decided:
        about = f"{done.notification_id} " if done.notification_id else ""
        said.append(escaped(f"{done.by} decided at {done.at}: {about}{DECIDED[done.decision]}"))
    return said
