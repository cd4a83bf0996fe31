"""Every command that a page or a help text shows is one that works: none is refused as it stands.

Each page is played from top to bottom in a folder of its own, with a home in its usual place and the examples; the
helps in one where all the pages were played. No broker runs here: what needs one says so. The README's page and
the tutorial are played on a real one (tests/integration/test_readme.py).
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import pytest

from support.documented import PAGES, ROOT, blocks, of_helps, of_page
from support.homes import EXAMPLES, RECEIVED, SENT
from support.transcripts import Stage

RUNS_ON = re.compile(r"\bnotifier (?:run [a-z]|subscribe\b(?!.*--until-idle))")
STARTS = re.compile(r"\bnotifier (?:demo|sandbox up)\b")
NEEDS_A_BROKER = re.compile(r"\bnotifier (?:doctor|forward|publish|sandbox|subscribe|outbox|inbox retry)\b")
NAMES_ANOTHER = re.compile(r"\b[A-Z]{2,}\b(?!/)|\.\.\.|\bstaged\b|" + SENT)  # a placeholder; what is nobody's here
FIRST_VERSION = "notifier rules diff previous"  # of which there is none before it

NEVER = ("usage", "internal", "config_invalid", "invalid_notification", "malformed")
"""A command that is shown is never wrong as a command, and never names a file or setting that is not there."""


@pytest.fixture
def stage(lived_in, fork_server, tmp_path):
    """Make the folder that a reader has after the README's first steps."""
    shutil.copytree(lived_in, tmp_path / ".notifier")
    shutil.copy(tmp_path / ".notifier" / "directory" / "1.root.json", tmp_path / "1.root.json")
    (tmp_path / "examples").symlink_to(EXAMPLES)
    return Stage(tmp_path, fork_server)


def as_played(command):
    """Return a command with an id of this home for the placeholder, and with an end if it runs on."""
    received = "--as DEU" in command
    command = re.sub(r"\bID\b", RECEIVED if received else SENT, command).replace("venv/bin/", "")
    return re.sub(r"\bnotifier\b", "stopped TERM notifier", command, count=1) if RUNS_ON.search(command) else command


def played(stage, commands, done=frozenset()):
    """Play the commands in order; return the steps that failed. Those `done` before may fail the second time."""
    wrong = []
    for command in commands:
        if STARTS.search(command):
            continue
        seen = stage.run(as_played(command))
        said = "\n".join(seen.err)
        reason = re.search(r"^notifier: (\w+): ", said, re.MULTILINE)
        lenient = NEEDS_A_BROKER.search(command) or NAMES_ANOTHER.search(command) or FIRST_VERSION in command
        lenient = lenient or any(command.startswith(one) for one in done)
        never = reason is not None and reason[1] in NEVER
        if never or "no such file" in said or seen.status not in ((0, 1, 3) if lenient else (0,)):
            wrong.append(str(seen))
    return wrong


SHOWN = {page: commands for page in PAGES if (commands := of_page(page))}
VERB = re.compile(r"\bnotifier \w+(?: [a-z]+\b)?")


def test_there_are_commands_to_be_played():
    """Every page that shows one is read, and every help."""
    assert len(of_helps()) > 40
    assert {"README.md", "directory.md", "forwarding.md", "review.md"} <= {page.name for page in SHOWN}


@pytest.mark.parametrize("page", SHOWN, ids=lambda page: page.stem)
def test_every_command_of_a_page_works(stage, page):
    """It ends well, or for want of what only this folder lacks: a broker, or a message of that id."""
    assert played(stage, SHOWN[page]) == []


def test_every_example_of_a_help_works(stage):
    """In a folder where the pages' acts were done, so that the files are there that the examples name."""
    acts = [command for page in SHOWN if page.name not in ("README.md", "tutorial.md") for command in SHOWN[page]]
    for command in acts:
        if not STARTS.search(command):
            stage.run(as_played(command))
    assert (
        played(stage, of_helps().values(), {VERB.search(command)[0] for command in acts if VERB.search(command)})
        == []
    )


def test_the_readme_s_python_says_one_line_where_there_is_no_sandbox(tmp_path):
    """The line names what is missing and the remedy."""
    (tmp_path / "examples").symlink_to(EXAMPLES)
    (code,) = blocks(ROOT / "README.md", "python")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("config_invalid: .notifier/parties/FRA.spoc/config.toml: no such file")
