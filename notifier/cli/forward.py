"""`notifier forward`: passes on a received notification, or asks its originator for leave."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from notifier.cli.context import Context, Seconds, common
from notifier.cli.databases import with_inbox, with_outbox
from notifier.cli.output import configure_log
from notifier.cli.pending import Pending, report_pending
from notifier.cli.person import submitter, submitter_options
from notifier.cli.render import EXERCISE
from notifier.errors import RefusedError, UsageError
from notifier.outbox.states import RecipientState

if TYPE_CHECKING:
    from notifier.config import Settings
    from notifier.consumers.inbox.records import Received
    from notifier.outbox.status import Status
    from notifier.persons.submissions import Submitter

GRACE_SECONDS: Final = 5.0
ASK: Final = "forwarding_forbidden"


@click.command(epilog="Example: notifier forward 01997e5c-1c00-7c55-9a3e-0d3f5e0b8a11 DEU/border --as DEU/spoc")
@click.argument("message_id", metavar="ID")
@click.argument("names", nargs=-1, metavar="[AUTHORITY]...")
@click.option("--ask", is_flag=True, help="Ask the originator for leave if it may not be passed on.")
@submitter_options
@click.option("--list", "listed", is_flag=True, help="List what was forwarded before.")
@click.option("--wait", is_flag=True, help="Wait until the hub has decided.")
@click.option("--timeout", type=Seconds(), default=30.0, show_default=True, help="Seconds to wait, with --wait.")
@common(acts=True, prints=True)
def command(
    context: Context,
    message_id: str,
    names: tuple[str, ...],
    ask: bool,
    by: str | None,
    key: Path | None,
    listed: bool,
    wait: bool,
    timeout: float,
) -> int:
    """Pass the received notification ID on to AUTHORITY.

    It becomes a notification of your own that names its parent. The originator's handling code decides if it may be
    passed on; if not, --ask asks the originator for leave. A notification that may be about a child goes to no front
    line.
    """
    if bool(names) is listed:
        raise UsageError(detail="no authority to tell: name one, or use --list")
    configure_log()
    settings = context.writer()
    parent = _parent(settings, message_id)
    if listed:
        made = with_outbox(settings, lambda outbox: outbox.made_from(parent.originator, parent.id))
        return _show(context, parent, made)
    asked, status, left = asyncio.run(
        _forward(settings, parent, names, ask, submitter(settings, by, key), timeout if wait else GRACE_SECONDS)
    )
    document = {
        "id": status.id,
        "parent": {"id": parent.id, "originator": parent.originator},
        "asked": sorted(set(names)) if asked else [],
        **_outcome(status),
    }
    if context.json:
        context.print_json(document)
    elif asked:
        click.echo(f"{status.id}  {status.state:9}  asks {parent.originator} for leave to tell {', '.join(names)}")
    else:
        click.echo(_line(status))
    if status.state is RecipientState.REJECTED:
        return 1
    return report_pending(settings, left, insisted=wait)


def _parent(settings: Settings, message_id: str) -> Received:
    """Return the message of that id in the inbox; raise `RefusedError` if there are several."""
    first, *others = with_inbox(settings, lambda inbox: inbox.find(message_id))
    if others:
        raise RefusedError("id_conflict", "several messages have this id", hint="see notifier inbox show")
    return first


async def _forward(
    settings: Settings, parent: Received, names: Sequence[str], ask: bool, by: Submitter | None, seconds: float
) -> tuple[bool, Status, Pending]:
    """Return whether leave was asked for, the status of what was sent, and what is left to send."""
    from notifier.producers.publisher import Publisher

    async with Publisher.from_settings(settings) as publisher:
        asked = False
        try:
            submitted = await publisher.forward(parent.notification, names, by=by)
        except RefusedError as error:
            if error.reason != ASK:
                raise
            if not ask:
                raise RefusedError(ASK, error.detail, hint=f"--ask asks {parent.originator} for leave") from error
            asked = True
            submitted = await publisher.ask_to_forward(parent.notification, names, by=by)
        status = await publisher.wait(submitted.id, seconds)
        return asked, status, await Pending.of(publisher, int(not status.settled), [status])


def _outcome(status: Status) -> dict[str, Any]:
    told = [{"authority": one.authority, "state": one.state} for one in status.recipients]
    return {"state": status.state, "recipients": told, "reason": status.reason}


def _line(status: Status) -> str:
    told = ", ".join(f"{one.authority} ({one.state})" for one in status.recipients)
    why = f"  ({status.reason})" if status.reason else ""
    return f"{status.id}  {status.state:9}  to {told or 'nobody'}{why}{EXERCISE if status.exercise else ''}"


def _show(context: Context, parent: Received, made: list[Status]) -> int:
    if context.json:
        derivatives = [{"id": one.id, **_outcome(one)} for one in made]
        context.print_json({"id": parent.id, "originator": parent.originator, "derivatives": derivatives})
        return 0
    for one in made:
        click.echo(_line(one))
    click.echo(f"{len(made)} forwarded of {parent.id} from {parent.originator}")
    return 0
