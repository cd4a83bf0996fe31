"""`notifier inbox list|show|refused|retry`: shows received messages and refused records."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any, Final

import click

from notifier.cli.context import Context, common
from notifier.cli.databases import with_inbox
from notifier.cli.output import Group, note
from notifier.config import Settings
from notifier.errors import ConfigError, Cure, StorageError
from notifier.escaping import escaped
from notifier.times import rfc3339

if TYPE_CHECKING:
    from notifier.consumers.inbox.inbox import Inbox
    from notifier.consumers.inbox.records import Parked, Received, RefusedRecord
    from notifier.storage.lease import Lease

TIMEOUT_S: Final = 30.0  # for a running subscriber
POLL_INTERVAL: Final = 0.1
WORDS = {"True": "yes", "False": "no"}


@click.group(cls=Group, epilog="Example: notifier inbox list --as DEU/spoc")
def command() -> None:
    """Read the inbox.

    The messages are in the local database; no broker is needed.
    """


@command.command("list", epilog="Example: notifier inbox list --as DEU/spoc --json")
@common(acts=True, prints=True)
def list_(context: Context) -> None:
    """List the messages, oldest first, missing numbers and parked messages."""
    from notifier.consumers.sinks import summary

    async def look(inbox: Inbox) -> tuple[list[Received], list[str], list[Parked]]:
        missing = [f"{gap.numbers()} of stream {gap.stream} from {gap.originator}" for gap in await inbox.gaps()]
        messages: list[Received] = []
        while page := await inbox.messages(after=messages[-1].row if messages else 0):
            messages += page
        return messages, missing, await inbox.cursors.parked()

    messages, missing, parked = with_inbox(context.settings(), look)
    if context.json:
        shown = [_parked_document(one) for one in parked]
        context.print_json({"messages": [summary(message) for message in messages], "parked": shown})
        return
    for message in messages:
        row = summary(message)
        mark = "EXERCISE  " if message.exercise else ""
        line = f"{row['id']}  {row['received_at']}  {row['state']:<8}  {row['type']:<11}  {row['originator']:<12}"
        click.echo(escaped(f"{line}  {mark}number {row['seq']}"))
    click.echo(f"{len(messages)} messages")
    for name in missing:
        click.echo(f"missing: {escaped(name)}")
    for one in parked:
        again = ", due again" if one.due else ""
        line = (
            f"parked: {one.message.id}  {one.cursor} could not take it: {one.reason}, {one.attempts} attempts{again}"
        )
        click.echo(escaped(line))


def _parked_document(parked: Parked) -> dict[str, Any]:
    return {
        "id": parked.message.id,
        "row": parked.message.row,
        "cursor": parked.cursor,
        "reason": parked.reason,
        "attempts": parked.attempts,
        "parked_at": rfc3339(parked.parked_at),
        "due": parked.due,
    }


@command.command(epilog="Example: notifier inbox show 01997e5c-1c00-7c55-9a3e-0d3f5e0b8a11 --as DEU/spoc")
@click.argument("message_id", metavar="ID")
@common(acts=True, prints=True)
def show(context: Context, message_id: str) -> None:
    """Show one message with its notification.

    If several messages have this ID, it shows the first and the others below ("others" in JSON).
    """
    from notifier.consumers.sinks import document

    async def look(inbox: Inbox) -> list[tuple[Received, dict[str, Any]]]:
        found = []
        for message in await inbox.find(message_id):
            reference = await inbox.check_reference(message)
            known = {} if reference is None else {"traced": reference}
            found.append((message, document(message) | known))
        return found

    found = with_inbox(context.settings(), look)
    first, *others = (shown for _, shown in found)
    if context.json:
        context.print_json({**first, "others": others} if others else first)
        return
    for message, shown in found:
        if message.exercise:
            click.echo("*** EXERCISE: nothing here is real ***")
        if message.state == "conflict":
            click.echo("*** CONFLICT: this originator sent another text with this id before ***")
        if shown.get("traced") == "differs":
            click.echo("*** REFERENCE DIFFERS: the message that it names has another text in this inbox ***")
        unverified = {f"/notification{pointer}" for pointer in shown.pop("unverified")}
        for line in lines(shown, "", "", unverified):
            click.echo(line)
    if others:
        note(f"{len(found)} messages have this id")


CURES: Final = {
    Cure.TIME: "not yet valid: the clock here or that of the hub is wrong",
    Cure.DIRECTORY: "a later directory may cure it; it is retried automatically with each new directory",
    Cure.KEY: "its private key is missing: name the file in keys.encryption, then run notifier inbox retry",
    None: "cannot be cured here",
}


@command.command(epilog="Example: notifier inbox refused --as DEU/spoc --json")
@common(acts=True, prints=True)
def refused(context: Context) -> None:
    """List refused records with the reason and the cure.

    Curable records are kept and retried automatically: when they become valid, when the directory changes, and when
    the subscriber starts. The originator is the one that the record claims; with an unknown signature it is not
    verified.
    """
    found = with_inbox(context.settings(), _refused)
    if context.json:
        context.print_json({"refused": [_document(record) for record in found]})
        return
    for record in found:
        shown = _document(record)
        claims = escaped(record.claims or "nobody")
        click.echo(f"{shown['received_at']}  {record.reason:<16}  claims {claims}  envelope {record.envelope}")
        due = "" if record.due is None else f"; it is retried automatically at {shown['due']}"
        click.echo(f"  {CURES[record.cure]}{due}")
    click.echo(f"{len(found)} refused, {sum(1 for record in found if record.cure is not None)} of them curable")


async def _refused(inbox: Inbox) -> list[RefusedRecord]:
    return await inbox.refused()


def _document(record: RefusedRecord) -> dict[str, Any]:
    return {
        "offset": record.offset,
        "envelope": record.envelope,
        "reason": record.reason,
        "received_at": rfc3339(record.received_at),
        "originator": record.claims,
        "cure": record.cure,
        "due": None if record.due is None else rfc3339(record.due),
    }


@command.command(epilog="Example: notifier inbox retry --as DEU/spoc")
@common(acts=True, prints=True)
def retry(context: Context) -> None:
    """Retry the curable records now.

    A running subscriber does it; without one, this command does, with the newest directory. No broker is needed.
    The subscriber then delivers parked messages again, each to the sink that could not take it.
    """
    before, after, parked = asyncio.run(_retry(context.settings()))
    left = sum(1 for record in after if record.cure is not None)
    tried = sum(1 for record in before if record.cure is not None)
    read = len({record.offset for record in before} - {record.offset for record in after})
    if context.json:
        context.print_json({"tried": tried, "read": read, "kept": left, "parked": parked})
        return
    click.echo(f"{tried} retried: {read} could be read, {left} are kept (see notifier inbox refused)")
    if parked:
        click.echo(f"{parked} parked: the subscriber delivers them again to the sinks that could not take them")


async def _retry(settings: Settings) -> tuple[list[RefusedRecord], list[RefusedRecord], int]:
    """Retry the curable records; return the refused ones before and after, and the number of parked messages."""
    from notifier.consumers.inbox.inbox import Inbox
    from notifier.keyfiles import storage_key
    from notifier.runtime import REAL

    if settings.inbox is None:
        raise ConfigError(detail="inbox is not set", hint="name the database of the inbox")
    inbox = await Inbox.open(settings.inbox, settings.name, storage_key(settings.keys), REAL)
    try:
        before, parked = await inbox.refused(), await inbox.cursors.retry()
        lease = inbox.lease()
        try:
            await lease.acquire()
        except StorageError as error:
            if error.reason != "storage_locked":
                raise
            await _by_the_subscriber(inbox)
        else:
            await _here(settings, inbox, lease)
        return before, await inbox.refused(), parked
    finally:
        await inbox.close()


async def _by_the_subscriber(inbox: Inbox) -> None:
    """Have the running subscriber retry everything, and wait until it has."""
    await inbox.ask_again()
    loop = asyncio.get_running_loop()
    end = loop.time() + TIMEOUT_S
    while await inbox.asked():
        if loop.time() >= end:
            raise StorageError(
                "storage_locked",
                "another process uses this inbox and has not retried yet",
                hint="see its log",
            )
        await asyncio.sleep(POLL_INTERVAL)


async def _here(settings: Settings, inbox: Inbox, lease: Lease) -> None:
    from notifier.consumers.reader import Verification
    from notifier.consumers.retrial import try_all
    from notifier.directory.client import DirectoryClient
    from notifier.keyfiles import decryption_keys, signing_key
    from notifier.runtime import REAL

    try:
        directory = DirectoryClient(settings.directory, REAL.clock)
        await directory.refresh()
        keys = settings.keys
        signing, decryption = signing_key(keys), decryption_keys(keys)
        verification = Verification(settings.name, directory, signing, decryption, REAL.clock)
        await try_all(inbox, verification, lease)
    finally:
        await lease.release()


def lines(value: Any, margin: str, pointer: str = "", unverified: Collection[str] = ()) -> Iterator[str]:
    """Yield `value` as lines, one for each field, nested ones indented, with control characters escaped.

    `pointer` is the JSON pointer of `value`; the fields at `unverified` pointers are labelled.
    """
    from notifier.notification.freetext import LABEL

    items = value.items() if isinstance(value, dict) else enumerate(value)
    for name, item in items:
        place = f"{pointer}/{name}"
        # A name can be the sender's, too: a place is shown under its kind.
        mark = f" ({LABEL})" if place in unverified else ""
        label = f"{margin}-" if isinstance(name, int) else f"{margin}{escaped(name)}{mark}:"
        if isinstance(item, dict | list) and item:
            yield label
            yield from lines(item, margin + "  ", place, unverified)
            continue
        text = "none" if item in (None, [], {}) else WORDS.get(str(item), str(item))
        first, *rest = text.split("\n")
        yield f"{label} {escaped(first)}"
        yield from (f"{margin}  {escaped(line)}" for line in rest)
