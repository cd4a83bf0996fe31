"""The routing rules as data: the authorities to tell, by type, custody and leg.

A rule set is a signed document of the directory. It is indexed by the questions of a notification, so that a decision
costs the same for any number of rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from notifier.errors import DirectoryError
from notifier.notification.territories import BUILT_IN, BUILT_IN_TABLE, TELLS, Territories, Territory
from notifier.rules.table import EXPECTED

Custody = Literal["any", "in_custody", "free"]
CUSTODIES: Final = ("any", "in_custody", "free")
RULES: Final = (
    "origin",
    "destination",
    "transit",
    "nationality",
    "residence",
    "interpol",
    "corridor",
    "originator",
    "told_before",
    "consular",
)


@dataclass(frozen=True, slots=True)
class Row:
    """A row: for `type` (in `custody`) the leg `rule` expects the authorities of `role`, by `paragraph`.

    `stage_paragraphs` names another paragraph for some stages (travel: planned, arrived).
    """

    type: str
    custody: Custody
    rule: str
    role: str
    paragraph: str
    stage_paragraphs: tuple[tuple[str, str], ...] = ()

    def paragraph_at(self, stage: str | None) -> str:
        """Return the paragraph that applies at `stage`."""
        return dict(self.stage_paragraphs).get(stage or "", self.paragraph)


@dataclass(frozen=True, slots=True)
class Corridor:
    """The subscribers (authority names) of patterns from state `start` to state `end`."""

    start: str
    end: str
    subscribers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RuleSet:
    """A signed version of the rules; `issued_at` is in Unix milliseconds.

    `consular_mandatory` lists the states that are told of a consular matter without a request, by treaty.
    `territories` gives the state that answers for each territory. It is None where the document is older than that
    table; the built-in table applies then (`answers`).
    """

    version: int
    issued_at: int
    rows: tuple[Row, ...]
    corridors: tuple[Corridor, ...] = ()
    consular_mandatory: frozenset[str] = frozenset()
    territories: tuple[Territory, ...] | None = BUILT_IN
    answers: Territories = field(init=False, repr=False, compare=False)
    _index: Mapping[tuple[str, bool, str], tuple[Row, ...]] = field(init=False, repr=False, compare=False)
    _subscribers: Mapping[tuple[str, str], tuple[str, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        index: dict[tuple[str, bool, str], tuple[Row, ...]] = {}
        for row in self.rows:
            for custody in {"any": (True, False), "in_custody": (True,), "free": (False,)}[row.custody]:
                key = (row.type, custody, row.rule)
                index[key] = (*index.get(key, ()), row)
        object.__setattr__(self, "_index", index)
        lanes = {(lane.start, lane.end): lane.subscribers for lane in self.corridors}
        object.__setattr__(self, "_subscribers", lanes)
        table = BUILT_IN_TABLE if self.territories is None else Territories(self.territories)
        object.__setattr__(self, "answers", table)

    def rows_for(self, type_: str, in_custody: bool, rule: str) -> tuple[Row, ...]:
        """Return the rows for one leg of a notification."""
        return self._index.get((type_, in_custody, rule), ())

    def subscribers(self, corridor: tuple[str, str]) -> tuple[str, ...]:
        """Return the subscribers of a corridor; where it has none, those of the corridor of the answering states."""
        start, end = corridor
        starts, ends = ({code: None, self.answers.state_of(code) or code: None} for code in (start, end))
        lanes = ((one, other) for one in starts for other in ends)
        return next((self._subscribers[lane] for lane in lanes if self._subscribers.get(lane)), ())

    def to_document(self) -> dict[str, Any]:
        """Return the JSON document that the directory signs; without the table of territories where it had none."""
        document: dict[str, Any] = {
            "version": self.version,
            "issued_at": self.issued_at,
            "rows": [
                {
                    "type": row.type,
                    "custody": row.custody,
                    "rule": row.rule,
                    "role": row.role,
                    "paragraph": row.paragraph,
                    "stage_paragraphs": dict(row.stage_paragraphs),
                }
                for row in self.rows
            ],
            "corridors": [
                {"from": lane.start, "to": lane.end, "subscribers": list(lane.subscribers)} for lane in self.corridors
            ],
            "consular_mandatory": sorted(self.consular_mandatory),
        }
        if self.territories is not None:
            document["territories"] = territory_rows(self.territories)
        return document

    @classmethod
    def from_document(cls, document: object) -> RuleSet:
        """Return the rules in a document; one without territories is of an earlier version.

        Raises `DirectoryError` naming the first fault.
        """
        top = _fields(document, "rules", "version issued_at rows corridors consular_mandatory", "territories")
        rows = []
        for number, item in enumerate(_list(top["rows"], "rows")):
            where = f"rows/{number}"
            row = _fields(item, where, "type custody rule role paragraph stage_paragraphs")
            stages = row["stage_paragraphs"]
            plain = [row[name] for name in ("type", "custody", "rule", "role", "paragraph")]
            if not isinstance(stages, dict) or not all(isinstance(text, str) for text in (*plain, *stages.values())):
                raise DirectoryError(detail=f"{where}: every value must be text")
            if row["rule"] not in RULES or row["custody"] not in CUSTODIES:
                raise DirectoryError(detail=f"{where}: unknown rule or custody")
            type_, custody, rule, role, paragraph = plain
            rows.append(Row(type_, custody, rule, role, paragraph, tuple(sorted(stages.items()))))
        lanes = []
        for number, item in enumerate(_list(top["corridors"], "corridors")):
            where = f"corridors/{number}"
            lane = _fields(item, where, "from to subscribers")
            start, end = _texts([lane["from"], lane["to"]], where)
            lanes.append(Corridor(start, end, _texts(lane["subscribers"], f"{where}/subscribers")))
        version, issued = top["version"], top["issued_at"]
        if not all(isinstance(number, int) and not isinstance(number, bool) for number in (version, issued)):
            raise DirectoryError(detail="rules: version and issued_at must be whole numbers")
        mandatory = frozenset(_texts(top["consular_mandatory"], "consular_mandatory"))
        territories = _territories(top["territories"]) if "territories" in top else None
        return cls(version, issued, tuple(rows), tuple(lanes), mandatory, territories)


def territory_rows(territories: Iterable[Territory]) -> list[dict[str, str]]:
    """Return the table of territories in its document form."""
    return [{"code": one.code, "state": one.state, "tells": one.tells} for one in territories]


def default_rules(version: int = 1, issued_at: int = 0) -> RuleSet:
    """Return the table of the resolution (notifier/rules/table.py) as rules: one row per type, custody and leg."""
    return RuleSet(version, issued_at, tuple(_default_rows()))


def _default_rows() -> Iterable[Row]:
    for one in EXPECTED:
        stages = tuple(sorted(one.stages.items()))
        for paragraph, legs in one.told.items():
            for rule in legs:
                yield Row(one.type, one.custody, rule, one.role, paragraph, stages)


def _territories(value: object) -> tuple[Territory, ...]:
    found = []
    for number, item in enumerate(_list(value, "territories")):
        where = f"territories/{number}"
        row = _fields(item, where, "code state tells")
        code, state = _texts([row["code"], row["state"]], where)
        tells = next((one for one in TELLS if one == row["tells"]), None)
        if tells is None:
            raise DirectoryError(detail=f"{where}/tells: must be one of {', '.join(TELLS)}")
        found.append(Territory(code, state, tells))
    return tuple(found)


def _fields(value: object, where: str, names: str, optional: str = "") -> dict[str, Any]:
    wanted = sorted(names.split())
    if not isinstance(value, dict) or sorted({*value} - {optional}) != wanted:
        extra = f", and may have {optional}" if optional else ""
        raise DirectoryError(detail=f"{where}: must have exactly the fields {names}{extra}")
    return value


def _list(value: object, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise DirectoryError(detail=f"{where}: must be a list")
    return value


def _texts(value: object, where: str) -> tuple[str, ...]:
    items = _list(value, where)
    if not all(isinstance(item, str) for item in items):
        raise DirectoryError(detail=f"{where}: every value must be text")
    return tuple(items)
