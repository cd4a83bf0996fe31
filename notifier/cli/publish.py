"""`notifier publish`: from files or standard input into the outbox, and on to the hub."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from notifier.cli.context import Context, Seconds, common
from notifier.cli.documents import read_documents, say_refused
from notifier.cli.explaining import EXERCISE
from notifier.cli.person import submitter, submitter_options
from notifier.cli.waiting import say_waiting
from notifier.errors import NotifierError, Refused, Temporary
from notifier.producers.states import RecipientState

if TYPE_CHECKING:
    from notifier.producers.outbox import Status
    from notifier.producers.publisher import Publisher
    from notifier.producers.submissions import Submitter

GRACE_SECONDS: Final = 5.0


@dataclass(slots=True)
class Result:
    """One document of the input: its id once it is durable, what it became, or why it was not taken."""

    where: str
    id: str | None = None
    error: NotifierError | None = None
    status: Status | None = None

    @property
    def state(self) -> str:
        """That of its recipients, summed up; of what is not in the outbox, invalid or failed."""
        if self.error is not None:
            return "failed" if self.error.retryable else "invalid"
        return self.status.state if self.status is not None else RecipientState.WAITING

    @property
    def reason(self) -> str | None:
        """Why not."""
        if self.error is not None:
            return self.error.reason
        return self.status.reason if self.status is not None else None

    def told(self) -> list[str]:
        """To whom it goes."""
        entries = self.status.entries if self.status is not None else ()
        return [entry["authority"] for entry in entries if entry["outcome"] == "send"]

    def document(self) -> dict[str, Any]:
        """The form that ``--json`` prints (FORMATS.md)."""
        return {"id": self.id, "state": self.state, "recipients": self.told(), "reason": self.reason}

    def line(self) -> str:
        """The form for people."""
        if self.status is None:
            return f"{self.id or '-':36}  {self.state:9}  {self.where}"
        told = self.told()
        kept = len(self.status.entries) - len(told)
        text = ", ".join(told) if told else "nobody"
        why = f"  ({self.status.reason})" if self.status.reason else ""
        rest = f"; {kept} held or withheld, see notifier why {self.status.id}" if kept else ""
        mark = EXERCISE if self.status.exercise else ""
        return f"{self.status.id}  {self.status.state:9}  to {text}{rest}{why}{mark}"


@click.command(epilog="Example: notifier publish examples/deportation-two-nationalities.json --as TUR/spoc --wait")
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option("--wait", is_flag=True, help="Return when the hub has decided.")
@click.option("--timeout", type=Seconds(), default=30.0, show_default=True, help="Seconds, with --wait.")
@submitter_options
@common(acts=True, prints=True)
def command(
    context: Context, files: tuple[str, ...], wait: bool, timeout: float, by: str | None, key: Path | None
) -> int:
    """Publish notifications from files, or from standard input (-): JSON, or JSON Lines.

    Each is durable in the outbox before this says so, whether or not the broker answers, and is sent as soon
    as it does. Without a FILE, what still waits in the outbox is sent.
    """
    from notifier.ops.logging import configure

    configure(level=logging.WARNING)
    settings = context.writer()
    submits = submitter(settings, by, key)
    found = [document for name in files for document in read_documents(name)]
    from notifier.producers.publisher import Publisher

    results: list[Result] = []
    seconds = timeout if wait else GRACE_SECONDS
    try:
        waiting = asyncio.run(_publish(Publisher.from_settings(settings), found, seconds, results, submits))
    except BaseException:
        if results:  # what is durable is known by its id, and need not be given again as another
            _print(context, results)
        raise
    _print(context, results)
    for result in results:
        if result.error is not None:
            say_refused(result.where, result.error)
    if waiting:
        say_waiting(
            settings,
            waiting,
            [result.reason for result in results if result.state == RecipientState.WAITING and result.reason],
        )
    return _status(results, still=bool(waiting) and wait)


def _print(context: Context, results: list[Result]) -> None:
    if context.json:
        context.print_json({"messages": [result.document() for result in results]})
        return
    for result in results:
        click.echo(result.line())


def _status(results: list[Result], *, still: bool) -> int:
    """The exit status; `still` where something was waited for in vain."""
    if any(result.state in ("invalid", RecipientState.REJECTED) for result in results):
        return 1
    return 3 if still or any(result.error is not None for result in results) else 0


async def _publish(
    publisher: Publisher, found: list[tuple[str, str]], seconds: float, results: list[Result], by: Submitter | None
) -> int:
    """Stores every document, then gives the hub `seconds` to decide; how many still wait.

    `results` grows as it goes on. What cannot be stored ends it: nothing behind is tried.
    """
    async with publisher:
        for place, (where, text) in enumerate(found):
            storing = asyncio.create_task(publisher.publish(text, by=by))
            try:
                submitted = await asyncio.shield(storing)
            except asyncio.CancelledError:
                # What is half-way in is soon in as a whole, and its giver must know.
                with contextlib.suppress(NotifierError):
                    results.append(Result(where, (await storing).id))
                raise
            except Refused as error:
                results.append(Result(where, error=error))
                continue
            except Temporary as error:
                results += [Result(rest, error=error) for rest, _ in found[place:]]
                break
            results.append(Result(where, submitted.id))
            for warning in submitted.warnings:
                click.echo(f"notifier: warning: {where}: {warning}", err=True)
        mine = {result.id for result in results if result.id is not None}
        waiting = await publisher.drain(seconds, of=mine if found else None)
        for result in results:
            if result.id is not None:
                result.status = await publisher.status(result.id)
    return len(waiting)
