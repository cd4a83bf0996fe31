"""Bad days with the broker, as transcripts: one file a condition, in tests/integration/transcripts."""

from __future__ import annotations

from pathlib import Path

import pytest

from notifier.sandbox.sandbox import Sandbox
from support.homes import copy_examples
from support.transcripts import Stage

FILES = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))


@pytest.fixture
def stage(world, tmp_path, fork_server):
    """A folder with the tier's home in its usual place, and the examples; a home that was left running is ended."""
    (tmp_path / ".notifier").symlink_to(world.home)
    copy_examples(tmp_path / "examples")
    yield Stage(tmp_path, fork_server)
    for home in tmp_path.glob("*/sandbox.json"):
        if not home.parent.is_symlink():
            Sandbox(home.parent).down(lambda _text: None)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_command_ends_as_the_transcript_says(stage, path):
    """What is printed where, and the exit status."""
    stage.play(path.read_text())
