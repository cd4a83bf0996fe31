"""The sandbox below one folder: a real Kafka, a directory, example authorities and all services.

Everything that is started is a process of its own and outlives this one. Everything that is written is below `home`,
except for the jars, which are kept once per user.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from notifier.config import KafkaSettings, load, party_config
from notifier.directory.model import Directory
from notifier.errors import NotifierError, TemporaryError
from notifier.sandbox import administration, jars
from notifier.sandbox.acls import grants, quotas
from notifier.sandbox.administration import Administrator
from notifier.sandbox.broker import Cluster
from notifier.sandbox.java import find_java
from notifier.sandbox.layout import FILE, Layout, arrange, check_home, read
from notifier.sandbox.pki import CertificateAuthority
from notifier.sandbox.processes import Part, Supervised, wait_until

PARTITIONS: Final = 4
FRESHEN_S: Final = 3600
SERVICE_S: Final = 180.0  # for a busy machine; an idle one needs three seconds
REQUEST_TIMEOUT_S: Final = 1.0
TURN_S: Final = 2.0  # for another command, which may be about to end
NOTIFIER: Final = (sys.executable, "-P", "-m", "notifier")  # -P: nothing is imported from the current folder

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ServiceState:
    """The state of one process: running, ready or stopped; `since` is RFC 3339, None where stopped."""

    name: str
    state: str
    pid: int | None
    since: str | None


class Sandbox:
    """A sandbox below `home`; `up` and `down` may be called any number of times."""

    def __init__(self, home: Path) -> None:
        self.home = home.absolute()

    def up(self, progress: Progress, *, brokers: int | None = None, routers: int | None = None) -> list[Part]:
        """Start all that does not run; return all that runs once an exercise has arrived.

        Missing files are written, existing ones are kept. Every part that can start does, even where another cannot.
        `brokers` and `routers` default to the present number, or one. Raises `TemporaryError` (sandbox_failed) naming
        the log with its last lines, and `ConfigError` where `home` cannot hold a sandbox.
        """
        check_home(self.home)
        java = find_java()
        libraries = jars.fetch(progress)
        self.home.mkdir(parents=True, exist_ok=True)
        with self.locked():
            layout = arrange(self.home, brokers, routers)
            progress("keys, certificates and the directory")
            authority = CertificateAuthority(self.home / "pki")
            cluster = Cluster(self.home, list(layout.nodes), java, libraries)
            unwritten: dict[str, NotifierError] = {}
            directory = self._parties(authority, cluster.bootstrap, layout, unwritten)
            count = len(layout.nodes)
            progress(f"Kafka, {count} broker{'s' if count > 1 else ''}, TLS and access rights only")
            cluster.prepare(authority)
            nodes = cluster.parts()
            _start(nodes)
            administrator = Administrator(self.kafka("admin"))
            cluster.wait(administrator)
            progress("topics and access rights")
            self._grant(administrator, directory, min(3, count))
            progress("router and auditor")
            services = self._services(layout)
            _start(services)
            _wait_ready(services)
            progress("an exercise goes all the way through")
            self._probe()
        if unwritten:
            raise _unwritten(unwritten)
        return [*nodes, *services]

    def down(self, progress: Progress) -> None:
        """End the processes that `up` started, services first, and no other one that has a reused pid."""
        if not (self.home / FILE).exists():
            return
        with self.locked():
            layout = read(self.home)
            services = [part.process for part in reversed(self._services(layout))]
            nodes = [Supervised(self.home, f"kafka-{node.id}") for node in layout.nodes]
            for process, patience_s in [*((one, 10) for one in services), *((one, 15) for one in nodes)]:
                if process.process() is not None:
                    progress(f"stopping {process.name}")
                process.stop(patience_s)

    def status(self) -> dict[str, Any]:
        """Return the document of `notifier sandbox status --json`."""
        if not (self.home / FILE).exists():
            return {"ready": False, "services": [], "bootstrap": None}
        layout = read(self.home)
        nodes = [self._state(Supervised(self.home, f"kafka-{node.id}"), None) for node in layout.nodes]
        services = [self._state(part.process, part.port) for part in self._services(layout)]
        *served, keeper = services
        ready = all(one.state == "running" for one in (*nodes, keeper))
        ready = ready and all(one.state == "ready" for one in served)
        return {
            "ready": ready,
            "services": [asdict(one) for one in (*nodes, *services)],
            "bootstrap": self.bootstrap,
        }

    @property
    def bootstrap(self) -> str:
        """Return the addresses for clients."""
        return ",".join(f"127.0.0.1:{node.port}" for node in read(self.home).nodes)

    def kafka(self, party: str) -> KafkaSettings:
        """Return the connection settings of `party` (an authority, router, auditor, admin or stranger)."""
        folder = party_config(self.home, party).parent
        return KafkaSettings(self.bootstrap, folder / "ca.pem", folder / "tls.pem", folder / "tls.key")

    def process(self, name: str) -> Supervised:
        """Return a process of the sandbox by its name: kafka-1, router-1, auditor."""
        return Supervised(self.home, name)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock against every other `up`, `down` and restart; raises `TemporaryError` (storage_locked)."""
        with (self.home / "lock").open("w") as file:
            if not wait_until(lambda: _taken(file.fileno()), TURN_S):
                raise TemporaryError(
                    "storage_locked", "another command is starting or stopping this sandbox", hint="wait for it"
                )
            yield

    def _state(self, service: Supervised, port: int | None) -> ServiceState:
        process = service.process()
        if process is None:
            return ServiceState(service.name, "stopped", None, None)
        since = dt.datetime.fromtimestamp(process.create_time(), dt.UTC).isoformat(timespec="seconds")
        state = "ready" if port is not None and answers_ready(port) else "running"
        return ServiceState(service.name, state, process.pid, since)

    def _services(self, layout: Layout) -> list[Part]:
        """Return the auditor, the routers, and last the process that keeps the directory fresh."""
        port = self._auditor_port()
        listen = () if port else ("--listen", f"127.0.0.1:{layout.ports[0]}")
        services = [self._service("auditor", ["run", "auditor", *listen], port or layout.ports[0])]
        for number, port in enumerate(layout.ports[1:], 1):
            services.append(
                self._service(f"router-{number}", ["run", "router", "--listen", f"127.0.0.1:{port}"], port)
            )
        return [*services, self._keeper()]

    def _keeper(self) -> Part:
        """Return the process that renews the timestamp every hour, and all that ends soon; all keys are here."""
        folders = ("--folder", str(self.home / "directory"), "--keys", str(self.home / "directory-keys"))
        command = (*NOTIFIER, "directory", "freshen", *folders, "--every", str(FRESHEN_S), "--renew")
        return Part(Supervised(self.home, "directory"), command)

    def _service(self, name: str, arguments: Sequence[str], port: int) -> Part:
        command = (*NOTIFIER, *arguments, "--home", str(self.home))
        return Part(Supervised(self.home, name), command, port=port)

    def _auditor_port(self) -> int | None:
        """Return the port in the auditor's settings; None where they have none."""
        try:
            listen = load(party_config(self.home, "auditor")).listen
        except NotifierError:
            return None
        port = (listen or "").rpartition(":")[2]
        return int(port) if port.isdecimal() else None

    def _parties(
        self, authority: CertificateAuthority, bootstrap: str, layout: Layout, unwritten: dict[str, NotifierError]
    ) -> Directory:
        """Create the world's keys and directory, and every party's certificate and configuration."""
        from notifier.sandbox.parties import make_parties

        return make_parties(self.home, authority, bootstrap, PARTITIONS, layout.ports[0], unwritten)

    def _grant(self, administrator: Administrator, directory: Directory, replicas: int) -> None:
        partitions = directory.hub.partitions
        administrator.create_topics(administration.topics(sorted(directory.feeds()), partitions), replicas)
        administrator.grant(grants(directory.authorities.values(), partitions))
        administrator.limit(quotas(directory.authorities.values()))

    def _probe(self) -> None:
        from notifier.sandbox.probe import probe

        try:
            probe(self.home)
        except NotifierError as error:
            raise TemporaryError(
                "sandbox_failed",
                f"the exercise did not arrive ({error.reason}: {error.detail}); read {self.process('router-1').log}",
                hint=self.process("router-1").last_lines(),
            ) from error


