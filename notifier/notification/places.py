"""Places of a movement: a state, an airport (IATA or ICAO), a UN/LOCODE, a text, or explicitly unknown.

A code resolves to the state that its source gives. Sources differ on some codes (`DIFFERING`). Such a code has
several readings and resolves to none, so that no wrong state is told.
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
"""Territories whose airports airportsdata lists under their states, by the airport's time zone.

ISO 3166-1 and UN/LOCODE have codes for them: the form of a code must not change the place.
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A place as it was given; one that does not resolve is kept, and holds its leg."""

    kind: Kind
    value: str = ""

    @property
    def readings(self) -> tuple[str, ...]:
        """Return every ISO 3166-1 code that any source gives for the place, sorted."""
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
        """Return the state or territory of the place; None where it is unknown, or sources differ."""
        readings = self.readings
        return readings[0] if len(readings) == 1 else None

    @property
    def unknown(self) -> bool:
        """Return whether the place is explicitly unknown."""
        return self.kind == "unknown"

    @property
    def name(self) -> str | None:
        """Return the name of the code's place; None where it is no code, or is in no list."""
        if self.kind == "locode":
            country = from_alpha_2(self.value[:2])
            return None if country is None else f"a place in {name_of(country)}"
        airport = _airports(self.kind).get(self.value) if self.kind in ("iata", "icao") else None
        if airport is None:
            return None
        return ", ".join(dict.fromkeys(part for part in (airport["name"], airport["city"]) if part))


@dataclass(frozen=True, slots=True)
class ReadPlace:
    """A place given by code, with its JSON pointer and its readings."""

    pointer: str
    place: Place
    readings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the entry of a `notifier route --json` document."""
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
    def origin(self) -> Place | None:
        """Return the place of departure."""

    @property
    def transit(self) -> tuple[Place, ...]:
        """Return the places between."""

    @property
    def destination(self) -> Place | None:
        """Return the place of arrival."""


def read_as(movement: HasPlaces | None) -> list[ReadPlace]:
    """Return every place of a movement that is given by code, with its readings."""
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
    """Return every airport by its code of that kind; the list is loaded at the first use."""
    import airportsdata

    return dict(airportsdata.load("ICAO" if kind == "icao" else "IATA"))
