"""The documents behind the golden decisions: a base of each type, and the special cases as changes to one.

A case says which field it `sets`; two that set the same field are no pair. What is a list is added to.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

from notifier.directory.builtin import builtin_snapshot
from notifier.directory.snapshot import Snapshot
from notifier.errors import NotificationInvalidError
from notifier.notification import parse
from notifier.policy.decision import decide
from notifier.rules.ruleset import Corridor
from notifier.rules.table import EXPECTED

Document = dict[str, Any]

EXAMPLES = Path(__file__).parents[2] / "examples"
ABOUT = {"id": "0199f0c2-1111-7111-8111-111111111111", "digest": "ab" * 32}
CORRIDORS = (Corridor("TUR", "DEU", ("BGR/spoc", "DEU/spoc", "TUR/spoc")),)
SIGNED = {"by": "a person", "at": "2026-11-20T09:00:00Z", "reference": "Z 1"}
FRAME: Document = {
    "originator": "TUR/spoc",
    "event_time": "2026-11-20T08:15:00+03:00",
    "urgency": "urgent",
    "purpose": "counter_terrorism",
    "legal_basis": ["S/RES/2396 (2017) para 3"],
    "grading": {"scheme": "4x4", "source": "B", "information": "2"},
    "handling": {"codes": [], "text": None, "release_to": [], "not_to": []},
    "review_date": "2027-11-20",
    "erase_date": "2031-11-20",
    "language": "en",
}
PERSON: Document = {
    "category": "suspect",
    "grounds": [{"offence": "travel_for_terrorist_purpose", "legal_basis": "S/RES/2178 (2014) para 6(a)"}],
    "age": "adult",
    "names": [{"quality": "primary", "text": "Eriksson Anna Maria", "script": "Latn"}],
    "births": ["1974-08-12"],
    "sex": "F",
    "nationalities": [{"state": "UTO", "status": "documented"}],
    "residences": ["BEL"],
    "documents": [],
}
LOCAL: Document = {
    "refugee": {"status": "none", "feared": []},
    "risk": {"torture": [], "death_penalty": []},
    "consular": {"requested": False},
    "approvals": [],
}
STAGES = {"deportation": "ordered", "travel": "departed", "consular": "informed"}


def base(type_: str, *, in_custody: bool = True) -> Document:
    """Return a full notification of this type: BGR to DEU by way of AUT, a UTO national, living in BEL."""
    document = {"type": type_, "stage": STAGES.get(type_), **copy.deepcopy(FRAME)}
    if type_ == "pattern":
        corridor = {"from": "TUR", "to": "DEU"}
        return {**document, "corridor": corridor, "counts": [{"what": "travellers", "band": "10_to_49"}]}
    document |= {"subject": copy.deepcopy(PERSON), "local": copy.deepcopy(LOCAL)}
    if type_ not in ("identity", "consular"):
        places = {"origin": "BGR", "transit": ["AUT"], "destination": "DEU"}
        document["movement"] = {"in_custody": in_custody, **places}
    if type_ in ("update", "release"):
        document["about"] = ABOUT
    return document


Change = Callable[[Document], None]


@dataclass(frozen=True)
class Case:
    """One special case: `change` makes it of a base; `treaty` has the rules name FRA as mandatory for consuls."""

    name: str
    change: Change
    sets: str = ""
    treaty: bool = False


def put(path: str, value: Any) -> Change:
    """Set one field; do nothing where the base has no such part."""

    def change(document: Document) -> None:
        *parents, name = path.split("/")
        for parent in parents:
            if parent not in document:
                return
            document = document[parent]
        document[name] = copy.deepcopy(value)

    return change


def add(path: str, *values: Any) -> Change:
    """Add to a list; do nothing where the base has no such part."""

    def change(document: Document) -> None:
        for part in path.split("/"):
            if part not in document:
                return
            document = document[part]
        document.extend(copy.deepcopy(values))

    return change


def national(state: str, status: str = "documented", **dates: str) -> Change:
    """Another nationality."""
    return add("subject/nationalities", {"state": state, "status": status, **dates})


def approved(hold: str, state: str | None = None) -> Change:
    """Add an approval to the file, which counts unchecked."""
    return add("local/approvals", {"hold": hold, "state": state, **SIGNED})


def both(*changes: Change) -> Change:
    """Apply one change after the other."""

    def change(document: Document) -> None:
        for one in changes:
            one(document)

    return change


CHILD = put("subject/age", "child")
CHILD_S_PASSPORT = {
    "kind": "P",
    "issuer": "UTO",
    "mrz": ["P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO1201011F2712310ZE184226B<<<<<18"],
}
"""Its zone says that she was born in 2012."""
FAMILY = both(put("subject/category", "accompanying_family"), put("subject/grounds", []))
CASES = (
    Case("another nationality", national("FRA")),
    Case("the originator's own state", both(national("TUR"), add("movement/transit", {"iata": "IST"}))),
    Case("refugee status unknown", put("local/refugee/status", "unknown"), "status"),
    Case("stateless", put("subject/nationalities", [{"state": "XXA", "status": "documented"}]), "nationalities"),
    Case("refugee by XXB", national("XXB")),
    Case("refugee by XXC", national("XXC", "claimed")),
    Case("refugee who fears UTO", put("local/refugee", {"status": "refugee", "feared": ["UTO"]}), "status"),
    Case("asylum seeker", put("local/refugee/status", "asylum_seeker"), "status"),
    Case("AUT is feared by nobody's refugee", put("local/refugee/feared", ["AUT"]), "status"),
    Case("convention travel document of FRA", add("subject/documents", {"kind": "CTD", "issuer": "FRA"})),
    Case("alien's passport of FRA", add("subject/documents", {"kind": "PT", "issuer": "FRA"})),
    Case("stateless person's passport of FRA", add("subject/documents", {"kind": "PS", "issuer": "FRA"})),
    Case("document of no known kind", add("subject/documents", {"kind": "unknown", "issuer": "FRA"})),
    Case(
        "nationality unknown",
        put("subject/nationalities", [{"state": "unknown", "status": "claimed"}]),
        "nationalities",
    ),
    Case("nationality XXX", national("XXX", "claimed")),
    Case("claimed nationality of FRA", national("FRA", "claimed")),
    Case("inferred nationality of DEU", national("DEU", "inferred")),
    Case("revoked nationality of FRA", national("FRA", "revoked")),
    Case("nationality of FRA that ended in 2010", national("FRA", until="2010-01-01")),
    Case("nationality of FRA that begins in 2030", national("FRA", since="2030-01-01")),
    Case("national of Yugoslavia", national("YUCS")),
    Case("document of the United Nations as nationality", national("UNO")),
    Case("British overseas citizen", national("GBO")),
    Case("child", CHILD, "age"),
    Case("age in dispute", put("subject/age", "disputed"), "age"),
    Case("age unknown", both(put("subject/age", "unknown"), put("subject/births", "unknown")), "age"),
    Case("age unknown, born 1974", put("subject/age", "unknown"), "age"),
    Case("age unknown, born 1388", both(put("subject/age", "unknown"), put("subject/births", ["1388-05-01"])), "age"),
    Case("an adult with a child's passport", add("subject/documents", CHILD_S_PASSPORT)),
    Case("accompanying family", FAMILY, "category"),
    Case("not to AUT", add("handling/not_to", "AUT")),
    Case("not to DEU's contact point", add("handling/not_to", "DEU/spoc")),
    Case("release to UTO alone", add("handling/release_to", "UTO")),
    Case("risk of torture in DEU", add("local/risk/torture", "DEU")),
    Case("risk of death in UTO", add("local/risk/death_penalty", "UTO")),
    Case("transit by a text", add("movement/transit", {"text": "an airfield"})),
    Case("origin unknown", put("movement/origin", "unknown"), "origin"),
    Case("transit by airport and UN/LOCODE", add("movement/transit", {"iata": "CDG"}, {"locode": "GBLHR"})),
    Case("transit by who takes no part", add("movement/transit", "RKS")),
    Case("INTERPOL by opt-in", put("interpol", True)),
    Case("a reviewed child", both(CHILD, approved("child_review")), "age"),
    Case("an assurance of DEU", approved("torture_or_death_risk", "DEU")),
    Case("FRA's nationality is confirmed", approved("nationality_unconfirmed", "FRA")),
    Case(
        "everything is approved that can be",
        both(
            approved("former_state", "SRB"),
            approved("nationality_unknown", "FRA"),
            approved("unresolved_place", "FRA"),
            approved("not_a_participant"),
        ),
    ),
    Case("an exercise", put("exercise", True)),
    Case("the person asks for the consul", put("local/consular/requested", True), "consular"),
    Case("the person's wish is unknown", put("local/consular/requested", "unknown"), "consular"),
    Case("a treaty makes FRA's consul mandatory", national("FRA"), treaty=True),
)
CONSULAR = CASES[-3:]


def outcome(document: Document, *, treaty: bool = False, world: Snapshot | None = None) -> dict[str, str]:
    """Return the decision on a document, one line per entry: `{authority: "outcome rule:paragraph [because]"}`."""
    snapshot = world or builtin_snapshot()
    rules = replace(snapshot.rules, corridors=CORRIDORS)
    if treaty:
        rules = replace(rules, consular_mandatory=frozenset({"FRA"}))
    notification = parse(copy.deepcopy(document))
    approvals = notification.local.approvals if notification.local else ()
    found: dict[str, str] = {}
    for entry in decide(notification, snapshot.directory, rules, approvals=approvals).to_json()["recipients"]:
        name = entry["authority"] or f"no state {sum(name.startswith('no state') for name in found) + 1}"
        found[name] = line(entry)
    return found


def line(entry: dict[str, Any]) -> str:
    """Return one entry of a decision document as a line."""
    words = [entry["outcome"], *(f"{one['rule']}:{one['paragraph']}" for one in entry["reasons"])]
    if entry["because"]:
        words.append(f"[{' '.join(entry['because'])}]")
    words += [f"({state})" for name in ("successors", "readings") for state in entry.get(name, ())]
    return " ".join([*words, *(f"for:{code}" for code in entry.get("answers_for", ()))])


Golden = Iterator[tuple[str, Document, bool]]


def rows() -> Golden:
    """For every cell of the table a document in which that leg alone speaks, and for every type one with all."""
    for one in EXPECTED:
        for stage in ("departed", "planned", "arrived") if one.stages else (STAGES.get(one.type),):
            whole = base(one.type, in_custody=one.custody != "free") | {"stage": stage, "interpol": True}
            title = f"{one.type} {one.custody} {stage or ''}".strip()
            yield title, whole, False
            for rule in sorted(rule for told in one.told.values() for rule in told):
                yield f"{title}: {rule}", alone(whole, rule), False


def alone(document: Document, rule: str) -> Document:
    """Return the document with one leg that is another's."""
    document = copy.deepcopy(document) | {"interpol": rule == "interpol"}
    own = {"origin": "TUR", "transit": [], "destination": "TUR"}
    if "movement" in document:
        document["movement"] |= own | ({rule: [rule_state(rule)] if rule == "transit" else rule_state(rule)}
                                       if rule in own else {})  # fmt: skip
    if "subject" in document:
        state = "UTO" if rule == "nationality" else "TUR"
        document["subject"] |= {"nationalities": [{"state": state, "status": "documented"}]}
        document["subject"] |= {"residences": ["BEL"] if rule == "residence" else []}
    if document["type"] == "pattern" and rule != "corridor":
        document["corridor"] = {"from": "DEU", "to": "TUR"}
    return document


