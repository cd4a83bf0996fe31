"""One or three Kafka nodes, each broker and controller, with TLS and ACLs only: files, storage and processes.

A node runs in its own folder, and every path in its settings and on its command line is relative to it. The path of
the folder is thus never pasted into a properties file, into one of Kafka's lists (``log.dirs`` is split at commas),
or into a class path (which is split at colons).
"""

from __future__ import annotations

import base64
import os
import socket
import subprocess
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from notifier.errors import TemporaryError, TransportError
from notifier.files import write_atomic
from notifier.keyfiles import write_private
from notifier.sandbox.administration import Administrator
from notifier.sandbox.pki import CertificateAuthority
from notifier.sandbox.processes import Part, Supervised, wait_until

HEAP: Final = "512m"
START_S: Final = 180.0  # for a busy machine; an idle one needs three seconds
REQUEST_TIMEOUT_S: Final = 2.0
SETTINGS: Final = "server.properties"
LOGGING: Final = "log4j2.properties"
JARS: Final = "jars"
TEMPORARY: Final = "tmp"
ENVIRONMENT: Final = {"LC_ALL": "C.UTF-8"}
"""Java encodes file names by the locale, and writes "?" for characters that it lacks."""

_PROPERTIES: Final = """\
node.id={id}
process.roles=broker,controller
controller.quorum.voters={voters}
controller.listener.names=CONTROLLER
listeners=SSL://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=SSL://127.0.0.1:{port}
listener.security.protocol.map=SSL:SSL,CONTROLLER:SSL
inter.broker.listener.name=SSL
ssl.keystore.type=PEM
ssl.keystore.location=keystore.pem
ssl.truststore.type=PEM
ssl.truststore.location=ca.pem
ssl.client.auth=required
ssl.enabled.protocols=TLSv1.3
ssl.protocol=TLSv1.3
ssl.principal.mapping.rules=RULE:^CN=([a-z0-9-]+),O=notifier$/$1/
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:broker;User:admin
allow.everyone.if.no.acl.found=false
auto.create.topics.enable=false
default.replication.factor={replicas}
min.insync.replicas={in_sync}
offsets.topic.replication.factor={replicas}
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={in_sync}
offsets.topic.num.partitions=4
transaction.state.log.num.partitions=4
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
group.min.session.timeout.ms=1000
metadata.max.idle.interval.ms=5000
log.dirs=data
"""

_LOG4J: Final = """\
status = error
rootLogger.level = warn
rootLogger.appenderRef.console.ref = CONSOLE
appender.console.type = Console
appender.console.name = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d] %p %m (%c)%n
# The authorizer logs every denial: a client that asks in a loop would fill the disk.
logger.authorizer.name = kafka.authorizer.logger
logger.authorizer.level = off
"""


@dataclass(frozen=True, slots=True)
class Node:
    """A node: its files are in `folder`; it serves clients on `port` and its peers on `controller`."""

    id: int
    folder: Path
    port: int
    controller: int


def node_folder(home: Path, number: int) -> Path:
    """Return the folder of a node of the sandbox in `home`."""
    return home / "kafka" / f"node-{number}"


def plan(home: Path, count: int) -> list[Node]:
    """Return the nodes of a new cluster, on free ports of the loopback."""
    ports = free_ports(2 * count)
    return [
        Node(number + 1, node_folder(home, number + 1), ports[2 * number], ports[2 * number + 1])
        for number in range(count)
    ]


def free_ports(count: int) -> list[int]:
    """Return `count` ports of 127.0.0.1 that are free now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _link(link: Path, folder: Path) -> None:
    """Make `link` a symbolic link to `folder`."""
    if link.is_symlink() and link.readlink() == folder:
        return
    link.unlink(missing_ok=True)
    link.symlink_to(folder)


def new_cluster_id(draw: Callable[[], bytes]) -> str:
    """Return an id of 22 letters from 16 random bytes, never one that the format tool takes for an option."""
    while (made := base64.urlsafe_b64encode(draw()).decode().rstrip("=")).startswith("-"):
        pass
    return made


class Cluster:
    """The nodes of one sandbox as files and processes."""

    def __init__(self, home: Path, nodes: list[Node], java: Path, jars: Path) -> None:
        self._nodes = nodes
        self._java = java
        self._jars = jars
        self.processes = [Supervised(home, f"kafka-{node.id}") for node in nodes]

    @property
    def bootstrap(self) -> str:
        """Return the addresses for clients."""
        return ",".join(f"127.0.0.1:{node.port}" for node in self._nodes)

    def prepare(self, authority: CertificateAuthority) -> None:
        """Create certificates, settings and formatted storage of every node that lacks them."""
        cluster_id = new_cluster_id(lambda: uuid.uuid4().bytes)
        replicas = len(self._nodes)
        voters = ",".join(f"{node.id}@127.0.0.1:{node.controller}" for node in self._nodes)
        for node in self._nodes:
            if (node.folder / "data" / "meta.properties").exists():
                continue
            authority.issue(node.folder, "broker", server=True)
            keystore = (node.folder / "tls.key").read_bytes() + (node.folder / "tls.pem").read_bytes()
            write_private(node.folder / "keystore.pem", keystore)
            write_atomic(node.folder / LOGGING, _LOG4J.encode())
            text = _PROPERTIES.format(
                id=node.id,
                voters=voters,
                port=node.port,
                controller=node.controller,
                replicas=replicas,
                in_sync=2 if replicas > 2 else 1,
            )
            write_atomic(node.folder / SETTINGS, text.encode())
            self._format(node, cluster_id)

    def _format(self, node: Node, cluster_id: str) -> None:
        command = self._command(node, "kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", SETTINGS)
        done = subprocess.run(
            command,
            cwd=node.folder,
            env=os.environ | ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=START_S,
            check=False,
        )
        if done.returncode:
            raise TemporaryError(
                "sandbox_failed", "kafka cannot format its storage", hint=done.stdout[-500:] + done.stderr[-500:]
            )

    def _command(self, node: Node, main: str, *arguments: str) -> list[str]:
        """Return the command line of a Java program that runs in the node's folder."""
        (node.folder / TEMPORARY).mkdir(mode=0o700, parents=True, exist_ok=True)
        _link(node.folder / JARS, self._jars)
        return [
            str(self._java),
            f"-Xmx{HEAP}",
            f"-Djava.io.tmpdir={TEMPORARY}",
            "-XX:-UsePerfData",  # that is a world-readable file outside the home
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1" if main.endswith("StorageTool") else "-XX:+TieredCompilation",
            f"-Dlog4j2.configurationFile={LOGGING}",
            "-cp",
            f"{JARS}/*",
            main,
            *arguments,
        ]

    def parts(self) -> list[Part]:
        """Return every node with the command that starts it."""
        return [
            Part(process, self._command(node, "kafka.Kafka", SETTINGS), node.folder, ENVIRONMENT)
            for node, process in zip(self._nodes, self.processes, strict=True)
        ]

    def wait(self, administrator: Administrator) -> None:
        """Return when every node answers; raises `TemporaryError` naming the log of the first that ended."""

        def answer() -> bool:
            for process in self.processes:
                if process.process() is None:
                    raise process.failed("ended")
            try:
                return administrator.brokers(REQUEST_TIMEOUT_S) == len(self._nodes)
            except TransportError:
                return False

        if not wait_until(answer, START_S):
            raise self.processes[0].failed("does not answer")
