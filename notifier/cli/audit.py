"""`notifier audit verify`: verifies the log offline, from its files and its public key."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from notifier.audit.checkpoint import Verifier
from notifier.auditor.verify import Report, verify_folder
from notifier.cli.context import Context, common
from notifier.cli.output import Group
from notifier.errors import ConfigError, NotFoundError, RefusedError, StorageError, UsageError
from notifier.escaping import escaped
from notifier.runtime import REAL

SHOWN_FAULTS = 10


@click.group(cls=Group, epilog="Example: notifier audit verify --home .notifier")
def command() -> None:
    """Verify the audit log offline."""


@command.command(epilog="Example: notifier audit verify ./log --key 'hub.example/log+1a2b3c4d+AbC...'")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--key",
    "keys",
    metavar="VKEY",
    multiple=True,
    help="A public key of the log; repeatable.  [default: the keys in the verified directory]",
)
@common(prints=True)
def verify(context: Context, file: Path | None, keys: tuple[str, ...]) -> None:
    """Recompute the log, and compare it with its signed checkpoint.

    FILE is the folder of the log, or its checkpoint; the default is the log of the home. With --key this needs no
    home, no broker and no network.
    """
    verifiers = [Verifier.from_vkey(key) for key in keys or _keys_of_directory(context)]
    folder = file if file is not None else _own_folder(context)
    if folder.is_file():
        folder = folder.parent
    if not folder.is_dir():
        raise NotFoundError(detail=f"there is no log at {folder}", hint="name the folder of a log")
    try:
        report = verify_folder(folder, *verifiers)
    except OSError as error:
        raise StorageError(detail=f"the log cannot be read ({error.strerror})") from error
    if context.json:
        context.print_json(report.to_json())
    else:
        _show(report)
    if not report.ok:
        raise RefusedError("audit_mismatch", report.faults[0])


def _keys_of_directory(context: Context) -> tuple[str, ...]:
    if context.config is None and not context.home.is_dir():
        raise UsageError(detail="no key of the log given", hint="use --key VKEY, or give a home with --home")
    from notifier.directory.client import DirectoryClient

    client = DirectoryClient(context.settings("auditor").directory, REAL.clock)
    asyncio.run(client.refresh())
    return client.snapshot().directory.hub.log_vkeys()


def _own_folder(context: Context) -> Path:
    folder = context.settings("auditor").log_folder
    if folder is None:
        raise ConfigError(detail="log_folder is not set", hint="name the folder of the log")
    return folder


def _show(report: Report) -> None:
    if report.ok:
        click.echo(f"the log is intact: {report.size} entries, every file recomputed")
        click.echo(f"root {report.root.hex() if report.root is not None else ''}")
        return
    click.echo(f"the log does NOT verify: {len(report.faults)} faults")
    for fault in report.faults[:SHOWN_FAULTS]:
        click.echo(f"  {escaped(fault)}")
    if len(report.faults) > SHOWN_FAULTS:
        click.echo(f"  and {len(report.faults) - SHOWN_FAULTS} more (--json lists them)")