def rule_state(rule: str) -> str:
    """Which state the base has there."""
    return {"origin": "BGR", "transit": "AUT", "destination": "DEU"}[rule]


def changed(document: Document, *cases: Case) -> tuple[Document, bool]:
    """Return the document with these cases, first those that replace a list and then those that add to one."""
    document = copy.deepcopy(document)
    for case in sorted(cases, key=lambda case: not case.sets):
        case.change(document)
    return document, any(case.treaty for case in cases)


def singles() -> Golden:
    """Yield every case, on every type that names a person."""
    for type_ in (
        "deportation",
        "travel",
        "arrest",
        "detention",
        "identity",
        "consular",
        "finint",
        "update",
        "release",
    ):
        for case in CASES:
            document, treaty = changed(base(type_, in_custody=type_ != "travel"), case)
            yield f"{type_}: {case.name}", document, treaty


def pairs() -> Golden:
    """Yield every pair of cases on a deportation, and those about consuls with every other on a consular matter."""
    for first, second in combinations(CASES, 2):
        if first.sets and first.sets == second.sets:
            continue
        types = ["deportation"] + (["consular"] if {first, second} & set(CONSULAR) else [])
        for type_ in types:
            document, treaty = changed(base(type_), first, second)
            yield f"{type_}: {first.name} + {second.name}", document, treaty


