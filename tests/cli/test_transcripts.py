"""Bad input to every verb, as transcripts: one file a condition, in tests/cli/transcripts."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import click
import pytest

from notifier.cli.main import VERBS, notifier
from support.homes import copy_examples
from support.transcripts import Stage, parse

TRANSCRIPTS = Path(__file__).parent / "transcripts"
FILES = sorted(TRANSCRIPTS.glob("*.txt"))


@pytest.fixture
def stage(lived_in, tmp_path, arrest, fork_server):
    """A folder with a home in its usual place, a notification of TUR/spoc, and the examples."""
    shutil.copytree(lived_in, tmp_path / ".notifier")
    copy_examples(tmp_path / "examples")
    (tmp_path / "arrest.json").write_text(json.dumps(arrest))
    return Stage(tmp_path, fork_server)


@pytest.fixture
def bare(tmp_path, fork_server):
    """An empty folder."""
    return Stage(tmp_path, fork_server)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_command_ends_as_the_transcript_says(stage, path):
    """What is printed where, and the exit status; the transcripts may mount what only they see."""
    stage.play(path.read_text())


# A demo makes its own world (it is stopped and spoiled in tests/integration); completion reads nothing; a dry run has
# no key and no certificate, and disturbs nobody; a sandbox asks no clock and has no authority of its own.
ABSENT = {
    "broken-json": "completion demo",
    "broker-down": "completion demo",
    "clock": "completion demo sandbox",
    "closed-pipe": "demo",
    "full-disk": "completion demo",
    "interrupted": "completion demo",
    "read-only-home": "completion",
    "somebody-elses-key": "completion demo route sandbox",
    "two-at-once": "completion demo forward outbox oversight route why",
    "unknown-authority": "audit auditor completion demo router sandbox",
    "unknown-field": "demo",
    "wrong-certificate": "completion demo route sandbox",
}


def test_every_verb_meets_every_condition_that_it_can():
    """A new verb belongs in each transcript: those in which it does not appear are named here, with the reason."""
    played = {path.stem: [step.command for step in parse(path.read_text())] for path in FILES}
    absent = {
        (condition, verb)
        for condition, commands in played.items()
        for verb in VERBS
        if not any(re.search(rf"\bnotifier {verb}\b", command) for command in commands)
    }
    assert absent == {(condition, verb) for condition, verbs in ABSENT.items() for verb in verbs.split()}


# A sandbox says what it does on standard error, and so do verbs that change the directory; what a party answers on
# enrolment it writes nowhere, and a key is retired once its authority is enrolled.
TOLD_BESIDES = {f"directory {one}" for one in ("drop", "freshen", "permit", "remove", "rotate", "suspend")}
TOLD_BESIDES |= {f"directory {one}" for one in ("key add", "key revoke", "key rotate", "log add", "log revoke")}
NO_MATTER = {
    "closed-pipe": {"demo", "sandbox down", "sandbox up", *TOLD_BESIDES},
    "full-disk": {"completion", "demo", "directory rotate"},
    "missing-home": set(),
    "read-only-home": {"completion"},
}


def commands(group=notifier, path=()):
    """Every command of the tree, in the words by which it is called."""
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name))


@pytest.mark.parametrize("condition", NO_MATTER)
def test_every_command_meets_what_may_befall_any(condition):
    """Not only every verb: each of its commands has something of its own to write, to read, or to say."""
    played = [step.command for step in parse((TRANSCRIPTS / f"{condition}.txt").read_text())]
    absent = {one for one in commands() if not any(re.search(rf"\bnotifier {one}\b", line) for line in played)}
    assert absent == NO_MATTER[condition]


@pytest.mark.parametrize(
    ("transcript", "fits"),
    [
        ("$ echo one\n1> one", True),
        ("$ echo one\n1> two", False),
        ("$ echo one", False),
        ("$ echo one\n1> one\nexit 1", False),
        ("$ echo one >&2; exit 3\n2> o...\nexit 3", True),
        ("$ echo one >&2; exit 3\n1> one\nexit 3", False),
        ("$ printf '1\\n2\\n3\\n'\n1> 1\n1> ...\n1> 3", True),
        ("$ printf '1\\n2\\n'\n1> <number>\n1> <id>", False),
        ('$ echo \'{"event": "fault", "reason": "x"}\' >&2\nlog> fault, x', True),
        ('$ echo \'{"event": "fault", "reason": "x"}\' >&2', False),
        ("$ true\nlog> fault, x", False),
    ],
)
def test_a_transcript_that_is_wrong_is_found(bare, transcript, fits):
    """The player itself: a line more, a line less, another line, another status."""
    if fits:
        bare.play(transcript)
        return
    with pytest.raises(AssertionError, match="the transcript says"):
        bare.play(transcript)
