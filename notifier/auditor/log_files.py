"""Safe reading of a log's files from a folder that another party may have made.

A hostile copy may have links that lead elsewhere, pipes that never answer, files without end, and too many files.
This module follows no link, never blocks, and reads no more than a log's file may hold.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from notifier.audit import tiles
from notifier.audit.checkpoint import MAX_NOTE
from notifier.audit.leaf import LEAF_SIZE
from notifier.audit.merkle import HASH_SIZE
from notifier.audit.tiles import CHECKPOINT, WIDTH

MAX_RECORD: Final = 64 * 1024
"""Bytes of one record; an entry has a few hundred."""
MAX_FILES: Final = 1_000_000
"""The limit of files in a folder; a log of a hundred million entries has fewer."""
_MAX_TILE: Final = HASH_SIZE * WIDTH
_MAX_BUNDLE: Final = (2 + LEAF_SIZE) * WIDTH
_MAX_RECORDS: Final = (4 + MAX_RECORD) * WIDTH
_MAX_DEPTH: Final = 16


class OddFile(Exception):
    """A file that no log has: a link, no regular file, or one that is too large. Its text says which."""


class Copy:
    """The log in `folder`, which itself may be a link, because the user named it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, path: str) -> bytes | None:
        """Return the bytes of the file at `path` (parts divided by ``/``), or None where there is none.

        Raises `OddFile`, and `OSError` where it cannot be read.
        """
        *folders, name = path.split("/")
        at = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for one in folders:
                below = _opened(one, os.O_DIRECTORY, at)
                os.close(at)
                at = below
            handle = _opened(name, os.O_NONBLOCK, at)
        except (FileNotFoundError, NotADirectoryError):
            return None
        finally:
            os.close(at)
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise OddFile("is not a regular file")
            most = _most(path)
            data = file.read(most + 1)
            if len(data) > most:
                raise OddFile(f"is larger than {most} bytes, so it is no file of a log")
            return data

    def files(self) -> Iterator[str]:
        """Yield the paths below the folder of all that is no folder; links are listed and not followed.

        Raises `OddFile` where there are more files than a log has.
        """
        count = 0
        for parent, folders, names in os.walk(self._folder):
            inside = Path(parent).relative_to(self._folder)
            links = [name for name in folders if Path(parent, name).is_symlink()]
            if len(inside.parts) >= _MAX_DEPTH:
                folders.clear()
            for name in (*links, *names):
                count += 1
                if count > MAX_FILES:
                    raise OddFile(f"has more than {MAX_FILES} files")
                yield (inside / name).as_posix()


def _opened(name: str, flags: int, at: int) -> int:
    try:
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | flags, dir_fd=at)
    except OSError as error:
        # O_NOFOLLOW fails with ENOTDIR for a link to a folder, and with ELOOP for a link to a file.
        if error.errno == errno.ELOOP or (error.errno == errno.ENOTDIR and _is_link(name, at)):
            raise OddFile("is a link, or lies behind one") from error
        if error.errno == errno.ENXIO:
            raise OddFile("is not a regular file") from error
        raise


def _is_link(name: str, at: int) -> bool:
    return stat.S_ISLNK(os.stat(name, dir_fd=at, follow_symlinks=False).st_mode)


def _most(path: str) -> int:
    if path == CHECKPOINT:
        return MAX_NOTE
    if tiles.parse_records_path(path) is not None:
        return _MAX_RECORDS
    name = tiles.parse_tile_path(path)
    return _MAX_BUNDLE if name is not None and name.level is None else _MAX_TILE
