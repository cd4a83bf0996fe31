"""The command line as a user meets it: help with an example, one line for an error, the right exit status."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from notifier.cli.main import notifier, run
from notifier.cli.verbs import ALIASES, GROUPS, VERBS

EXAMPLES = Path(__file__).parents[2] / "examples"


def commands(command, name="notifier"):
    """Yield every command below this one, with its whole name."""
    yield name, command
    if isinstance(command, click.Group):
        with click.Context(command) as context:
            for verb in command.list_commands(context):
                yield from commands(command.get_command(context, verb), f"{name} {verb}")


ALL = dict(commands(notifier))


@pytest.mark.parametrize("name", ALL)
def test_every_help_has_an_example(name):
    """Each help has an example and a text."""
    command = ALL[name]
    with click.Context(command, info_name=name) as context:
        text = command.get_help(context)
    assert "Example: " in text
    assert command.help


@pytest.mark.parametrize("name", ALL)
def test_a_short_help_is_a_whole_sentence_on_one_line(name):
    """In the list of a group on 80 columns; nothing is cut, and nothing wraps."""
    group, _, own = name.rpartition(" ")
    if not group or ALL[name].hidden:
        return
    with click.Context(ALL[group], info_name=group, terminal_width=80) as context:
        lines = ALL[group].get_help(context).splitlines()
        text = ALL[group].get_command(context, own).short_help
    assert [line.split(maxsplit=1) for line in lines if line.startswith("  ")].count([own, text]) == 1
    assert not text.endswith((".", "..."))
    assert text[0].isupper()


def test_the_help_has_every_verb_in_one_group():
    """In the order in which they are used; the former names of services are in none."""
    with click.Context(notifier, info_name="notifier") as context:
        lines = notifier.get_help(context).splitlines()
    assert [line.rstrip(":") for line in lines if line.rstrip(":") in GROUPS] == [*GROUPS]
    listed = [line.split()[0] for line in lines[lines.index("Send:") :] if line.startswith("  ")]
    assert listed[:-1] == [*VERBS]
    assert not {*ALIASES} & {*VERBS}


@pytest.mark.parametrize("service", ALIASES)
def test_a_service_has_its_former_name_still(said, service):
    """`notifier router` is `notifier run router`."""
    _, old, _ = said(service, "--help")
    _, new, _ = said("run", service, "--help")
    assert old.replace(f"notifier {service} [", f"notifier run {service} [", 1) == new
    assert said(service, "--colour")[0] == 2


def test_a_call_without_colours_or_notes_or_with_more_log(said, tmp_path, pristine):
    """-q keeps notes and warnings back, never a result or an error; -v lets more of the log through."""
    keys = ("--folder", "pub", "--keys", "keys")
    assert said("directory", "init", "--hub", "hub", *keys)[2].startswith("created pub; ")
    assert said("directory", "init", "--hub", "hub2", "--folder", "p2", "--keys", "k2", "-q") == (0, "", "")
    assert said("-q", "directory", "init", "--hub", "h3", "--folder", "p3", "--keys", "k3") == (0, "", "")
    assert said("directory", "show", "--quiet")[2].startswith("notifier: config_invalid: ")
    status, out, _ = said("route", ARREST, "--quiet")
    assert (status, out.splitlines()[0].startswith(ARREST)) == (0, True)
    status, _, err = said("track", "x", "-q", "--as", "TUR/spoc", "-v")
    assert (status, "-v and -q exclude each other" in err) == (2, True)


@pytest.mark.parametrize(
    ("options", "level"),
    [
        ([], "WARNING"),
        (["-v"], "INFO"),
        (["-vv"], "DEBUG"),
        (["-v", "-v"], "DEBUG"),
        (["-vvvv"], "DEBUG"),
        (["-q"], "ERROR"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("before", [True, False], ids=["before the verb", "behind it"])
def test_the_level_of_the_log_follows_the_options(said, monkeypatch, options, level, before):
    """They may stand before the verb or behind it."""
    found = []
    monkeypatch.setattr("notifier.telemetry.logging.configure", lambda **given: found.append(given))
    verb = ["subscribe", "--sink", "fax"]
    said(*(options + verb if before else verb + options))
    assert {logging.getLevelName(one["level"]) for one in found} == {level}


def test_no_escape_is_printed_without_colours(copied):
    """On a terminal, by --no-color as by NO_COLOR; without either, the log of a service has colours."""
    for options, environment, colours in (
        ([], {}, True),
        (["--no-color"], {}, False),
        ([], {"NO_COLOR": "1"}, False),
        ([], {"NO_COLOR": ""}, True),
    ):
        assert (
            "\x1b[" in _on_a_terminal([*options, "run", "auditor", "--home", str(copied)], environment)
        ) is colours


def _on_a_terminal(arguments, environment):
    """Run a service on a terminal until it prints; return the output."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "notifier", *arguments]
    kept = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | environment
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=kept, close_fds=True) as process:
        os.close(theirs)
        said = b""
        with contextlib.suppress(OSError):  # the terminal's end, once its last user is gone
            while chunk := os.read(ours, 4096):
                if not said:
                    process.terminate()
                said += chunk
    os.close(ours)
    return said.decode(errors="replace")


