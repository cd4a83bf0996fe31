"""A model's states, every one of them: breadth first, so that what is found wrong is found by the shortest way."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

S = TypeVar("S", bound=Hashable)


def explored(first: S, steps: Callable[[S], Iterable[S]], fault: Callable[[S], str | None]) -> tuple[str | None, int]:
    """(what is wrong with the first state that is, or None; how many states were seen)."""
    seen, waiting = {first}, deque([first])
    while waiting:
        state = waiting.popleft()
        if wrong := fault(state):
            return wrong, len(seen)
        for following in steps(state):
            if following not in seen:
                seen.add(following)
                waiting.append(following)
    return None, len(seen)
