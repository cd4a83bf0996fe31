"""The same writes in Kafka Streams, exactly_once_v2, where a JDK is at hand: one source file, run by `java`."""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
from pathlib import Path

import psutil

from benchmarks.envelopes import STREAMS, Stock
from benchmarks.throughput import AUDIT_ENTRY, BATCH, KEY, NOTICE, STATE, Rate, fill, meter, new_topics
from notifier.sandbox import jars
from notifier.sandbox.java import find_java
from notifier.sandbox.sandbox import Sandbox
from notifier.transport.kafka import KafkaTransport

HERE = Path(__file__).parent
LOCK = HERE / "streams.lock.json"
NAME = "Kafka Streams, exactly_once_v2"
PATIENCE_S = 120.0
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
    """Return whether the `java` of this machine runs a source file: a JDK does, a runtime does not."""
    said = subprocess.run([find_java(), "--list-modules"], capture_output=True, text=True, check=False).stdout
    return "jdk.compiler" in said


async def passthrough(sandbox: Sandbox, stock: Stock) -> Rate:
    """As `throughput.passthrough`; the stock goes through twice, and the first time warms the virtual machine up."""
    source, *targets = new_topics(sandbox, stock.fan_out + 4)
    transport = KafkaTransport(sandbox.kafka("admin"))
    try:
        sender = await transport.sender()
        for _ in range(2):
            await fill(sender, source, stock)
    finally:
        await transport.close()
    with tempfile.TemporaryDirectory(prefix="notifier-streams-") as folder:
        command = _command(sandbox, Path(folder), source, targets, len(stock.records))
        with (Path(folder) / "log").open("w+") as log:
            process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=log)
            try:
                async with asyncio.timeout(PATIENCE_S):
                    return await _timed(sandbox, process, len(stock.records))
            except (TimeoutError, EOFError) as error:
                log.seek(0)
                raise RuntimeError(f"Kafka Streams did not get to its end: {log.read()[-2000:]}") from error
            finally:
                if process.returncode is None:
                    process.kill()
                await process.wait()


def _command(sandbox: Sandbox, folder: Path, source: str, targets: list[str], count: int) -> list[str]:
    """Return the command line of the program, with its settings and the broker's key in `folder`."""
    libraries = jars.fetch(lambda _text: None)
    jars.fetch(lambda _text: None, LOCK)
    kafka = sandbox.kafka("admin")
    keys, settings = folder / "keys.pem", folder / "settings"
    keys.touch(0o600)
    keys.write_text(kafka.key.read_text() + kafka.certificate.read_text())
    settings.write_text(
        SETTINGS.format(source=source, bootstrap=kafka.bootstrap, ca=kafka.ca, keys=keys, folder=folder, batch=BATCH)
    )
    classpath = ":".join(str(libraries / jar.file_name) for jar in (*jars.locked(), *jars.locked(LOCK)))
    shape = (2 * count, count, NOTICE, AUDIT_ENTRY, STATE, KEY, STREAMS + 1, BATCH)
    command = [find_java(), "-Xmx512m", "-cp", classpath, HERE / "Passthrough.java", settings, source]
    return [*map(str, command), *map(str, shape), *targets]


async def _timed(sandbox: Sandbox, process: asyncio.subprocess.Process, count: int) -> Rate:
    await _line(process, "warm")
    watch = meter(sandbox, psutil.Process(process.pid))
    await _line(process, "done")
    return Rate.of(NAME, count, watch.usage())


async def _line(process: asyncio.subprocess.Process, wanted: str) -> None:
    """Return when the process has printed `wanted`; raises EOFError where it ends before."""
    assert process.stdout is not None
    while line := await process.stdout.readline():
        if line.decode().strip() == wanted:
            return
    raise EOFError
