"""Bad days with the broker, as transcripts: one file a condition, in tests/integration/transcripts."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.homes import copy_examples
from support.transcripts import Stage

FILES = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))


@pytest.fixture
def stage(world, tmp_path, nursery):
    """A folder with the tier's home in its usual place, and the examples."""
    (tmp_path / ".notifier").symlink_to(world.home)
    copy_examples(tmp_path / "examples")
    return Stage(tmp_path, nursery)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_command_ends_as_the_transcript_says(stage, path):
    """What is printed where, and the exit status."""
    stage.play(path.read_text())