FEARED = "refugee who fears"
TERRITORIES = (
    Case("transit by HKG", add("movement/transit", {"iata": "HKG"})),
    Case("transit by Puerto Rico", add("movement/transit", {"locode": "PRSJU"})),
    Case("origin in Réunion", put("movement/origin", {"iata": "RUN"}), "origin"),
    Case("destination in Réunion", put("movement/destination", "REU"), "destination"),
    Case("lives in Macao", add("subject/residences", "MAC")),
    Case("national of HKG", national("HKG")),
    Case("claimed nationality of REU", national("REU", "claimed")),
    Case("national of CHN", national("CHN")),
    Case("British overseas territories citizen", national("GBD")),
    Case("British national (overseas)", national("GBN")),
    Case("asylum seeker", put("local/refugee/status", "asylum_seeker"), "refugee"),
    Case(f"{FEARED} CHN", put("local/refugee", {"status": "refugee", "feared": ["CHN"]}), "refugee"),
    Case(f"{FEARED} HKG", put("local/refugee", {"status": "refugee", "feared": ["HKG"]}), "refugee"),
    Case("not to CHN", add("handling/not_to", "CHN")),
    Case("not to MAC", add("handling/not_to", "MAC")),
    Case("not to HKG's contact point", add("handling/not_to", "HKG/spoc")),
    Case("release to CHN", add("handling/release_to", "CHN"), "release_to"),
    Case("release to HKG", add("handling/release_to", "HKG"), "release_to"),
    Case("risk of torture in HKG", add("local/risk/torture", "HKG")),
    Case("risk of death in USA", add("local/risk/death_penalty", "USA")),
    Case("an assurance of USA", both(add("local/risk/death_penalty", "USA"),
                                     approved("torture_or_death_risk", "USA"))),
    Case("an assurance of PRI", both(add("local/risk/death_penalty", "USA"),
                                     approved("torture_or_death_risk", "PRI"))),
    Case("FRA's nationality is confirmed", approved("nationality_unconfirmed", "FRA")),
    Case("REU's nationality is confirmed", approved("nationality_unconfirmed", "REU")),
    Case("transit by Taiwan and Palestine", add("movement/transit", "TWN", "PSE")),
    Case("transit by a code that two states have", add("movement/transit", {"iata": "BSL"})),
    Case("comes from a code that two states have", put("movement/origin", {"iata": "BSL"}), "origin"),
    Case("the originator is CHN", put("originator", "CHN/spoc"), "originator"),
    Case("the originator is HKG", put("originator", "HKG/spoc"), "originator"),
    Case("the originator is FRA", put("originator", "FRA/spoc"), "originator"),
    Case("laissez-passer of the United Nations alone",
         put("subject/nationalities", [{"state": "UNO", "status": "documented"}]), "nationalities"),
)  # fmt: skip


