"""`notifier publish`: stores notifications in the outbox and sends them to the hub."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from notifier.cli.context import Context, Seconds, common
from notifier.cli.documents import print_refused, read_documents
from notifier.cli.output import configure_log, warn
from notifier.cli.pending import Pending, report_pending
from notifier.cli.person import submitter, submitter_options
from notifier.cli.render import EXERCISE
from notifier.errors import NotificationInvalidError, NotifierError, RefusedError, TemporaryError
from notifier.outbox.states import RecipientState

if TYPE_CHECKING:
    from notifier.config import Settings
    from notifier.notification.warnings import NotificationWarning
    from notifier.outbox.status import Status
    from notifier.persons.submissions import Submitter
    from notifier.producers.publisher import Publisher
from notifier.producers.results import Prepared

GRACE_SECONDS: Final = 5.0
STOPPED: Final = frozenset({"warnings_not_accepted", "declined"})


@dataclass(slots=True)
class Result:
    """The result of one input document: its id once it is durable, and its status or its error.

    `prepared` was shown to a person, who accepted the kinds of warnings in `accepted`.
    """

    where: str
    text: str = ""
    id: str | None = None
    error: NotifierError | None = None
    status: Status | None = None
    warnings: tuple[NotificationWarning, ...] = ()
    prepared: Prepared | None = None
    accepted: frozenset[str] = frozenset()

    @property
    def state(self) -> str:
        """The state of its recipients; without an entry in the outbox: invalid, stopped or failed."""
        if self.error is not None:
            refused = "stopped" if self.error.reason in STOPPED else "invalid"
            return "failed" if self.error.retryable else refused
        return self.status.state if self.status is not None else RecipientState.WAITING

    @property
    def reason(self) -> str | None:
        """The reason of its state, if there is one."""
        if self.error is not None:
            return self.error.reason
        return self.status.reason if self.status is not None else None

    def told(self) -> list[str]:
        """Return the authorities that it is sent to."""
        entries = self.status.entries if self.status is not None else ()
        return [entry.authority for entry in entries if entry.authority is not None and entry.outcome == "send"]

    def document(self) -> dict[str, Any]:
        """Return the document of ``--json`` (docs/reference/json.md)."""
        faults = self.error.faults if isinstance(self.error, NotificationInvalidError) else ()
        return {
            "id": self.id,
            "state": self.state,
            "recipients": self.told(),
            "reason": self.reason,
            "detail": None if self.error is None else self.error.detail,
            "faults": [{"pointer": one.pointer, "message": one.message} for one in faults],
            "warnings": [{"kind": one.kind, "pointer": one.pointer, "message": one.message} for one in self.warnings],
        }

    def line(self) -> str:
        """Return the line for people."""
        if self.status is None:
            return f"{self.id or '-':36}  {self.state:9}  {self.where}"
        told = self.told()
        kept = len(self.status.entries) - len(told)
        text = ", ".join(told) if told else "nobody"
        why = f"  ({self.status.reason})" if self.status.reason else ""
        rest = f"; {kept} held or withheld, see notifier why {self.status.id}" if kept else ""
        mark = EXERCISE if self.status.exercise else ""
        return f"{self.status.id}  {self.status.state:9}  to {text}{rest}{why}{mark}"


class Kinds(click.ParamType[frozenset[str]]):
    """Kinds of warnings, separated by commas."""

    name = "kinds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> frozenset[str]:
        """Return the kinds; fail for an unknown one."""
        from notifier.notification.warnings import CONCERN_SAFETY

        if isinstance(value, frozenset):
            return value
        kinds = frozenset(part for one in str(value).split(",") if (part := one.strip()))
        wrong = sorted(kinds - CONCERN_SAFETY)
        if wrong or not kinds:
            given = wrong[0] if wrong else "an empty value"
            self.fail(f"{given} is not one of {', '.join(sorted(CONCERN_SAFETY))}.", param, ctx)
        return kinds


@click.command(epilog="Example: notifier publish examples/deportation-two-nationalities.json --as TUR/spoc --wait")
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option("--wait", is_flag=True, help="Wait until the hub has decided.")
@click.option("--timeout", type=Seconds(), default=30.0, show_default=True, help="Seconds to wait, with --wait.")
@click.option(
    "--accept-warnings",
    "accepted",
    type=Kinds(),
    default=frozenset(),
    metavar="KIND,...",
    help="Send despite these warnings about a person's safety.",
)
@click.option("--yes", is_flag=True, help="Do not ask on a terminal.")
@submitter_options
@common(acts=True, prints=True)
def command(
    context: Context,
    files: tuple[str, ...],
    wait: bool,
    timeout: float,
    accepted: frozenset[str],
    yes: bool,
    by: str | None,
    key: Path | None,
) -> int:
    """Publish notifications from FILE, or from standard input (-): JSON or JSON Lines.

    On a terminal it shows the recipients and the warnings of each, and asks. Elsewhere, a warning about a person's
    safety stops that notification, unless --accept-warnings names its kind. A notification is durable in the outbox
    before its line is printed, with or without a broker. Without FILE, it sends what waits in the outbox. Exit status
    3 if something still waits and no service sends it (notifier run publisher).
    """
    from notifier.cli.prompt import is_terminal

    configure_log()
    found = [Result(where, text) for name in files for where, text in read_documents(name)]
    settings = context.writer([one.text for one in found])
    submits = submitter(settings, by, key)
    if found and "-" not in files and not yes and is_terminal():
        _ask(settings, found, accepted, submits)
    else:
        for one in found:
            one.accepted = accepted
    results: list[Result] = []
    seconds = timeout if wait else GRACE_SECONDS
    try:
        left = asyncio.run(_publish(settings, found, seconds, results, submits))
    except BaseException:
        if results:  # print the ids of what is durable, so that nobody publishes it again
            _print(context, results)
        raise
    _print(context, results)
    for result in results:
        if result.error is not None:
            print_refused(result.where, result.error)
    status = _status(results)
    behind = report_pending(settings, left, insisted=wait)
    return status or behind


def _print(context: Context, results: list[Result]) -> None:
    if context.json:
        context.print_json({"messages": [result.document() for result in results]})
        return
    for result in results:
        click.echo(result.line())


def _status(results: list[Result]) -> int:
    """Return the exit status of the input."""
    if any(result.state in ("invalid", "stopped", RecipientState.REJECTED) for result in results):
        return 1
    return 3 if any(result.error is not None for result in results) else 0


def _ask(settings: Settings, found: Sequence[Result], accepted: frozenset[str], by: Submitter | None) -> None:
    """Show what would be sent, and store the answers in `found`."""
    from notifier.cli.prompt import ask

    asyncio.run(_prepare(settings, found, by))
    ready = [(one, one.prepared) for one in found if one.prepared is not None]
    answers = ask([(one.where, prepared) for one, prepared in ready], accepted)
    for (one, _), answer in zip(ready, answers, strict=True):
        if isinstance(answer, RefusedError):
            one.error = answer
        else:
            one.accepted = answer


async def _prepare(settings: Settings, found: Sequence[Result], by: Submitter | None) -> None:
    """Prepare each document and store nothing; faults are reported when it is published."""
    from notifier.producers.publisher import Publisher

    async with Publisher.from_settings(settings) as publisher:
        for one in found:
            with contextlib.suppress(RefusedError):
                one.prepared = await publisher.prepare(one.text, by=by)
                one.warnings = one.prepared.warnings


async def _publish(
    settings: Settings, found: Sequence[Result], seconds: float, results: list[Result], by: Submitter | None
) -> Pending:
    """Store every document, give the hub `seconds` to decide, and return what is left.

    `results` grows with each document. A temporary fault ends it: the documents after it are not tried.
    """
    from notifier.producers.publisher import Publisher

    async with Publisher.from_settings(settings) as publisher:
        for place, one in enumerate(found):
            if one.error is None:
                await _store(publisher, one, results, by)
            else:
                results.append(one)
            if one.error is not None and one.error.retryable:
                for rest in found[place + 1 :]:
                    rest.error = one.error
                    results.append(rest)
                break
        mine = {result.id for result in results if result.id is not None}
        waiting = await publisher.flush(seconds, of=mine if found else None)
        for result in results:
            if result.id is not None:
                result.status = await publisher.status(result.id)
        statuses = [result.status for result in results if result.status is not None]
        return await Pending.of(publisher, len(waiting), statuses)


async def _store(publisher: Publisher, one: Result, results: list[Result], by: Submitter | None) -> None:
    """Store one document, and append its result to `results` in every case."""
    try:
        prepared = one.prepared or await publisher.prepare(one.text, by=by)
        if one.prepared is None:  # otherwise a person has seen them
            one.warnings = prepared.warnings
            for warning in one.warnings:
                warn(f"{one.where}: {warning}")
        storing = asyncio.create_task(publisher.publish(prepared, by=by, accept_warnings=one.accepted))
        try:
            one.id = (await asyncio.shield(storing)).id
        except asyncio.CancelledError:
            # The document may become durable after the interrupt: wait, so that its id is printed.
            with contextlib.suppress(NotifierError):
                one.id = (await storing).id
                results.append(one)
            raise
    except (RefusedError, TemporaryError) as error:
        one.error = error
    results.append(one)
