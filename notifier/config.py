"""Settings of one acting principal, read from TOML; every wrong key has an error of its own.

Paths in the file are relative to the file. The sandbox writes such files below its home
(``<home>/parties/<name>/config.toml``), so that it and a real deployment run the same code.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from notifier.errors import ConfigError, RefusedError
from notifier.names import AuthorityName

PARTY_FOLDER: Final = "parties"
CONFIG_NAME: Final = "config.toml"
OVERSIGHT: Final = "oversight"
LOCALHOST: Final = ("localhost", "127.0.0.1", "::1")
SQLITE: Final = "sqlite:///"
MAX_FAULTS: Final = 10  # that one error shows
MAX_FILE: Final = 16 * 1024  # bytes; tomllib's memory grows with the square of a dotted key


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """Address of the broker (a ``host:port`` list), and PEM files for TLS 1.3 with a client certificate."""

    bootstrap: str
    ca: Path
    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class DirectorySettings:
    """Place of the signed directory, and its local cache.

    `source` is a folder or an HTTPS address that holds ``metadata/`` and ``targets/``. `root` is the trusted
    1.root.json. `cache` is a folder of this party alone. `grace_seconds` is the time for which the cache serves an
    expired timestamp while the source cannot be refreshed. `ca` is a PEM file of the authorities that may have issued
    the source's certificate, in place of the system's.

    Raises `ConfigError` for a source that is neither a folder nor HTTPS; plain HTTP is for localhost alone.
    """

    source: str
    root: Path
    cache: Path
    grace_seconds: int = 3600
    ca: Path | None = None

    def __post_init__(self) -> None:
        scheme, separator, _ = self.source.partition("://")
        if not separator or scheme == "https":
            return
        try:
            host = urlsplit(self.source).hostname
        except ValueError:
            host = None
        if scheme != "http" or host not in LOCALHOST:
            raise ConfigError(
                detail="directory.source must be a folder or an https:// address",
                hint="http:// is for localhost alone",
            )


@dataclass(frozen=True, slots=True)
class KeySettings:
    """Private key files, each 32 raw bytes (mode 0600).

    `signing` is an Ed25519 seed. `encryption` are X25519 secrets, newest first. `storage` seals the rows of this
    party's databases. `submitter` is the Ed25519 seed of the service that submits where no person is named.
    """

    signing: Path | None = None
    encryption: tuple[Path, ...] = ()
    storage: Path | None = None
    submitter: Path | None = None


@dataclass(frozen=True, slots=True)
class Overseen:
    """An authority that this party oversees: the address of its outbox, and the file of its decisions key."""

    name: str
    outbox: str
    key: Path


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of one party: an authority (``TUR/spoc``), a router (``router``) or an auditor (``auditor``).

    `outbox` and `inbox` are database addresses. `log_folder` holds an auditor's tiles. `listen` is the host:port of
    metrics and health; None serves none. `oversees` are the authorities whose decisions this party may read. `path`
    is the file that the settings came from.
    """

    name: str
    kafka: KafkaSettings
    directory: DirectorySettings
    keys: KeySettings
    outbox: str | None = None
    inbox: str | None = None
    log_folder: Path | None = None
    listen: str | None = None
    path: Path | None = None
    oversees: tuple[Overseen, ...] = ()

    def writes_to(self) -> str:
        """Return the address of the outbox.

        Raises `RefusedError` for an oversight party, and `ConfigError` where no outbox is set.
        """
        refuse_oversight(self.name)
        if self.outbox is None:
            raise ConfigError(detail="outbox is not set", hint="name the database of the outbox")
        return self.outbox


def refuse_oversight(name: str) -> None:
    """Raise `RefusedError` (not_permitted) where the authority `name` has the oversight role, which only reads."""
    if AuthorityName(name).role == OVERSIGHT:
        raise RefusedError(
            "not_permitted", f"{name} has the oversight role, which only reads", hint="use another with --as"
        )


