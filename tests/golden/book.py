"""The routing decision a second time, from the words of the domain's two tables alone.

It reads JSON and decides for every authority. It shares no decision code with the software; only codes are looked up
with it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from notifier.notification.dates import latest
from notifier.notification.places import Place
from notifier.notification.states import participant_of, successors

TABLE = """
travel in custody            | origin destination transit nationality INTERPOL           | spoc     | 3
deportation                  | origin destination transit nationality INTERPOL           | spoc     | 3
travel free                  | origin destination transit nationality residence INTERPOL | spoc     | 11
travel free planned arrived  | origin destination transit nationality residence INTERPOL | spoc     | 5
arrest detention             | nationality                                               | spoc     | 6
arrest detention             | origin destination transit residence INTERPOL             | spoc     | 5
update release               | nationality                                               | spoc     | 6
update release               | origin destination transit residence INTERPOL             | spoc     | 5
finint                       | origin destination transit nationality residence          | fiu      | 5
identity                     | nationality INTERPOL                                      | spoc     | 6
consular                     | nationality                                               | consular | 6
pattern                      | corridor INTERPOL                                         | spoc     | 5
"""
ORGANISATIONS = (
    *("UNO", "UNA", "UNK", "EUE", "XPO", "XOM", "XBA", "XCC"),
    *("XEC", "XCE", "XCO", "XDC", "XES", "XIM", "XMP", "IAO"),
)
REFUGEE_KINDS = ("PR", "PS", "CTD", "RTD")

ANSWERS = """
AUS: CCK CXR HMD NFK
CHN: HKG MAC
DNK: FRO GRL
FIN: ALA
FRA: ATF BLM GLP GUF MAF MTQ MYT NCL PYF REU SPM WLF
GBR: AIA BMU CYM FLK GGY GIB IMN IOT JEY MSR PCN SGS SHN TCA VGB
NLD: ABW BES CUW SXM
NOR: BVT SJM
NZL: COK NIU TKL
USA: ASM GUM MNP PRI UMI VIR
"""
FAMILIES = {
    state: [state, *codes.split()] for state, _, codes in (row.partition(": ") for row in ANSWERS.split("\n") if row)
}
STATE = {code: state for state, codes in FAMILIES.items() for code in codes if code != state}

Entry = tuple[str | None, str, tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[str, ...]]


def kin(code: str) -> list[str]:
    """Return the state and all its territories: a prohibition of one holds for all."""
    return FAMILIES.get(STATE.get(code, code), [code])


def permitted(code: str) -> set[str]:
    """Return the codes whose permission holds for `code`: its own, and its answering state's."""
    return {code, STATE.get(code, code)}


def lines_for(kind: str, in_custody: bool, stage: str | None) -> Iterable[tuple[str, str, str]]:
    """Return each (leg, role, paragraph) that the table has for this type."""
    for row in TABLE.strip().splitlines():
        heads, legs, role, paragraph = (cell.strip() for cell in row.split("|"))
        if kind == "travel":
            free = "travel free planned arrived" if stage in ("planned", "arrived") else "travel free"
            fits = heads == ("travel in custody" if in_custody else free)
        else:
            fits = kind in heads.split()
        if fits:
            yield from ((leg, role, paragraph) for leg in legs.split())


def readings_of(place: Any) -> tuple[str, ...]:
    """Return the codes of a place: one, several where sources differ, or none."""
    if isinstance(place, str):
        found = None if place == "unknown" else participant_of(place)
        return () if found is None else (found,)
    ((kind, value),) = place.items()
    return Place(kind, value).readings


def state_of(place: Any) -> str | None:
    """Return the state of a place, unless sources differ."""
    found = readings_of(place)
    return found[0] if len(found) == 1 else None