def _start(parts: Sequence[Part]) -> None:
    """Start every part that can start; then raise the first failure."""
    failures = []
    for part in parts:
        try:
            part.start()
        except NotifierError as error:
            failures.append(error)
    if failures:
        raise failures[0]


def _wait_ready(services: Sequence[Part]) -> None:
    """Return when every service is ready.

    Raises `TemporaryError` naming the log of the first that is not.
    """
    failures = []
    for service in services:
        try:
            _wait_service(service)
        except NotifierError as error:
            failures.append(error)
    if failures:
        raise failures[0]


def _wait_service(part: Part) -> None:
    port, service = part.port, part.process
    if port is None:
        return
    if not wait_until(lambda: service.process() is None or answers_ready(port), SERVICE_S):
        raise service.failed("is not ready")
    if service.process() is None:
        raise service.failed("ended")


def _unwritten(faults: Mapping[str, NotifierError]) -> TemporaryError:
    """Return the error of a sandbox that runs, with some parties' files not written."""
    name, first = next(iter(faults.items()))
    others = f", and of {len(faults) - 1} more" if len(faults) > 1 else ""
    detail = f"everything runs, but missing files of {name} cannot be written{others}: {first.detail}"
    return TemporaryError("storage_failed", detail, hint=first.hint)


def _taken(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def answers_ready(port: int) -> bool:
    """Return whether the service on that port of the loopback reports that it is ready."""
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=REQUEST_TIMEOUT_S)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