def test_the_list_of_verbs_loads_none_of_them():
    """Print it in a fresh process and look at what was imported."""
    code = "import sys; from notifier.cli.main import run; run(['--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "deportation" not in done.stdout
    for heavy in ("aiokafka", "sqlalchemy", "tuf", "pycountry", "nacl", "rich"):
        assert heavy not in done.stderr.split()


@pytest.fixture
def said(capsys, tmp_path, monkeypatch):
    """Run a command line in an empty folder: (exit status, standard output, standard error)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NOTIFIER_HOME", raising=False)

    def call(*arguments):
        status = run(arguments)
        out, err = capsys.readouterr()
        return status, out, err

    return call


ARREST = str(EXAMPLES / "arrest.json")


@pytest.mark.parametrize(
    ("arguments", "status", "begins"),
    [
        (["nonsense"], 2, "notifier: usage: "),
        (["route"], 2, "notifier: usage: "),
        (["track", "01997e5c-1c00-7c55-9a3e-0d3f5e0b8a11"], 2, "notifier: usage: no authority given"),
        (["publish", ARREST, "--as", "TUR/spoc"], 1, "notifier: config_invalid: there is no home"),
        (["inbox", "list", "--as", "TUR/spoc", "--home", "nowhere"], 1, "notifier: config_invalid: "),
        (["subscribe", "--as", "TUR/spoc"], 1, "notifier: config_invalid: "),
        (["why", "x", "--as", "TUR/spoc"], 1, "notifier: config_invalid: "),
        (["run", "router"], 1, "notifier: config_invalid: "),
        (["run", "auditor"], 1, "notifier: config_invalid: "),
        (["run", "publisher"], 2, "notifier: usage: no authority given (use --as, e.g. --as TUR/spoc)"),
        (["run", "subscriber", "--as", "TUR/spoc"], 1, "notifier: config_invalid: "),
        (["audit", "verify"], 2, "notifier: usage: no key of the log given"),
        (["directory", "show"], 1, "notifier: config_invalid: "),
        (["directory", "sign", "--folder", "x", "--keys", "y"], 1, "notifier: directory_invalid: "),
        (["route", "missing.json"], 1, "notifier: not_found: missing.json: no such file"),
        (
            ["subscribe", "--as", "TUR/spoc", "--sink", "fax:1"],
            2,
            "notifier: usage: unknown sink fax:1 (use jsonl:PATH or stdout)",
        ),
        (["demo", "--examples", "nowhere"], 1, "notifier: not_found: "),
        (["completion", "csh"], 2, "notifier: usage: "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_an_error_is_one_line_with_its_reason(said, arguments, status, begins):
    """On standard error, nothing on standard output, no traceback."""
    found, out, err = said(*arguments)
    assert (found, out) == (status, "")
    assert err.startswith(begins)
    assert err.count("\n") == 1


@pytest.mark.parametrize("text", [None, "[", "{}"], ids=["missing", "broken", "full of faults"])
def test_the_name_of_a_file_acts_on_no_terminal(said, tmp_path, text):
    """It may be another's, as what is in the file is."""
    name = "a\x1b[2J\u202e"
    if text is not None:
        (tmp_path / name).write_text(text)
    found, out, err = said("route", name)
    assert found == 1
    assert "a\\u001b[2J\\u202e" in out + err
    assert not set("\x1b\u202e") & set(out + err)


def test_a_hint_acts_on_no_terminal(said, pristine, tmp_path):
    """It may name a file, too: here the command that mends its rights."""
    home = tmp_path / "two\x1b[2Jlines\u202e"
    shutil.copytree(pristine, home)
    (home / "parties" / "TUR.spoc" / "signing.key").chmod(0o644)
    _, out, err = said("doctor", "--home", str(home), "--as", "TUR/spoc")
    assert "chmod 600" in out
    assert not set("\x1b\u202e") & set(out + err)


