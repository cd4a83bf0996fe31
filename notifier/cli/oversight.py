"""`notifier oversight grant`: lets an authority's oversight read what was decided, and nothing else."""

from __future__ import annotations

from pathlib import Path

import click

from notifier.cli.context import Context, common
from notifier.errors import RefusedError
from notifier.escaping import toml_text


@click.group(epilog="Example: notifier oversight grant tur-spoc.key --as TUR/spoc")
def command() -> None:
    """Oversight reads every decision of an outbox, who took it and why: no notification, and it writes nothing."""


@command.command(epilog="Example: notifier oversight grant tur-spoc.key --as TUR/spoc")
@click.argument("file", type=click.Path(path_type=Path))
@common(acts=True)
def grant(context: Context, file: Path) -> None:
    """Write the key of your decisions to FILE, for your oversight.

    It goes into the oversight's configuration, with the outbox, and cannot be taken back but by a new storage key.
    """
    from notifier.keyfiles import storage_key, write_private
    from notifier.outbox.key_separation import decisions_key

    settings = context.writer()
    if file.exists():
        raise RefusedError("storage_failed", f"{file}: is there already", hint="name a new file")
    write_private(file, decisions_key(storage_key(settings.keys)))
    click.echo(f"the key of the decisions of {settings.name} is in {file}; move it to your oversight", err=True)
    click.echo(f"[oversees.{toml_text(settings.name)}]")
    click.echo(f"outbox = {toml_text(settings.writes_to())}\nkey = {toml_text(file.name)}")
