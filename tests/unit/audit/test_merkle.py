"""The Merkle tree against a literal transcription of RFC 9162 and the reference values of RFC 6962 logs."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.audit import merkle
from notifier.errors import ProofError
from support.drawing import examples

SIZES = range(1, 34)


def mth(leaves):
    """MTH of RFC 9162, section 2.1.1, word for word."""
    n = len(leaves)
    if n == 0:
        return hashlib.sha256(b"").digest()
    if n == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = split(n)
    return hashlib.sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def split(n):
    """Return the largest power of two smaller than n."""
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def path(m, leaves):
    """PATH of RFC 9162, section 2.1.3.1, word for word."""
    n = len(leaves)
    if n == 1:
        return []
    k = split(n)
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def subproof(m, leaves, b):
    """SUBPROOF of RFC 9162, section 2.1.4.1, word for word."""
    n = len(leaves)
    if m == n:
        return [] if b else [mth(leaves)]
    k = split(n)
    if m <= k:
        return [*subproof(m, leaves[:k], b), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], False), mth(leaves[:k])]


def tree(size):
    leaves = [b"leaf %d" % number for number in range(size)]
    return leaves, [merkle.leaf_hash(leaf) for leaf in leaves]


def refused(call, *arguments):
    with pytest.raises(ProofError) as caught:
        call(*arguments)
    assert caught.value.reason == "proof_invalid"


VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "audit" / "merkle.json").read_text())


def test_roots_are_those_of_other_implementations():
    """A root computed here is the root that any RFC 6962 log computes."""
    assert merkle.root_hash([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    hashes = [merkle.leaf_hash(bytes.fromhex(leaf)) for leaf in VECTORS["roots"]["leaves"]]
    assert [merkle.root_hash(hashes[:size]).hex() for size in range(1, 9)] == VECTORS["roots"]["roots"]


def outcome(verify, *arguments):
    try:
        verify(*arguments)
    except ProofError as error:
        return error.reason
    return "ok"


@pytest.mark.parametrize("vector", VECTORS["inclusion"], ids=lambda vector: vector["name"])
def test_inclusion_vectors(vector):
    """Each vector has one fault, and is refused for it; those without one hold."""
    leaf, root, *proof = map(bytes.fromhex, [vector["leaf_hash"], vector["root"], *vector["proof"]])
    assert outcome(merkle.verify_inclusion, vector["index"], vector["size"], leaf, proof, root) == vector["class"]


@pytest.mark.parametrize("vector", VECTORS["consistency"], ids=lambda vector: vector["name"])
def test_consistency_vectors(vector):
    """Each vector has one fault, and is refused for it; those without one hold."""
    root1, root2, *proof = map(bytes.fromhex, [vector["root1"], vector["root2"], *vector["proof"]])
    sizes = vector["size1"], vector["size2"]
    assert outcome(merkle.verify_consistency, *sizes, proof, root1, root2) == vector["class"]


@pytest.mark.parametrize("size", SIZES)
def test_roots_and_proofs_are_those_of_the_rfc(size):
    """Roots, inclusion and consistency proofs of every small tree are what the RFC's recursion gives."""
    leaves, hashes = tree(size)
    assert merkle.root_hash(hashes) == mth(leaves)
    root, paths = merkle.inclusion_paths(hashes)
    assert root == merkle.root_hash(hashes)
    assert [list(one) for one in paths] == [path(index, leaves) for index in range(size)]
    assert [merkle.inclusion_path(index, hashes) for index in range(size)] == [list(one) for one in paths]
    for before in range(1, size + 1):
        assert merkle.consistency_path(before, hashes) == subproof(before, leaves, True)


@pytest.mark.parametrize("size", SIZES)
def test_right_proofs_hold(size):
    """Every leaf proves its place, and every earlier tree proves to have begun this one."""
    _, hashes = tree(size)
    root = merkle.root_hash(hashes)
    for index, proof in enumerate(merkle.inclusion_paths(hashes)[1]):
        merkle.verify_inclusion(index, size, hashes[index], proof, root)
    for before in range(size + 1):
        proof = merkle.consistency_path(before, hashes)
        merkle.verify_consistency(before, size, proof, merkle.root_hash(hashes[:before]), root)


@pytest.mark.parametrize("size", range(1, 18))
def test_no_leaf_proves_another_place_and_no_edited_proof_holds(size):
    """A proof speaks of one leaf at one index of one tree only."""
    _, hashes = tree(size)
    root = merkle.root_hash(hashes)
    for index, proof in enumerate(merkle.inclusion_paths(hashes)[1]):
        for other in range(-1, size + 2):
            if other != index:
                refused(merkle.verify_inclusion, other, size, hashes[index], proof, root)
        for edited in edits(proof):
            refused(merkle.verify_inclusion, index, size, hashes[index], edited, root)
        refused(merkle.verify_inclusion, index, size, bytes(32), proof, root)
        refused(merkle.verify_inclusion, index, size, hashes[index], proof, bytes(32))


@pytest.mark.parametrize("size", range(1, 18))
def test_no_edited_consistency_proof_holds(size):
    """A history that was rewritten has no consistency proof."""
    _, hashes = tree(size)
    root = merkle.root_hash(hashes)
    for before in range(size + 1):
        earlier = merkle.root_hash(hashes[:before])
        proof = merkle.consistency_path(before, hashes)
        for edited in edits(proof):
            refused(merkle.verify_consistency, before, size, edited, earlier, root)
        refused(merkle.verify_consistency, before, size, proof, bytes(32), root)
        if before:
            refused(merkle.verify_consistency, before, size, proof, earlier, bytes(32))
            refused(merkle.verify_consistency, -before, size, proof, earlier, root)
            refused(merkle.verify_consistency, size + before, size, proof, earlier, root)


