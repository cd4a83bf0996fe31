"""`notifier directory rules|renew|sign|freshen|drop`: how a version is made, signed and published."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from notifier.cli.directory_shared import folder_option, keys_option, read_json, registry_of, said
from notifier.cli.render import change_line
from notifier.directory.roles import THRESHOLD_ROLES
from notifier.errors import NotifierError
from notifier.escaping import escaped

if TYPE_CHECKING:
    from notifier.directory.repository import Pending


@click.command(epilog="Example: notifier directory rules rules.json --folder pub --keys role-keys")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--replace-staged", is_flag=True, help="Drop a version that still waits for signatures.")
@folder_option
@keys_option
def rules(file: Path, replace_staged: bool, folder: Path, keys: Path) -> None:
    """Publish FILE as the next version of the rules: it is checked, numbered and signed.

    FILE is what `notifier rules show --json` prints, edited; its version is the one that it was made from. See
    first what it changes, and for whom: `notifier rules diff current FILE --replay`.
    """
    from notifier.directory import rulebook
    from notifier.rules.ruleset import RuleSet

    registry = registry_of(folder, keys)
    following, out = registry.change_rules(RuleSet.from_document(read_json(file)), replace_staged=replace_staged)
    for name in rulebook.unknown_subscribers(following, registry.directory):
        click.echo(f"notifier: warning: {name} subscribes to a corridor, and does not take part", err=True)
    click.echo(f"version {following.version} of the rules", err=True)
    said(registry, "rules", out=out)


@click.command(epilog="Example: notifier directory renew directory --folder pub --keys role-keys")
@click.argument("role", type=click.Choice(THRESHOLD_ROLES))
@folder_option
@keys_option
def renew(role: str, folder: Path, keys: Path) -> None:
    """Sign a role as it is for another lifetime: what is not signed anew expires.

    The directory is good for 30 days, the rules for a year, targets and root for two years.
    """
    registry = registry_of(folder, keys)
    said(registry, role, out=registry.renew(role))


@click.command(epilog="Example: notifier directory sign --folder pub --keys role-keys")
@click.argument("digests", nargs=-1, metavar="[DIGEST]...")
@folder_option
@keys_option
def sign(digests: tuple[str, ...], folder: Path, keys: Path) -> int:
    """Show in words what waits for signatures, and sign the versions whose DIGEST is named.

    Compare the digest with that of the holder who made the change, by another way than this folder. Without one, a
    terminal asks for each version. Nothing is signed that no other holder has signed.
    """
    registry = registry_of(folder, keys)
    for stray in registry.strays():
        click.echo(f"notifier: warning: {escaped(str(stray))} is no staged version, and is passed over", err=True)
    pending = registry.pending()
    if not pending and not digests:
        click.echo("nothing waits for signatures", err=True)
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
        click.echo(_outcome(left), err=True)
        short = short or (left is not None and not left.complete)
    return int(short)


@click.command(epilog="Example: notifier directory freshen --folder pub --keys online-keys")
@folder_option
@click.option(
    "--keys", type=click.Path(path_type=Path), required=True, help="The folder with the online keys, and no others."
)
@click.option("--every", type=click.IntRange(1), metavar="SECONDS", help="Go on until stopped, so often.")
@click.option("--renew", is_flag=True, help="Sign also what ends soon: for a sandbox, where all keys are in a place.")
def freshen(folder: Path, keys: Path, every: int | None, *, renew: bool) -> None:
    """Make the timestamp fresh, and publish what enough holders have signed. Run it hourly (cron).

    It needs the keys of snapshot and timestamp, and no others. The timestamp is good for a day.
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
    """Take a staged version away that nobody is to sign."""
    registry_of(folder, folder).drop(role)
    click.echo("dropped", err=True)


def _freshen(folder: Path, keys: Path, *, renew: bool) -> None:
    registry = registry_of(folder, keys)
    for role in registry.freshen():
        click.echo(f"published: a new version of {role}", err=True)
    for stray in registry.strays():
        click.echo(f"notifier: warning: {escaped(str(stray))} is no staged version, and is passed over", err=True)
    for one in registry.pending():
        what = f"version {one.number} of {one.role}"
        click.echo(f"notifier: warning: {what} waits: {escaped(one.fault or _outcome(one))}", err=True)
    for role in registry.due():
        if renew:
            registry.renew(role)
            click.echo(f"signed anew: {role}", err=True)
        else:
            click.echo(
                f"notifier: warning: the signatures of {role} end soon: two holders renew it "
                f"(notifier directory renew {role})",
                err=True,
            )


def _show(one: Pending) -> None:
    """What a version changes, on standard output: a holder reads it before signing."""
    click.echo(f"version {one.number} of {one.role}, signed by {len(one.signed_by)} of {one.threshold}")
    if one.digest:
        click.echo(f"  digest {one.digest}")
    if one.fault is not None or one.reading is None:
        click.echo(f"  NOBODY MAY SIGN IT: {escaped(one.fault or '')}")
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
        return "signed, and published"
    if left.complete:
        return "signed by enough: the online keys publish it (notifier directory freshen), with what belongs to it"
    return f"signed by {len(left.signed_by)} of {left.threshold}: another holder has to sign"
