"""Randomness drawn ahead is the same randomness, each byte of it given once."""

from __future__ import annotations

import itertools
import random

from notifier.runtime import buffered


def test_no_byte_is_given_twice_and_none_is_made_up():
    """Pieces of any size are the source's bytes in their order."""
    source = random.Random(1)
    given = bytearray()

    def entropy(count):
        made = source.randbytes(count)
        given.extend(made)
        return made

    draw = buffered(entropy, block=64)
    sizes = [16, 40, 16, 0, 200, 1, 63, 64, 65]
    pieces = [draw(size) for size in sizes]
    assert [len(piece) for piece in pieces] == sizes
    position = 0
    for piece in pieces:
        position = given.find(piece, position)
        assert position >= 0
        position += len(piece)
    assert len(set(itertools.islice((draw(16) for _ in range(1000)), 1000))) == 1000
