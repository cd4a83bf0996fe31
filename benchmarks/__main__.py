"""`make bench`: one sandbox, every part after the other, the tables, and benchmarks/results/latest.json.

A named part is measured again, and the others stay: `python -m benchmarks sweep stages`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import (
    decision,
    envelopes,
    latency,
    routers,
    stages,
    start,
    streams,
    sweep,
    takeover,
    throughput,
    versions,
)
from benchmarks.table import show
from notifier.sandbox.sandbox import PARTITIONS, Sandbox
from notifier.sandbox.world import make_world
from notifier.telemetry.logging import configure

RESULTS = Path(__file__).parent / "results" / "latest.json"
STREAM_COUNTS = (1_000, 100_000)
ROUTERS = 2
SERVICES = ("auditor", "router-1", "router-2")
IDLE_PERCENT = 10
RATES = (2, 20, 50)
BODY = 2048
FAN_OUT = 3

Result = dict[str, Any]


def say(text: str) -> None:
    """Print progress on standard error."""
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Measure, print the tables, and write the results."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join((*ON_A_SANDBOX, *ALONE))}; all where none is named")
    parser.add_argument("--messages", type=int, default=6000, help="a hop in one round")
    parser.add_argument("--rounds", type=int, default=3, help="of every hop, by turns; the median counts")
    parser.add_argument("--seconds", type=float, default=15.0, help="of latency, at each rate")
    given = parser.parse_args()
    if unknown := set(given.parts) - {*ON_A_SANDBOX, *ALONE}:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    configure(level=logging.ERROR)
    names = given.parts or [*ON_A_SANDBOX, *ALONE]
    results = json.loads(RESULTS.read_text()) if given.parts else {}
    if not ON_A_SANDBOX.keys().isdisjoint(names):
        with running(ROUTERS) as sandbox:
            for name, part in ON_A_SANDBOX.items():
                if name in names:
                    _keep(results, name, partial(part, sandbox, given))
    for name, alone in ALONE.items():
        if name in names:
            _keep(results, name, alone)
    show(results)


def _keep(results: Result, name: str, part: Callable[[], Result]) -> None:
    """Measure a part, and write the present results."""
    say(name)
    begun = time.strftime("%FT%TZ", time.gmtime())
    results[name] = {"at": begun, **part()}
    results["machine"] = {"cores": os.cpu_count(), "python": platform.python_version()}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")


@contextmanager
def running(count: int) -> Iterator[Sandbox]:
    """Run a sandbox with `count` routers; it has a state for each recipient of the widest message."""
    with tempfile.TemporaryDirectory(prefix="notifier-bench-") as folder:
        make_world(Path(folder), PARTITIONS, sweep.states(), ("spoc",))
        sandbox = Sandbox(Path(folder))
        try:
            sandbox.up(say, routers=count)
            yield sandbox
        finally:
            sandbox.down(lambda _text: None)


def _throughput(sandbox: Sandbox, given: argparse.Namespace) -> Result:
    _alone(sandbox)
    return asyncio.run(_rates(sandbox, given.messages, given.rounds))


async def _rates(sandbox: Sandbox, messages: int, rounds: int) -> Result:
    """Measure every hop in turn, once to warm up and then `rounds` times; return the median of each figure."""
    hops = [throughput.raw_hop, throughput.passthrough, routers.rate]
    if streams.compiler_at_hand():
        hops.append(streams.passthrough)
    seen: dict[str, list[throughput.Rate]] = {}
    seal_us = []
    for number in range(rounds + 1):
        stock = envelopes.make(sandbox.home, messages, body=BODY, fan_out=FAN_OUT)
        seal_us.append(stock.seconds / messages * 1e6)
        for hop in hops:
            rate = await hop(sandbox, stock)
            if number:
                seen.setdefault(rate.name, []).append(rate)
            warming = "" if number else ", to warm up"
            say(f"{rate.name}: {rate.records_per_second:.0f}/s, {rate.cpu_us:.0f} us{warming}")
    rates = {name: _median(some) for name, some in seen.items()}
    bare, secure = rates["transactional passthrough"], rates["secure router"]
    return {
        "messages": messages,
        "rounds": rounds,
        "body_bytes": BODY,
        "fan_out": FAN_OUT,
        "seal_us": min(seal_us),
        "rates": [asdict(rate) for rate in rates.values()],
        "every_round": {name: [asdict(one) for one in some] for name, some in seen.items()},
        "router_to_passthrough": secure.records_per_second / bare.records_per_second,
        "added_cpu_us": secure.cpu_us - bare.cpu_us,
    }


def _median(some: list[throughput.Rate]) -> throughput.Rate:
    """Return each figure's median."""

    def middle(figure: Callable[[throughput.Rate], float]) -> float:
        return statistics.median(map(figure, some))

    return throughput.Rate(
        some[0].name,
        middle(lambda one: one.records_per_second),
        middle(lambda one: one.cpu_us),
        middle(lambda one: one.broker_us),
        middle(lambda one: one.others),
    )


def _takeover(sandbox: Sandbox, _given: argparse.Namespace) -> Result:
    _together(sandbox)
    return {
        "restores": [asdict(one) for one in asyncio.run(takeover.restores(sandbox, STREAM_COUNTS))],
        "after_a_kill_s": asyncio.run(takeover.after_a_kill(sandbox)),
    }


def _latency(sandbox: Sandbox, given: argparse.Namespace) -> Result:
    _together(sandbox)
    sandbox.process("router-2").stop(10)
    return {"rates": [asdict(asyncio.run(latency.measure(sandbox, rate, given.seconds))) for rate in RATES]}


def _sweep(sandbox: Sandbox, given: argparse.Namespace) -> Result:
    _alone(sandbox)
    return {"rows": asyncio.run(sweep.measure(sandbox, given.messages, say))}


def _alone(sandbox: Sandbox) -> None:
    """Only the broker runs: a hop brings its own routers, and nobody follows the audit log of one hop alone."""
    for name in SERVICES:
        sandbox.process(name).stop(10)


def _together(sandbox: Sandbox) -> None:
    """Everything runs, and has done what there was to do."""
    sandbox.up(lambda _text: None, routers=ROUTERS)
    services = [process for name in SERVICES if (process := sandbox.process(name).process())]
    while max(service.cpu_percent(1.0) for service in services) > IDLE_PERCENT:
        pass


ON_A_SANDBOX: dict[str, Callable[[Sandbox, argparse.Namespace], Result]] = {
    "throughput": _throughput,
    "latency": _latency,
    "takeover": _takeover,
    "sweep": _sweep,
}
"""The hops come first, and warm the broker up, which compiles what it does often."""
ALONE: dict[str, Callable[[], Result]] = {
    "stages": lambda: {"of_one_record": [asdict(one) for one in stages.measure()]},
    "decision": decision.measure,
    "versions": versions.measure,
    "start": lambda: {"verbs": [asdict(one) for one in start.measure()]},
}


if __name__ == "__main__":
    main()
