"""`notifier route`: dry run. Who would be told of a notification, and why; needs no broker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from notifier.cli.context import Context, common
from notifier.cli.documents import read_documents, say_refused
from notifier.cli.render import EXERCISE, entry_line, place_line
from notifier.errors import MalformedError, NotificationInvalidError
from notifier.escaping import escaped

if TYPE_CHECKING:
    from notifier.directory.snapshot import Snapshot
    from notifier.notification import Notification
    from notifier.policy.decision import Decision

_BESIDES: Final = {
    "update": "besides: whoever was told of what it is about, and of that one's updates",
    "release": "besides: whoever was told of what it is about, and of that one's updates",
    "response": "no rule: it goes to the originator of what it is about",
    "correction": "no rule: it goes to exactly those who were told of what it is about",
    "withdrawal": "no rule: it goes to exactly those who were told of what it is about",
}


@click.command(epilog="Example: notifier route examples/deportation-two-nationalities.json")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@common(prints=True)
def command(context: Context, files: tuple[str, ...]) -> int:
    """Say who would be told of each notification, who would not, and why. Nothing is sent.

    FILE is JSON or JSON Lines, or - for standard input. One notification gives one document; several give a
    line each, in their order, one that is refused with its reason and faults. Without a home, every state of
    ISO 3166-1 takes part, and no territory. Approvals in a file are taken at their word.
    """
    snapshot = _snapshot(context)
    documents = [(name, text) for file in files for name, text in read_documents(file)]
    refused = 0
    for name, text in documents:
        try:
            notification, decision, warnings = _decide(text, snapshot)
        except (NotificationInvalidError, MalformedError) as error:
            refused += 1
            say_refused(name, error)
            if context.json and len(documents) > 1:
                context.print_line(_refusal(error))
            elif context.json:
                context.print_json(_refusal(error))
            continue
        for warning in warnings:
            click.echo(f"notifier: warning: {name}: {warning}", err=True)
        if context.json and len(documents) == 1:
            context.print_json(_document(notification, decision))
        elif context.json:
            context.print_line(_document(notification, decision))
        else:
            _show(name, notification, decision)
    return 1 if refused else 0


def _snapshot(context: Context) -> Snapshot:
    if context.config is None and not context.home.is_dir():
        from notifier.directory.builtin import builtin_snapshot

        return builtin_snapshot()
    return context.directory()


def _decide(text: str, snapshot: Snapshot) -> tuple[Notification, Decision, list[str]]:
    from notifier.notification import parse
    from notifier.notification.timeliness import untimely
    from notifier.notification.warnings import warned, warnings
    from notifier.policy.decision import decide
    from notifier.runtime import REAL

    notification = parse(text)
    approvals = notification.local.approvals if notification.local is not None else ()
    decision = decide(notification, snapshot.directory, snapshot.rules, approvals=approvals)
    said = [*warnings(notification), *warned(untimely(notification, REAL.clock()))]
    return notification, decision, [str(warning) for warning in said]


def _document(notification: Notification, decision: Decision) -> dict[str, Any]:
    """The decision, and where the notification has codes of places, what each was read as."""
    from notifier.notification.places import read_as

    places = [one.to_json() for one in read_as(notification.movement)]
    return decision.to_json() | ({"places": places} if places else {})


def _refusal(error: NotificationInvalidError | MalformedError) -> dict[str, Any]:
    """What stands in the place of a decision, so that there is a line for every notification."""
    faults = error.faults if isinstance(error, NotificationInvalidError) else []
    return {
        "reason": error.reason,
        "faults": [
            {"pointer": fault.pointer, "message": fault.message} | ({"hint": fault.hint} if fault.hint else {})
            for fault in faults
        ],
    }


def _show(name: str, notification: Notification, decision: Decision) -> None:
    from notifier.notification.places import read_as
    from notifier.rules.facts import NAMING

    type_ = notification.type
    mark = EXERCISE if notification.exercise else ""
    click.echo(f"{name}, by version {decision.rules_version} of the rules{mark}")
    for row in decision.to_json()["recipients"]:
        click.echo(f"  {entry_line(row)}")
    for place in read_as(notification.movement):
        click.echo(escaped(f"  {place_line(place)}"))
    if NAMING[type_] != "rules":
        click.echo(f"  {_BESIDES[type_]}")
    elif decision.nobody:
        because = f": {', '.join(decision.silent)}" if decision.silent else ""
        click.echo(f"  nobody is told now{because}")
