"""Independent verification of a log from its files and a public key (`notifier audit verify`).

Everything is recomputed from the records and leaves (commitments, every tile, the root), then compared with every
file. It may run beside an auditor: files beyond the checkpoint are ignored, and a partial tile may be replaced by the
full one meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from notifier.audit import checkpoint as notes
from notifier.audit import tiles
from notifier.audit.checkpoint import Checkpoint, Verifier
from notifier.audit.entry import AuditEntry
from notifier.audit.leaf import Leaf, commitment
from notifier.audit.merkle import HASH_SIZE, CompactRange, root_hash
from notifier.audit.tiles import CHECKPOINT, WIDTH, TileName
from notifier.auditor.log_files import Copy, OddFile
from notifier.errors import MalformedError, NoteError
from notifier.files import TEMPORARY

MAX_FAULTS: Final = 100


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a verification: `size` and `root` of the checkpoint (0 and None where it cannot be read).

    `checkpoint` is its text as it stands; `faults` are one line each, at most `MAX_FAULTS`.
    """

    size: int
    root: bytes | None
    checkpoint: str
    faults: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Return whether there is no fault."""
        return not self.faults

    def to_json(self) -> dict[str, object]:
        """Return the document of `notifier audit verify --json`."""
        return {
            "ok": self.ok,
            "size": self.size,
            "root": self.root.hex() if self.root is not None else None,
            "checkpoint": self.checkpoint,
            "faults": list(self.faults),
        }


def verify_folder(folder: Path, verifier: Verifier, *earlier: Verifier) -> Report:
    """Verify the log in `folder`, which must have the name of `verifier` and be signed by it or an `earlier` key.

    No content of the files raises; `OSError` is raised where they cannot be read.
    """
    copy = Copy(folder)
    try:
        text = copy.read(CHECKPOINT)
    except OddFile as error:
        return Report(0, None, "", (f"{CHECKPOINT}: {error}",))
    if text is None:
        return Report(0, None, "", (f"{CHECKPOINT}: is missing",))
    shown = text[: notes.MAX_NOTE].decode(errors="replace")
    try:
        head = notes.parse(text)
    except NoteError as error:
        return Report(0, None, shown, (f"{CHECKPOINT}: {error.detail}",))
    faults = _Faults()
    _check_signature(head, verifier, earlier, faults)
    hashes = _check_leaves(copy, head.size, faults)
    if not faults.enough:
        _check_tiles(copy, head, hashes, faults)
    return Report(head.size, head.root, shown, tuple(faults.lines))


class _Faults:
    """The faults found so far, up to `MAX_FAULTS`."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    @property
    def enough(self) -> bool:
        return len(self.lines) >= MAX_FAULTS

    def add(self, where: str, what: str) -> None:
        if not self.enough:
            self.lines.append(f"{where}: {what}")


def _check_signature(head: Checkpoint, verifier: Verifier, earlier: Sequence[Verifier], faults: _Faults) -> None:
    try:
        notes.verify(head.note, [verifier, *earlier])
    except NoteError as error:
        faults.add(CHECKPOINT, error.detail)
    if head.origin != verifier.name:
        faults.add(CHECKPOINT, "is another log's")


