"""The same writes in Kafka Streams, exactly_once_v2, where a JDK is at hand: one source file, run by `java`."""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
from pathlib import Path

from benchmarks.envelopes import Stock
from benchmarks.throughput import AUDIT_ENTRY, BATCH, NOTICE, PATIENCE_S, STREAM, Rate, fill, new_topics
from notifier.sandbox import jars
from notifier.sandbox.java import find_java
from notifier.sandbox.sandbox import Sandbox
from notifier.transport.kafka import KafkaTransport

HERE = Path(__file__).parent
LOCK = HERE / "streams.lock.json"
NAME = "Kafka Streams, exactly_once_v2"
SETTINGS = """\
application.id={source}
bootstrap.servers={bootstrap}
security.protocol=SSL
ssl.truststore.type=PEM
ssl.truststore.location={ca}
ssl.keystore.type=PEM
ssl.keystore.location={keys}
processing.guarantee=exactly_once_v2
num.stream.threads=1
state.dir={folder}
auto.offset.reset=earliest
replication.factor=1
statestore.cache.max.bytes=0
max.poll.records={batch}
"""


def compiler_at_hand() -> bool:
    """Whether the `java` of this machine runs a source file: a JDK does, a runtime alone does not."""
    said = subprocess.run([find_java(), "--list-modules"], capture_output=True, text=True, check=False).stdout
    return "jdk.compiler" in said


async def passthrough(sandbox: Sandbox, stock: Stock) -> Rate:
    """As `throughput.passthrough`; the stock goes through twice, and the first time warms the machine up."""
    source, *targets = new_topics(sandbox, stock.fan_out + 4)
    transport = KafkaTransport(sandbox.kafka("admin"))
    try:
        sender = await transport.sender()
        for _ in range(2):
            await fill(sender, source, stock)
    finally:
        await transport.close()
    return await asyncio.to_thread(_run, sandbox, source, targets, len(stock.records))


def _run(sandbox: Sandbox, source: str, targets: list[str], count: int) -> Rate:
    broker = jars.fetch(lambda _text: None)
    jars.fetch(lambda _text: None, LOCK)
    kafka = sandbox.kafka("admin")
    with tempfile.TemporaryDirectory(prefix="notifier-streams-") as name:
        folder = Path(name)
        keys, settings = folder / "keys.pem", folder / "settings"
        keys.touch(0o600)
        keys.write_text(kafka.key.read_text() + kafka.certificate.read_text())
        settings.write_text(
            SETTINGS.format(
                source=source, bootstrap=kafka.bootstrap, ca=kafka.ca, keys=keys, folder=folder, batch=BATCH
            )
        )
        classpath = ":".join(str(broker / jar.file_name) for jar in (*jars.locked(), *jars.locked(LOCK)))
        sizes = (2 * count, count, NOTICE, AUDIT_ENTRY, STREAM, BATCH)
        command = [find_java(), "-Xmx512m", "-cp", classpath, HERE / "Passthrough.java", settings, source]
        done = subprocess.run(
            [*command, *map(str, sizes), *targets], capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
    if done.returncode:
        raise RuntimeError(f"Kafka Streams ended with {done.returncode}: {done.stderr[-2000:]}")
    rate, cpu = map(float, done.stdout.split()[-2:])
    return Rate(NAME, rate, cpu)
