"""The pure decision: with the example rules, and with 10,000 rules over 400 authorities."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from notifier.directory.builtin import builtin_snapshot
from notifier.directory.model import Directory
from notifier.notification import parse
from notifier.policy.decision import decide
from notifier.rules.ruleset import Row, RuleSet, default_rules

ROUNDS = 2000


def _cost(directory: Directory, rules: RuleSet) -> float:
    text = Path("examples/deportation-ordered.json").read_text()
    notification = parse(text)
    best = float("inf")
    for _ in range(5):
        begun = time.process_time()
        for _ in range(ROUNDS // 5):
            decide(notification, directory, rules)
        best = min(best, (time.process_time() - begun) / (ROUNDS // 5))
    return best * 1e6


def measure() -> dict[str, float]:
    """Return the microseconds of processor time of one decision, and the factor for many rules."""
    snapshot = builtin_snapshot()
    names = sorted(snapshot.directory.authorities)
    needed = [name for name in snapshot.directory.authorities if name[:3] in ("AUT", "BGR", "DEU", "UTO")]
    kept = {name: snapshot.directory.authorities[name] for name in (*names[: 400 - len(needed)], *needed)}
    directory = replace(snapshot.directory, authorities=kept)
    rules = default_rules()
    filler = tuple(
        Row(f"type{number}", "any", "nationality", "spoc", "5") for number in range(10_000 - len(rules.rows))
    )
    many = replace(rules, rows=rules.rows + filler)
    few_us, many_us = _cost(directory, rules), _cost(directory, many)
    return {"example_rules_us": few_us, "many_rules_us": many_us, "ratio": many_us / few_us}