def territories() -> Golden:
    """Yield every case of a territory on a deportation, an arrest and a consular matter; every pair on a travel."""
    for type_ in ("deportation", "arrest", "consular"):
        for case in TERRITORIES:
            document, treaty = changed(base(type_), case)
            yield f"{type_}: {case.name}", document, treaty
    for first, second in combinations(TERRITORIES, 2):
        if first.sets and first.sets == second.sets:
            continue
        try:
            document, treaty = changed(base("travel", in_custody=False), first, second)
            parse(copy.deepcopy(document))
        except NotificationInvalidError:  # released and excluded by the same code
            continue
        yield f"travel: {first.name} + {second.name}", document, treaty


PLACES: dict[str, tuple[Any, ...]] = {
    "San Juan": ({"iata": "SJU"}, {"icao": "TJSJ"}, {"locode": "PRSJU"}, "PRI"),
    "Saint Thomas": ({"iata": "STT"}, {"icao": "TIST"}, {"locode": "VISTT"}, "VIR"),
    "Longyearbyen": ({"iata": "LYR"}, {"icao": "ENSB"}, {"locode": "SJLYR"}, "SJM"),
    "Mariehamn": ({"iata": "MHQ"}, {"icao": "EFMA"}, {"locode": "AXMHQ"}, "ALA"),
    "Saint-Denis": ({"iata": "RUN"}, {"icao": "FMEE"}, {"locode": "RERUN"}, "REU"),
    "Hong Kong": ({"iata": "HKG"}, {"icao": "VHHH"}, {"locode": "HKHKG"}, "HKG"),
    "Macao": ({"iata": "MFM"}, {"icao": "VMMC"}, {"locode": "MOMFM"}, "MAC"),
    "Guam": ({"iata": "GUM"}, {"icao": "PGUM"}, {"locode": "GUGUM"}, "GUM"),
    "Gibraltar": ({"iata": "GIB"}, {"icao": "LXGB"}, {"locode": "GIGIB"}, "GIB"),
    "Jersey": ({"iata": "JER"}, {"icao": "EGJJ"}, {"locode": "JEJER"}, "JEY"),
    "Pristina": ({"iata": "PRN"}, {"icao": "BKPR"}, {"locode": "XKPRN"}, "RKS"),
    "Taipei": ({"iata": "TPE"}, {"icao": "RCTP"}, {"locode": "TWTPE"}, "TWN"),
    "Paris": ({"iata": "CDG"}, {"icao": "LFPG"}, {"locode": "FRCDG"}, "FRA"),
}
"""One place in every way in which it may be written, the code of ISO 3166-1 last."""


