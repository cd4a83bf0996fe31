"""Places of a movement: a state, an airport (IATA or ICAO), a UN/LOCODE, a text, or explicitly unknown. Pure.

A code is read as the state that its source gives. Sources differ about some codes (`DIFFERING`): those are read as
every state that any of them gives, and resolve to none, so that nobody is told by the wrong one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal, Protocol

from notifier.notification.differing import DIFFERING
from notifier.notification.states import from_alpha_2, name_of, participant_of

Kind = Literal["state", "iata", "icao", "locode", "text", "unknown"]

_FOLDED: Final = {
    "America/Puerto_Rico": "PRI",
    "America/St_Thomas": "VIR",
    "Arctic/Longyearbyen": "SJM",
    "Europe/Mariehamn": "ALA",
}
"""Territories whose airports airportsdata counts with their states, by the time zone that it gives for them.

ISO 3166-1 and UN/LOCODE have codes for them: one airport must not be two places by how it is written.
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A place as it was given; what does not resolve is kept, and holds its leg."""

    kind: Kind
    value: str = ""

    @property
    def readings(self) -> tuple[str, ...]:
        """Every code of ISO 3166-1 that any source gives for it, sorted; empty where none does."""
        if self.kind == "state":
            found = {participant_of(self.value)}
        elif self.kind == "locode":
            found = {from_alpha_2(self.value[:2])}
        elif self.kind in ("iata", "icao"):
            found = {_code_of(_airports(self.kind).get(self.value)), *DIFFERING.get(self.value, "").split()}
        else:
            found = set()
        return tuple(sorted(code for code in found if code is not None))

    @property
    def state(self) -> str | None:
        """The state or territory where it is, or None where that is not known, or sources differ."""
        readings = self.readings
        return readings[0] if len(readings) == 1 else None

    @property
    def unknown(self) -> bool:
        """Whether it was said to be unknown."""
        return self.kind == "unknown"

    @property
    def name(self) -> str | None:
        """What its code was read as, in words; None where it is no code, or stands in no list."""
        if self.kind == "locode":
            country = from_alpha_2(self.value[:2])
            return None if country is None else f"a place in {name_of(country)}"
        airport = _airports(self.kind).get(self.value) if self.kind in ("iata", "icao") else None
        if airport is None:
            return None
        return ", ".join(dict.fromkeys(part for part in (airport["name"], airport["city"]) if part))


@dataclass(frozen=True, slots=True)
class ReadPlace:
    """A place that a code names, where it stands in the notification (JSON pointer), and what it was read as."""

    pointer: str
    place: Place
    readings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """What stands in a document of `notifier route --json`."""
        return {
            "pointer": self.pointer,
            "kind": self.place.kind,
            "code": self.place.value,
            "readings": list(self.readings),
            "name": self.place.name,
        }


class HasPlaces(Protocol):
    """A movement, as far as its places go."""

    @property
    def origin(self) -> Place | None: ...
    @property
    def transit(self) -> tuple[Place, ...]: ...
    @property
    def destination(self) -> Place | None: ...


def read_as(movement: HasPlaces | None) -> list[ReadPlace]:
    """Give every place of a movement that a code names, with what it was read as."""
    if movement is None:
        return []
    given = [("origin", movement.origin)]
    given += [(f"transit/{number}", place) for number, place in enumerate(movement.transit)]
    given.append(("destination", movement.destination))
    return [
        ReadPlace(f"/movement/{name}", place, place.readings)
        for name, place in given
        if place is not None and place.kind in ("iata", "icao", "locode")
    ]


def _code_of(airport: Any) -> str | None:
    return None if airport is None else _FOLDED.get(airport["tz"]) or from_alpha_2(airport["country"])


@cache
def _airports(kind: str) -> dict[str, Any]:
    """Every airport by its code of that kind; loaded only where one is asked for."""
    import airportsdata

    return dict(airportsdata.load("ICAO" if kind == "icao" else "IATA"))
