"""The output of `rules diff --replay`: notifications that two versions of the rules decide differently."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from notifier.cli.context import Context
from notifier.cli.databases import with_outbox
from notifier.cli.documents import print_refused, read_documents
from notifier.cli.render import moved_lines
from notifier.errors import MalformedError, NotificationInvalidError
from notifier.escaping import escaped, json_text

if TYPE_CHECKING:
    from notifier.outbox.outbox import Outbox
    from notifier.policy.replay import Replay


class DifferencePrinter:
    """Print differences one by one: as lines, or as one JSON document that is never in memory as a whole."""

    def __init__(self, head: dict[str, Any] | None) -> None:
        self._head = head
        self._before = "\n    "

    def begin(self) -> None:
        """Print the head of the JSON document; print nothing for lines."""
        if self._head is not None:
            click.echo(json_text(self._head, indent=2).removesuffix("\n}") + ',\n  "messages": [', nl=False)

    def show(self, found: dict[str, Any]) -> None:
        """Print one difference."""
        if self._head is None:
            click.echo(escaped(f"{found['id']}  {found['type']}  {found['originator']}"))
            for line in moved_lines(found):
                click.echo(f"  {escaped(line)}")
        else:
            click.echo(self._before + json_text(found), nl=False)
            self._before = ",\n    "

    def end(self, counts: dict[str, int]) -> None:
        """Print the counts and close the JSON document."""
        if self._head is not None:
            click.echo('\n  ],\n  "summary": ' + json_text(counts) + "\n}")
            return
        click.echo(
            f"{counts['notifications']} notifications, {counts['differ']} would differ: {counts['added']} recipients "
            f"added, {counts['removed']} removed, {counts['otherwise']} with another outcome or reason"
        )


def replay_all(context: Context, files: tuple[str, ...], replay: Replay, printer: DifferencePrinter) -> int:
    """Replay the outbox and the files, one notification at a time; return 1 if an input is not a notification."""
    from notifier.notification import parse
    from notifier.policy.plan import NO_CASE

    refused = 0
    printer.begin()
    if context.authority is not None or context.config is not None:
        with_outbox(context.settings(), lambda outbox: _outbox(outbox, replay, printer))
    for name, text in (one for file in files for one in read_documents(file)):
        try:
            notification = parse(text)
        except (NotificationInvalidError, MalformedError) as error:
            refused += 1
            print_refused(name, error)
            continue
        approvals = notification.local.approvals if notification.local is not None else ()
        if found := replay.compare(name, notification, NO_CASE, approvals):
            printer.show(found)
    printer.end(replay.counts)
    return 1 if refused else 0


async def _outbox(outbox: Outbox, replay: Replay, printer: DifferencePrinter) -> None:
    async for message_id, notification, plan, approvals in outbox.messages():
        if found := replay.compare(message_id, notification, plan.ties, approvals):
            printer.show(found)
