"""Files that are written as a whole or not at all, and folders that one process changes at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from notifier.errors import StorageError

TEMPORARY: Final = ".tmp"
"""What the name of a file ends in while it is being written; a crash may leave one behind, and nobody reads it."""


def write_durably(path: Path, data: bytes, *, mode: int = 0o666, folder_mode: int = 0o777) -> None:
    """Make or replace the file `path`, and the folders above it; raises `OSError`.

    It is on the disk when this returns, as is its name: neither a full disk nor a power cut leaves half of it behind,
    or takes away what was there before. The modes (before the umask) hold from the first byte on.
    """
    make_folder(path.parent, folder_mode)
    temporary = path.with_name(path.name + TEMPORARY)
    temporary.unlink(missing_ok=True)
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def make_folder(folder: Path, mode: int = 0o777) -> None:
    """Make `folder` and those above it, where they are missing, on the disk when this returns; raises `OSError`."""
    if folder.is_dir():
        return
    make_folder(folder.parent, mode)
    folder.mkdir(mode=mode, exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Bring the names in `folder` to the disk; raises `OSError`."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomic(path: Path, data: bytes, mode: int = 0o666) -> None:
    """Do as `write_durably`; raises `StorageError` naming the file."""
    try:
        write_durably(path, data, mode=mode)
    except OSError as error:
        raise StorageError(
            detail=f"{path}: {(error.strerror or 'cannot be written').lower()}",
            hint="check the folder's owner, permissions and free space",
        ) from error


@contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Nobody else is in this block for `folder`; raises `StorageError` (storage_locked) where somebody is."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise StorageError(detail=f"{folder}: {(error.strerror or 'cannot be read').lower()}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise StorageError(
            "storage_locked", f"another process changes {folder}", hint="try again when it is through"
        ) from error
    finally:
        os.close(handle)
