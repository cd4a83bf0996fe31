"""What the verbs of `notifier directory` share: options, files, and how a change is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from notifier.errors import MalformedError, NotFoundError
from notifier.runtime import wall_clock

if TYPE_CHECKING:
    from notifier.directory.registry import Registry

T = TypeVar("T")

folder_option = click.option(
    "--folder", type=click.Path(path_type=Path), required=True, help="The directory's folder, as it is published."
)
keys_option = click.option(
    "--keys", type=click.Path(path_type=Path), required=True, help="The folder of your role keys; keep it apart."
)


def said(registry: Registry, role: str, *, out: bool) -> None:
    """Say whether a change of `role` is out, or for what it waits, and by which digest the others sign it."""
    if out:
        click.echo("published", err=True)
        return
    for one in registry.pending():
        if one.role == role and one.complete:
            click.echo("staged: signed by enough; the online keys publish it (notifier directory freshen)", err=True)
        elif one.role == role:
            click.echo(f"staged: another holder has to sign (notifier directory sign {one.digest})", err=True)


def registry_of(folder: Path, keys: Path) -> Registry:
    from notifier.directory.registry import Registry

    return Registry(folder, keys, wall_clock)


def party_keys(folder: Path, *, make: bool = False) -> Any:
    import secrets

    from notifier.config import KeySettings
    from notifier.keyfiles import decryption_keys, signing_key, write_private

    settings = KeySettings(folder / "signing.key", (folder / "encryption.key",), folder / "storage.key")
    for path in (folder / "signing.key", folder / "encryption.key", folder / "storage.key"):
        if make and not path.exists():
            write_private(path, secrets.token_bytes(32))
    (decryption,) = decryption_keys(settings).values()
    return signing_key(settings), decryption


def read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFoundError(detail=f"{path}: {(error.strerror or 'cannot be read').lower()}") from error


def read_json(path: Path) -> Any:
    try:
        return json.loads(read_file(path))
    except (ValueError, RecursionError) as error:
        raise MalformedError(detail=f"{path}: is not JSON") from error


def read_as(path: Path, read: Callable[[Any], T]) -> T:
    """What `read` makes of the JSON in a file; a refusal names the file."""
    document = read_json(path)
    try:
        return read(document)
    except MalformedError as error:
        raise MalformedError(detail=f"{path}: {error.detail}") from error
