"""Stored notifications decided by two versions of the rules: who would have been told otherwise. Nothing is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from notifier.cli.context import Context
from notifier.cli.databases import with_outbox
from notifier.cli.documents import read_documents, say_refused
from notifier.cli.explaining import moved_lines
from notifier.errors import Malformed, NotificationInvalid
from notifier.escaping import escaped, json_text

if TYPE_CHECKING:
    from notifier.directory.snapshot import Snapshot
    from notifier.notification import Notification
    from notifier.notification.model import Approval
    from notifier.outbox.outbox import Outbox
    from notifier.policy.plan import Ties
    from notifier.rules.ruleset import RuleSet


class Replay:
    """Decides notifications by two versions, says what differs, and counts; it keeps none of them."""

    def __init__(self, snapshot: Snapshot, before: RuleSet, after: RuleSet) -> None:
        self._snapshots = [replace(snapshot, rules=rules) for rules in (before, after)]
        self.counts = dict.fromkeys(("notifications", "differ", "added", "removed", "otherwise"), 0)

    def take(
        self, name: str, notification: Notification, ties: Ties, approvals: Sequence[Approval] = ()
    ) -> dict[str, Any] | None:
        """The difference for one notification, which `name` names, as a document; None where there is none."""
        from notifier.policy.case import planned
        from notifier.rules.diff import compare

        was, now = (planned(notification, ties, one, approvals).entries for one in self._snapshots)
        found = compare(was, now)
        self.counts["notifications"] += 1
        if not found:
            return None
        self.counts["differ"] += 1
        self.counts["added"] += len(found.added)
        self.counts["removed"] += len(found.removed)
        self.counts["otherwise"] += len(found.entries) - len(found.added) - len(found.removed)
        return {"id": name, "type": notification.type, "originator": notification.originator} | found.to_json()


class Shown:
    """Prints differences one by one: as lines, or inside one JSON document that is never in memory as a whole."""

    def __init__(self, head: dict[str, Any] | None) -> None:
        self._head = head
        self._before = "\n    "

    def begin(self) -> None:
        if self._head is not None:
            click.echo(json_text(self._head, indent=2).removesuffix("\n}") + ',\n  "messages": [', nl=False)

    def show(self, found: dict[str, Any]) -> None:
        if self._head is None:
            click.echo(escaped(f"{found['id']}  {found['type']}  {found['originator']}"))
            for line in moved_lines(found):
                click.echo(f"  {escaped(line)}")
        else:
            click.echo(self._before + json_text(found), nl=False)
            self._before = ",\n    "

    def end(self, counts: dict[str, int]) -> None:
        if self._head is not None:
            click.echo('\n  ],\n  "summary": ' + json_text(counts) + "\n}")
            return
        click.echo(
            f"{counts['notifications']} notifications, {counts['differ']} would differ: {counts['added']} recipients "
            f"more, {counts['removed']} fewer, {counts['otherwise']} told, held or withheld otherwise"
        )


def replay_all(context: Context, files: tuple[str, ...], replay: Replay, shown: Shown) -> int:
    """Every notification of the outbox and the files, one at a time; 1 where a file holds what is none."""
    from notifier.notification import parse
    from notifier.policy.plan import UNTIED

    refused = 0
    shown.begin()
    if context.authority is not None or context.config is not None:
        with_outbox(context.settings(), lambda outbox: _outbox(outbox, replay, shown))
    for name, text in (one for file in files for one in read_documents(file)):
        try:
            notification = parse(text)
        except (NotificationInvalid, Malformed) as error:
            refused += 1
            say_refused(name, error)
            continue
        approvals = notification.local.approvals if notification.local is not None else ()
        if found := replay.take(name, notification, UNTIED, approvals):
            shown.show(found)
    shown.end(replay.counts)
    return 1 if refused else 0


async def _outbox(outbox: Outbox, replay: Replay, shown: Shown) -> None:
    async for message_id, notification, plan, approvals in outbox.messages():
        if found := replay.take(message_id, notification, plan.ties, approvals):
            shown.show(found)
