"""`make bench`: one sandbox, one run, one table, and benchmarks/results/latest.json."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import platform
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import decision, envelopes, latency, throughput
from notifier.ops.logging import configure
from notifier.sandbox.sandbox import Sandbox

RESULTS = Path(__file__).parent / "results"


def say(text: str) -> None:
    """Progress, on standard error."""
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Measures, prints the table, and writes the results."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--messages", type=int, default=6000, help="for throughput")
    parser.add_argument("--seconds", type=float, default=10.0, help="of latency at 50/s")
    parser.add_argument("--sweep", action="store_true", help="over recipients, sizes and routers, too")
    given = parser.parse_args()
    configure(level=logging.ERROR)
    results: dict[str, Any] = {"machine": {"cores": os.cpu_count(), "python": platform.python_version()}}
    with tempfile.TemporaryDirectory(prefix="notifier-bench-") as folder:
        sandbox = Sandbox(Path(folder))
        try:
            sandbox.up(say)
            results["latency"] = asdict(asyncio.run(latency.measure(sandbox, 50, given.seconds)))
            sandbox.process("router-1").stop(10)  # from here on the benchmark starts its own
            results["throughput"] = asyncio.run(_rates(sandbox, given.messages, 2048, 3))
            if given.sweep:
                results["sweep"] = asyncio.run(_sweep(sandbox, given.messages // 3))
        finally:
            sandbox.down(lambda _text: None)
    results["decision"] = decision.measure()
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "latest.json").write_text(json.dumps(results, indent=1) + "\n")
    _show(results)


async def _rates(sandbox: Sandbox, messages: int, body: int, fan_out: int) -> dict[str, Any]:
    say(f"sealing {messages} envelopes of {body} bytes to {fan_out}")
    stock = envelopes.make(sandbox.home, messages, body=body, fan_out=fan_out)
    rates = []
    for hop in (throughput.raw_hop, throughput.passthrough, throughput.router):
        rates.append(await hop(sandbox, stock))
        say(f"{rates[-1].name}: {rates[-1].records_per_second:.0f}/s")
    _, bare, secure = rates
    return {
        "messages": messages,
        "body_bytes": body,
        "fan_out": fan_out,
        "seal_us": stock.seconds / messages * 1e6,
        "rates": [asdict(rate) for rate in rates],
        "router_to_passthrough": secure.records_per_second / bare.records_per_second,
        "added_cpu_us": secure.cpu_us - bare.cpu_us,
    }


async def _sweep(sandbox: Sandbox, messages: int) -> list[dict[str, Any]]:
    rows = []
    for body, fan_out, routers in (
        (2048, 1, 1),
        (2048, 8, 1),
        (1024, 3, 1),
        (8192, 3, 1),
        (65536, 3, 1),
        (2048, 3, 2),
    ):
        stock = envelopes.make(sandbox.home, messages, body=body, fan_out=fan_out, streams=6)
        rate = await throughput.router(sandbox, stock, routers)
        rows.append({"body_bytes": body, "fan_out": fan_out, "routers": routers} | asdict(rate))
        say(f"{body} bytes, {fan_out} recipients, {routers} routers: {rate.records_per_second:.0f}/s")
    return rows


def _show(results: dict[str, Any]) -> None:
    found, wait = results["throughput"], results["latency"]
    print(f"{'':32} {'records/s':>10} {'CPU us each':>12}")
    for rate in found["rates"]:
        print(f"{rate['name']:32} {rate['records_per_second']:10.0f} {rate['cpu_us']:12.0f}")
    print(f"router to passthrough {found['router_to_passthrough']:.2f}, {found['added_cpu_us']:.0f} us of CPU added")
    print(f"sealing one for {found['fan_out']}: {found['seal_us']:.0f} us")
    print(
        f"publish to inbox at {wait['rate']}/s: p50 {wait['p50']:.0f} ms, p90 {wait['p90']:.0f} ms,"
        f" p99 {wait['p99']:.0f} ms; durable after {wait['durable_p50']:.1f} ms"
    )
    rules = results["decision"]
    print(f"decide: {rules['example_rules_us']:.0f} us; with 10,000 rules and 400 authorities x{rules['ratio']:.2f}")


main()
