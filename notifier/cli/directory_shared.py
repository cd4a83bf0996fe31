"""Options, files and messages that the commands of `notifier directory` share."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from notifier.cli.output import note
from notifier.errors import MalformedError, NotFoundError
from notifier.runtime import wall_clock

if TYPE_CHECKING:
    from notifier.directory.registry import Registry

T = TypeVar("T")

folder_option = click.option(
    "--folder",
    type=click.Path(path_type=Path),
    required=True,
    help="The folder of the directory, as it is published.",
)
keys_option = click.option(
    "--keys", type=click.Path(path_type=Path), required=True, help="The folder of your role keys; keep it elsewhere."
)


def report_change(registry: Registry, role: str, *, out: bool) -> None:
    """Print whether a change of `role` is published, or what it waits for, with the digest that others sign."""
    if out:
        note("published")
        return
    for one in registry.pending():
        if one.role == role and one.complete:
            note("staged: signed by enough holders; the online keys publish it (notifier directory freshen)")
        elif one.role == role:
            note(f"staged: another holder has to sign (notifier directory sign {one.digest})")


def registry_of(folder: Path, keys: Path) -> Registry:
    """Return the registry of the directory in `folder`, which signs with the role keys in `keys`."""
    from notifier.directory.registry import Registry

    return Registry(folder, keys, wall_clock)


def party_keys(folder: Path, *, make: bool = False) -> Any:
    """Return the signing key and the decryption key in `folder`; `make` creates missing ones."""
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
    """Return the content of a file; raise `NotFoundError` if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFoundError(detail=f"{path}: {(error.strerror or 'cannot be read').lower()}") from error


def read_json(path: Path) -> Any:
    """Return the JSON document in a file; raise `MalformedError` if it is none."""
    try:
        return json.loads(read_file(path))
    except (ValueError, RecursionError) as error:
        raise MalformedError(detail=f"{path}: not JSON") from error


def read_as(path: Path, read: Callable[[Any], T]) -> T:
    """Parse the JSON document in a file with `read`; name the file in an error."""
    document = read_json(path)
    try:
        return read(document)
    except MalformedError as error:
        raise MalformedError(detail=f"{path}: {error.detail}") from error
