"""Runs the test of a row without its controls, in a process that is forked for it.

The process that is forked has imported this module, and with it what the product and its tests depend on, but nothing
of the product: a control must be gone before any module takes it over.
"""

from __future__ import annotations

import os
import sys
import tempfile
import traceback

import aiokafka  # noqa: F401
import anyio  # noqa: F401
import click  # noqa: F401
import confluent_kafka.admin  # noqa: F401
import cryptography.x509  # noqa: F401
import fastavro  # noqa: F401
import hypothesis  # noqa: F401
import nacl.bindings  # noqa: F401
import prometheus_client  # noqa: F401
import pytest
import pytest_asyncio  # noqa: F401
import sqlalchemy.ext.asyncio  # noqa: F401
import starlette.applications  # noqa: F401
import structlog  # noqa: F401
import tuf.ngclient  # noqa: F401
import uvicorn  # noqa: F401
from plugin import BROKEN, take_all_away
from rows import Row

OPTIONS = (
    *("-q", "-x", "-p", "plugin", "-p", "no:cacheprovider", "--disable-socket", "--allow-unix-socket"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),  # of plugins that are imported here; none asserts anything
)


def run(row: Row) -> tuple[int, str]:
    """How the row's test ends without its controls, as plugin.py says it, and the last of what pytest printed."""
    os.environ["NOTIFIER_WITHOUT"] = row.without
    with tempfile.TemporaryFile("w+") as said:
        sys.stdout.flush()
        for stream in (1, 2):
            os.dup2(said.fileno(), stream)
        status = BROKEN
        try:
            take_all_away()
            status = int(pytest.main([*OPTIONS, row.test]))
        except Exception:
            traceback.print_exc()
        sys.stdout.flush()
        said.seek(0)
        return status, said.read()[-3300:]
