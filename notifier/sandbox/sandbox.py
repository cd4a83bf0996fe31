"""The sandbox: a real Kafka, a directory, example authorities and all services, below one folder.

Everything that is started is a process of its own and outlives this one; everything that is written is below
`home`, but for the jars, which are kept once per user.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from notifier.config import KafkaSettings, party_config
from notifier.directory.model import Directory
from notifier.errors import ConfigError, NotifierError, Temporary, UsageError
from notifier.files import put
from notifier.sandbox import administration, jars
from notifier.sandbox.acls import grants, quotas
from notifier.sandbox.administration import Administrator
from notifier.sandbox.broker import Cluster, Node, free_ports, plan
from notifier.sandbox.java import find_java
from notifier.sandbox.pki import CertificateAuthority
from notifier.sandbox.processes import Supervised, wait_until

PARTITIONS: Final = 4
SERVICE_S: Final = 30.0
ANSWER_S: Final = 1.0

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is fixed when a sandbox is first made: its nodes, and how many routers run."""

    nodes: tuple[Node, ...]
    routers: int
    ports: tuple[int, ...]  # metrics and health: the auditor's, then the routers'


@dataclass(frozen=True, slots=True)
class ServiceState:
    """One process: `state` is running, ready or stopped; `since` in RFC 3339, None where stopped."""

    name: str
    state: str
    pid: int | None
    since: str | None


