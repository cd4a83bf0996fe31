"""Bad conditions for every verb: one transcript for each, in tests/cli/transcripts."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import click
import pytest

from notifier.cli.main import notifier
from notifier.cli.verbs import SERVICES, VERBS
from support.homes import copy_examples
from support.transcripts import Stage, parse

TRANSCRIPTS = Path(__file__).parent / "transcripts"
FILES = sorted(TRANSCRIPTS.glob("*.txt"))


@pytest.fixture
def stage(lived_in, tmp_path, arrest, fork_server):
    """Make a folder with a home in its usual place, a notification of TUR/spoc, and the examples."""
    shutil.copytree(lived_in, tmp_path / ".notifier")
    copy_examples(tmp_path / "examples")
    (tmp_path / "arrest.json").write_text(json.dumps(arrest))
    return Stage(tmp_path, fork_server)


@pytest.fixture
def bare(tmp_path, fork_server):
    """Make an empty folder."""
    return Stage(tmp_path, fork_server)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_command_ends_as_the_transcript_says(stage, path):
    """Output, errors and exit status are those of the transcript."""
    stage.play(path.read_text())


UNITS = [*(verb for verb in VERBS if verb != "run"), *(f"run {service}" for service in SERVICES)]
# A demo makes its own world (it is stopped and spoiled in tests/integration); completion reads nothing; a dry run has
# no key and no certificate, and disturbs nobody; a sandbox asks no clock and has no authority of its own.
ABSENT = {
    "broken-json": {"completion", "demo"},
    "broker-down": {"completion", "demo"},
    "clock": {"completion", "demo", "sandbox"},
    "closed-pipe": {"demo"},
    "full-disk": {"completion", "demo"},
    "interrupted": {"completion", "demo"},
    "read-only-home": {"completion"},
    "somebody-elses-key": {"completion", "demo", "route", "sandbox"},
    "two-at-once": {"completion", "demo", "forward", "outbox", "oversight", "route", "why"},
    "unknown-authority": {"audit", "run auditor", "completion", "demo", "run router", "sandbox"},
    "unknown-field": {"demo"},
    "wrong-certificate": {"completion", "demo", "route", "sandbox"},
}


def test_every_verb_meets_every_condition_that_it_can():
    """A new verb belongs in each transcript: those in which it does not appear are named here, with the reason."""
    played = {path.stem: [step.command for step in parse(path.read_text())] for path in FILES}
    absent = {
        (condition, verb)
        for condition, commands in played.items()
        for verb in UNITS
        if not any(re.search(rf"\bnotifier {verb}\b", command) for command in commands)
    }
    assert absent == {(condition, verb) for condition, verbs in ABSENT.items() for verb in verbs}


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
    """Yield every command of the tree by its whole name, without the hidden ones."""
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        if command.hidden:
            continue
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
