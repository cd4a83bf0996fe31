"""The files of the log: names and contents of C2SP tlog-tiles, and the frames of the records.

A tile holds up to 256 consecutive hashes of one level: leaf hashes at level 0, roots of the full tiles below at
higher levels. A bundle holds the leaves of one level 0 tile. The last tile of a level may be *partial*, with its
width in its name. A file never changes once it has its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from notifier.audit.merkle import CompactRange, root_hash
from notifier.errors import MalformedError

HEIGHT: Final = 8  # levels of the tree in one tile
WIDTH: Final = 1 << HEIGHT
HIGHEST_LEVEL: Final = 63
CHECKPOINT: Final = "checkpoint"

_INDEX: Final = r"(?:x\d{3}/)*\d{3}"
_TILE: Final = re.compile(rf"tile/(\d{{1,2}}|entries)/({_INDEX})(?:\.p/(\d{{1,3}}))?", re.ASCII)
_RECORDS: Final = re.compile(rf"records/({_INDEX})", re.ASCII)


@dataclass(frozen=True, slots=True)
class TileName:
    """The name of a tile's file: `level` is None for an entry bundle, `width` is below 256 for a partial one."""

    level: int | None
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Return the path below the log's folder, with ``/`` between its parts."""
        level = "entries" if self.level is None else str(self.level)
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{level}/{_index_path(self.index)}{partial}"

    @property
    def full(self) -> TileName:
        """Return the name of the same tile once it is full."""
        return TileName(self.level, self.index)


def parse_tile_path(path: str) -> TileName | None:
    """Return the tile or bundle that `path` names, or None; only the canonical name of a tile is accepted."""
    found = _TILE.fullmatch(path)
    if found is None:
        return None
    level, index, width = found.groups()
    name = TileName(
        None if level == "entries" else int(level),
        int(index.replace("x", "").replace("/", "")),
        WIDTH if width is None else int(width),
    )
    return name if name.path == path and (name.level or 0) <= HIGHEST_LEVEL and 0 < name.width <= WIDTH else None


def records_path(index: int) -> str:
    """Return the path of the records of bundle `index`."""
    return f"records/{_index_path(index)}"


def parse_records_path(path: str) -> int | None:
    """Return the index of the records file that `path` names, or None."""
    found = _RECORDS.fullmatch(path)
    if found is None:
        return None
    index = int(found[1].replace("x", "").replace("/", ""))
    return index if records_path(index) == path else None


def open_tiles(size: int) -> Iterator[TileName]:
    """Yield the partial tiles of a tree of `size` leaves, from level 0 up; none for a level without one."""
    level = 0
    while size:
        if size % WIDTH:
            yield TileName(level, size // WIDTH, size % WIDTH)
        size //= WIDTH
        level += 1


def encode_hashes(hashes: Sequence[bytes]) -> bytes:
    """Return the contents of a tile."""
    return b"".join(hashes)


def decode_hashes(data: bytes) -> list[bytes]:
    """Return the hashes in a tile; raises `MalformedError` unless there are 1 to 256 whole ones."""
    if len(data) % 32 or not 0 < len(data) <= 32 * WIDTH:
        raise MalformedError(detail="a tile must hold 1 to 256 hashes of 32 bytes")
    return [data[at : at + 32] for at in range(0, len(data), 32)]


def encode_bundle(leaves: Sequence[bytes]) -> bytes:
    """Return the contents of a bundle: each leaf after its length (u16)."""
    return b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in leaves)


def decode_bundle(data: bytes) -> list[bytes]:
    """Return the leaves in a bundle; raises `MalformedError` unless there are 1 to 256 whole ones."""
    leaves, at = _frames(data, 2, WIDTH)
    if at != len(data) or not leaves:
        raise MalformedError(detail="a bundle must hold 1 to 256 leaves, and nothing else")
    return leaves


def encode_records(values: Sequence[bytes]) -> bytes:
    """Return the bytes to append to a records file: each value after its length (u32)."""
    return b"".join(len(value).to_bytes(4, "big") + value for value in values)


def decode_records(data: bytes, count: int) -> tuple[list[bytes], int]:
    """Return the first `count` values of a records file, and the position after them.

    Raises `MalformedError` where there are fewer. Later values are not yet covered by a checkpoint.
    """
    values, at = _frames(data, 4, count)
    if len(values) != count:
        raise MalformedError(detail=f"{count} records were expected, and {len(values)} are whole")
    return values, at


def _frames(data: bytes, length_size: int, most: int) -> tuple[list[bytes], int]:
    """Return up to `most` whole frames from the start of `data`, and the position after them."""
    frames: list[bytes] = []
    at = 0
    while len(frames) < most and at + length_size <= len(data):
        end = at + length_size + int.from_bytes(data[at : at + length_size], "big")
        if end > len(data):
            break
        frames.append(data[at + length_size : end])
        at = end
    return frames, at


@dataclass(frozen=True, slots=True)
class Tile:
    """A tile to be written."""

    level: int
    index: int
    hashes: tuple[bytes, ...]

    @property
    def name(self) -> TileName:
        """Return the name of its file."""
        return TileName(self.level, self.index, len(self.hashes))


class Frontier:
    """The right edge of a growing tree: the hashes of the open tile of each level."""

    def __init__(self, edges: Sequence[Sequence[bytes]] = ()) -> None:
        """Take the hashes in the open tile of each level from 0, fewer than 256 each."""
        if any(len(edge) >= WIDTH for edge in edges):
            raise ValueError("a full tile is not open")
        self._edges = [list(edge) for edge in edges]
        self._size = sum(len(edge) << HEIGHT * level for level, edge in enumerate(edges))

    @property
    def size(self) -> int:
        """Return the number of leaves of the tree."""
        return self._size

    def grow(self, leaf_hashes: Iterable[bytes]) -> list[Tile]:
        """Add leaves; return the tiles that became full, and the open ones that changed."""
        tiles: list[Tile] = []
        changed: set[int] = set()
        for one in leaf_hashes:
            self._size += 1
            level, node = 0, one
            while True:
                edge = self._edge(level)
                edge.append(node)
                if len(edge) < WIDTH:
                    changed.add(level)
                    break
                tiles.append(Tile(level, self._index(level) - 1, tuple(edge)))
                node = root_hash(edge)
                edge.clear()
                changed.discard(level)
                level += 1
        return tiles + [Tile(level, self._index(level), tuple(self._edges[level])) for level in sorted(changed)]

    def root(self) -> bytes:
        """Return the root over all leaves so far."""
        peaks: list[bytes] = []
        for edge in reversed(self._edges):
            part = CompactRange()
            part.extend(edge)
            peaks += part.peaks
        return CompactRange(self._size, peaks).root()

    def _edge(self, level: int) -> list[bytes]:
        if level == len(self._edges):
            self._edges.append([])
        return self._edges[level]

    def _index(self, level: int) -> int:
        return self._size >> HEIGHT * (level + 1)


def _index_path(index: int) -> str:
    """Return an index as a path: 1234067 is ``x001/x234/067``."""
    parts = [f"{index % 1000:03d}"]
    while index := index // 1000:
        parts.append(f"x{index % 1000:03d}")
    return "/".join(reversed(parts))
