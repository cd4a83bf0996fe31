"""What counts as one document of an input, and the ids that notifications get."""

from __future__ import annotations

import pytest

from notifier.producers.sources import documents


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ('{"a": 1}', 1),
        ('{"a": 1}\n', 1),
        ('{\n  "a": {\n    "b": 1\n  }\n}\n', 1),
        ('{"a": 1}\n{"a": 2}\n', 2),
        ('{"a": 1}\r\n\r\n{"a": 2}', 2),
        ("not json\nat all", 1),
    ],
)
def test_a_file_is_one_document_or_one_on_each_line(text, count):
    """Indented JSON is one document, JSON Lines as many as there are lines; nothing is lost of neither."""
    found = documents(text)
    assert len(found) == count
    assert "".join("".join(found).split()) == "".join(text.split())
