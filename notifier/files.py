"""Files that are written as a whole or not at all, and folders that one process changes at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from notifier.errors import StorageError


def put(path: Path, data: bytes, mode: int = 0o666) -> None:
    """Makes or replaces the file `path`, and the folder that it is in; raises `StorageError` naming it.

    A full disk or a crash leaves no half of it behind. `mode` (before the umask) holds from the first byte on.
    """
    partial = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)
        try:
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(
            detail=f"{path}: {(error.strerror or 'cannot be written').lower()}",
            hint="check the folder's owner, permissions and free space",
        ) from error


@contextmanager
def alone(folder: Path) -> Iterator[None]:
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
