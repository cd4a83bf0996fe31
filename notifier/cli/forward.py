"""`notifier forward`: passes on what was received, where its originator lets it; else asks the originator."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from notifier.cli.context import Context, Seconds, common
from notifier.cli.databases import with_inbox, with_outbox
from notifier.cli.pending import Left, say_left
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
@click.option("--ask", is_flag=True, help="Where it may not be passed on, ask its originator for leave.")
@submitter_options
@click.option("--list", "listed", is_flag=True, help="List what was made of it before.")
@click.option("--wait", is_flag=True, help="Return when the hub has decided.")
@click.option("--timeout", type=Seconds(), default=30.0, show_default=True, help="Seconds, with --wait.")
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
    """Pass the received notification ID on to AUTHORITY, as a notification of your own that names its parent.

    The originator's handling decides: with H2, outside its release_to, or in another state that it does not name,
    nothing is made, and --ask asks it for leave. What may be about a child goes to no front line.
    """
    from notifier.telemetry.logging import configure

    if bool(names) is listed:
        raise UsageError(detail="name the authorities to tell, or --list", hint="see notifier forward --help")
    configure(level=logging.WARNING)
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
    return say_left(settings, left, insisted=wait)


def _parent(settings: Settings, message_id: str) -> Received:
    """The one message of that id in the inbox."""
    first, *others = with_inbox(settings, lambda inbox: inbox.find(message_id))
    if others:
        raise RefusedError(
            "id_conflict", "more than one message came under this id", hint="notifier inbox show has them"
        )
    return first


async def _forward(
    settings: Settings, parent: Received, names: Sequence[str], ask: bool, by: Submitter | None, seconds: float
) -> tuple[bool, Status, Left]:
    """Whether leave was asked for, what became of what was sent, and what is left."""
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
        return asked, status, await Left.of(publisher, int(not status.settled), [status])


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
    click.echo(f"{len(made)} made of {parent.id} from {parent.originator}")
    return 0
