"""`notifier publish`: from files or standard input into the outbox, and on to the hub."""

from __future__ import annotations

import asyncio
import logging
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from notifier.cli.context import Context, common
from notifier.errors import Malformed, NotificationInvalid, NotifierError, Refused

if TYPE_CHECKING:
    from notifier.producers.outbox import Status
    from notifier.producers.publisher import Publisher

GRACE_SECONDS: Final = 5.0
LARGEST_FILE: Final = 64 * 1024 * 1024


@dataclass(slots=True)
class Result:
    """One document of the input: what it became, or why it was refused."""

    where: str
    error: NotifierError | None = None
    status: Status | None = None

    def document(self) -> dict[str, Any]:
        """The form that ``--json`` prints (FORMATS.md)."""
        if self.status is None:
            reason = self.error.reason if self.error is not None else None
            return {"id": None, "state": "invalid", "recipients": [], "reason": reason}
        told = [entry["authority"] for entry in self.status.entries if entry["outcome"] == "send"]
        return {"id": self.status.id, "state": self.status.state, "recipients": told, "reason": self.status.reason}

    def line(self) -> str:
        """The form for people."""
        if self.status is None:
            return f"{'-':36}  invalid    {self.where}"
        told = [entry["authority"] for entry in self.status.entries if entry["outcome"] == "send"]
        kept = len(self.status.entries) - len(told)
        text = ", ".join(told) if told else "nobody"
        why = f"  ({self.status.reason})" if self.status.reason else ""
        rest = f"; {kept} held or withheld, see notifier why {self.status.id}" if kept else ""
        return f"{self.status.id}  {self.status.state:9}  to {text}{rest}{why}"


@click.command(epilog="Example: notifier publish examples/deportation.json --as TUR/spoc --wait")
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option("--wait", is_flag=True, help="Return when the hub has decided.")
@click.option(
    "--timeout", type=click.FloatRange(min=0), default=30.0, show_default=True, help="Seconds, with --wait."
)
@click.option(
    "--by",
    metavar="NAME",
    envvar="NOTIFIER_PERSON",
    help="Who submits; approves nothing of it. Default: the user of this machine.",
)
@common(acts=True, prints=True)
def command(context: Context, files: tuple[str, ...], wait: bool, timeout: float, by: str | None) -> int:
    """Publish notifications from files, or from standard input (-): JSON, or JSON Lines.

    Each is durable in the outbox before this says so, whether or not the broker answers, and is sent as soon
    as it does. Without a FILE, what still waits in the outbox is sent.
    """
    from notifier.ops.logging import configure

    configure(level=logging.WARNING)
    settings = context.settings()
    found = [document for name in files for document in _read(name)]
    if files and not found:
        raise Malformed(detail="the input holds no notification")
    from notifier.producers.publisher import Publisher

    seconds = timeout if wait else GRACE_SECONDS
    results, waiting = asyncio.run(_publish(Publisher.from_settings(settings), found, seconds, by))
    if context.json:
        context.print_json({"messages": [result.document() for result in results]})
    else:
        for result in results:
            click.echo(result.line())
    return _status(results, waiting, wait=wait)


def _status(results: list[Result], waiting: int, *, wait: bool) -> int:
    """The exit status, after saying what went wrong or still waits."""
    for result in results:
        if result.error is not None:
            click.echo(f"notifier: {result.error.reason}: {result.where}", err=True)
            if isinstance(result.error, NotificationInvalid):
                for fault in result.error.faults:
                    click.echo(f"  {fault}", err=True)
            else:
                hint = f" ({result.error.hint})" if result.error.hint else ""
                click.echo(f"  {result.error.detail}{hint}", err=True)
    if waiting:
        click.echo(
            f"notifier: {waiting} in the outbox, not yet decided by the hub (notifier publish sends what waits)",
            err=True,
        )
    if any(result.error is not None or (result.status and result.status.state == "rejected") for result in results):
        return 1
    return 3 if waiting and wait else 0


async def _publish(
    publisher: Publisher, found: list[tuple[str, str]], seconds: float, by: str | None
) -> tuple[list[Result], int]:
    """Stores every document, then gives the hub `seconds` to decide; how many still wait."""
    results = []
    ids: list[str | None] = []
    async with publisher:
        for where, text in found:
            try:
                submitted = await publisher.publish(text, by=by)
            except Refused as error:
                results.append(Result(where, error))
                ids.append(None)
                continue
            for warning in submitted.warnings:
                click.echo(f"notifier: warning: {where}: {warning}", err=True)
            results.append(Result(where))
            ids.append(submitted.id)
        mine = {message_id for message_id in ids if message_id is not None}
        try:
            waiting = await publisher.drain(seconds, of=mine if found else None)
        except asyncio.CancelledError:
            click.echo(f"notifier: {len(mine)} given are durable in the outbox", err=True)
            raise
        for result, message_id in zip(results, ids, strict=True):
            if message_id is not None:
                result.status = await publisher.status(message_id)
    return results, len(waiting)


def _bytes(name: str) -> bytes:
    """The input, and one byte more than the largest where it is larger."""
    if name == "-":
        return sys.stdin.buffer.read(LARGEST_FILE + 1)
    with Path(name).open("rb") as stream:
        return stream.read(LARGEST_FILE + 1)


def _read(name: str) -> list[tuple[str, str]]:
    """The documents of one file, each with the words that name it."""
    from notifier.producers.sources import documents

    label = "standard input" if name == "-" else name
    try:
        data = _bytes(name)
        if len(data) > LARGEST_FILE:
            raise Malformed("too_large", f"{label}: is larger than 64 MiB", hint="split it")
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise Refused(
            "not_found", f"{label}: {(error.strerror or 'cannot be read').lower()}", hint="name a readable file, or -"
        ) from error
    except UnicodeDecodeError as error:
        raise Malformed(detail=f"{label}: is not UTF-8 text") from error
    if not text.strip():
        return []
    found = documents(text)
    return [(label if len(found) == 1 else f"{label}, line {place}", one) for place, one in enumerate(found, 1)]