def _check_leaves(copy: Copy, size: int, faults: _Faults) -> bytes:
    """Check every bundle with its records; return the concatenated leaf hashes."""
    hashes = bytearray()
    position = 0
    for start in range(0, size, WIDTH):
        if faults.enough:
            break
        name = TileName(None, start // WIDTH, min(WIDTH, size - start))
        leaves = _leaves(copy, name, faults)
        if leaves is None:
            hashes += bytes(HASH_SIZE * name.width)  # reported already; the other bundles are still checked
            continue
        for number, leaf in enumerate(leaves, start):
            if leaf.offset < position:
                faults.add(f"leaf {number}", f"its offset {leaf.offset} does not follow {position - 1}")
            position = leaf.offset + 1
            hashes += leaf.hash()
        _check_records(copy, start, leaves, size, faults)
    return bytes(hashes)


def _leaves(copy: Copy, name: TileName, faults: _Faults) -> list[Leaf] | None:
    path, data = _read(copy, name, faults)
    if data is None:
        return None
    try:
        leaves = [Leaf.decode(leaf) for leaf in tiles.decode_bundle(data)]
    except MalformedError as error:
        faults.add(path, error.detail)
        return None
    if len(leaves) != name.width and (path == name.path or len(leaves) != WIDTH):
        faults.add(path, f"has {len(leaves)} leaves in place of {name.width}")
        return None
    return leaves[: name.width]


def _check_records(copy: Copy, start: int, leaves: list[Leaf], size: int, faults: _Faults) -> None:
    """Check that the records of one bundle match their leaves' commitments and are audit entries."""
    path = tiles.records_path(start // WIDTH)
    data = _there(copy, path, faults)
    if data is None:
        return
    try:
        values, end = tiles.decode_records(data, len(leaves))
    except MalformedError as error:
        faults.add(path, error.detail)
        return
    if end != len(data) and start + WIDTH <= size:
        faults.add(path, "holds more than the records of its leaves")
    for number, (leaf, value) in enumerate(zip(leaves, values, strict=True), start):
        if commitment(value) != leaf.commitment:
            faults.add(f"leaf {number}", f"the record in {path} is not what the leaf commits to")
            continue
        try:
            AuditEntry.decode(value)
        except MalformedError:
            faults.add(f"leaf {number}", f"the record at offset {leaf.offset} is no audit entry")


def _check_tiles(copy: Copy, head: Checkpoint, hashes: bytes, faults: _Faults) -> None:
    """Check the root, the presence of every tile, and the content of every file."""
    tree = CompactRange()
    tree.extend(_split(hashes))
    if tree.root() != head.root:
        faults.add(CHECKPOINT, "the root is not that of the leaves")
    levels = _levels(hashes)
    seen = {CHECKPOINT}
    for name in _needed(levels):
        path, data = _read(copy, name, faults)
        seen.add(path)
        if data is not None and (not data.startswith(_slice(levels, name)) or len(data) != _length(path, name)):
            faults.add(path, "is not what the leaves give")
    try:
        for path in copy.files():
            if faults.enough:
                return
            if path not in seen and not path.endswith(TEMPORARY):
                _check_other(copy, path, levels, faults)
    except OddFile as error:
        faults.add("the folder", str(error))


def _check_other(copy: Copy, path: str, levels: list[bytes], faults: _Faults) -> None:
    """Check a file that the checkpoint does not need: an earlier partial one, or one beyond the checkpoint."""
    if tiles.parse_records_path(path) is not None:
        return  # read with its leaves, or not yet signed
    name = tiles.parse_tile_path(path)
    if name is None:
        faults.add(path, "is no file of a log")
        return
    try:
        data = copy.read(path)
    except OddFile as error:
        faults.add(path, str(error))
        return
    if data is None:
        return  # the full one replaced it meanwhile
    try:
        found = _contents(name, data)
    except MalformedError as error:
        faults.add(path, error.detail)
        return
    signed = _slice(levels, name)
    if len(found) != HASH_SIZE * name.width or not found.startswith(signed):
        faults.add(path, "is not what the leaves give")


def _contents(name: TileName, data: bytes) -> bytes:
    """Return the hashes in the tile, or those of the bundle's leaves; raises `MalformedError`."""
    if name.level is not None:
        return data
    return b"".join(Leaf.decode(leaf).hash() for leaf in tiles.decode_bundle(data))


def _read(copy: Copy, name: TileName, faults: _Faults) -> tuple[str, bytes | None]:
    """Return path and bytes of that file, or of the full one that replaced it; report a missing one."""
    try:
        data = copy.read(name.path)
        if data is None and name.width < WIDTH:
            full = copy.read(name.full.path)
            if full is not None:
                return name.full.path, full
    except OddFile as error:
        faults.add(name.path, str(error))
        return name.path, None
    if data is None:
        faults.add(name.path, "is missing")
    return name.path, data


def _there(copy: Copy, path: str, faults: _Faults) -> bytes | None:
    """Return the bytes of the file at `path`, or None after reporting a fault."""
    try:
        data = copy.read(path)
    except OddFile as error:
        faults.add(path, str(error))
        return None
    if data is None:
        faults.add(path, "is missing")
    return data


def _length(path: str, name: TileName) -> int:
    """Return the expected length of the file at `path` that was read for `name`, its own or the full one."""
    return HASH_SIZE * (name.width if path == name.path else WIDTH)


def _split(hashes: bytes) -> Iterator[bytes]:
    return (hashes[at : at + HASH_SIZE] for at in range(0, len(hashes), HASH_SIZE))


def _levels(hashes: bytes) -> list[bytes]:
    """Return the concatenated hashes of every level of tiles."""
    levels = [hashes]
    step = HASH_SIZE * WIDTH
    while len(levels[-1]) >= step:
        below = levels[-1]
        whole = range(0, len(below) - step + 1, step)
        levels.append(b"".join(root_hash(list(_split(below[at : at + step]))) for at in whole))
    return levels


def _needed(levels: list[bytes]) -> Iterator[TileName]:
    """Yield every tile of the tree."""
    for level, hashes in enumerate(levels):
        count = len(hashes) // HASH_SIZE
        for index in range(-(-count // WIDTH)):
            yield TileName(level, index, min(WIDTH, count - index * WIDTH))


def _slice(levels: list[bytes], name: TileName) -> bytes:
    """Return the hashes that the leaves give for that tile, as far as they are signed (a bundle: its leaves')."""
    level = name.level or 0
    if level >= len(levels):
        return b""
    at = name.index * WIDTH * HASH_SIZE
    return levels[level][at : at + name.width * HASH_SIZE]
