"""20 Decompression, Avro or JSON bombs: a small input that needs more memory or time than its reader has.

The attacker writes to intake, is an originator that signs any text, or gives a user a file. Control: nothing is
compressed. Sizes are capped before parsing; depth, counts, numbers and texts during it. Each bomb is read in a
process that may grow by 96 MiB, and is one clean refusal. tests/integration/test_exhaustion.py shows the real broker
refusing a compressed batch.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from notifier.sandbox.administration import topics
from notifier.topics import feed_of
from notifier.transport.kafka.sending import PRODUCER
from support.bombs import BOMBS, committed

TESTS = Path(__file__).parents[1]
SECONDS = 5  # of processor time; what is quadratic takes minutes
LONGEST_WORDS = 64 * 1024


def exploded(name):
    """Return the capped process's answer to the bomb, or its end."""
    paths = (str(TESTS), str(TESTS.parent), os.environ.get("PYTHONPATH", ""))
    done = subprocess.run(
        [sys.executable, "-m", "support.bombs", name],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
    )
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_one_clean_refusal(name):
    """With its reason, in few words, in little time; no traceback, no memory that is not there."""
    found = exploded(name)
    assert found["reason"] == BOMBS[name][2]
    assert found["said"] < LONGEST_WORDS
    assert found["seconds"] < SECONDS


def test_the_bombs_of_the_corpus_fit():
    """Those by which the parsers were once seen to fail, all in one process; what is within bounds is taken."""
    assert exploded("corpus") == {"read": len([*committed()])}


def test_nothing_is_compressed():
    """Neither by us nor, whatever a producer does, in any topic; and one write has a measure."""
    assert PRODUCER["compression_type"] is None
    for topic in topics([feed_of("AUT/spoc")], 4):
        assert topic.settings["compression.type"] == "uncompressed", topic.name
        assert int(topic.settings["max.message.bytes"]) <= 1024 * 1024, topic.name
