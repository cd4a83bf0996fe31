"""A PostgreSQL of its own, from Debian's packages: on 127.0.0.1 with TLS, passwords asked of everybody."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from notifier.sandbox.pki import CertificateAuthority

INSTALLED = Path("/usr/lib/postgresql")
ROLE = "notifier"
PASSWORD = "correct-horse-battery"
PATIENCE_S = 60


class Cluster:
    """A server in a folder of its own; it refuses to be root, so root starts it as the package's user."""

    def __init__(self) -> None:
        self._programs = _programs()
        self._who = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
        self._folder = Path(tempfile.mkdtemp(prefix="notifier-postgres-"))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        authority = CertificateAuthority(self._folder / "ca")
        authority.issue(self._folder / "tls", "postgres", server=True)
        self.authority = authority.certificate_path
        (self._folder / "password").write_text(PASSWORD)
        if self._who:
            for path in (self._folder, *self._folder.rglob("*")):
                shutil.chown(path, "postgres", "postgres")
        try:
            login = ["-A", "scram-sha-256", "--pwfile", str(self._folder / "password")]
            self._run("initdb", "-U", "postgres", "-E", "UTF8", "--no-sync", *login)
            self.start()
            self.ask(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'")
        except BaseException:
            self.close()
            raise

    def start(self) -> None:
        """Returns when it answers. Its own settings promise little: what is promised, its clients ask for."""
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self._folder,
            "fsync": "off",
            "synchronous_commit": "off",
            "ssl": "on",
            "ssl_cert_file": self._folder / "tls" / "tls.pem",
            "ssl_key_file": self._folder / "tls" / "tls.key",
        }
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        self._run("pg_ctl", "start", "-w", "-l", str(self._folder / "log"), "-o", options)

    def stop(self) -> None:
        """Ends it as a crash does: nobody is told."""
        self._run("pg_ctl", "stop", "-w", "-m", "immediate")

    def close(self) -> None:
        """Ends it, and removes its folder."""
        if (self._folder / "data" / "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self._folder)

    def database(self, name: str) -> str:
        """The address of a new, empty database of the role."""
        self.ask(f"CREATE DATABASE {name} OWNER {ROLE}")
        return self.address(name)

    def address(self, name: str, role: str = ROLE, password: str = PASSWORD, port: int | None = None) -> str:
        """How a party's configuration names it."""
        return f"postgresql+asyncpg://{role}:{password}@127.0.0.1:{port or self.port}/{name}"

    def ask(self, query: str, database: str = "postgres") -> str:
        """What the server answers its administrator: columns apart by `|`, a row on each line."""
        where = ["-h", str(self._folder), "-p", str(self.port), "-U", "postgres", "-d", database]
        done = subprocess.run(
            [self._programs / "psql", *where, "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", query],
            env=os.environ | {"PGPASSWORD": PASSWORD},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def _run(self, program: str, *arguments: str) -> None:
        # Its output is a file's: the server that pg_ctl leaves behind would hold a pipe open.
        with tempfile.TemporaryFile("w+") as said:
            done = subprocess.run(
                [self._programs / program, "-D", self._folder / "data", *arguments],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                timeout=PATIENCE_S,
                check=False,
                **self._who,
            )
            said.seek(0)
            assert done.returncode == 0, said.read()


def _programs() -> Path:
    """The folder of the newest server that is installed; the test fails where there is none."""
    found = [path.parent for path in INSTALLED.glob("*/bin/postgres")]
    found += [Path(path).resolve().parent for path in [shutil.which("postgres")] if path]
    if not found:
        pytest.fail("PostgreSQL is missing: apt-get install postgresql")
    if os.geteuid() == 0:
        try:
            pwd.getpwnam("postgres")
        except KeyError:
            pytest.fail("the user postgres is missing: apt-get install postgresql")
    return max(found, key=lambda path: int(path.parent.name) if path.parent.name.isdigit() else 0)
