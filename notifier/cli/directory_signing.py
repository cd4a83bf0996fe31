"""`notifier directory renew|sign|freshen|drop`: renews, signs and publishes versions."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from notifier.cli.directory_shared import folder_option, keys_option, registry_of, report_change
from notifier.cli.output import note, warn
from notifier.cli.render import change_line
from notifier.directory.roles import THRESHOLD_ROLES
from notifier.errors import NotifierError
from notifier.escaping import escaped

if TYPE_CHECKING:
    from notifier.directory.repository import Pending


@click.command(epilog="Example: notifier directory renew directory --folder pub --keys role-keys")
@click.argument("role", type=click.Choice(THRESHOLD_ROLES))
@folder_option
@keys_option
def renew(role: str, folder: Path, keys: Path) -> None:
    """Sign the current version of a role again, for another lifetime.

    A version that is not renewed expires: the directory after 30 days, the rules after a year, targets and root after
    two years.
    """
    registry = registry_of(folder, keys)
    report_change(registry, role, out=registry.renew(role))


@click.command(epilog="Example: notifier directory sign --folder pub --keys role-keys")
@click.argument("digests", nargs=-1, metavar="[DIGEST]...")
@folder_option
@keys_option
def sign(digests: tuple[str, ...], folder: Path, keys: Path) -> int:
    """Show what waits for signatures, and sign what DIGEST names.

    Compare the digest with the holder who made the change, over another channel than this folder. Without a DIGEST,
    it asks for each version on a terminal. It signs nothing that no other holder has signed.
    """
    registry = registry_of(folder, keys)
    for stray in registry.strays():
        warn(f"{escaped(str(stray))} is not a staged version and is ignored")
    pending = registry.pending()
    if not pending and not digests:
        note("nothing waits for signatures")
        return 0
    for one in pending:
        if not digests or one.digest in digests:
            _show(one)
    chosen = digests or tuple(one.digest for one in pending if _confirmed(one))
    if not chosen:
        click.echo("nothing was signed: name the digest of what you want to sign", err=True)
        return 1
    short = False
    for digest in chosen:
        left = registry.sign(digest)
        note(_outcome(left))
        short = short or (left is not None and not left.complete)
    return int(short)


@click.command(epilog="Example: notifier directory freshen --folder pub --keys online-keys")
@folder_option
@click.option("--keys", type=click.Path(path_type=Path), required=True, help="The folder of the online keys alone.")
@click.option("--every", type=click.IntRange(1), metavar="SECONDS", help="Repeat every SECONDS, until stopped.")
@click.option("--renew", is_flag=True, help="Also renew what expires soon (for a sandbox).")
def freshen(folder: Path, keys: Path, every: int | None, *, renew: bool) -> None:
    """Renew the timestamp, and publish what enough holders have signed.

    Run it hourly (cron). It needs only the keys of snapshot and timestamp. A timestamp is valid for a day.
    """
    if every is None:
        _freshen(folder, keys, renew=renew)
        return
    while True:
        try:
            _freshen(folder, keys, renew=renew)
        except NotifierError as error:
            if not error.retryable:
                raise
            click.echo(f"notifier: {error.reason}: {escaped(error.detail)}", err=True)
        time.sleep(every)


@click.command(epilog="Example: notifier directory drop rules --folder pub")
@click.argument("role", type=click.Choice(THRESHOLD_ROLES))
@folder_option
def drop(role: str, folder: Path) -> None:
    """Drop a staged version that nobody should sign."""
    registry_of(folder, folder).drop(role)
    note("dropped")


def _freshen(folder: Path, keys: Path, *, renew: bool) -> None:
    registry = registry_of(folder, keys)
    for role in registry.freshen():
        note(f"published: a new version of {role}")
    for stray in registry.strays():
        warn(f"{escaped(str(stray))} is not a staged version and is ignored")
    for one in registry.pending():
        what = f"version {one.number} of {one.role}"
        warn(f"{what} waits: {escaped(one.fault or _outcome(one))}")
    for role in registry.due():
        if renew:
            registry.renew(role)
            note(f"renewed: {role}")
        else:
            warn(f"the signatures of {role} expire soon; two holders renew it (notifier directory renew {role})")


def _show(one: Pending) -> None:
    """Print what a version changes; a holder reads it before signing."""
    click.echo(f"version {one.number} of {one.role}, signed by {len(one.signed_by)} of {one.threshold}")
    if one.digest:
        click.echo(f"  digest {one.digest}")
    if one.fault is not None or one.reading is None:
        click.echo(f"  DO NOT SIGN: {escaped(one.fault or '')}")
        return
    for line in (*_rules(one), *one.reading.words):
        click.echo(f"  {escaped(line)}")


def _rules(one: Pending) -> Iterator[str]:
    from notifier.rules.diff import changes

    if one.reading is not None and one.reading.rules is not None:
        yield from map(change_line, changes(*one.reading.rules))


def _confirmed(one: Pending) -> bool:
    if one.fault is not None or not sys.stdin.isatty():
        return False
    return click.confirm(f"Sign version {one.number} of {one.role}, {one.digest}?", default=False, err=True)


def _outcome(left: Pending | None) -> str:
    if left is None:
        return "signed and published"
    if left.complete:
        return "signed by enough holders; the online keys publish it (notifier directory freshen)"
    return f"signed by {len(left.signed_by)} of {left.threshold}; another holder has to sign"