@pytest.mark.parametrize("arguments", [[], ["inbox"], ["review"]], ids=" ".join)
def test_a_verb_that_is_not_named_shows_which_there_are(said, arguments):
    """As it is laid out, and not as an error in a line."""
    found, out, err = said(*arguments)
    assert (found, out) == (2, "")
    assert err.startswith("Usage: ")
    assert err == said(*arguments, "--help")[1]


def test_a_broken_configuration_names_its_key(said, tmp_path):
    """A missing table, a wrong kind, an unknown key."""
    path = tmp_path / "party.toml"
    good = (
        'name = "TUR/spoc"\n[kafka]\nbootstrap = "h:1"\nca = "c"\ncertificate = "c"\nkey = "k"\n'
        '[directory]\nsource = "d"\nroot = "r"\ncache = "x"\n[keys]\nsigning = "s"\n'
    )
    for text, key in (
        ("not toml [", "is not TOML"),
        ('name = "x"', "[kafka]"),
        (good.replace('ca = "c"', "ca = 7"), "kafka.ca must be text"),
        (good.replace('ca = "c"\n', ""), "kafka.ca is mandatory"),
        (good + "colour = 1\n", "keys.colour is not a setting"),
        (good.replace('cache = "x"', 'cache = "x"\ngrace_seconds = -1'), "directory.grace_seconds"),
    ):
        path.write_text(text)
        status, _, err = said("inbox", "list", "--config", str(path))
        assert status == 1
        assert key in err
    path.write_text(good)
    assert "inbox is not set" in said("inbox", "list", "--config", str(path))[2]
    assert said("inbox", "list", "--config", str(path), "--as", "DEU/spoc")[0] == 2


def test_a_reader_that_goes_away_is_no_error_of_ours():
    """`notifier route ... | head` ends quietly."""
    command = f"{sys.executable} -m notifier route --home nowhere {EXAMPLES}/*.json | head -n 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr
    assert done.stdout.count("\n") == 1


def test_completion_knows_the_verbs():
    """As the shells ask for it."""
    environment = os.environ | {"_NOTIFIER_COMPLETE": "bash_complete", "COMP_WORDS": "notifier ro", "COMP_CWORD": "1"}
    code = "from notifier.cli.main import notifier; notifier(prog_name='notifier')"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False, timeout=60
    )
    assert {line.partition(",")[2] for line in done.stdout.splitlines()} == {"route"}
    assert run(["completion", "bash"]) == 0


def test_route_prints_one_document_for_one_file(said):
    """And the public form, exactly."""
    status, out, _ = said("route", str(EXAMPLES / "deportation-not-to.json"), "--json")
    assert status == 0
    assert json.loads(out) == {
        "rules_version": 1,
        "originator": "TUR/spoc",
        "nobody": False,
        "recipients": [
            {
                "authority": "AUT/spoc",
                "outcome": "send",
                "reasons": [{"rule": "destination", "paragraph": "3"}],
                "because": [],
            },
            {
                "authority": "BGR/spoc",
                "outcome": "suppress",
                "reasons": [{"rule": "transit", "paragraph": "3"}],
                "because": ["not_to"],
            },
            {
                "authority": "UTO/spoc",
                "outcome": "send",
                "reasons": [{"rule": "nationality", "paragraph": "3"}],
                "because": [],
            },
        ],
    }


def test_route_reads_many_and_answers_a_line_each(said, tmp_path):
    """Files, and JSON Lines."""
    files = sorted(str(path) for path in EXAMPLES.glob("*.json"))
    status, out, _ = said("route", *files, "--json")
    assert status == 0
    assert len([json.loads(line) for line in out.splitlines()]) == len(files)
    lines = tmp_path / "many.jsonl"
    lines.write_text("".join(json.dumps(json.loads(Path(one).read_text())) + "\n" for one in files[:3]))
    assert said("route", str(lines), "--json")[1].count("\n") == 3


def test_route_answers_a_line_for_each_of_many_refused_ones_too(said, tmp_path, monkeypatch):
    """In the order of the input: a program can tell which line is whose; what was given is not repeated."""
    good = json.loads((EXAMPLES / "arrest.json").read_text())
    bad = good | {"review_date": "soon", "religion": "x"}
    lines = "\n".join(json.dumps(one) for one in (good, bad, good))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lines.encode())))
    status, out, err = said("route", "-", "--json")
    first, second, third = (json.loads(line) for line in out.splitlines())
    assert (status, first) == (1, third)
    assert first["recipients"]
    assert second["reason"] == "invalid_notification"
    assert [fault["pointer"] for fault in second["faults"]] == ["/review_date", "/religion"]
    assert "standard input, line 2" in err
    assert "soon" not in out + err