def edits(proof):
    """`proof` with one hash changed, missing, doubled, or of a wrong length."""
    yield [*proof, bytes(32)]
    for position, one in enumerate(proof):
        yield [*proof[:position], bytes([one[0] ^ 1]) + one[1:], *proof[position + 1 :]]
        yield [*proof[:position], *proof[position + 1 :]]
        yield [*proof[:position], one, *proof[position:]]
        yield [*proof[:position], one[:-1], *proof[position + 1 :]]
        yield [*proof[:position], one + b"\0", *proof[position + 1 :]]


@settings(max_examples=examples(300))
@given(
    st.integers(-2, 2**65),
    st.integers(-2, 2**65),
    st.lists(st.binary(min_size=32, max_size=32), max_size=70),
    st.binary(max_size=33),
)
def test_verifiers_are_total(one, two, proof, value):
    """Any numbers and bytes at all are a clean refusal."""
    refused(merkle.verify_inclusion, one, two, value, proof, b"\x01" * 32)
    refused(merkle.verify_consistency, one, two, proof, value, b"\x01" * 31)


def test_paths_of_leaves_that_are_not_there():
    """Asking for a proof of what the tree does not have is an error of the caller."""
    _, hashes = tree(3)
    assert merkle.inclusion_paths([]) == (merkle.EMPTY_ROOT, [])
    for index in (-1, 3):
        with pytest.raises(ValueError, match="no leaf"):
            merkle.inclusion_path(index, hashes)
    for size in (-1, 4):
        with pytest.raises(ValueError, match="is not a size"):
            merkle.consistency_path(size, hashes)


def test_a_growing_tree_has_every_root():
    """The compact range has the same root as the whole tree at every size, also when taken up again."""
    _, hashes = tree(70)
    growing = merkle.CompactRange()
    for size, leaf in enumerate(hashes):
        assert (growing.size, growing.root()) == (size, merkle.root_hash(hashes[:size]))
        again = merkle.CompactRange(growing.size, growing.peaks)
        again.extend(hashes[size:])
        assert again.root() == merkle.root_hash(hashes)
        growing.append(leaf)


def test_peaks_that_do_not_fit_the_size():
    """A compact range cannot be taken up with the wrong number of peaks."""
    with pytest.raises(ValueError, match="do not make a tree"):
        merkle.CompactRange(3, [bytes(32)])


def detail(call, *arguments):
    with pytest.raises(ProofError) as caught:
        call(*arguments)
    return caught.value.detail


def test_a_refused_inclusion_proof_says_why():
    """The error names the cause: index, length of the path, length of a hash, or the root."""
    _, hashes = tree(5)
    root, proof = merkle.root_hash(hashes), merkle.inclusion_path(4, hashes)
    check = merkle.verify_inclusion
    assert detail(check, 5, 5, hashes[4], proof, root) == "the index is not below the size"
    assert detail(check, 4, 5, hashes[4], [*proof, bytes(32)], root) == "the proof is too long"
    assert detail(check, 4, 5, hashes[4], [], root) == "the proof is too short"
    assert detail(check, 4, 5, hashes[4], [bytes(32)], root) == "the proof leads to another root"
    for wrong in ((hashes[4], [b"short"], root), (b"short", proof, root), (hashes[4], proof, b"short")):
        assert detail(check, 4, 5, *wrong) == "a hash must have 32 bytes"


def test_a_refused_consistency_proof_says_why():
    """Sizes, roots, and the length of the path, also where a proof must be empty."""
    _, hashes = tree(7)
    first, second = merkle.root_hash(hashes[:3]), merkle.root_hash(hashes)
    proof, check = merkle.consistency_path(3, hashes), merkle.verify_consistency
    check(3, 7, proof, first, second)
    assert detail(check, 8, 7, proof, first, second) == "the sizes are not in order"
    assert detail(check, -1, 7, proof, first, second) == "the sizes are not in order"
    assert detail(check, 0, 7, [], bytes(32), second) == "the empty tree has another root"
    assert detail(check, 0, 7, proof, merkle.EMPTY_ROOT, second) == "the proof is too long"
    assert detail(check, 7, 7, proof, second, second) == "the proof is too long"
    assert detail(check, 7, 7, [], first, second) == "two roots for one size"
    assert detail(check, 3, 7, [], first, second) == "the proof is too short"
    assert detail(check, 4, 7, [], merkle.root_hash(hashes[:4]), second) == "the proof is too short"
    assert detail(check, 3, 7, proof[:-1], first, second) == "the proof is too short"
    assert detail(check, 3, 7, [*proof, bytes(32)], first, second) == "the proof is too long"
    assert detail(check, 3, 7, proof, bytes(32), second) == "the proof does not lead to the first root"
    assert detail(check, 3, 7, proof, first, bytes(32)) == "the proof does not lead to the second root"
    for wrong in ((proof, b"short", second), (proof, first, b"short"), ([b"short", *proof[1:]], first, second)):
        assert detail(check, 3, 7, *wrong) == "a hash must have 32 bytes"
