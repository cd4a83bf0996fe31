"""Durable atomic writes of files, and locks on folders."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from notifier.errors import StorageError

TEMPORARY: Final = ".tmp"
"""Suffix of a file that is being written; a crash may leave one behind, which no code reads."""


def write_durably(
    files: Mapping[Path, bytes], *, mode: int = 0o666, folder_mode: int = 0o777, suffix: str = TEMPORARY
) -> None:
    """Make or replace `files` and the folders above them, durably; raise `OSError`.

    No file gets its name before all are on the disk. So a full disk leaves every one as it was, and a power cut
    leaves each as it was or whole. The modes (before the umask) hold from the first byte on. Temporary names end in
    `suffix`: processes that write the same file without a lock need one each.
    """
    written: dict[Path, Path] = {}
    try:
        for path, data in files.items():
            make_folder(path.parent, folder_mode)
            temporary = path.with_name(path.name + suffix)
            temporary.unlink(missing_ok=True)
            written[path] = temporary
            _write_new(temporary, data, mode)
        for path, temporary in written.items():
            temporary.replace(path)
    finally:
        for temporary in written.values():
            temporary.unlink(missing_ok=True)
    for folder in dict.fromkeys(path.parent for path in files):
        sync_folder(folder)


def _write_new(path: Path, data: bytes, mode: int) -> None:
    """Write a file that is not there yet, on the disk when this returns; raise `OSError`."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def make_folder(folder: Path, mode: int = 0o777) -> None:
    """Create `folder` and its missing parents, on the disk when this returns; raises `OSError`."""
    if folder.is_dir():
        return
    make_folder(folder.parent, mode)
    folder.mkdir(mode=mode, exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Flush the names in `folder` to the disk; raises `OSError`."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomic(path: Path, data: bytes, mode: int = 0o666) -> None:
    """Call `write_durably`; raises `StorageError` naming the file."""
    try:
        write_durably({path: data}, mode=mode)
    except OSError as error:
        raise StorageError(
            detail=f"{path}: {(error.strerror or 'cannot be written').lower()}",
            hint="check the folder's owner, permissions and free space",
        ) from error


@contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Hold the exclusive lock of `folder`; raises `StorageError` (storage_locked) where another process has it."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise StorageError(detail=f"{folder}: {(error.strerror or 'cannot be read').lower()}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise StorageError(
            "storage_locked", f"another process holds the lock of {folder}", hint="try again when it has ended"
        ) from error
    finally:
        os.close(handle)
