"""Rewrites the golden decisions: `python tests/golden`. Read the difference before you commit it."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

from notifier.directory.builtin import builtin_snapshot

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
CASES = importlib.import_module("golden.cases")


def main() -> None:
    """Write one line per case: its name, and the decision."""
    world = builtin_snapshot()
    for name, cases in CASES.FILES.items():
        lines = [
            f"{json.dumps(title)}: {json.dumps(CASES.outcome(document, treaty=treaty, world=world))}"
            for title, document, treaty in cases()
        ]
        (HERE / f"{name}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