class Sandbox:
    """A sandbox below `home`; `up` and `down` may be called any number of times."""

    def __init__(self, home: Path) -> None:
        self.home = home.absolute()
        self._plan_file = self.home / "sandbox.json"

    def up(self, progress: Progress, *, brokers: int = 1, routers: int = 1) -> None:
        """Starts whatever does not run, and returns when a message has gone all the way through.

        Raises `Temporary` (sandbox_failed) naming the log to read and its last lines.
        """
        java = find_java()
        libraries = jars.fetch(progress)
        self.home.mkdir(parents=True, exist_ok=True)
        with self._locked():
            layout = self._layout(brokers, routers)
            progress("keys, certificates and the directory")
            authority = CertificateAuthority(self.home / "pki")
            cluster = Cluster(self.home, list(layout.nodes), java, libraries)
            directory = self._parties(authority, cluster.bootstrap, layout)
            progress(f"Kafka, {brokers} broker{'s' if brokers > 1 else ''}, TLS and access rights only")
            cluster.prepare(authority)
            cluster.start()
            administrator = Administrator(self.kafka("admin"))
            cluster.wait(administrator)
            progress("topics and access rights")
            replicas = min(3, len(layout.nodes))
            feeds = sorted(directory.feeds())
            administrator.create_topics(administration.topics(feeds, directory.hub.partitions), replicas)
            administrator.grant(grants(directory.authorities.values(), directory.hub.partitions))
            administrator.limit(quotas(directory.authorities.values()))
            progress("router and auditor")
            services = self._services(layout)
            for service, arguments in services:
                service.start([sys.executable, "-m", "notifier", *arguments])
            self._wait_ready(layout)
            progress("an exercise goes all the way through")
            self._probe()

    def down(self, progress: Progress) -> None:
        """Ends what `up` started, services first; nothing else, whatever runs under a pid now."""
        if not self._plan_file.exists():
            return
        with self._locked():
            layout = self._read()
            for service, _ in reversed(self._services(layout)):
                if service.process() is not None:
                    progress(f"stopping {service.name}")
                service.stop(patience_s=10)
            for node in layout.nodes:
                process = Supervised(self.home, f"kafka-{node.id}")
                if process.process() is not None:
                    progress(f"stopping {process.name}")
                process.stop(patience_s=15)

    def status(self) -> dict[str, Any]:
        """What runs now, as `notifier sandbox status --json` prints it."""
        if not self._plan_file.exists():
            return {"ready": False, "services": [], "bootstrap": None}
        layout = self._read()
        states = [self._state(Supervised(self.home, f"kafka-{node.id}"), None) for node in layout.nodes]
        for (service, _), port in zip(self._services(layout), layout.ports, strict=True):
            states.append(self._state(service, port))
        ready = all(state.state in ("running", "ready") for state in states)
        ready = ready and all(state.state == "ready" for state in states if not state.name.startswith("kafka"))
        return {
            "ready": ready,
            "services": [
                {"name": state.name, "state": state.state, "pid": state.pid, "since": state.since} for state in states
            ],
            "bootstrap": self.bootstrap,
        }

    @property
    def bootstrap(self) -> str:
        """Where clients connect."""
        return ",".join(f"127.0.0.1:{node.port}" for node in self._read().nodes)

    def kafka(self, party: str) -> KafkaSettings:
        """How `party` (an authority, router, auditor, admin or stranger) connects."""
        folder = party_config(self.home, party).parent
        return KafkaSettings(self.bootstrap, folder / "ca.pem", folder / "tls.pem", folder / "tls.key")

    def process(self, name: str) -> Supervised:
        """A process of the sandbox by its name: kafka-1, router-1, auditor."""
        return Supervised(self.home, name)

    def _state(self, service: Supervised, port: int | None) -> ServiceState:
        process = service.process()
        if process is None:
            return ServiceState(service.name, "stopped", None, None)
        since = dt.datetime.fromtimestamp(process.create_time(), dt.UTC).isoformat(timespec="seconds")
        state = "ready" if port is not None and answers_ready(port) else "running"
        return ServiceState(service.name, state, process.pid, since)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """One `up` or `down` at a time."""
        with (self.home / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise Temporary(
                    "storage_locked", "another command is starting or stopping this sandbox", hint="wait for it"
                ) from error
            yield

    def _layout(self, brokers: int, routers: int) -> Plan:
        """The plan of this sandbox, made when there is none."""
        if self._plan_file.exists():
            layout = self._read()
            if len(layout.nodes) != brokers or layout.routers != routers:
                raise UsageError(
                    detail=f"this sandbox has {len(layout.nodes)} brokers and {layout.routers} routers",
                    hint="take another --home, or remove this one after notifier sandbox down",
                )
            return layout
        layout = Plan(tuple(plan(self.home, brokers)), routers, tuple(free_ports(1 + routers)))
        nodes = [
            {"id": n.id, "folder": str(n.folder), "port": n.port, "controller": n.controller} for n in layout.nodes
        ]
        put(self._plan_file, json.dumps({"nodes": nodes, "routers": routers, "ports": layout.ports}).encode())
        return layout

    def _read(self) -> Plan:
        try:
            document = json.loads(self._plan_file.read_text())
        except OSError as error:
            raise Temporary(
                "sandbox_not_running", f"there is no sandbox in {self.home}", hint="run notifier sandbox up"
            ) from error
        except ValueError as error:
            raise self._spoiled() from error
        try:
            nodes = tuple(Node(n["id"], Path(n["folder"]), n["port"], n["controller"]) for n in document["nodes"])
            return Plan(nodes, int(document["routers"]), tuple(map(int, document["ports"])))
        except (KeyError, TypeError, ValueError) as error:
            raise self._spoiled() from error

    def _spoiled(self) -> ConfigError:
        return ConfigError(
            detail=f"{self._plan_file}: is not what the sandbox wrote",
            hint="end the processes that run/ names, remove the home, and make another",
        )

    def _services(self, layout: Plan) -> list[tuple[Supervised, Sequence[str]]]:
        """The auditor and the routers, with the arguments that each is started with."""
        home = ["--home", str(self.home)]
        services: list[tuple[Supervised, Sequence[str]]] = [(Supervised(self.home, "auditor"), ["auditor", *home])]
        for number in range(layout.routers):
            listen = f"127.0.0.1:{layout.ports[1 + number]}"
            arguments = ["router", *home, "--listen", listen]
            services.append((Supervised(self.home, f"router-{number + 1}"), arguments))
        return services

    def _wait_ready(self, layout: Plan) -> None:
        for (service, _), port in zip(self._services(layout), layout.ports, strict=True):
            self._wait_service(service, port)

    def _wait_service(self, service: Supervised, port: int) -> None:
        if not wait_until(lambda: service.process() is None or answers_ready(port), SERVICE_S):
            raise service.failed("is not ready")
        if service.process() is None:
            raise service.failed("ended")

    def _parties(self, authority: CertificateAuthority, bootstrap: str, layout: Plan) -> Directory:
        """The world's keys and directory, and every party's certificate and configuration."""
        from notifier.sandbox.parties import make_parties

        return make_parties(self.home, authority, bootstrap, PARTITIONS, layout.ports[0])

    def _probe(self) -> None:
        from notifier.sandbox.probe import probe

        try:
            probe(self.home)
        except NotifierError as error:
            raise Temporary(
                "sandbox_failed",
                f"the exercise did not arrive ({error.reason}); read {self.process('router-1').log}",
                hint=self.process("router-1").last_lines(),
            ) from error


def answers_ready(port: int) -> bool:
    """Whether the service on that port of the loopback says that it is ready."""
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_S)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
