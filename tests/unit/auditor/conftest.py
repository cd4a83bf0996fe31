"""Fixtures of the log tests: entries, a key, and a log of both."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from notifier.audit.checkpoint import Signer
from notifier.audit.entry import AuditEntry
from notifier.auditor.store import LogStore
from notifier.crypto.keys import SigningKey


def entry(number: int) -> bytes:
    """Return the encoded audit entry of that number; every one differs."""
    return AuditEntry(
        salt=number.to_bytes(16, "big"),
        kind="delivery",
        digest=number.to_bytes(32, "big"),
        originator="TUR/spoc",
        audience="DEU/spoc",
        stream=b"s" * 16,
        number=number + 1,
        outcome="accepted",
        reason=None,
        accepted_at=1_795_000_000_000 + number,
        statement_leaf=b"l" * 32,
        inputs_digest=None,
        rules_version=1,
        directory_version=1,
    ).encode()


def records(start: int, stop: int) -> list[tuple[int, bytes]]:
    """Return records of the audit topic; every third offset is a transaction's marker."""
    return [(number + number // 2, entry(number)) for number in range(start, stop)]


def write(folder, signer, sizes, disk=None) -> LogStore:
    """Return a closed log written in batches that ended at `sizes`."""
    store = LogStore.open(folder, signer, disk)
    try:
        for size in sizes:
            store.append(records(store.size, size))
    finally:
        store.close()
    return store


@pytest.fixture(scope="session")
def signer() -> Signer:
    """Return the log's signing key."""
    return Signer.of("log.notifier.example", SigningKey.from_secret(b"a" * 32))


@pytest.fixture(scope="session")
def make() -> SimpleNamespace:
    """`entry`, `records` and `write`."""
    return SimpleNamespace(entry=entry, records=records, write=write)
