"""What counts as one document of an input, and the ids that notifications get."""

from __future__ import annotations

import uuid

import pytest

from notifier.names import uuid7
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


def test_an_id_is_a_uuid_of_version_seven_that_sorts_by_time():
    """RFC 9562: version and variant bits, the time first."""
    earlier = uuid7(1_795_000_000_000, lambda size: b"\xff" * size)
    later = uuid7(1_795_000_000_001, lambda size: b"\x00" * size)
    assert earlier < later
    for one in (earlier, later):
        assert uuid.UUID(bytes=one).version == 7
        assert uuid.UUID(bytes=one).variant == uuid.RFC_4122
    assert int.from_bytes(earlier[:6], "big") == 1_795_000_000_000
