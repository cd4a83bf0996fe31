"""The files of the log: their names and contents are those of C2SP tlog-tiles."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.audit import merkle, tiles
from notifier.audit.tiles import Frontier, TileName
from notifier.errors import MalformedError


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (TileName(0, 0), "tile/0/000"),
        (TileName(2, 0, 1), "tile/2/000.p/1"),
        (TileName(0, 273, 112), "tile/0/273.p/112"),
        (TileName(0, 1_234_067), "tile/0/x001/x234/067"),
        (TileName(None, 1_234_067, 255), "tile/entries/x001/x234/067.p/255"),
    ],
)
def test_names(name, path):
    """A tile is found where any reader of tiled logs looks for it."""
    assert name.path == path
    assert tiles.parse_tile_path(path) == name


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/0",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/0/x000/001",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/999",
        "tile/0/001/002",
        "tile/entries/000/",
        "tile/0/\N{ARABIC-INDIC DIGIT ZERO}00",
        "records/000",
        "checkpoint",
        "",
    ],
)
def test_names_that_are_none(path):
    """Every tile has one name, and nothing else has any."""
    assert tiles.parse_tile_path(path) is None


def test_records_names():
    """Records lie under the index of their bundle, and under no other name."""
    for index in (0, 999, 1_000, 1_234_067):
        assert tiles.parse_records_path(tiles.records_path(index)) == index
    for path in ("records/0", "records/x000/001", "tile/0/000", "records/000.p/1"):
        assert tiles.parse_records_path(path) is None


def test_the_example_of_the_specification():
    """A tree of 70,000 has the tiles that C2SP tlog-tiles says."""
    frontier = Frontier()
    written = frontier.grow(merkle.leaf_hash(number.to_bytes(4, "big")) for number in range(70_000))
    names = [tile.name for tile in written]
    assert sum(name.level == 0 and name.width == 256 for name in names) == 273
    assert sum(name.level == 1 and name.width == 256 for name in names) == 1
    partial = [TileName(0, 273, 112), TileName(1, 1, 17), TileName(2, 0, 1)]
    assert [name for name in names if name.width < 256] == partial
    assert list(tiles.open_tiles(70_000)) == partial
    assert list(tiles.open_tiles(256)) == [TileName(1, 0, 1)]
    assert list(tiles.open_tiles(0)) == []


@given(st.lists(st.integers(0, 300), max_size=6))
def test_a_frontier_has_every_root(batches):
    """However leaves come in, the root is that of the whole tree, also for one taken up from its open tiles."""
    frontier = Frontier()
    hashes: list[bytes] = []
    written: dict[TileName, tuple[bytes, ...]] = {}
    for count in batches:
        new = [merkle.leaf_hash(number.to_bytes(4, "big")) for number in range(len(hashes), len(hashes) + count)]
        written |= {tile.name: tile.hashes for tile in frontier.grow(new)}
        hashes += new
        assert frontier.root() == merkle.root_hash(hashes)
        edges: list[list[bytes]] = [[] for _ in range(4)]
        for name in tiles.open_tiles(len(hashes)):
            edges[name.level] = list(written[name])
        again = Frontier(edges)
        assert (again.size, again.root()) == (len(hashes), merkle.root_hash(hashes))


def test_a_full_tile_is_not_open():
    """A frontier cannot be taken up from a tile that should have been folded."""
    with pytest.raises(ValueError, match="full tile"):
        Frontier([[bytes(32)] * 256])


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=20))
def test_bundles_and_records_read_as_written(values):
    """Written values are read back; bytes after the counted records are left alone."""
    assert tiles.decode_bundle(tiles.encode_bundle(values)) == values
    data = tiles.encode_records(values)
    assert tiles.decode_records(data, len(values)) == (values, len(data))
    assert tiles.decode_records(data + b"\0\0\0\5tor", len(values)) == (values, len(data))


@given(st.binary(max_size=64), st.integers(0, 4))
def test_readers_are_total(data, count):
    """Any bytes at all are read, or refused as malformed."""
    for read in (tiles.decode_bundle, tiles.decode_hashes, lambda some: tiles.decode_records(some, count)):
        try:
            read(data)
        except MalformedError:
            continue


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\5abc", tiles.encode_bundle([b"x"] * 257)])
def test_broken_bundles(data):
    """A bundle that is cut short, empty or too long is refused."""
    with pytest.raises(MalformedError):
        tiles.decode_bundle(data)


@pytest.mark.parametrize("size", [0, 31, 33, 32 * 257])
def test_broken_tiles(size):
    """A tile holds whole hashes, 1 to 256 of them."""
    with pytest.raises(MalformedError):
        tiles.decode_hashes(bytes(size))