class _Table:
    """A TOML table under reading: it gives keys by type, and at the end refuses those that were not read.

    A fault is added to `faults`, which all tables of a file share, and reading goes on with an empty value.
    """

    def __init__(self, where: Path, faults: list[str], name: str, table: object) -> None:
        self._where, self._faults, self._name = where, faults, name
        self._missing = not isinstance(table, dict)
        self._rest: dict[str, Any] = dict(table) if isinstance(table, dict) else {}
        if self._missing:
            faults.append(f"[{name}] is missing or no table")

    def _fault(self, key: str, what: str) -> None:
        if not self._missing:
            self._faults.append(f"{self._name + '.' if self._name else ''}{key} {what}")

    def text(self, key: str) -> str:
        value = self._rest.pop(key, None)
        if isinstance(value, str) and value:
            return value
        self._fault(key, "is mandatory text" if value is None else "must be text")
        return ""

    def maybe_text(self, key: str) -> str | None:
        return self.text(key) if key in self._rest else None

    def file(self, key: str) -> Path:
        return self._where.parent / self.text(key)

    def maybe_file(self, key: str) -> Path | None:
        return self.file(key) if key in self._rest else None

    def files(self, key: str) -> tuple[Path, ...]:
        value = self._rest.pop(key, [])
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(self._where.parent / item for item in value)
        self._fault(key, "must be a list of file names")
        return ()

    def whole(self, key: str, default: int) -> int:
        value = self._rest.pop(key, default)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        self._fault(key, "must be a whole number, zero or more")
        return default

    def tables(self, key: str) -> dict[str, _Table]:
        """Return the tables inside the table `key`, by name; empty where it is missing."""
        outer = self._rest.pop(key, {})
        if not isinstance(outer, dict):
            self._fault(key, "must be a table")
            return {}
        return {name: _Table(self._where, self._faults, f"{key}.{name}", inner) for name, inner in outer.items()}

    def table(self, key: str) -> _Table:
        return _Table(self._where, self._faults, key, self._rest.pop(key, None))

    def end(self) -> None:
        for key in self._rest:
            self._fault(key, "is not a setting")


def load(path: Path) -> Settings:
    """Return the settings in the TOML file `path`; raise `ConfigError` with the file and every wrong key."""
    try:
        if path.stat().st_size > MAX_FILE:
            raise ConfigError(detail=f"{path}: is larger than {MAX_FILE // 1024} KiB")
        document: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            detail=f"{path}: {(error.strerror or 'cannot be read').lower()}",
            hint="name the file with --config, or a home with --home",
        ) from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(detail=f"{path}: is not TOML ({error})") from error
    faults: list[str] = []
    top = _Table(path, faults, "", document)
    kafka, directory, keys = top.table("kafka"), top.table("directory"), top.table("keys")
    oversees = top.tables("oversees")
    name = top.text("name")
    broker = KafkaSettings(kafka.text("bootstrap"), kafka.file("ca"), kafka.file("certificate"), kafka.file("key"))
    source, root, cache = directory.text("source"), directory.file("root"), directory.file("cache")
    grace_seconds, ca = directory.whole("grace_seconds", 3600), directory.maybe_file("ca")
    private = KeySettings(
        keys.maybe_file("signing"),
        keys.files("encryption"),
        keys.maybe_file("storage"),
        keys.maybe_file("submitter"),
    )
    outbox, inbox = _database(path, top.maybe_text("outbox")), _database(path, top.maybe_text("inbox"))
    log_folder, listen = top.maybe_file("log_folder"), top.maybe_text("listen")
    overseen = [
        Overseen(other, _address(path, one.text("outbox")), one.file("key")) for other, one in oversees.items()
    ]
    for table in (kafka, directory, keys, *oversees.values(), top):
        table.end()
    if faults:
        more = len(faults) - MAX_FAULTS
        raise ConfigError(detail=f"{path}: {'; '.join(faults[:MAX_FAULTS])}" + (f"; and {more} more" * (more > 0)))
    return Settings(
        name=name,
        kafka=broker,
        directory=DirectorySettings(_source(path, source), root, cache, grace_seconds, ca),
        keys=private,
        outbox=outbox,
        inbox=inbox,
        log_folder=log_folder,
        listen=listen,
        path=path,
        oversees=tuple(overseen),
    )


def address_of(file: Path) -> str:
    """Return the address of the SQLite database in `file`.

    The text after the prefix is the path itself: it is no URL, so nothing in it is escaped or decoded.
    """
    return SQLITE + str(file)


def file_of(address: str) -> Path | None:
    """Return the file that `address_of` was given; None for the address of a server."""
    path = address.removeprefix(SQLITE)
    return None if path in ("", address) else Path(path)


def party_config(home: Path, name: str) -> Path:
    """Return the configuration file of a party below a sandbox home: ``TUR/spoc`` has ``parties/TUR.spoc/``."""
    return home / PARTY_FOLDER / name.replace("/", ".") / CONFIG_NAME


def parties_in(home: Path) -> list[str]:
    """Return the names of the parties that have a configuration below a sandbox home, sorted."""
    found = (home / PARTY_FOLDER).glob(f"*/{CONFIG_NAME}")
    return sorted(path.parent.name.replace(".", "/") for path in found)


def _source(path: Path, source: str) -> str:
    return source if "://" in source else str(path.parent / source)


def _database(path: Path, value: str | None) -> str | None:
    return None if value is None else _address(path, value)


def _address(path: Path, value: str) -> str:
    """Return `value` where it is an address, else the address of the SQLite file `value` beside the file `path`."""
    return value if "://" in value else address_of((path.parent / value).absolute())
