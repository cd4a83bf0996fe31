"""Generator of the tables of docs/reference/routing.md from notifier/rules/table.py and facts.py.

`python tools/routing_table.py` rewrites the file: the text between each pair of markers is replaced. A test keeps
them equal.
"""

from __future__ import annotations

import re
from pathlib import Path

from notifier.notification.territories import BUILT_IN
from notifier.rules.facts import NAMING
from notifier.rules.table import EXPECTED, SAFEGUARDS, SILENCES, Expected

DOCUMENT = Path(__file__).parents[1] / "docs" / "reference" / "routing.md"
CUSTODY = {"any": "", "in_custody": "in custody", "free": "not in custody"}
NAMED = {
    "rules": "exactly those whom the rules expect",
    "rules_and_told_before": "those whom the rules expect of the new facts, and those told before",
    "asserted": "whom the slip says, each of whom takes part",
    "nobody": "nobody: it is for the log alone",
}


def expected() -> str:
    """Return one line per type and custody: the legs, their role, and the paragraph."""
    lines = ["| type | | role | paragraph: told |", "|---|---|---|---|"]
    for one in EXPECTED:
        told = "; ".join(f"{_paragraph(paragraph, one)}: {', '.join(rules)}" for paragraph, rules in one.told.items())
        lines.append(f"| {one.type} | {CUSTODY[one.custody]} | {one.role} | {told} |")
    return "\n".join(lines)


def _paragraph(paragraph: str, one: Expected) -> str:
    stages = "".join(f"; {other} when {stage}" for stage, other in one.stages.items())
    return f"{paragraph} ({stages[2:]})" if stages else paragraph


def named() -> str:
    """Return one line per way of naming: the types, and the authorities that the slip must name."""
    lines = ["| types | recipients and withheld together are |", "|---|---|"]
    for naming, words in NAMED.items():
        types = ", ".join(type_ for type_, one in NAMING.items() if one == naming)
        lines.append(f"| {types} | {words} |")
    return "\n".join(lines)


def safeguards() -> str:
    """Return one line per reason not to send."""
    lines = ["| because | outcome | when | ground | lifted by |", "|---|---|---|---|---|"]
    lines += [f"| `{one.name}` | {one.outcome} | {one.when} | {one.ground} | {one.lifted} |" for one in SAFEGUARDS]
    return "\n".join(lines)


def silences() -> str:
    """Return one line per case in which nobody is told and nothing is held."""
    return "\n".join(
        ["| silent | because |", "|---|---|", *(f"| `{name}` | {why} |" for name, why in SILENCES.items())]
    )


def territories() -> str:
    """Return one line per state, with the codes that it answers for."""
    codes: dict[str, list[str]] = {}
    for one in BUILT_IN:
        codes.setdefault(one.state, []).append(one.code)
    rows = [f"| {state} | {', '.join(codes[state])} |" for state in sorted(codes)]
    return "\n".join(["| state | answers for |", "|---|---|", *rows])


def written(document: str) -> str:
    """`document` with the tables between its markers as the code has them."""
    tables = (
        ("expected", expected()),
        ("named", named()),
        ("safeguards", safeguards()),
        ("territories", territories()),
        ("silences", silences()),
    )
    for name, table in tables:
        begin, end = f"<!-- {name}: written by tools/routing_table.py -->", f"<!-- end of {name} -->"
        pattern = re.compile(f"{re.escape(begin)}\n.*?{re.escape(end)}", re.DOTALL)
        if not pattern.search(document):
            raise ValueError(f"the markers of {name} are not there")
        document = pattern.sub(lambda _, text=table, pair=(begin, end): f"{pair[0]}\n{text}\n{pair[1]}", document)
    return document


if __name__ == "__main__":
    DOCUMENT.write_text(written(DOCUMENT.read_text()))
