"""The Merkle tree of RFC 6962 and RFC 9162 over SHA-256.

A tree is given by its *leaf hashes* (32 bytes each, in order). Neighbours are paired level by level, and an odd last
node is lifted unchanged. That makes the same tree as the recursive definition of RFC 9162, section 2.1.1. The whole
tree is thus a list of levels, and a proof is the siblings on the way up. `CompactRange` holds only the roots of the
complete subtrees, and grows by one leaf with constant amortised work.

The verifiers return None or raise `ProofError`, for any input.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

from notifier.errors import ProofError

HASH_SIZE: Final = 32
EMPTY_ROOT: Final = hashlib.sha256().digest()


def leaf_hash(data: bytes) -> bytes:
    """Return SHA-256(0x00 | data), the leaf's hash of RFC 9162, section 2.1.1."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 | left | right), an inner node's hash of RFC 9162, section 2.1.1."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_hash(leaf_hashes: Sequence[bytes]) -> bytes:
    """Return the root over these leaf hashes; SHA-256 of nothing where there are none."""
    return _levels(leaf_hashes)[-1][0] if leaf_hashes else EMPTY_ROOT


def inclusion_path(index: int, leaf_hashes: Sequence[bytes]) -> list[bytes]:
    """Return PATH(index, leaves) of RFC 9162, section 2.1.3.1; raises ValueError where there is no such leaf."""
    if not 0 <= index < len(leaf_hashes):
        raise ValueError(f"no leaf {index} among {len(leaf_hashes)}")
    return _siblings(_levels(leaf_hashes), 0, index)


def inclusion_paths(leaf_hashes: Sequence[bytes]) -> tuple[bytes, list[tuple[bytes, ...]]]:
    """Return the root and every leaf's inclusion path, computing the tree once."""
    if not leaf_hashes:
        return EMPTY_ROOT, []
    *below, (root,) = _levels(leaf_hashes)
    paths: list[tuple[bytes, ...]] = [()]
    for row in reversed(below):
        # A path is the node's sibling, if it has one, and then its parent's path.
        last = len(row) - 1
        paths = [
            (row[node ^ 1], *paths[node >> 1]) if node ^ 1 <= last else paths[node >> 1] for node in range(len(row))
        ]
    return root, paths


def consistency_path(size1: int, leaf_hashes: Sequence[bytes]) -> list[bytes]:
    """Return PROOF(size1, leaves) of RFC 9162, section 2.1.4.1: the first `size1` leaves are a prefix of this tree.

    It is empty where `size1` is 0 or the whole size. Raises ValueError where `size1` is out of range.
    """
    if not 0 <= size1 <= len(leaf_hashes):
        raise ValueError(f"{size1} is not a size of a tree that grew to {len(leaf_hashes)}")
    if size1 in (0, len(leaf_hashes)):
        return []
    levels = _levels(leaf_hashes)
    level, node = 0, size1 - 1
    while node & 1:
        level, node = level + 1, node >> 1
    # The verifier knows the last subtree of the old tree only where that is the whole old tree.
    own = [levels[level][node]] if node else []
    return own + _siblings(levels, level, node)