class Book:
    """The book's decision on one document."""

    def __init__(
        self,
        document: Mapping[str, Any],
        takes_part: Iterable[str],
        *,
        mandatory: Iterable[str] = (),
        subscribers: Mapping[tuple[str, str], tuple[str, ...]] | None = None,
        approvals: Iterable[Mapping[str, Any]] = (),
        told_before: Mapping[str, str] | None = None,
        of: str | None = None,
    ) -> None:
        self.d = document
        self.kind = of if of and document["type"] in ("update", "release") else document["type"]
        self.subject = document.get("subject") or {}
        self.movement = document.get("movement") or {}
        self.local = document.get("local") or {}
        self.takes_part = frozenset(takes_part)
        self.mandatory = frozenset(mandatory)
        self.subscribers = subscribers or {}
        self.approvals = [(one["hold"], one.get("state"), one.get("reference")) for one in approvals]
        self.told_before = told_before or {}
        self.nationalities = self.subject.get("nationalities", [])
        if self.nationalities == "unknown":
            self.nationalities = [{"state": "unknown", "status": "claimed"}]

    def entries(self) -> list[Entry]:
        """Return every authority with a reason, by name; then the legs that name no state."""
        reasons: dict[str, dict[str, str]] = {}
        doubts: dict[str, list[str | None]] = {}
        instead: dict[str, set[str]] = {}
        nameless: list[Entry] = []
        custody = bool(self.movement.get("in_custody"))
        for leg, role, paragraph in lines_for(self.kind, custody, self.d.get("stage")):
            for state, doubt, followed in self.states(leg):
                if state is None:
                    nameless.append((None, "hold", (f"{leg}:{paragraph}",), (doubt or "",), followed, ()))
                    continue
                name = state if "/" in state else f"{state}/{role}"
                if state in STATE and name not in self.takes_part:
                    name = f"{STATE[state]}/{role}"
                    instead.setdefault(name, set()).add(state)
                reasons.setdefault(name, {})[leg.lower()] = paragraph
                doubts.setdefault(name, []).append(doubt)
        for name, paragraph in self.told_before.items():
            if not (name.startswith("INTERPOL") and self.child()):
                reasons.setdefault(name, {})["told_before"] = paragraph
                doubts.setdefault(name, []).append(None)
        me = self.d["originator"].split("/")[0]
        own = {me, STATE.get(me, me), *FAMILIES.get(me, [])}
        named = [
            (*self.judged(name, reasons[name], doubts[name]), tuple(sorted(instead.get(name, ()))))
            for name in sorted(reasons)
            if name.split("/")[0] not in own
        ]
        return [*named, *sorted(nameless, key=lambda one: (one[3], one[2], one[4]))]

    def states(self, leg: str) -> list[tuple[str | None, str | None, tuple[str, ...]]]:
        """Return the states (or authorities) of a leg, each with its doubt, and the successors of a former state."""
        custody = self.movement.get("in_custody")
        with_a_suspect = self.kind == "deportation" or (self.kind == "travel" and custody)
        if self.subject.get("category") == "accompanying_family" and with_a_suspect:
            return []
        if leg in ("origin", "destination", "transit"):
            places = self.movement.get(leg, []) if leg == "transit" else [self.movement.get(leg)]
            return [
                (state_of(place), *((None, ()) if state_of(place) else ("unresolved_place", readings_of(place))))
                for place in places
                if place is not None and not (place == "unknown" and self.kind in ("arrest", "detention"))
            ]
        if leg == "nationality":
            known = [self.nationality(one) for one in self.nationalities if self.is_nationality(one)]
            says = [one for one in self.nationalities if one["status"] != "revoked" or one["state"] in ORGANISATIONS]
            if says and all(one["state"] in ORGANISATIONS for one in says):
                known.append((None, "nationality_unknown", ()))
            return known
        if leg == "residence":
            issuers = [participant_of(one["issuer"]) for one in self.refugee_documents()]
            return [
                (state, None, ()) for state in [*self.subject.get("residences", []), *(one for one in issuers if one)]
            ]
        if leg == "INTERPOL":
            return [("INTERPOL/spoc", None, ())] if self.d.get("interpol") and not self.child() else []
        lane = self.d["corridor"]
        return [(name, None, ()) for name in self.subscribers.get((lane["from"], lane["to"]), ())]

    @staticmethod
    def is_nationality(one: Mapping[str, Any]) -> bool:
        no_state = one["state"] in ("XXA", "XXB", "XXC", *ORGANISATIONS)
        return one["status"] != "revoked" and not no_state

    def nationality(self, one: Mapping[str, Any]) -> tuple[str | None, str | None, tuple[str, ...]]:
        if one["state"] in ("unknown", "XXX"):
            return None, "nationality_unknown", ()
        if len(one["state"]) == 4:
            return None, "former_state", successors(one["state"]) or ()
        day = self.d["event_time"][:10]
        over = one.get("until") is not None and one["until"] < day
        early = one.get("since") is not None and one["since"] > day
        unconfirmed = one["status"] in ("claimed", "inferred") or over or early
        return participant_of(one["state"]), "nationality_unconfirmed" if unconfirmed else None, ()

    def judged(
        self, name: str, reasons: Mapping[str, str], doubts: list[str | None]
    ) -> tuple[str, str, tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """Suppressed, held or told: suppression wins; a firm leg beats the doubt about another."""
        state, role = name.split("/")
        told = tuple(sorted(f"{rule}:{paragraph}" for rule, paragraph in reasons.items()))
        handling = self.d["handling"]
        because = []
        if {*kin(state)} & {*self.feared()}:
            because.append("feared_state")
        elif self.refugee() and not self.feared() and {*kin(state)} & self.may_be_feared():
            because.append("refugee_origin")
        if {*kin(state), *(f"{one}/{role}" for one in kin(state))} & {*handling.get("not_to", ())}:
            because.append("not_to")
        released = handling.get("release_to")
        if released and not {name, *permitted(state)} & {*released}:
            because.append("not_released_to")
        if because:
            return name, "suppress", told, tuple(because), ()
        left = [doubt for doubt in doubts if doubt and not self.approved(doubt, state)]
        if len(left) == len(doubts):
            because += sorted(set(left))
        risk = self.local.get("risk", {})
        if self.child() and not self.approved("child_review", state):
            because.append("child_review")
        if {*kin(state)} & {*risk.get("torture", ()), *risk.get("death_penalty", ())}:
            because += ["torture_or_death_risk"] * (not self.approved("torture_or_death_risk", state))
        asked = self.local.get("consular", {}).get("requested") is True
        if self.kind == "consular" and not asked and not permitted(state) & self.mandatory:
            because += ["consular_not_requested"] * (not self.approved("consular_not_requested", state))
        if name not in self.takes_part:
            because.append("not_a_participant")
        return name, "hold" if because else "send", told, tuple(because), ()

    def approved(self, hold: str, state: str) -> bool:
        """Return whether an approval for this state or for all counts; a risk's needs an assurance's reference."""
        return any(
            kind == hold and where in (None, state) and (hold != "torture_or_death_risk" or reference)
            for kind, where, reference in self.approvals
        )

    def child(self) -> bool:
        """To be treated as one."""
        if not self.subject:
            return self.d["type"] in ("update", "release") and self.kind != "pattern"
        if self.subject["age"] in ("child", "disputed"):
            return True
        births = self.subject.get("births")
        on = dt.date.fromisoformat(self.d["event_time"][:10])
        if any(self.zone_says_child(one["mrz"], on) for one in self.subject.get("documents", []) if one.get("mrz")):
            return True
        if self.subject["age"] == "adult":
            return False
        return births == "unknown" or any(
            (last := latest(one)) is None or last.year < on.year - 125 or self.under_18(last, on) for one in births
        )

    def zone_says_child(self, lines: list[str], on: dt.date) -> bool:
        """By the whole date of birth in a zone, which is of this century where that is not in the future."""
        printed = lines[1][:6] if len(lines) == 3 else lines[1][13:19]
        if not printed.isdigit():
            return False
        year = 2000 + int(printed[:2])
        born = dt.date(year, int(printed[2:4]), int(printed[4:]))
        return born <= on and self.under_18(born, on)

    @staticmethod
    def under_18(born: dt.date, on: dt.date) -> bool:
        years = on.year - born.year - ((on.month, on.day) < (born.month, born.day))
        return years < 18

    def feared(self) -> list[str]:
        feared: list[str] = self.local.get("refugee", {}).get("feared", [])
        return feared

    def refugee_documents(self) -> list[Mapping[str, Any]]:
        return [one for one in self.subject.get("documents", []) if one["kind"] in REFUGEE_KINDS]

    def refugee(self) -> bool:
        """By status, by code or by document."""
        status = self.local.get("refugee", {}).get("status", "unknown")
        coded = any(one["state"] in ("XXB", "XXC") for one in self.nationalities)
        return status in ("refugee", "asylum_seeker") or coded or bool(self.refugee_documents())

    def may_be_feared(self) -> set[str | None]:
        """Nationality, revoked and former ones too; origin; of a deportation the destination."""
        found: set[str | None] = set()
        for one in self.nationalities:
            found |= {participant_of(one["state"]), *(successors(one["state"]) or ())}
        for leg in ("origin", *(["destination"] if self.kind == "deportation" else [])):
            if self.movement.get(leg) is not None:
                found |= {*readings_of(self.movement[leg])}
        return found
