"""Every command that a page or a help text shows is one that works: none is refused as it stands.

Each page is played from top to bottom in one folder, with a home in its usual place and the examples; the helps come
after them, in the same folder. No broker runs here: what needs one says so. The README's page, and whatever starts a
sandbox, are played on a real one (tests/integration/test_readme.py).
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import pytest

from notifier.cli.main import SUMMARIES
from support.documented import PAGES, ROOT, blocks, of_helps, of_page
from support.homes import EXAMPLES, RECEIVED, SENT
from support.transcripts import Stage

SERVICES = "|".join(name for name, summary in SUMMARIES.items() if summary.endswith("(a service)"))
RUNS_ON = re.compile(rf"\bnotifier (?:{SERVICES}|subscribe(?!.*--until-idle))\b")
STARTS = re.compile(r"\bnotifier (?:demo|sandbox up)\b")
NEEDS_A_BROKER = re.compile(r"\bnotifier (?:doctor|forward|publish|sandbox|subscribe|outbox|inbox retry)\b")
NAMES_ANOTHER = re.compile(r"\b[A-Z]{2,}\b(?!/)|\.\.\.|\bstaged\b|" + SENT)  # a placeholder; what is nobody's here
FIRST_VERSION = "notifier rules diff previous"  # of which there is none before it

NEVER = ("usage", "internal", "config_invalid", "invalid_notification", "malformed")
"""A command that is shown is never wrong as a command, and never names a file or setting that is not there."""


@pytest.fixture(scope="module")
def stage(lived_in, tmp_path_factory):
    """A folder as a reader has it after the README's first steps."""
    folder = tmp_path_factory.mktemp("reader")
    shutil.copytree(lived_in, folder / ".notifier")
    shutil.copy(folder / ".notifier" / "directory" / "1.root.json", folder / "1.root.json")
    (folder / "examples").symlink_to(EXAMPLES)
    stage = Stage(folder)
    yield stage
    stage.close()


def as_played(command):
    """With an id of this home for the placeholder, and an end to what would run on."""
    received = "--as DEU" in command
    command = re.sub(r"\bID\b", RECEIVED if received else SENT, command).replace("venv/bin/", "")
    return re.sub(r"\bnotifier\b", "stopped TERM notifier", command, count=1) if RUNS_ON.search(command) else command


VERB = re.compile(r"\bnotifier \w+(?: [a-z]+\b)?")
SHOWN = [(page.name, command) for page in PAGES for command in of_page(page)]
SHOWN += [(f"{name} --help", example) for name, example in of_helps().items()]
ON_PAGES = {found[0] for place, command in SHOWN if place.endswith(".md") and (found := VERB.search(command))}


def test_there_are_commands_to_be_played():
    """Every page that shows one is read, and every help."""
    assert len(SHOWN) > 60
    assert {"README.md", "directory.md", "forwarding.md", "review.md"} <= {place for place, _ in SHOWN}


@pytest.mark.parametrize(("place", "command"), [one for one in SHOWN if not STARTS.search(one[1])])
def test_a_command_that_is_shown_works(stage, place, command):
    """It ends well, or for want of what only this folder lacks: a broker, or a message of that id."""
    seen = stage.run(as_played(command))
    said = "\n".join(seen.err)
    reason = re.search(r"^notifier: (\w+): ", said, re.MULTILINE)
    assert "no such file" not in said, f"{place}\n{seen}"
    assert reason is None or reason[1] not in NEVER, f"{place}\n{seen}"
    again = place.endswith("--help") and VERB.search(command)[0] in ON_PAGES  # what was done is not done twice
    lenient = NEEDS_A_BROKER.search(command) or NAMES_ANOTHER.search(command) or FIRST_VERSION in command or again
    assert seen.status in ((0, 1, 3) if lenient else (0,)), f"{place}\n{seen}"


def test_the_readme_s_python_says_one_line_where_there_is_no_sandbox(tmp_path):
    """What is missing, and what to do about it."""
    (tmp_path / "examples").symlink_to(EXAMPLES)
    (code,) = blocks(ROOT / "README.md", "python")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("config_invalid: .notifier/parties/TUR.spoc/config.toml: no such file")
