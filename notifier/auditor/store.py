"""The log on disk: records, then tiles, then the checkpoint, each durable before the next is written.

The checkpoint is the only file that is ever replaced, and it alone defines the log. Anything beyond its size is the
rest of an interrupted write, which `open` removes. Below its size nothing changes. A log that contradicts its own
checkpoint is never signed again.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from notifier.audit import checkpoint as notes
from notifier.audit import tiles
from notifier.audit.checkpoint import Checkpoint, Signer, Verifier
from notifier.audit.leaf import Leaf, commitment
from notifier.audit.merkle import EMPTY_ROOT, leaf_hash
from notifier.audit.tiles import CHECKPOINT, HEIGHT, WIDTH, Frontier, TileName
from notifier.errors import MalformedError, NoteError, RefusedError, StorageError
from notifier.files import TEMPORARY, make_folder, sync_folder, write_durably

FOLDER_MODE: Final = 0o750


def damaged(what: str) -> RefusedError:
    """Return the refusal to continue a log that contradicts itself."""
    return RefusedError(
        "audit_mismatch", what, hint="run notifier audit verify; keep the folder, and rebuild the log in another one"
    )


class Disk:
    """The durable steps of a write: each is complete and on the disk when it returns, or did not happen.

    Only `append` may be cut short; its rest lies beyond the checkpoint's size.
    """

    def put(self, path: Path, data: bytes) -> None:
        """Create or replace a whole file."""
        write_durably({path: data}, folder_mode=FOLDER_MODE)

    def append(self, path: Path, at: int, data: bytes) -> None:
        """Write `data` at byte `at`, and end the file after it."""
        make_folder(path.parent, FOLDER_MODE)
        new = not path.exists()
        with path.open("wb" if new else "r+b") as file:
            file.seek(at)
            file.truncate()
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if new:
            sync_folder(path.parent)

    def remove(self, path: Path) -> None:
        """Remove a file or folder that is no longer needed; after a crash it may come back."""
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


class LogStore:
    """A log held by one process; made by `LogStore.open`.

    After any error it is unusable: close it and open it again.
    """

    def __init__(self, folder: Path, signer: Signer, disk: Disk, lock: int, earlier: Sequence[Verifier]) -> None:
        self._folder = folder
        self._signer = signer
        self._earlier = earlier
        self._disk = disk
        self._lock = lock
        self._busy = threading.Lock()
        self.checkpoint = self._read_checkpoint()
        self._frontier, self._bundle, self.position = self._restore()
        self._records_end = self._check_records()
        self._sweep()
        if not _signed_by(self.checkpoint, signer.verifier):
            self.checkpoint = notes.sign_checkpoint(signer, self.size, self.checkpoint.root)
            disk.put(self._path(CHECKPOINT), str(self.checkpoint).encode())

    @classmethod
    def open(
        cls, folder: Path, signer: Signer, disk: Disk | None = None, *, earlier: Sequence[Verifier] = ()
    ) -> LogStore:
        """Return the log in `folder`, created where there is none, without the rests of a crash.

        Where one of the `earlier` keys signed it last, `signer` signs it at once, because that key may be revoked
        next. Raises `StorageError` (`storage_locked` where another process holds it), or `RefusedError` with reason
        `audit_mismatch` where the folder contradicts its checkpoint or an unknown key signed it.
        """
        lock = -1
        try:
            folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return cls(folder, signer, disk or Disk(), lock, earlier)
        except BaseException as error:
            if lock >= 0:
                os.close(lock)
            if isinstance(error, BlockingIOError):
                raise StorageError("storage_locked", f"another auditor writes the log {folder}") from error
            if isinstance(error, OSError):
                raise _failed(error) from error
            raise

    @property
    def size(self) -> int:
        """Return the number of signed leaves."""
        return self.checkpoint.size

    def append(self, records: Sequence[tuple[int, bytes]]) -> Checkpoint:
        """Add records (offset, value); return the checkpoint that covers them once all is durable.

        Offsets must grow; raises `RefusedError` with reason `audit_mismatch` where they do not.
        """
        with self._busy:
            return self._append(records)

    def _append(self, records: Sequence[tuple[int, bytes]]) -> Checkpoint:
        leaves = []
        for offset, value in records:
            if offset < self.position:
                raise damaged(f"record {offset} came after record {self.position - 1}")
            leaves.append(Leaf.of(offset, value).encode())
            self.position = offset + 1
        try:
            self._write_records([value for _, value in records])
            self._write_bundles(leaves)
            full = self._write_tiles(leaves)
            self.checkpoint = notes.sign_checkpoint(self._signer, self._frontier.size, self._frontier.root())
            self._disk.put(self._folder / CHECKPOINT, str(self.checkpoint).encode())
            for name in full:
                self._disk.remove(self._path(name.path + ".p"))
        except OSError as error:
            raise _failed(error) from error
        return self.checkpoint

    def close(self) -> None:
        """Release the log for another process, after an append in another thread has ended."""
        with self._busy:
            os.close(self._lock)

    def _path(self, name: str) -> Path:
        return self._folder / name

    def _write_records(self, values: Sequence[bytes]) -> None:
        at = self._frontier.size
        while values:
            part, values = values[: WIDTH - at % WIDTH], values[WIDTH - at % WIDTH :]
            data = tiles.encode_records(part)
            self._disk.append(self._path(tiles.records_path(at // WIDTH)), self._records_end, data)
            at += len(part)
            self._records_end = self._records_end + len(data) if at % WIDTH else 0

    def _write_bundles(self, leaves: Sequence[bytes]) -> None:
        at = self._frontier.size
        while leaves:
            part, leaves = leaves[: WIDTH - at % WIDTH], leaves[WIDTH - at % WIDTH :]
            self._bundle += part
            name = TileName(None, at // WIDTH, len(self._bundle))
            self._disk.put(self._path(name.path), tiles.encode_bundle(self._bundle))
            at += len(part)
            if not at % WIDTH:
                self._bundle = []

    def _write_tiles(self, leaves: Sequence[bytes]) -> list[TileName]:
        """Write the tiles; return the tiles and bundles that became full."""
        full = []
        for tile in self._frontier.grow(leaf_hash(leaf) for leaf in leaves):
            self._disk.put(self._path(tile.name.path), tiles.encode_hashes(tile.hashes))
            if tile.name.width == WIDTH:
                full.append(tile.name)
                if tile.level == 0:
                    full.append(TileName(None, tile.index))
        return full

    def _read_checkpoint(self) -> Checkpoint:
        """Return the checkpoint, verified by our own key or an earlier one; a new log gets that of the empty tree."""
        path = self._path(CHECKPOINT)
        if not path.exists():
            if any(not file.name.endswith(TEMPORARY) for file in stored_files(self._folder)):
                raise damaged("the log has files and no checkpoint")
            empty = notes.sign_checkpoint(self._signer, 0, EMPTY_ROOT)
            self._disk.put(path, str(empty).encode())
            return empty
        try:
            found = notes.parse(path.read_bytes())
            notes.verify(found.note, [self._signer.verifier, *self._earlier])
        except NoteError as error:
            raise damaged(f"the checkpoint is not ours: {error.detail}") from error
        if found.origin != self._signer.verifier.name:
            raise damaged("the checkpoint is another log's")
        return found

    def _restore(self) -> tuple[Frontier, list[bytes], int]:
        """Return the right edge of the tree, the open bundle, and the offset after the last leaf's."""
        size = self.checkpoint.size
        edges: dict[int, list[bytes]] = {}
        last: list[bytes] = []
        try:
            for name in tiles.open_tiles(size):
                edges[name.level or 0] = tiles.decode_hashes(self._path(name.path).read_bytes())
            if size:
                width = size % WIDTH or WIDTH
                last = tiles.decode_bundle(self._path(TileName(None, (size - 1) // WIDTH, width).path).read_bytes())
            position = Leaf.decode(last[-1]).offset + 1 if last else 0
            frontier = Frontier([edges.get(level, []) for level in range(max(edges, default=-1) + 1)])
        except (MalformedError, ValueError, FileNotFoundError) as error:
            raise damaged("the files contradict the checkpoint") from error
        if frontier.size != size or frontier.root() != self.checkpoint.root:
            raise damaged("the tiles do not have the checkpoint's root")
        bundle = last if size % WIDTH else []
        if [leaf_hash(leaf) for leaf in bundle] != edges.get(0, []):
            raise damaged("the last bundle is not the last tile's")
        return frontier, bundle, position

    def _check_records(self) -> int:
        """Return the end of the signed records of the open bundle; raise where they are not those of its leaves."""
        if not self._bundle:
            return 0
        try:
            data = self._path(tiles.records_path(self.size // WIDTH)).read_bytes()
            values, end = tiles.decode_records(data, len(self._bundle))
        except (MalformedError, FileNotFoundError) as error:
            raise damaged("the last records are missing") from error
        if [commitment(value) for value in values] != [Leaf.decode(leaf).commitment for leaf in self._bundle]:
            raise damaged("the last records are not the last bundle's")
        return end

    def _sweep(self) -> None:
        """Remove the rests of an interrupted write: unsigned and unfinished files, and partial ones now full."""
        for path in list(stored_files(self._folder)):
            name = path.relative_to(self._folder).as_posix()
            if path.name.endswith(TEMPORARY) or self._superfluous(name):
                self._disk.remove(path)

    def _superfluous(self, name: str) -> bool:
        index = tiles.parse_records_path(name)
        if index is not None:
            return index * WIDTH >= self.size
        tile = tiles.parse_tile_path(name)
        if tile is None:
            return False
        there = (self.size >> HEIGHT * (tile.level or 0)) - tile.index * WIDTH
        full = tile.width < WIDTH <= there and self._path(tile.full.path).exists()
        return tile.width > there or full


def _signed_by(checkpoint: Checkpoint, verifier: Verifier) -> bool:
    try:
        notes.verify(checkpoint.note, [verifier])
    except NoteError:
        return False
    return True


def stored_files(folder: Path) -> Iterator[Path]:
    """Yield every file below a log's folder; files that disappear meanwhile are left out."""
    for parent, _, names in os.walk(folder):
        yield from (Path(parent, name) for name in names)


def _failed(error: OSError) -> StorageError:
    return StorageError(detail=f"the log cannot be read or written ({error.strerror})")
