"""Kafka's jars: a lock file of Maven coordinates with SHA-256, downloaded once per user and checked always."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from notifier.errors import Temporary

LOCK: Final = Path(__file__).with_name("kafka.lock.json")
DOWNLOADS: Final = 8

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Jar:
    """One jar by its coordinates; `sha256` in hex."""

    group: str
    name: str
    version: str
    sha256: str

    @property
    def file_name(self) -> str:
        """Its name in the cache."""
        return f"{self.name}-{self.version}.jar"


def locked(lock: Path = LOCK) -> list[Jar]:
    """The jars of the lock file."""
    return [Jar(**row) for row in json.loads(lock.read_text())["jars"]]


def cache_folder() -> Path:
    """Where this user's jars are kept: below XDG_CACHE_HOME, else ~/.cache."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "notifier" / "kafka"


def fetch(progress: Progress, lock: Path = LOCK) -> Path:
    """The folder that holds every jar of the lock file, after downloading what it lacks; says how far it is.

    Raises `Temporary` (sandbox_failed) where a download fails or is not what the lock file says.
    """
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    jars = locked(lock)
    missing = [jar for jar in jars if not _good(folder / jar.file_name, jar)]
    if not missing:
        return folder
    progress(f"downloading Kafka, once for this user: {len(missing)} of {len(jars)} jars")
    # The library reports every file on standard output, which belongs to the verb's own document.
    with contextlib.redirect_stdout(io.StringIO()), ThreadPoolExecutor(DOWNLOADS) as pool:
        tasks = [pool.submit(_download, jar, folder) for jar in missing]
        for done, task in enumerate(as_completed(tasks), 1):
            task.result()
            if done % 10 == 0:
                progress(f"downloading Kafka: {done} of {len(missing)}")
    return folder


def _good(path: Path, jar: Jar) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == jar.sha256


def _download(jar: Jar, folder: Path) -> None:
    """Downloads beside the place and renames, so that an interrupted run leaves no half of a jar."""
    from maven_artifact import Artifact, Downloader
    from requests import RequestException

    partial = folder / f"{jar.file_name}.{os.getpid()}.part"
    try:
        Downloader().download(Artifact(jar.group, jar.name, jar.version), filename=str(partial))
        if not _good(partial, jar):
            raise Temporary("sandbox_failed", f"{jar.file_name} is not what the lock file says")
        partial.replace(folder / jar.file_name)
    except (RequestException, OSError) as error:
        raise Temporary(
            "sandbox_failed", f"{jar.file_name} cannot be downloaded", hint="check the network and run it again"
        ) from error
    finally:
        partial.unlink(missing_ok=True)
