"""Places of a movement: a state, an airport (IATA), a UN/LOCODE, a text, or explicitly unknown. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

from notifier.notification.states import from_alpha_2, participant_of

Kind = Literal["state", "iata", "locode", "text", "unknown"]


@dataclass(frozen=True, slots=True)
class Place:
    """A place as it was given; what does not resolve is kept, and holds its leg."""

    kind: Kind
    value: str = ""

    @property
    def state(self) -> str | None:
        """The state where it is, or None where that is not known."""
        if self.kind == "state":
            return participant_of(self.value)
        if self.kind == "locode":
            return from_alpha_2(self.value[:2])
        if self.kind == "iata":
            return from_alpha_2(_airports().get(self.value, ""))
        return None

    @property
    def unknown(self) -> bool:
        """Whether it was said to be unknown."""
        return self.kind == "unknown"


@cache
def _airports() -> dict[str, str]:
    """The alpha-2 code of every IATA airport's country; loaded only where one is asked for."""
    import airportsdata

    return {code: airport["country"] for code, airport in airportsdata.load("IATA").items()}
