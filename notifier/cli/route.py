"""`notifier route`: a dry run that shows who would be told of a notification, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from notifier.cli.context import Context, common
from notifier.cli.documents import print_refused, read_documents
from notifier.cli.output import warn
from notifier.cli.render import EXERCISE, entry_line, place_line
from notifier.errors import MalformedError, NotificationInvalidError
from notifier.escaping import escaped

if TYPE_CHECKING:
    from notifier.directory.snapshot import Snapshot
    from notifier.notification import Notification
    from notifier.policy.decision import Decision

_NO_RULE: Final = {
    "update": "also: everyone who was told of the notification that it is about, or of its updates",
    "release": "also: everyone who was told of the notification that it is about, or of its updates",
    "response": "no rule: it goes to the originator of the notification that it is about",
    "correction": "no rule: it goes to exactly those who were told of the notification that it is about",
    "withdrawal": "no rule: it goes to exactly those who were told of the notification that it is about",
}


@click.command(epilog="Example: notifier route examples/deportation-two-nationalities.json")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@common(prints=True)
def command(context: Context, files: tuple[str, ...]) -> int:
    """Show who would be told of each notification, who would not, and why.

    It sends nothing and needs no broker. FILE is JSON or JSON Lines, or - for standard input. With --json, several
    notifications give one line each, in their order; an invalid one gives its faults. Without a home, every state of
    ISO 3166-1 takes part, and no territory. Approvals in a file are not verified.
    """
    snapshot = _snapshot(context)
    documents = [(name, text) for file in files for name, text in read_documents(file)]
    refused = 0
    for name, text in documents:
        try:
            notification, decision, warnings = _decide(text, snapshot)
        except (NotificationInvalidError, MalformedError) as error:
            refused += 1
            print_refused(name, error)
            if context.json and len(documents) > 1:
                context.print_line(_refusal(error))
            elif context.json:
                context.print_json(_refusal(error))
            continue
        for warning in warnings:
            warn(f"{name}: {warning}")
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
    """Return the decision, with the states that the codes of places were read as."""
    from notifier.notification.places import read_as

    places = [one.to_json() for one in read_as(notification.movement)]
    return decision.to_json() | ({"places": places} if places else {})


def _refusal(error: NotificationInvalidError | MalformedError) -> dict[str, Any]:
    """Return the document of an invalid notification, so that there is a line for each."""
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
        click.echo(f"  {_NO_RULE[type_]}")
    elif decision.nobody:
        because = f": {', '.join(decision.silent)}" if decision.silent else ""
        click.echo(f"  nobody is told now{because}")
