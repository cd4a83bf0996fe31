"""Write the pages of docs/reference that are made from the code: `python tools/reference.py`.

Verbs, settings, reasons, metrics and the SDK each have a page. A test compares the pages with what this script makes.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import click

import notifier
from notifier import config, errors
from notifier.cli.main import notifier as command_line
from notifier.telemetry.metrics import EVERY, SERVICES

ROOT: Final = Path(__file__).parents[1]
FOLDER: Final = ROOT / "docs" / "reference"
MADE: Final = "<!-- made by tools/reference.py: change the code, then run it -->"
TABLES: Final = (
    ("", config.Settings),
    ("kafka", config.KafkaSettings),
    ("directory", config.DirectorySettings),
    ("keys", config.KeySettings),
    ('oversees."AUTHORITY"', config.Overseen),
)
"""The tables of a configuration file, with the class of each."""

COMMON: Final = ("--home", "--config", "--as", "--json", "--help")
"""Options that verbs share; the page names them once."""


def pages() -> dict[str, str]:
    """Return the text of each page by its file name."""
    makers: dict[str, Callable[[], Iterator[str]]] = {
        "cli.md": _cli,
        "configuration.md": _configuration,
        "errors.md": _errors,
        "metrics.md": _metrics,
        "sdk.md": _sdk,
    }
    return {name: "\n".join(maker()).rstrip() + "\n" for name, maker in makers.items()}


def _cli() -> Iterator[str]:
    yield from ("# Command line", "", MADE, "")
    yield from ("Options may stand before the verb, too. Reading verbs take `--json`: [JSON documents](json.md).", "")
    yield from (
        "| exit status | meaning |",
        "|---|---|",
        "| 0 | done |",
        "| 1 | refused, with the reason on one line |",
    )
    yield from ("| 2 | the command line is wrong |", "| 3 | temporary: trying again helps |", "| 130 | interrupted |")
    yield from ("", "| common option | meaning |", "|---|---|")
    yield "| `--home PATH` | the sandbox's folder; else `NOTIFIER_HOME`, else `.notifier` |"
    yield "| `--config PATH` | a configuration file in place of the home |"
    yield "| `--as AUTHORITY` | the party that acts, as `TUR/spoc` |"
    yield "| `--json` | print one JSON document |"
    for name, command in _commands(command_line, "notifier"):
        yield from ("", f"## {name}", "")
        yield from _verb(name, command)


def _commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        with click.Context(command) as context:
            for verb in command.list_commands(context):
                inner = command.get_command(context, verb)
                if inner is not None and not inner.hidden:
                    yield from _commands(inner, f"{name} {verb}")


def _verb(name: str, command: click.Command) -> Iterator[str]:
    yield from _paragraphs(command.help or command.short_help or "")
    with click.Context(command, info_name=name) as context:
        if not isinstance(command, click.Group):
            usage = " ".join([name, *command.collect_usage_pieces(context)])
            yield from ("", "```sh", usage, "```")
        shown = [one for one in command.get_params(context) if not set(one.opts) & set(COMMON)]
        options = [record for one in shown if (record := one.get_help_record(context))]
    if options:
        yield from ("", "| option | meaning |", "|---|---|")
        for option, meaning in options:
            yield f"| `{_cell(option)}` | {_cell(meaning)} |"
    if command.epilog:
        yield from ("", f"{command.epilog.replace('Example: ', 'Example: `', 1)}`")


def _configuration() -> Iterator[str]:
    yield from ("# Configuration", "", MADE, "")
    yield "A party reads one TOML file: `--config FILE`, or `parties/NAME/config.toml` below the home. Every wrong"
    yield f"key is named. Paths are relative to the file. It holds at most {config.MAX_FILE // 1024} KiB."
    for table, settings in TABLES:
        yield from ("", f"## [{table}]" if table else "## Top level", "")
        yield from ("| key | type | default | meaning |", "|---|---|---|---|")
        said = inspect.getdoc(settings) or ""
        for key in dataclasses.fields(settings):
            if key.name in ("path", "kafka", "directory", "keys", "oversees"):
                continue
            default = "mandatory" if key.default is dataclasses.MISSING else _default(key.default)
            if (table, key.name) == ('oversees."AUTHORITY"', "name"):
                continue
            yield f"| `{key.name}` | {_type(str(key.type))} | {default} | {_meaning(said, key.name)} |"
        yield from ("", _flat(said.partition("\n\n")[0]))


def _default(value: object) -> str:
    return "none" if value in (None, ()) else f"`{value}`"


def _type(annotation: str) -> str:
    words = {"str": "text", "Path": "file or folder", "int": "whole number", "tuple[Path, ...]": "list of files"}
    bare = annotation.removesuffix(" | None")
    return words.get(bare, bare)


def _meaning(text: str, name: str) -> str:
    sentences = re.split(r"(?<=[.;])\s+", _flat(text))
    return _cell(" ".join(one for one in sentences if f"`{name}`" in one))


def _errors() -> Iterator[str]:
    yield from ("# Errors and reasons", "", MADE, "")
    yield "Every refusal carries one stable reason, the same in logs, metrics, topics, exit lines and documents."
    yield from ("", "## The tree", "", "```text")
    yield inspect.cleandoc(errors.__doc__ or "").split("::\n\n")[1].split("\n\n")[0]
    yield from ("```", "", "## The reasons", "", "| reason | meaning |", "|---|---|")
    yield from (f"| `{reason}` | {_cell(meaning)} |" for reason, meaning in errors.REASONS.items())


def _metrics() -> Iterator[str]:
    yield from ("# Metrics", "", MADE, "")
    yield "Prometheus metrics, served on `/metrics` of each service (`listen`). Labels have bounded values and never"
    yield "name a participant. Every counter exists from the start at 0."
    for service, registry in (*SERVICES.items(), ("every service", EVERY)):
        yield from ("", f"## {service.capitalize()}", "", "| metric | type | labels | meaning |", "|---|---|---|---|")
        for metric in registry.collect():
            labels = sorted({label for sample in metric.samples for label in sample.labels} - {"le"})
            name = f"{metric.name}_total" if metric.type == "counter" else metric.name
            yield f"| `{name}` | {metric.type} | {', '.join(labels)} | {_cell(metric.documentation)} |"


def _sdk() -> Iterator[str]:
    yield from ("# Python SDK", "", MADE, "")
    yield "These names are public: `from notifier import ...`. All else may change."
    for name in notifier.__all__:
        thing = getattr(notifier, name)
        yield from ("", f"## {name}", "")
        yield from _paragraphs(inspect.getdoc(thing) or "")
        if inspect.isclass(thing):
            for method, member in _members(thing):
                yield from ("", f"### {name}.{method}", "")
                if (signature := _signature(member)) is not None:
                    yield from ("```python", f"{method}{signature}", "```", "")
                yield from _paragraphs(inspect.getdoc(_plain(member)) or "")


def _members(thing: type) -> Iterator[tuple[str, Any]]:
    for name, member in vars(thing).items():
        if not name.startswith("_") and (callable(_plain(member)) or isinstance(member, property)):
            yield name, member


def _plain(member: Any) -> Any:
    if isinstance(member, property):
        return member.fget
    return member.__func__ if isinstance(member, classmethod | staticmethod) else member


def _signature(member: Any) -> str | None:
    if isinstance(member, property) or inspect.isclass(member):
        return None
    text = str(inspect.signature(_plain(member)))
    text = re.sub(r"<[^<>]*>|Runtime\(.*?\)\)?(?=[,)])", "...", text.replace("'", ""))
    return re.sub(r"\((?:self|cls)(?:, )?", "(", text, count=1)


def _paragraphs(text: str) -> Iterator[str]:
    for number, paragraph in enumerate(inspect.cleandoc(text.replace("\b\n", "").replace("\f", "")).split("\n\n")):
        if number:
            yield ""
        yield _escaped(paragraph if "::" in paragraph else paragraph.replace("``", "`"))


def _flat(text: str) -> str:
    return " ".join(text.replace("``", "`").split())


def _escaped(text: str) -> str:
    return re.sub(r"<(?=[a-zA-Z/])", "&lt;", text)


def _cell(text: str) -> str:
    return _escaped(_flat(text)).replace("|", "\\|")


def main() -> int:
    """Write every page; return the exit status."""
    for name, text in pages().items():
        (FOLDER / name).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
