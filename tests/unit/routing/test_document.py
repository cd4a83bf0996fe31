"""The document says what the rules do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from notifier.errors import REASONS

PROJECT = Path(__file__).parents[3]


def test_the_documented_table_is_the_default_rules():
    """Row by row, as the tool prints it."""
    printed = subprocess.run(
        [sys.executable, "tools/routing_table.py"], cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout
    assert printed.strip() in (PROJECT / "docs" / "routing.md").read_text()


def test_every_link_in_the_documents_leads_somewhere():
    """Files that the README and docs name exist."""
    import re

    for path in [PROJECT / "README.md", PROJECT / "SECURITY.md", *(PROJECT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text()):
            assert "://" in target or (path.parent / target).exists(), f"{path.name}: {target}"


def test_refusals_named_in_the_envelope_document_are_stable_reasons():
    """The document's words are the software's."""
    import re

    text = (PROJECT / "docs" / "envelope.md").read_text()
    for reason in ("bad_signature", "cannot_open", "replayed", "out_of_order", "hub_key_retired"):
        assert reason in REASONS
        assert re.search(rf"\b{reason}\b", text)