def verify_inclusion(index: int, size: int, leaf_hash: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Raise `ProofError` unless `leaf_hash` is leaf `index` of the tree with `size` leaves and this `root`.

    See RFC 9162, section 2.1.3.2; `proof` is the inclusion path, 32 bytes each.
    """
    _check_hashes(root)
    if root_of_path(index, size, leaf_hash, proof) != root:
        raise ProofError(detail="the proof leads to another root")


def root_of_path(index: int, size: int, leaf_hash: bytes, proof: Sequence[bytes]) -> bytes:
    """Return the only root for which `proof` shows that `leaf_hash` is leaf `index` of `size` leaves.

    Raises `ProofError` where there is none: a path of the wrong length, or an index out of range.
    """
    if not 0 <= index < size:
        raise ProofError(detail="the index is not below the size")
    _check_hashes(leaf_hash, *proof)
    fn, sn, computed = index, size - 1, leaf_hash
    for sibling in proof:
        if sn == 0:
            raise ProofError(detail="the proof is too long")
        if fn & 1 or fn == sn:
            computed = node_hash(sibling, computed)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            computed = node_hash(computed, sibling)
        fn, sn = fn >> 1, sn >> 1
    if sn:
        raise ProofError(detail="the proof is too short")
    return computed


def verify_consistency(size1: int, size2: int, proof: Sequence[bytes], root1: bytes, root2: bytes) -> None:
    """Raise `ProofError` unless the tree (`size2`, `root2`) is (`size1`, `root1`) with leaves appended.

    See RFC 9162, section 2.1.4.2. The empty tree is a prefix of every tree, and a tree of itself; both by an empty
    proof.
    """
    if not 0 <= size1 <= size2:
        raise ProofError(detail="the sizes are not in order")
    _check_hashes(root1, root2, *proof)
    if size1 == 0 and root1 != EMPTY_ROOT:
        raise ProofError(detail="the empty tree has another root")
    if size1 in (0, size2):
        if proof:
            raise ProofError(detail="the proof is too long")
        if size1 == size2 and root1 != root2:
            raise ProofError(detail="two roots for one size")
        return
    _walk_consistency(size1, size2, proof, root1, root2)


def _walk_consistency(size1: int, size2: int, proof: Sequence[bytes], root1: bytes, root2: bytes) -> None:
    """Check RFC 9162, section 2.1.4.2, steps 2 to 8, for 0 < `size1` < `size2`."""
    path = list(proof) if size1 & (size1 - 1) else [root1, *proof]
    if not path:
        raise ProofError(detail="the proof is too short")
    fn, sn = size1 - 1, size2 - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    first = second = path[0]
    for sibling in path[1:]:
        if sn == 0:
            raise ProofError(detail="the proof is too long")
        if fn & 1 or fn == sn:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            second = node_hash(second, sibling)
        fn, sn = fn >> 1, sn >> 1
    if sn:
        raise ProofError(detail="the proof is too short")
    if first != root1:
        raise ProofError(detail="the proof does not lead to the first root")
    if second != root2:
        raise ProofError(detail="the proof does not lead to the second root")


class CompactRange:
    """A growing tree, held as the roots of its complete subtrees, largest first."""

    __slots__ = ("_peaks", "_size")

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        """Take one peak per set bit of `size`, from the highest; raises ValueError where the count differs."""
        if size < 0 or len(peaks) != size.bit_count():
            raise ValueError(f"{len(peaks)} peaks do not make a tree of {size}")
        self._size = size
        self._peaks = list(peaks)

    @property
    def size(self) -> int:
        """Return the number of leaves."""
        return self._size

    @property
    def peaks(self) -> tuple[bytes, ...]:
        """Return the roots of the complete subtrees, largest first."""
        return tuple(self._peaks)

    def append(self, leaf_hash: bytes) -> None:
        """Add one leaf's hash."""
        merges, node = self._size, leaf_hash
        while merges & 1:
            node = node_hash(self._peaks.pop(), node)
            merges >>= 1
        self._peaks.append(node)
        self._size += 1

    def extend(self, leaf_hashes: Iterable[bytes]) -> None:
        """Add many leaves' hashes, in order."""
        for one in leaf_hashes:
            self.append(one)

    def root(self) -> bytes:
        """Return the root over all leaves so far."""
        if not self._peaks:
            return EMPTY_ROOT
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = node_hash(peak, root)
        return root


def _levels(leaf_hashes: Sequence[bytes]) -> list[Sequence[bytes]]:
    """Return all levels of a tree of at least one leaf, from the leaves to the root."""
    levels: list[Sequence[bytes]] = [leaf_hashes]
    while len(levels[-1]) > 1:
        below = levels[-1]
        level = [node_hash(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)]
        if len(below) & 1:
            level.append(below[-1])
        levels.append(level)
    return levels


def _siblings(levels: Sequence[Sequence[bytes]], level: int, node: int) -> list[bytes]:
    """Return the siblings from a node up to the root; a lifted node has none."""
    path = []
    for row in levels[level:-1]:
        if node ^ 1 < len(row):
            path.append(row[node ^ 1])
        node >>= 1
    return path


def _check_hashes(*hashes: bytes) -> None:
    if any(len(one) != HASH_SIZE for one in hashes):
        raise ProofError(detail=f"a hash must have {HASH_SIZE} bytes")
