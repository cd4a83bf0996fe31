"""The main job as one story, on a running sandbox: publish the examples, attack, look, verify, and judge.

`tell` returns everything that happened as a `Story`; `Story.faults` names whatever was not as it must be. Who
received is counted twice: by opening the recipients' feeds as themselves, and by counting the deliveries on
every feed as the broker's administrator, who can read none of them.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from notifier.audit.verify import Report, verify_folder
from notifier.codec import codec
from notifier.config import load, party_config
from notifier.consumers.subscriber import Received, Subscriber
from notifier.directory.client import DirectoryClient
from notifier.envelope import SignedStatement, digest_of, parse_feed
from notifier.errors import NotifierError
from notifier.producers.publisher import Publisher, Submitted
from notifier.runtime import wall_clock
from notifier.topics import INTAKE, REJECTED
from notifier.transport.base import Outgoing, Record, Transport
from notifier.transport.kafka import KafkaTransport

WAIT_SECONDS: Final = 30.0
READ_MS: Final = 300

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Example:
    """One notification of the story: its file's name, and what became of it."""

    name: str
    submitted: Submitted
    state: str


@dataclass(frozen=True, slots=True)
class Attack:
    """Something that must be refused: `expected` is the stable reason, `seen` what the hub said."""

    name: str
    expected: str
    seen: str | None

    @property
    def refused(self) -> bool:
        """Whether the hub said exactly what it must."""
        return self.seen == self.expected


@dataclass(slots=True)
class Story:
    """All that happened; `faults` is empty where all of it is as it must be. Times in seconds."""

    examples: list[Example] = field(default_factory=list)
    received: dict[str, dict[str, Received]] = field(default_factory=dict)  # authority -> id -> message
    attacks: list[Attack] = field(default_factory=list)
    report: Report | None = None
    timings: dict[str, float] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
