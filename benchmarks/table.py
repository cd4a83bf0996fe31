"""The results as the tables of docs/internals/performance.md."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from benchmarks import streams

Results = dict[str, Any]
Goal = tuple[str, Callable[[Results], float], float, bool]
GOALS: tuple[Goal, ...] = (
    ("router to passthrough", lambda found: found["throughput"]["router_to_passthrough"], 0.5, True),
    ("CPU added by a message, us", lambda found: found["throughput"]["added_cpu_us"], 350, False),
    ("publish to inbox, p50, ms", lambda found: found["latency"]["rates"][-1]["p50"], 30, False),
    ("publish to inbox, p99, ms", lambda found: found["latency"]["rates"][-1]["p99"], 100, False),
    ("restoring 100,000 streams, s", lambda found: found["takeover"]["restores"][-1]["seconds"], 2, False),
    ("10,000 rules to the example's", lambda found: found["decision"]["ratio"], 1.5, False),
    ("beside versions to come, to versions in force", lambda found: found["versions"]["ratio"], 1.2, False),
    ("notifier --help, s", lambda found: found["start"]["verbs"][0]["seconds"], 0.4, False),
    ("notifier route FILE, s", lambda found: found["start"]["verbs"][1]["seconds"], 0.6, False),
)
"""A name, the figure, the goal, and whether more is better."""


def show(results: Results) -> None:
    """Print a table of each part with results."""
    for part, lines in TABLES.items():
        if part in results:
            print(f"\n{part}, {results[part]['at']}\n")
            print("\n".join(lines(results[part])))
    if results.keys() >= {"throughput", "takeover", "latency", "decision", "versions", "start"}:
        print("\ngoals\n")
        print("\n".join(_goals(results)))


def _table(*rows: tuple[object, ...]) -> list[str]:
    """Return a table; the first row is its head."""
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return [lines[0], "|---" * len(rows[0]) + "|", *lines[1:]]


def _goals(results: Results) -> list[str]:
    rows = []
    for name, figure, goal, more in GOALS:
        found = figure(results)
        met = found >= goal if more else found <= goal
        rows.append(
            (
                name,
                f"{found:,.2f}" if found < 10 else f"{found:,.0f}",
                f"{'at least' if more else 'at most'} {goal:g}",
                "yes" if met else "no",
            )
        )
    return _table(("goal", "found", "wanted", "met"), *rows)


def _throughput(found: Results) -> list[str]:
    rows = [
        (
            rate["name"],
            f"{rate['records_per_second']:,.0f}",
            f"{rate['cpu_us']:.0f} us",
            f"{rate['broker_us']:.0f} us",
            f"{rate['others']:.0%}",
        )
        for rate in found["rates"]
    ]
    if all(rate["name"] != streams.NAME for rate in found["rates"]):
        rows.append((streams.NAME, "not measured: no JDK, only a Java runtime", "", "", ""))
    head = ("", "records/s", "CPU of the hop", "CPU of the broker", "machine used by others")
    return [*_table(head, *rows), "", f"sealing one for {found['fan_out']}: {found['seal_us']:.0f} us"]


def _takeover(found: Results) -> list[str]:
    rows = [(f"restoring {one['streams']:,} streams", f"{one['seconds']:.2f} s") for one in found["restores"]]
    killed = "from kill -9 of one of two routers until all is decided"
    return _table(("", ""), *rows, (killed, f"{found['after_a_kill_s']:.1f} s"))


def _latency(found: Results) -> list[str]:
    waits = ("durable_p50", "accepted_p50", "p50", "p90", "p99")
    rows = [
        (one["rate"], *(f"{one[wait]:.0f} ms" for wait in waits), f"{one['others']:.0%}") for one in found["rates"]
    ]
    head = ("a second", "durable, p50", "accepted, p50", "in the inbox, p50", "p90", "p99", "machine used by others")
    used = [(one["rate"], *(f"{cpu:.1f} ms" for cpu in one["cpu_ms"].values())) for one in found["rates"]]
    return [*_table(head, *rows), "", *_table(("CPU of one message", *found["rates"][0]["cpu_ms"]), *used)]


def _sweep(found: Results) -> list[str]:
    names = ("fan_out", "body_bytes", "batch", "routers", "partitions")
    rows = [
        (
            *(row[name] for name in names),
            f"{row['records_per_second']:,.0f}",
            f"{row['cpu_us']:.0f} us",
            f"{row['broker_us']:.0f} us",
            f"{row['others']:.0%}",
        )
        for row in found["rows"]
    ]
    head = ("recipients", "body", "batch", "routers", "partitions", "records/s", "CPU", "broker's", "others")
    return _table(head, *rows)


def _stages(found: Results) -> list[str]:
    rows = [
        (f"{'of it: ' if one['part'] else ''}{one['name']}", f"{one['us']:.0f} us") for one in found["of_one_record"]
    ]
    return _table(("stage", "one record"), *rows)


def _decision(found: Results) -> list[str]:
    rows = [
        ("the example's rules", f"{found['example_rules_us']:.0f} us"),
        ("10,000 rules, 400 authorities", f"{found['many_rules_us']:.0f} us"),
    ]
    return _table(("a decision", ""), *rows)


def _versions(found: Results) -> list[str]:
    rows = [
        ("beside as many of the versions in force", f"{found['known_s']:.2f} s"),
        ("beside as many that name versions to come", f"{found['to_come_s']:.2f} s"),
    ]
    return _table(("200 envelopes, a look takes 2 s", "until all is decided"), *rows)


def _start(found: Results) -> list[str]:
    rows = [(one["verb"], f"{one['seconds']:.2f} s", f"{one['cpu']:.2f} s") for one in found["verbs"]]
    return _table(("a verb", "from start to end", "processor time"), *rows)


TABLES: dict[str, Callable[[Results], Iterable[str]]] = {
    "throughput": _throughput,
    "latency": _latency,
    "stages": _stages,
    "sweep": _sweep,
    "takeover": _takeover,
    "decision": _decision,
    "versions": _versions,
    "start": _start,
}
