"""The fuzzer's corpus through the fuzzer's targets, without the fuzzer: what was found once stays found."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path

import pytest

from fuzz.targets import SCHEMAS, TARGETS
from notifier.shipped import schemas_folder

CORPUS = Path(__file__).parents[1] / "fuzz" / "corpus"
FILES = sorted(path for path in CORPUS.glob("*/*") if path.is_file())
SECONDS = 5
MEMORY = 64 * 1024 * 1024


def test_every_target_has_a_corpus_that_it_accepts_and_every_corpus_a_target():
    """A folder that is missing, empty or misnamed would test nothing."""
    assert {path.name for path in CORPUS.iterdir()} == set(TARGETS)
    for name in TARGETS:
        assert list((CORPUS / name).glob("valid-*")), f"no valid seed for {name}"


def test_every_schema_is_fuzzed():
    """A new one is added at the end of the list: the corpus names schemas by their place."""
    assert {path.stem for path in schemas_folder().glob("*.avsc")} == set(SCHEMAS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_an_input_is_taken_or_refused_cleanly_in_time_and_memory(path):
    """A refused valid seed means that a format has changed: `python tests/fuzz --seeds` rewrites them."""
    target, data = TARGETS[path.parent.name], path.read_bytes()
    target(b"")  # caches and lazy imports are not the input's cost
    tracemalloc.start()
    try:
        started = time.process_time()
        accepted = target(data)
        assert time.process_time() - started < SECONDS
        assert tracemalloc.get_traced_memory()[1] < MEMORY
    finally:
        tracemalloc.stop()
    assert accepted or not path.name.startswith("valid-")
