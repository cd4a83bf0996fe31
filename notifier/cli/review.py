"""`notifier review list|show|approve|refuse|resubmit`: decides what waits for a second person."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from notifier.cli.context import Context, common
from notifier.cli.databases import with_outbox
from notifier.cli.output import Group, configure_log
from notifier.cli.pending import Pending, report_pending
from notifier.cli.person import act_document, decider_key, decider_options, submitter
from notifier.cli.render import EXERCISE, ruling_document, ruling_line, submitted_text
from notifier.config import Settings
from notifier.errors import UsageError
from notifier.escaping import escaped
from notifier.persons.approvals import NEEDS
from notifier.times import rfc3339

if TYPE_CHECKING:
    from notifier.outbox.outbox import Outbox
    from notifier.outbox.review import Reviewed
    from notifier.outbox.status import AuditEventProof, Status
    from notifier.producers.publisher import Publisher

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")
GRACE_SECONDS: Final = 5.0
REMEDIES: Final = {
    "nationality_unknown": "send an update with the nationality",
    "former_state": "send an update with the state of now",
    "unresolved_place": "send an update with the state of the place",
    "not_a_participant": "have the authority enrolled",
}
"""The remedy for a hold that no person can release."""


@click.group(cls=Group, epilog="Example: notifier review list --as TUR/spoc")
def command() -> None:
    """Release or refuse the holds of your own notifications.

    A second, registered person decides. No time-out releases a hold.
    """


def ruling_options(function: F) -> F:
    """Add the options that an approval and a refusal share."""
    for option in (
        decider_options,
        click.option("--reference", help="The assurance, or the file with the reasons."),
        click.option("--state", help="Only for the authorities of this state, e.g. DEU."),
        click.option("--hold", required=True, help="The hold, e.g. child_review."),
        click.argument("message_id", metavar="ID"),
    ):
        function = option(function)
    return function


@command.command("list", epilog="Example: notifier review list --as TUR/spoc --json")
@common(acts=True, prints=True)
def list_(context: Context) -> None:
    """List the held notifications, oldest first, with their holds."""
    found = with_outbox(context.settings(), lambda outbox: outbox.held())
    if context.json:
        context.print_json({"messages": [as_document(one) for one in found]})
        return
    for one in found:
        for line in _lines(one):
            click.echo(line)
    click.echo(f"{len(found)} messages wait")


@command.command(epilog="Example: notifier review show 01997e5c-1c00-7c55-9a3e-0d3f5e0b8a11 --as TUR/spoc")
@click.argument("message_id", metavar="ID")
@common(acts=True, prints=True)
def show(context: Context, message_id: str) -> None:
    """Show a whole notification with its holds and rulings.

    Also its local part, and the acts in the audit log.
    """
    from notifier.cli.inbox import lines
    from notifier.notification import to_json
    from notifier.notification.freetext import unverified

    async def look(outbox: Outbox) -> tuple[Reviewed, list[AuditEventProof]]:
        return await outbox.reviewed(message_id), await outbox.proofs(message_id)

    found, proofs = with_outbox(context.settings(), look)
    notification = to_json(found.message.notification, local=True)
    acts = [act_document(one) for one in proofs]
    free_text = unverified(notification)
    document = {**as_document(found), "acts": acts, "notification": notification, "unverified": free_text}
    if context.json:
        context.print_json(document)
        return
    for line in _lines(found):
        click.echo(line)
    for act in acts:
        click.echo(f"  act: {act['kind']:<10} at {act['at']}  {act['state']}")
    for line in lines(notification, "", "", free_text):
        click.echo(line)


@command.command(
    epilog="Example: notifier review approve 01997e5c-1c00-7c55-9a3e-0d3f5e0b8a11 --hold child_review"
    " --by 'A. Lindt' --as TUR/spoc"
)
@ruling_options
@common(acts=True, prints=True)
def approve(
    context: Context, message_id: str, hold: str, state: str | None, reference: str | None, by: str, key: Path | None
) -> int:
    """Sign the release of a hold, and send to those it held back.

    An authority with another hold still waits. The submitter cannot release it. The release of a risk
    (torture_or_death_risk) needs --state and --reference, the assurance of that state.
    """
    settings = context.writer()
    signing = decider_key(settings, by, key)

    async def decide(publisher: Publisher) -> tuple[str, ...]:
        return await publisher.reviews.approve(message_id, hold, by=by, key=signing, state=state, reference=reference)

    released, found, status, left = _ruled(settings, message_id, decide)
    if context.json:
        context.print_json({**as_document(found), "released": list(released), "state": status.state})
        return report_pending(settings, left)
    click.echo(f"released: {', '.join(released) or 'nobody yet (another hold remains)'}")
    for line in _lines(found):
        click.echo(line)
    return report_pending(settings, left)


@command.command(
    epilog="Example: notifier review refuse 01997e5c-1c00-7c55-9a3e-0d3f5e0b8a11 --hold child_review"
    " --by 'A. Lindt' --as TUR/spoc"
)
@ruling_options
@common(acts=True, prints=True)
def refuse(
    context: Context, message_id: str, hold: str, state: str | None, reference: str | None, by: str, key: Path | None
) -> int:
    """Sign the refusal of a hold, which then stays for good."""
    settings = context.writer()
    signing = decider_key(settings, by, key)

    async def decide(publisher: Publisher) -> None:
        await publisher.reviews.refuse(message_id, hold, by=by, key=signing, state=state, reference=reference)

    _, found, status, left = _ruled(settings, message_id, decide)
    if context.json:
        context.print_json({**as_document(found), "state": status.state})
        return report_pending(settings, left)
    for line in _lines(found):
        click.echo(line)
    return report_pending(settings, left)


@command.command(
    epilog="Example: notifier review resubmit 01997e5c-1c00-7c55-9a3e-0d3f5e0b8a11 --by 'B. Kaya' --as TUR/spoc"
)
@click.argument("message_id", metavar="ID")
@click.option("--key", type=click.Path(path_type=Path), help="The private key file.  [default: persons/NAME.key]")
@click.option(
    "--by", metavar="NAME", envvar="NOTIFIER_PERSON", required=True, help="The registered person who submits it."
)
@common(acts=True, prints=True)
def resubmit(context: Context, message_id: str, by: str, key: Path | None) -> None:
    """Sign an unsigned notification as its submitter.

    Then another person can release its holds. Notifications that were submitted before version 9 of the outbox are
    unsigned. A signed one stays as it is.
    """
    settings = context.writer()
    signs = submitter(settings, by, key)
    if signs is None:
        raise UsageError(detail="no submitter given", hint="use --by NAME")
    found = with_outbox(settings, lambda outbox: outbox.resubmit(message_id, signs))
    if context.json:
        context.print_json(as_document(found))
        return
    for line in _lines(found):
        click.echo(line)


def _ruled(
    settings: Settings, message_id: str, decide: Callable[[Publisher], Awaitable[T]]
) -> tuple[T, Reviewed, Status, Pending]:
    """Run `decide`, give the hub GRACE_SECONDS to accept what leaves now, and return the result and what waits."""
    from notifier.producers.publisher import Publisher

    configure_log()

    async def rule() -> tuple[T, Reviewed, Status, Pending]:
        async with Publisher.from_settings(settings) as publisher:
            result = await decide(publisher)
            waiting = await publisher.flush(GRACE_SECONDS, of=[message_id])
            status = await publisher.status(message_id)
            left = await Pending.of(publisher, len(waiting), [status])
            return result, await publisher.reviews.get(message_id), status, left

    return asyncio.run(rule())


def as_document(found: Reviewed) -> dict[str, Any]:
    """Return the document of ``--json``: the holds of each authority (null: no state is known yet), and the rulings.

    `needs` is the permission that releases the hold, null if no person can. `submitted_by` is null for an unsigned
    submission, which nobody can release.
    """
    message = found.message
    return {
        "id": message.held.notification_id,
        "type": message.notification.type,
        "exercise": message.notification.exercise,
        "submitted_by": message.held.submitted_by,
        "submitted_at": rfc3339(message.held.submitted_at),
        "holds": [
            {
                "authority": entry.authority,
                "hold": hold,
                "needs": NEEDS.get(hold) if entry.authority is not None else None,
                "refused_by": found.refused_by(hold, entry.authority),
            }
            for entry in message.plan.holds
            for hold in entry.because
        ],
        "rulings": [ruling_document(one) for one in found.rulings],
    }


def _lines(found: Reviewed) -> list[str]:
    document = as_document(found)
    mark = EXERCISE if document["exercise"] else ""
    submitted = f"submitted by {submitted_text(document['submitted_by'])} at {document['submitted_at']}"
    lines = [f"{document['id']}  {document['type']:<11}  {submitted}{mark}"]
    for hold in document["holds"]:
        whom = hold["authority"] or "(no state named yet)"
        how = f"needs {hold['needs']}" if hold["needs"] else REMEDIES.get(hold["hold"], "nobody can release it")
        refused = f"; refused by {', '.join(hold['refused_by'])}" if hold["refused_by"] else ""
        lines.append(f"  held  {whom:<22} {hold['hold']:<24} {how}{refused}")
    lines += [f"  {ruling_line(one)}" for one in document["rulings"]]
    return [escaped(line) for line in lines]
