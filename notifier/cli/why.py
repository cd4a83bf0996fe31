"""`notifier why`: explains why an authority did or did not get a notification."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import click

from notifier.cli.context import Context, common
from notifier.cli.databases import with_inbox, with_outbox
from notifier.cli.render import EXERCISE, entry_line, ruling_document, ruling_line, submitted_text
from notifier.config import Overseen, Settings
from notifier.errors import NotFoundError, RefusedError
from notifier.escaping import escaped
from notifier.names import AuthorityName
from notifier.outbox.states import RecipientState

if TYPE_CHECKING:
    from notifier.consumers.inbox.records import Received
    from notifier.directory.client import DirectoryClient
    from notifier.notification import Notification
    from notifier.outbox.outbox import Outbox
    from notifier.outbox.oversight import OverseenDecision
    from notifier.outbox.review import Reviewed
    from notifier.outbox.status import Status
    from notifier.persons.approvals import ReviewDecision
    from notifier.rules.ruleset import RuleSet


@click.command(epilog="Example: notifier why 01997e5c-1c00-7c55-9a3e-0d3f5e0b8a11 DEU/spoc --as TUR/spoc")
@click.argument("message_id", metavar="ID")
@click.argument("about", metavar="[AUTHORITY]", required=False)
@common(acts=True, prints=True)
def command(context: Context, message_id: str, about: str | None) -> None:
    """Explain why AUTHORITY did or did not get the notification ID, with the rule and the paragraph.

    The originator sees every authority. Its oversight sees the same, and nothing else of the notification. A
    recipient sees only why it was told itself. An authority is told once the hub accepted an envelope to it; until
    then it is waiting.
    """
    settings = context.settings()
    named: list[str] = []
    document = _as_overseer(settings, message_id) if settings.oversees else _as_originator(settings, message_id)
    if document is None:
        document, about = _as_recipient(settings, message_id, about), settings.name
    elif about is not None:
        named = [name for entry in document["recipients"] for name in _stands_for(entry)]
        document = _cut(document, about)
    if context.json:
        context.print_json(document)
        return
    mark = EXERCISE if document["exercise"] else ""
    click.echo(f"{document['id']}, by version {document['rules_version']} of the rules{mark}")
    for entry in document["recipients"]:
        click.echo(f"  {entry_line(entry)}")
    if not document["recipients"]:
        click.echo(f"{about or 'nobody'}: no rule names it for this notification{_meant(about, named)}")
    if document.get("rulings"):  # show that the submitter did not rule
        click.echo(escaped(f"  submitted by {submitted_text(document['submitted_by'])}"))
        for ruling in document["rulings"]:
            click.echo(escaped(f"  {ruling_line(ruling)}"))


def _cut(document: dict[str, Any], about: str) -> dict[str, Any]:
    """Return the part of a document about one authority, with the rulings about its state."""
    entries = [entry for entry in document["recipients"] if about in _stands_for(entry)]
    rulings = [one for one in document["rulings"] if one["state"] in (None, AuthorityName(about).participant)]
    return {**document, "recipients": entries, "rulings": rulings}


def _meant(about: str | None, named: list[str]) -> str:
    """Return a suggestion for `about` among the authorities of the decision."""
    from notifier.notification.suggesting import did_you_mean, parties_like

    meant = did_you_mean(parties_like(about, named)) if about is not None else None
    return f" ({meant})" if meant else ""


def _stands_for(entry: dict[str, Any]) -> Iterator[str]:
    """Yield the authority of an entry, and those of the territories that it answers for."""
    if entry["authority"] is not None:
        yield entry["authority"]
        role = AuthorityName(entry["authority"]).role
        yield from (f"{code}/{role}" for code in entry.get("answers_for", ()))


def _as_originator(settings: Settings, message_id: str) -> dict[str, Any] | None:
    """Return the document from the outbox, or None if the notification is not in it."""
    if settings.outbox is None:
        return None

    async def look(outbox: Outbox) -> tuple[Reviewed, Status]:
        return await outbox.reviewed(message_id), await outbox.status(message_id)

    try:
        found, status = with_outbox(settings, look)
    except NotFoundError:
        return None
    return _document(status.id, status, found.message.held.submitted_by, found.rulings)


def _document(
    message_id: str, decided: Status | OverseenDecision, submitted_by: str | None, rulings: Iterable[ReviewDecision]
) -> dict[str, Any]:
    """Return the document of ``--json`` for the originator and for oversight."""
    return {
        "id": message_id,
        "exercise": decided.exercise,
        "rules_version": decided.rules_version,
        "recipients": [entry.to_json() for entry in decided.entries],
        "submitted_by": submitted_by,
        "rulings": [ruling_document(one) for one in rulings],
    }


def _as_overseer(settings: Settings, message_id: str) -> dict[str, Any] | None:
    """Return the document from an outbox that this authority oversees, or None if it is in none."""
    for overseen in settings.oversees:
        try:
            decided = asyncio.run(_decided(overseen, message_id))
        except NotFoundError:
            continue
        return _document(decided.id, decided, decided.submitted_by, decided.rulings)
    return None


async def _decided(overseen: Overseen, message_id: str) -> OverseenDecision:
    from notifier.keyfiles import decisions_key_of
    from notifier.outbox.oversight import OversightReader

    async with OversightReader(overseen.outbox, overseen.name, decisions_key_of(overseen)) as overseer:
        return await overseer.decided(message_id)


def _as_recipient(settings: Settings, message_id: str, about: str | None) -> dict[str, Any]:
    """Return the document about this authority alone, from the inbox and the directory."""
    from notifier.directory.client import DirectoryClient
    from notifier.policy.explain import why_told

    if settings.inbox is None:
        raise NotFoundError(detail="no notification has this id in the outbox")
    message, *others = with_inbox(settings, lambda inbox: inbox.find(message_id))
    if others:
        raise RefusedError("id_conflict", "several messages have this id", hint="see notifier inbox show")
    if about not in (None, settings.name):
        raise NotFoundError(detail="a recipient can only ask about itself")
    client = DirectoryClient(settings.directory)
    directory = client.load().directory
    earlier = _earlier(settings, message)
    for rules in _rules_of_its_day(client, message.rules_version):
        entries = why_told(message.notification, settings.name, directory, rules, earlier)
        if entries:
            return _told(message, rules.version, entries[0].to_json())
    # The hub delivered it, so a rule names this authority, by facts that its profile leaves out.
    told = {"authority": settings.name, "outcome": "send", "reasons": [], "because": []}
    return _told(message, message.rules_version, told)


def _told(message: Received, rules_version: int, entry: dict[str, Any]) -> dict[str, Any]:
    """Return the document of ``--json`` for a recipient, with its own entry."""
    recipients = [entry | {"state": RecipientState.TOLD}]
    return {"id": message.id, "exercise": message.exercise, "rules_version": rules_version, "recipients": recipients}


def _rules_of_its_day(client: DirectoryClient, version: int) -> Iterator[RuleSet]:
    """Yield the rules of that version and those before, which the hub accepts for another day."""
    for number in (version, version - 1):
        with contextlib.suppress(NotFoundError):
            yield client.rules(number)


def _earlier(settings: Settings, message: Received) -> Notification | None:
    """Return the notification that the message is about, if it came from the same originator."""
    about = message.notification.about
    if about is None:
        return None
    try:
        found = with_inbox(settings, lambda inbox: inbox.find(about.id))
    except NotFoundError:
        return None
    return next((one.notification for one in found if one.originator == message.originator), None)
