"""Every command that a page or a help text shows, as a reader would copy it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click

from notifier.cli.main import notifier

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
REMARK = re.compile(r"\s+# .*")
SHOWN = ("notifier ", "venv/bin/notifier ", "mkdir ")
EXAMPLE = re.compile(r"Example: (.*)")


def blocks(page: Path, language: str = "") -> list[str]:
    """The code of a page in that language, block by block."""
    return [text for kind, text in BLOCK.findall(page.read_text()) if kind == language]


def of_page(page: Path) -> list[str]:
    """The commands of a page, from top to bottom."""
    lines = [line for text in blocks(page) for line in text.splitlines()]
    return [REMARK.sub("", line) for line in lines if line.startswith(SHOWN)]


def of_helps() -> dict[str, str]:
    """The example of each help, by the whole name of its verb."""
    return {name: found for name, command in _commands(notifier, "notifier") if (found := _example(command))}


def _example(command: click.Command) -> str | None:
    match = EXAMPLE.fullmatch(command.epilog or "")
    return match[1] if match else None


def _commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        with click.Context(command) as context:
            for verb in command.list_commands(context):
                inner = command.get_command(context, verb)
                assert inner is not None
                yield from _commands(inner, f"{name} {verb}")
