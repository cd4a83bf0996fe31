"""`notifier oversight grant`: lets oversight read the decisions of an authority, and nothing else."""

from __future__ import annotations

from pathlib import Path

import click

from notifier.cli.context import Context, common
from notifier.cli.output import Group, note
from notifier.errors import RefusedError
from notifier.escaping import toml_text


@click.group(cls=Group, epilog="Example: notifier oversight grant tur-spoc.key --as TUR/spoc")
def command() -> None:
    """Let oversight read the decisions of an outbox.

    Oversight reads each decision, its author and its reason. It reads no notification and writes nothing.
    """


@command.command(epilog="Example: notifier oversight grant tur-spoc.key --as TUR/spoc")
@click.argument("file", type=click.Path(path_type=Path))
@common(acts=True)
def grant(context: Context, file: Path) -> None:
    """Write the key of your decisions to FILE, for your oversight.

    The printed lines belong in the configuration of the oversight. Only a new storage key takes the grant back.
    """
    from notifier.keyfiles import storage_key, write_private
    from notifier.outbox.key_separation import decisions_key

    settings = context.writer()
    if file.exists():
        raise RefusedError("storage_failed", f"{file}: already exists", hint="name a new file")
    write_private(file, decisions_key(storage_key(settings.keys)))
    note(f"the key of the decisions of {settings.name} is in {file}; move it to your oversight")
    click.echo(f"[oversees.{toml_text(settings.name)}]")
    click.echo(f"outbox = {toml_text(settings.writes_to())}\nkey = {toml_text(file.name)}")
