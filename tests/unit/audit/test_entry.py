"""The audit entry: what goes in comes out, and nothing else is read."""

from __future__ import annotations

import json

import pytest

from notifier.audit.entry import AuditEntry
from notifier.errors import MalformedError
from notifier.shipped import schemas_folder

ENTRY = AuditEntry(
    salt=bytes(range(16)),
    kind="decision",
    digest=b"d" * 32,
    originator="TUR/spoc",
    audience="TUR/spoc",
    stream=b"s" * 16,
    number=7,
    outcome="rejected",
    reason="expired",
    accepted_at=1_795_000_000_000,
    statement_leaf=b"l" * 32,
    inputs_digest=b"i" * 32,
    rules_version=3,
    directory_version=4,
)
BARE = ENTRY._replace(
    digest=None,
    originator=None,
    audience=None,
    stream=None,
    number=None,
    reason=None,
    statement_leaf=None,
    inputs_digest=None,
)


@pytest.mark.parametrize("entry", [ENTRY, BARE])
@pytest.mark.parametrize("kind", ["decision", "delivery", "directory", "act"])
def test_an_entry_reads_as_it_was_written(entry, kind):
    """Every kind of entry survives encoding."""
    entry = entry._replace(kind=kind)
    assert AuditEntry.decode(entry.encode()) == entry


def test_truncated_or_prolonged_entries_are_refused():
    """Part of an entry is no entry, and neither is an entry with something behind it."""
    encoded = ENTRY.encode()
    for data in [*(encoded[:size] for size in range(len(encoded))), encoded + b"\0"]:
        with pytest.raises(MalformedError):
            AuditEntry.decode(data)


def test_wrong_sizes_are_not_written():
    """A digest of another length never gets into the log."""
    with pytest.raises(ValueError):
        ENTRY._replace(digest=b"short").encode()


def test_every_field_is_documented():
    """A third party can read an entry by the schema alone."""
    schema = json.loads((schemas_folder() / "AuditEntry.avsc").read_text())
    assert schema["doc"]
    assert [field["name"] for field in schema["fields"]] == list(AuditEntry._fields)
    assert all(field["doc"] for field in schema["fields"])
