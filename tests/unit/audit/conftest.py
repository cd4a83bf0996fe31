"""Fixtures of the audit tests: a key."""

from __future__ import annotations

import pytest

from notifier.audit.checkpoint import Signer
from notifier.crypto.keys import SigningKey


@pytest.fixture(scope="session")
def signer() -> Signer:
    """Return the log's signing key."""
    return Signer.of("log.notifier.example", SigningKey.from_secret(b"a" * 32))
