"""The README's page and the tutorial, played from top to bottom on a real sandbox, as a reader would."""

from __future__ import annotations

import re
import subprocess
import sys

from support import sandbox as support
from support.documented import ROOT, blocks, of_page
from support.transcripts import Stage


def test_the_page_works_in_its_order_and_ends_by_itself(world, fork_server, tmp_path):
    """Every command ends well; the Python block receives what it published, and ends."""
    (tmp_path / ".notifier").symlink_to(world.home)
    support.examples_of_their_own(tmp_path / "examples")
    stage = Stage(tmp_path, fork_server)
    for command in of_page(ROOT / "README.md"):
        seen = stage.run(command)
        assert seen.status == 0, str(seen)
        assert seen.out or "sandbox up" in command or "subscribe" in command, str(seen)
    (code,) = blocks(ROOT / "README.md", "python")
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=support.PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].endswith(" arrest")


def test_the_tutorial_works_in_its_order(world, fork_server, tmp_path):
    """Every command ends well, with the id that `publish` printed where the page says ID."""
    (tmp_path / ".notifier").symlink_to(world.home)
    support.examples_of_their_own(tmp_path / "examples")
    stage = Stage(tmp_path, fork_server)
    own = "ID"
    for command in of_page(ROOT / "docs" / "tutorial.md"):
        if "sandbox down" in command:  # the sandbox is shared with other tests
            continue
        seen = stage.run(re.sub(r"\bID\b", own, command))
        assert seen.status == 0, str(seen)
        if "notifier publish" in command:
            own = re.search(r"^[0-9a-f-]{36}", "\n".join(seen.out))[0]
        if re.search(r"\bID\b", command):
            assert own in "\n".join(seen.out), str(seen)