def places() -> Golden:
    """Yield each form of each place as destination of a deportation, and places that resolve to nobody."""
    unresolved = {"nowhere": ({"iata": "QQQ"}, {"icao": "ZZZZ"}, {"locode": "ZZZZZ"}, {"text": "Puerto Rico"})}
    shared = {"two states": ({"iata": "BSL"}, {"iata": "GBI"}, {"icao": "LFSB"}, {"iata": "EUN"})}
    for name, written in (PLACES | unresolved | shared).items():
        for place in written:
            document = base("deportation")
            document["movement"] |= {"origin": "TUR", "transit": [], "destination": place}
            document["subject"] |= {"nationalities": [{"state": "XXA", "status": "documented"}]}
            yield f"{name}: {json.dumps(place)}", document, False


def faults() -> Golden:
    """Yield every file of faults/: inputs that once came out wrong, as they were given."""
    for path in sorted((Path(__file__).parent / "faults").glob("*.json")):
        yield path.stem, json.loads(path.read_text()), False


def examples() -> Golden:
    """Yield every file of examples/, as `notifier route` decides it."""
    for path in sorted(EXAMPLES.glob("*.json")):
        yield path.stem, json.loads(path.read_text()), False


FILES = {
    "rows": rows,
    "cases": singles,
    "pairs": pairs,
    "territories": territories,
    "places": places,
    "faults": faults,
    "examples": examples,
}
