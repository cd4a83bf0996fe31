"""Prints the table of docs/routing.md from the default rules; a test keeps the two equal."""

from __future__ import annotations

from notifier.routing.rules import RULES, Row, default_rules

CUSTODY = {"any": "", "in_custody": "in custody", "free": "not in custody"}


def table() -> str:
    """One line a type and custody: which legs are told, in which role, by which paragraph."""
    rows: dict[tuple[str, str, str], list[Row]] = {}
    for row in default_rules().rows:
        rows.setdefault((row.type, row.custody, row.role), []).append(row)
    lines = ["| type | | role | told, with the paragraph |", "|---|---|---|---|"]
    for (type_, custody, role), found in rows.items():
        told = ", ".join(_leg(row) for row in sorted(found, key=lambda row: RULES.index(row.rule)))
        lines.append(f"| {type_} | {CUSTODY[custody]} | {role} | {told} |")
    return "\n".join(lines)


def _leg(row: Row) -> str:
    stages = "".join(f"; {paragraph} when {stage}" for stage, paragraph in row.stage_paragraphs)
    return f"{row.rule} ({row.paragraph}{stages})"


if __name__ == "__main__":
    print(table())