def test_route_says_who_else_is_told_of_what_no_rule_decides(said):
    """An answer goes to the originator, a correction to those who were told: the rules name nobody."""
    for name, words in (
        ("response-nationality-denied", "the originator of the notification that it is about"),
        ("correction", "exactly those who were told"),
        ("case-5-release", "also: everyone who was told"),
    ):
        status, out, _ = said("route", str(EXAMPLES / f"{name}.json"))
        assert (status, words in out) == (0, True)


def test_route_lists_every_fault(said, tmp_path):
    """One line for the refusal, one for each fault, by its pointer."""
    path = tmp_path / "bad.json"
    path.write_text('{"type": "arrest", "colour": "blue"}')
    status, out, err = said("route", str(path))
    assert (status, out) == (1, "")
    assert err.startswith("notifier: invalid_notification: ")
    assert "/colour: is not a field of this format" in err
    assert "/subject: is mandatory" in err
    path.write_text("{")
    assert said("route", str(path))[2].startswith("notifier: malformed: ")


HOME = ["--home", "nowhere"]


@pytest.mark.parametrize(
    ("before", "behind"),
    [
        (["--home", "nowhere", "inbox", "list", "--as", "TUR/spoc"], ["inbox", "list", *HOME, "--as", "TUR/spoc"]),
        (["--home=nowhere", "--as=TUR/spoc", "track", "x"], ["track", "x", *HOME, "--as", "TUR/spoc"]),
        (["--json", "--as", "TUR/spoc", "why", "x", *HOME], ["why", "x", "--json", "--as", "TUR/spoc", *HOME]),
        (["--config", "none.toml", "person", "list"], ["person", "list", "--config", "none.toml"]),
        (["--as", "TUR/spoc", "run", "router", *HOME], ["run", "router", "--as", "TUR/spoc", *HOME]),
        (["--json", "audit", "verify", *HOME], ["audit", "verify", "--json", *HOME]),
    ],
)
def test_common_options_may_stand_before_the_verb(capsys, monkeypatch, tmp_path, before, behind):
    """They mean what they mean behind it, what the verb does not take is refused alike."""
    monkeypatch.chdir(tmp_path)
    answers = [(run(one), *capsys.readouterr()) for one in (before, behind)]
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["inbox", "list", "--colour"], "see notifier inbox list --help"),
        (["publish", "--timeout", "soon"], "see notifier publish --help"),
        (["nonsense"], "see notifier --help"),
        (["forward", "01997e5c-1c00-7c55-9a3e-0d3f5e0b8a11"], "see notifier forward --help"),
    ],
)
def test_a_usage_error_names_the_help_of_the_verb_at_hand(capsys, arguments, hint):
    """Not that of the whole command."""
    assert run(arguments) == 2
    assert capsys.readouterr().err.rstrip().endswith(f"({hint})")


@pytest.mark.parametrize(
    ("arguments", "status", "reason"),
    [
        (["inbox", "list", *HOME, "--as", "TUR/spoc", "--json"], 1, "config_invalid"),
        (["publish", "no-such-file", *HOME, "--json"], 1, "not_found"),
        (["track", "x", "--json", *HOME], 2, "usage"),
        (["--json", "why", "--colour"], 2, "usage"),
        (["subscribe", "--json"], 2, "usage"),
    ],
)
def test_with_json_every_error_is_a_document(capsys, arguments, status, reason):
    """On standard output, beside the line on standard error: the same reason, words and hint."""
    assert run(arguments) == status
    out, err = capsys.readouterr()
    error = json.loads(out)["error"]
    assert error["reason"] == reason
    hint = f" ({error['hint']})" if error["hint"] else ""
    assert err == f"notifier: {reason}: {error['detail']}{hint}\n"


def test_what_a_verb_answered_is_the_only_document(capsys, tmp_path):
    """A doctor that finds something wrong has said so in its own document; a dry run lists its faults."""
    (tmp_path / "parties" / "TUR.spoc").mkdir(parents=True)
    (tmp_path / "parties" / "TUR.spoc" / "config.toml").write_text("name = 7")
    assert run(["doctor", "--home", str(tmp_path), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["ok"] is False
    (tmp_path / "list.json").write_text("[1]")
    assert run(["route", str(tmp_path / "list.json"), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["faults"] == [{"pointer": "", "message": "must be an object"}]
