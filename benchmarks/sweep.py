"""Rate of the router by recipients, body size, batch and number of routers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks import envelopes, routers, throughput
from notifier.notification.states import iso_codes
from notifier.sandbox import world
from notifier.sandbox.sandbox import Sandbox

MOST_RECIPIENTS = 50
SMALL = 2_000  # bytes of output that one recipient of a small body takes up, for the number of messages


@dataclass(frozen=True)
class Row:
    """One configuration; `partitions` says over how many partitions of the intake the messages are spread."""

    fan_out: int = 3
    body_bytes: int = 2048
    batch: int = throughput.BATCH
    routers: int = 1
    partitions: int = 1


ROWS = (
    *(Row(fan_out=count) for count in (1, 3, 10, MOST_RECIPIENTS)),
    *(Row(body_bytes=size) for size in (1024, 8192, 65536)),
    *(Row(batch=count) for count in (20, 100, 1000)),
    *(Row(routers=count, partitions=4) for count in (1, 2)),
)


def states() -> tuple[str, ...]:
    """As many states as the widest message has recipients, with the sandbox's own among them."""
    more = [code for code in sorted(iso_codes()) if code not in world.STATES]
    return (*world.STATES, *more[:MOST_RECIPIENTS])


async def measure(sandbox: Sandbox, messages: int, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Return every row, after one that warms up the broker; slower rows have fewer messages."""
    rows = []
    for number, row in enumerate((ROWS[0], *ROWS)):
        work = row.fan_out * (row.body_bytes + SMALL)
        count = max(200, min(messages, messages * 12_000 // work)) // envelopes.STREAMS * envelopes.STREAMS
        stock = envelopes.make(
            sandbox.home, count, body=row.body_bytes, fan_out=row.fan_out, partitions=row.partitions
        )
        rate = await routers.rate(sandbox, stock, row.routers, row.batch)
        say(f"{row}: {rate.records_per_second:.0f}/s, {rate.cpu_us:.0f} us")
        if number:
            rows.append(asdict(row) | asdict(rate))
    return rows
