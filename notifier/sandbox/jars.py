"""Kafka's jars: a lock file of Maven coordinates with SHA-256, downloaded once per user and always checked."""

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
from typing import Any, Final

from notifier.errors import TemporaryError

LOCK: Final = Path(__file__).with_name("kafka.lock.json")
DOWNLOADS: Final = 8
REQUEST_TIMEOUT_S: Final = 120  # without a byte from the server
_SETTINGS: Final = (
    "behind a proxy set HTTPS_PROXY, and REQUESTS_CA_BUNDLE where it has a certificate authority of its own; then "
    "run it again"
)
_SUSPECT: Final = "something between here and repo.maven.apache.org answers in its place: check HTTPS_PROXY"

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Jar:
    """A jar by its coordinates; `sha256` is in hex."""

    group: str
    name: str
    version: str
    sha256: str

    @property
    def file_name(self) -> str:
        """Return its name in the cache."""
        return f"{self.name}-{self.version}.jar"


def locked(lock: Path = LOCK) -> list[Jar]:
    """Return the jars of the lock file."""
    return [Jar(**row) for row in json.loads(lock.read_text())["jars"]]


def cache_folder() -> Path:
    """Return this user's folder of jars: below XDG_CACHE_HOME, else ~/.cache."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "notifier" / "kafka"


def fetch(progress: Progress, lock: Path = LOCK) -> Path:
    """Return the folder with every jar of the lock file, after downloading missing ones and reporting progress.

    Raises `TemporaryError` (sandbox_failed) where a download fails or differs from the lock file.
    """
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    jars = locked(lock)
    missing = [jar for jar in jars if not _good(folder / jar.file_name, jar)]
    if not missing:
        return folder
    progress(f"downloading Kafka, once for this user: {len(missing)} of {len(jars)} jars")
    # The library reports every file on standard output, which is reserved for the verb's document.
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
    """Download beside the final place and rename, so that an interrupted run leaves no partial jar."""
    from maven_artifact import Artifact, Downloader
    from maven_artifact.requestor import RequestException, Requestor

    class Patient(Requestor):  # type: ignore[misc]
        """A requestor with a time limit."""

        def request(self, *arguments: Any, **options: Any) -> Any:
            """Send a request with the time limit."""
            return super().request(*arguments, timeout=REQUEST_TIMEOUT_S, **options)

    downloader = Downloader()
    downloader.requestor = Patient()
    partial = folder / f"{jar.file_name}.{os.getpid()}.part"
    try:
        downloader.download(Artifact(jar.group, jar.name, jar.version), filename=str(partial))
        if not _good(partial, jar):
            raise TemporaryError("sandbox_failed", f"{jar.file_name} does not match the lock file", hint=_SUSPECT)
        partial.replace(folder / jar.file_name)
    except RequestException as error:
        raise TemporaryError(
            "sandbox_failed", f"{jar.file_name} cannot be downloaded ({_why(error.__context__)})", hint=_SETTINGS
        ) from error
    except OSError as error:
        what = (error.strerror or "the download broke off").lower()
        raise TemporaryError("sandbox_failed", f"{jar.file_name}: {what}", hint=_SETTINGS) from error
    finally:
        partial.unlink(missing_ok=True)


def _why(error: BaseException | None) -> str:
    """Return the cause of a failed download, without any address that the error may hold."""
    from requests import HTTPError
    from requests.exceptions import InvalidProxyURL, ProxyError, SSLError

    if isinstance(error, HTTPError) and error.response is not None:
        return f"the server answers {error.response.status_code}"
    if isinstance(error, ProxyError | InvalidProxyURL):
        return "the proxy cannot be reached"
    if isinstance(error, SSLError):
        return "the server's certificate does not verify"
    return "the server cannot be reached"
