"""`make bench`: one sandbox, one run, one table, and benchmarks/results/latest.json."""

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
from pathlib import Path
from typing import Any

import psutil

from benchmarks import decision, envelopes, latency, stages, start, streams, sweep, takeover, throughput
from notifier.ops.logging import configure
from notifier.sandbox.sandbox import Sandbox

RESULTS = Path(__file__).parent / "results" / "latest.json"
STREAM_COUNTS = (1_000, 100_000)

Goal = tuple[str, Callable[[dict[str, Any]], float], float, bool]
GOALS: tuple[Goal, ...] = (
    ("router to passthrough", lambda found: found["throughput"]["router_to_passthrough"], 0.5, True),
    ("CPU added, us", lambda found: found["throughput"]["added_cpu_us"], 350, False),
    ("p50, ms", lambda found: found["latency"]["p50"], 30, False),
    ("p99, ms", lambda found: found["latency"]["p99"], 100, False),
    ("restoring 100,000 streams, s", lambda found: found["takeover"]["restores"][-1]["seconds"], 2, False),
    ("many rules to few", lambda found: found["decision"]["ratio"], 1.5, False),
    ("notifier --help, s", lambda found: found["start"][0]["seconds"], 0.4, False),
    ("notifier route, s", lambda found: found["start"][1]["seconds"], 0.6, False),
)
"""A name, the figure, the goal, and whether more is better."""


def say(text: str) -> None:
    """Progress, on standard error."""
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Measures, prints the table, and writes the results."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--messages", type=int, default=6000, help="a hop in one round")
    parser.add_argument("--rounds", type=int, default=3, help="of every hop, by turns; the median counts")
    parser.add_argument("--seconds", type=float, default=10.0, help="of latency at 50/s")
    parser.add_argument("--sweep", action="store_true", help="over recipients, sizes, batches and routers, too")
    given = parser.parse_args()
    configure(level=logging.ERROR)
    before = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    with running() as sandbox:
        # The hops come first: they warm the broker up, which compiles what it does often.
        sandbox.process("router-1").stop(10)
        results: dict[str, Any] = {"machine": _machine()}
        results["throughput"] = asyncio.run(_rates(sandbox, given.messages, given.rounds))
        say("take-over")
        results["takeover"] = {
            "restores": [asdict(one) for one in asyncio.run(takeover.restores(sandbox, STREAM_COUNTS))]
        }
        sandbox.up(lambda _text: None, routers=2)
        results["takeover"]["after_a_kill"] = asyncio.run(takeover.after_a_kill(sandbox, 1))
        say("latency")
        results["latency"] = asdict(asyncio.run(latency.measure(sandbox, 50, given.seconds)))
    results["stages"] = [asdict(one) for one in stages.measure()]
    results["decision"] = decision.measure()
    results["start"] = [asdict(one) for one in start.measure()]
    results["sweep"] = before.get("sweep")
    if given.sweep:
        with sweep.many_states(), running() as sandbox:
            sandbox.process("router-1").stop(10)
            results["sweep"] = {
                "machine": _machine(),
                "rows": asyncio.run(sweep.measure(sandbox, given.messages, say)),
            }
    results["not_met"] = _not_met(results)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    show(results)


@contextmanager
def running() -> Iterator[Sandbox]:
    """A sandbox of its own, gone at the end."""
    with tempfile.TemporaryDirectory(prefix="notifier-bench-") as folder:
        sandbox = Sandbox(Path(folder))
        try:
            sandbox.up(say)
            yield sandbox
        finally:
            sandbox.down(lambda _text: None)


def _machine() -> dict[str, Any]:
    """What the figures were read on, and how much of it was somebody else's."""
    begun, mine = psutil.cpu_times(), psutil.Process().cpu_times()
    time.sleep(2)
    used = sum(psutil.cpu_times()[:3]) - sum(begun[:3])
    own = sum(psutil.Process().cpu_times()[:2]) - sum(mine[:2])
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "busy_with_other_work": round((used - own) / 2 / (os.cpu_count() or 1), 2),
    }


async def _rates(sandbox: Sandbox, messages: int, rounds: int) -> dict[str, Any]:
    """Every hop by turns, once to warm up and then `rounds` times; the median of each figure."""
    hops = [throughput.raw_hop, throughput.passthrough, throughput.router]
    if streams.compiler_at_hand():
        hops.append(streams.passthrough)
    seen: dict[str, list[throughput.Rate]] = {}
    seal_us = 0.0
    for number in range(rounds + 1):
        stock = envelopes.make(sandbox.home, messages, body=2048, fan_out=3)
        seal_us = stock.seconds / messages * 1e6
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
        "body_bytes": 2048,
        "fan_out": 3,
        "seal_us": seal_us,
        "rates": [asdict(rate) for rate in rates.values()],
        "every_round": {name: [one.records_per_second for one in some] for name, some in seen.items()},
        "router_to_passthrough": secure.records_per_second / bare.records_per_second,
        "added_cpu_us": secure.cpu_us - bare.cpu_us,
    }


def _median(some: list[throughput.Rate]) -> throughput.Rate:
    rate = statistics.median(one.records_per_second for one in some)
    return throughput.Rate(some[0].name, rate, statistics.median(one.cpu_us for one in some))


def _not_met(results: dict[str, Any]) -> list[str]:
    """Every goal that was missed, with what was reached."""
    missed = []
    for name, figure, goal, more in GOALS:
        found = figure(results)
        if (found < goal) if more else (found > goal):
            missed.append(f"{name} {found:.3g} (goal {goal:g})")
    return missed


def show(results: dict[str, Any]) -> None:
    """The plain table."""
    found, wait, rules = results["throughput"], results["latency"], results["decision"]
    other = results["machine"]["busy_with_other_work"]
    print(f"{results['machine']['cores']} cores, {other:.0%} of them busy with other work at the start\n")
    print(f"{'':32} {'records/s':>10} {'CPU us each':>12}")
    for rate in found["rates"]:
        print(f"{rate['name']:32} {rate['records_per_second']:10.0f} {rate['cpu_us']:12.0f}")
    if not any(rate["name"] == streams.NAME for rate in found["rates"]):
        print(f"{streams.NAME:32} not measured: no JDK, only a Java runtime")
    print(f"router to passthrough {found['router_to_passthrough']:.2f}, {found['added_cpu_us']:.0f} us of CPU added")
    print(f"sealing one for {found['fan_out']}: {found['seal_us']:.0f} us")
    print(
        f"publish to inbox at {wait['rate']}/s: p50 {wait['p50']:.0f} ms, p90 {wait['p90']:.0f} ms,"
        f" p99 {wait['p99']:.0f} ms; durable after {wait['durable_p50']:.1f} ms"
    )
    for one in results["takeover"]["restores"]:
        print(f"restoring a partition of {one['streams']:,} streams: {one['seconds']:.2f} s")
    print(f"from kill -9 of one of two routers until all is decided: {results['takeover']['after_a_kill'][0]:.1f} s")
    print(f"decide: {rules['example_rules_us']:.0f} us; with 10,000 rules and 400 authorities x{rules['ratio']:.2f}")
    for one in results["start"]:
        print(f"{one['verb']}: {one['seconds']:.2f} s")
    print(f"goals not met: {'; '.join(results['not_met']) or 'none'}")


if __name__ == "__main__":
    main()
