"""Record a session of the README as a picture: `python tools/terminal.py HOME`, with a new sandbox up in HOME.

Runs the commands, and writes what they print to docs/terminal.svg. The picture has no script and loads nothing.
"""

from __future__ import annotations

import subprocess
import sys
from html import escape
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
PICTURE: Final = ROOT / "docs" / "terminal.svg"
COMMANDS: Final = (
    "notifier route examples/deportation-two-nationalities.json",
    "notifier publish examples/deportation-two-nationalities.json --as TUR/spoc --wait",
    "notifier subscribe --as DEU/spoc --until-idle 2",
    "notifier track ID --as TUR/spoc",
    "notifier why ID DEU/spoc --as TUR/spoc",
    "notifier audit verify",
)
CHARACTER: Final = 7.8  # pixels, at 13 px
LINE: Final = 18
MARGIN: Final = 16


def recorded(home: Path) -> list[str]:
    """Return commands and output, line by line; raises `CalledProcessError` for a command that fails."""
    lines: list[str] = []
    own = "ID"
    for command in COMMANDS:
        words = [*command.replace("ID", own).split(), "--home", str(home)]
        done = subprocess.run(
            words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True
        )
        if "publish" in command:
            own = done.stdout[:36]
        lines += [f"$ {command.replace('ID', own)}", *done.stdout.splitlines(), ""]
    return lines[:-1]


def picture(lines: list[str]) -> str:
    """Return the lines as SVG; commands are in bold."""
    width = round(max(map(len, lines)) * CHARACTER) + 2 * MARGIN
    height = len(lines) * LINE + 2 * MARGIN
    rows = "\n".join(_row(line, MARGIN + LINE * number - 5) for number, line in enumerate(lines, 1) if line)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" role="img">\n'
        "<title>notifier in a terminal</title>\n"
        "<style>text{font:13px monospace;fill:#d8dee9;white-space:pre}.c{font-weight:bold;fill:#a3be8c}</style>\n"
        f'<rect width="{width}" height="{height}" rx="8" fill="#242933"/>\n{rows}\n</svg>\n'
    )


def _row(line: str, y: int) -> str:
    kind = ' class="c"' if line.startswith("$ ") else ""
    return f'<text x="{MARGIN}" y="{y}"{kind}>{escape(line)}</text>'


if __name__ == "__main__":
    PICTURE.write_text(picture(recorded(Path(sys.argv[1]))))
