"""A supervisor for the sandbox: it restarts dead processes with growing delays, and leaves stopped ones alone."""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass
from typing import Final

from notifier.aio import Backoff
from notifier.errors import NotifierError, TemporaryError
from notifier.runtime import Entropy
from notifier.sandbox.processes import Part
from notifier.sandbox.sandbox import Progress, Sandbox

LOOK_S: Final = 0.5
BACKOFF_INITIAL_S: Final = 1.0  # between two starts of one part
BACKOFF_MAX_S: Final = 30.0
WELL_S: Final = 60.0  # a part that ran for so long begins with the initial back-off again


@dataclass(slots=True)
class Restarts:
    """The schedule of restarts of one part."""

    backoff: Backoff
    last: float = float("-inf")
    not_before: float = float("-inf")

    def due(self, now: float) -> bool:
        """Return whether it may be started at `now`; True counts as a start."""
        if now - self.last > WELL_S:
            self.backoff.reset()
        elif now < self.not_before:
            return False
        self.last = now
        self.not_before = now + self.backoff.next()
        return True


class Watch:
    """The watch over the parts of a running sandbox."""

    def __init__(
        self, sandbox: Sandbox, parts: list[Part], progress: Progress, entropy: Entropy = secrets.token_bytes
    ) -> None:
        self._sandbox = sandbox
        self._parts = parts
        self._progress = progress
        self._restarts = {
            part.process.name: Restarts(Backoff(entropy, initial=BACKOFF_INITIAL_S, maximum=BACKOFF_MAX_S))
            for part in parts
        }

    def run(self, stop: threading.Event) -> None:
        """Restart parts that die, until `stop` is set or `down` has stopped all of them."""
        while any(part.process.wanted() for part in self._parts) and not stop.wait(LOOK_S):
            self.look(time.monotonic())

    def look(self, now: float) -> None:
        """Start every dead part that is due."""
        died = [part for part in self._parts if part.process.died()]
        due = [part for part in died if self._restarts[part.process.name].due(now)]
        if not due:
            return
        try:
            with self._sandbox.locked():
                for part in due:
                    if part.process.died():  # `down` may have stopped it while this waited for the lock
                        self._again(part)
        except TemporaryError as error:
            self._progress(error.detail)

    def _again(self, part: Part) -> None:
        part.process.reap()
        try:
            part.start()
        except NotifierError as error:
            self._progress(f"{part.process.name} died, and does not start: {error.detail}")
        else:
            self._progress(f"{part.process.name} died, and was started again")
