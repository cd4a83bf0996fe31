"""States that answer for dependent territories or special regions, and the effect on who is told.

The table is data of the signed rules. It says whom to ask, and nothing about the status of a place. A code that it
does not list stands for itself: states, and the codes on which states disagree (`DISPUTED`).

Prohibitions spread over the whole family of a state, so that a territory never passes on what its state must not
know. Permissions go down only: what a state may have its territories may have, never the reverse.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from notifier.names import AuthorityName

Tells = Literal["own", "both"]
TELLS: Final[tuple[Tells, ...]] = ("own", "both")

DISPUTED: Final = ("ATA", "ESH", "PSE", "RKS", "TWN")
"""Codes on which states disagree: each stands for itself, unless signed rules say otherwise."""

_BUILT_IN: Final[Mapping[str, str]] = {
    "AUS": "CCK CXR HMD NFK",
    "CHN": "HKG MAC",
    "DNK": "FRO GRL",
    "FIN": "ALA",
    "FRA": "ATF BLM GLP GUF MAF MTQ MYT NCL PYF REU SPM WLF",
    "GBR": "AIA BMU CYM FLK GGY GIB IMN IOT JEY MSR PCN SGS SHN TCA VGB",
    "NLD": "ABW BES CUW SXM",
    "NOR": "BVT SJM",
    "NZL": "COK NIU TKL",
    "USA": "ASM GUM MNP PRI UMI VIR",
}
"""Every code of ISO 3166-1 that the standard marks as not independent, but the disputed ones, by its state."""


@dataclass(frozen=True, slots=True)
class Territory:
    """A row of the table: `state` answers for `code`.

    `tells` says whom a leg there reaches. ``own``: the territory's own authority where one takes part, else the
    state's. ``both``: the state's, and the territory's own where one takes part.
    """

    code: str
    state: str
    tells: Tells = "own"


BUILT_IN: Final = tuple(
    sorted(
        (Territory(code, state) for state, codes in _BUILT_IN.items() for code in codes.split()),
        key=lambda one: one.code,
    )
)
"""The table of `default_rules`, and of a rules document that is older than the table."""


@dataclass(frozen=True, slots=True)
class Territories:
    """An index of the table; every answer takes constant time."""

    rows: tuple[Territory, ...]
    _by_code: Mapping[str, Territory] = field(init=False, repr=False, compare=False)
    _families: Mapping[str, frozenset[str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        families: dict[str, set[str]] = {}
        for row in self.rows:
            families.setdefault(row.state, {row.state}).add(row.code)
        object.__setattr__(self, "_by_code", {row.code: row for row in self.rows})
        object.__setattr__(self, "_families", {state: frozenset(codes) for state, codes in families.items()})

    def state_of(self, code: str) -> str | None:
        """Return the state that answers for `code`; None where it stands for itself."""
        row = self._by_code.get(code)
        return None if row is None else row.state

    def family(self, code: str) -> frozenset[str]:
        """Return the state of `code` with all its territories: the reach of a prohibition of any of them."""
        return self._families.get(self.state_of(code) or code, frozenset({code}))

    def spread(self, codes: Iterable[str]) -> frozenset[str]:
        """Return every code that a prohibition of `codes` reaches."""
        return frozenset(one for code in codes for one in self.family(code))

    def own(self, code: str) -> frozenset[str]:
        """Return the codes that count as one participant with `code`: its territories, and its state."""
        state = self.state_of(code)
        return self._families.get(code, frozenset({code})) if state is None else frozenset({code, state})

    def covers(self, granted: str, code: str) -> bool:
        """Return whether a permission for `granted` holds for `code`: it goes down, never up."""
        return granted in (code, self.state_of(code))

    def speaks_for(self, code: str, participant: str) -> bool:
        """Return whether a leg of `code` can be a reason to tell `participant`: the code itself, or its state."""
        return participant in (code, self.state_of(code))

    def told_of(self, code: str, role: str, takes_part: Callable[[str], bool]) -> tuple[tuple[str, str | None], ...]:
        """Return the authorities of `role` that a leg of `code` reaches, each with the code that it answers for.

        That code is None for the code's own authority. Where none takes part it is the state's authority: an absence
        is shown where it can be mended.
        """
        row, own = self._by_code.get(code), f"{code}/{role}"
        if row is None:
            return ((own, None),)
        state = (f"{row.state}/{role}", code)
        if not takes_part(own):
            return (state,)
        return ((own, None), state) if row.tells == "both" else ((own, None),)

    def excludes(self, excluded: Collection[str], name: str) -> bool:
        """Return whether `excluded` (participants or authorities) reaches the authority `name`.

        An excluded authority takes those of the same role in its family with it.
        """
        participant, role = AuthorityName(name).participant, AuthorityName(name).role
        family = self.family(participant)
        return bool(({*family} | {f"{code}/{role}" for code in family}) & {*excluded})

    def releases(self, released: Collection[str], name: str) -> bool:
        """Return whether `released` (participants or authorities) permits the authority `name`.

        A state permits its territories; an authority permits itself alone.
        """
        participant = AuthorityName(name).participant
        return bool({name, participant, self.state_of(participant)} & {*released})


BUILT_IN_TABLE: Final = Territories(BUILT_IN)
