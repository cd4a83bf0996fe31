"""Inputs that are small, or cheap to make, and would be large where they are read; each read in a capped process.

`python -m support.bombs NAME` reads one of them with `HEADROOM` bytes of memory left, and prints how it is refused.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from fuzz import frames
from fuzz.targets import TARGETS
from notifier.audit import checkpoint
from notifier.cli.documents import read_documents
from notifier.codec.single_object import codec
from notifier.config import load
from notifier.consumers.verification import Refusal, read
from notifier.directory.document import from_document, read_document
from notifier.directory.enrolment import Request
from notifier.errors import NotifierError
from notifier.notification import decode, mrz, parse
from notifier.routing.admission import OpenedEnvelope, open_record
from notifier.rules.ruleset import RuleSet

HEADROOM = 96 * 1024 * 1024
MIB = 1024 * 1024
GOOD = frames.Frame().envelope()
CORPUS = Path(__file__).parents[1] / "fuzz" / "corpus"


def varint(number: int) -> bytes:
    """Avro's long."""
    number, out = (number << 1) ^ (number >> 63), bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def blocks(encoded: bytes, before: bytes, count: int) -> bytes:
    """The record with another count in front of the array whose items begin so."""
    at = encoded.index(before) - 1
    return encoded[:at] + varint(count) + encoded[at + 1 :]


def object_of(schema: str, rest: bytes) -> bytes:
    """Anything that claims to be of that schema."""
    return b"\xc3\x01" + codec(schema).fingerprint + rest


# How each reader is called: every one answers with the reason of its refusal, None where it accepts.


def hub(value: bytes) -> str | None:
    """A record of intake."""
    world = frames.world()
    found = open_record(value, world.directory, {world.hub.key_id: world.hub})
    return None if isinstance(found, OpenedEnvelope) else found.reason


def feed(value: bytes) -> str | None:
    """A record of a feed."""
    found = read(value, frames.world().recipient, frames.NOW + 10)
    return found.reason if isinstance(found, Refusal) else None


def configuration(text: bytes) -> None:
    """A file of settings."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(text)
        file.flush()
        load(Path(file.name))


def published(text: bytes) -> None:
    """A file that is given to `publish`."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(text)
        file.flush()
        read_documents(file.name)


def directory(text: bytes) -> None:
    """A signed document of the directory."""
    from_document(read_document(text, "directory/current.json"), bytes(16))


def rules(text: bytes) -> None:
    """Signed rules."""
    RuleSet.from_document(read_document(text, "rules/current.json"))


def enrolment(text: bytes) -> None:
    """A request to be enrolled."""
    Request.from_document(read_document(text, "request"))


def nested(depth: int) -> bytes:
    """JSON of that depth."""
    return b'{"a":' * depth + b"1" + b"}" * depth


Reader = Callable[[bytes], str | None]
Bomb = tuple[Reader, Callable[[], bytes], str]
BOMBS: dict[str, Bomb] = {
    "hub: a record of 256 MiB": (hub, lambda: bytes(256 * MIB), "too_large"),
    "hub: an envelope and 256 MiB": (hub, lambda: GOOD + bytes(256 * MIB), "too_large"),
    "hub: 2**40 stanzas": (hub, lambda: blocks(GOOD, bytes([1]) * 16, 2**40), "malformed"),
    "hub: as many stanzas as fit": (
        hub,
        lambda: frames.Frame(stanzas=[(n.to_bytes(16, "big"), bytes(56)) for n in range(3400)]).envelope(),
        "too_large",
    ),
    "hub: a text of 2**62 bytes": (hub, lambda: object_of("Envelope", varint(2**62) + bytes(100)), "malformed"),
    "hub: a number without end": (hub, lambda: object_of("Envelope", b"\xff" * 200_000), "malformed"),
    "hub: a slip for 2**40 recipients": (
        hub,
        lambda: frames.Frame(slip=blocks(frames.slip(), b"\x10" + frames.RECIPIENT.encode(), 2**40)).envelope(),
        "unreadable_slip",
    ),
    "hub: a slip of nothing": (hub, lambda: frames.Frame(slip=bytes(150_000)).envelope(), "unreadable_slip"),
    "feed: a record of 256 MiB": (feed, lambda: bytes(256 * MIB), "too_large"),
    "feed: a body of nothing": (feed, lambda: frames.Frame(body=bytes(150_000)).delivery(), "cannot_open"),
    "feed: a body of 2**62 bytes": (
        feed,
        lambda: frames.Frame(body=object_of("Body", bytes(32) + varint(2**62))).delivery(),
        "cannot_open",
    ),
    "feed: a path of 2**40 steps": (feed, lambda: object_of("Notice", b"\0\0\0" + varint(2**40)), "malformed"),
    "notification: 2**40 of everything": (
        decode,
        lambda: object_of("Notification", varint(2**40) * 20_000),
        "malformed",
    ),
    "json: depth": (parse, lambda: nested(20_000), "malformed"),
    "json: deeper than any notification": (parse, lambda: nested(13), "malformed"),
    "json: depth in a text of 60 MiB": (parse, lambda: b"[" * (60 * MIB), "too_large"),
    "json: ten million lists": (parse, lambda: b"[" + b"[]," * (10 * MIB) + b"[]]", "too_large"),
    "json: a number of 200,000 digits": (parse, lambda: b'{"type":' + b"9" * 200_000 + b"}", "malformed"),
    "json: 1e999999999": (parse, lambda: b'{"type":1e999999999}', "invalid_notification"),
    "json: 20,000 unknown fields": (
        parse,
        lambda: json.dumps({f"f{n}": n for n in range(20_000)}).encode(),
        "too_large",
    ),
    "json: 9,000 unknown fields": (
        parse,
        lambda: json.dumps({f"f{n}": n for n in range(9_000)}).encode(),
        "invalid_notification",
    ),
    "json: 60,000 items": (parse, lambda: b'{"legal_basis":[' + b"1,1," * 30_000 + b"1]}", "invalid_notification"),
    "json: marks upon one letter": (
        parse,
        lambda: json.dumps({"narrative": "a" + "\u0301" * 100_000}, ensure_ascii=False).encode(),
        "invalid_notification",
    ),
    "json: half a character": (parse, lambda: b'{"narrative":"\\ud800"}', "malformed"),
    "publish: a file of 65 MiB": (published, lambda: bytes(65 * MIB), "too_large"),
    "directory: depth": (directory, lambda: nested(100_000), "directory_invalid"),
    "directory: a number of a million digits": (
        directory,
        lambda: b'{"version":' + b"9" * MIB + b"}",
        "directory_invalid",
    ),
    "rules: depth": (rules, lambda: nested(100_000), "directory_invalid"),
    "enrolment: depth": (enrolment, lambda: nested(100_000), "directory_invalid"),
    "configuration: depth": (configuration, lambda: b"a = " + b"[" * 100_000, "config_invalid"),
    "configuration: dotted": (configuration, lambda: b"a" + b".a" * 50_000 + b" = 1", "config_invalid"),
    "checkpoint: a note of 60 MiB": (checkpoint.parse, lambda: b"a\n" * (30 * MIB), "note_invalid"),
    "checkpoint: a size without end": (
        checkpoint.parse,
        lambda: b"log\n" + b"9" * 100_000 + b"\nAAAA\n\n\xe2\x80\x94 log AAAA\n",
        "note_invalid",
    ),
    "mrz: lines of a million": (lambda line: mrz.parse([line.decode()] * 2), lambda: b"<" * MIB, "invalid_mrz"),
}


def committed() -> Iterator[tuple[str, bytes]]:
    """The bombs of the fuzzer's corpus, each with the name of its target."""
    for path in sorted(CORPUS.glob("*/bomb-*")):
        yield path.parent.name, path.read_bytes()


def main(name: str) -> None:
    """Reads one bomb, or all of the corpus; prints reason, the length of what is said, and seconds."""
    if os.environ.get("NOTIFIER_WITHOUT"):  # the controls are taken away in here as well
        importlib.import_module("plugin").take_all_away()
    if name == "corpus":
        bombs = [*committed()]
        for target in {one for one, _ in bombs}:
            TARGETS[target](b"")
        cap()
        for target, data in bombs:
            TARGETS[target](data)
        print(json.dumps({"read": len(bombs)}))
        return
    reader, make, _ = BOMBS[name]
    answer(reader, b"")  # caches and imports are not the input's cost
    bomb = make()
    cap()
    started = time.process_time()
    reason, said = answer(reader, bomb)
    print(json.dumps({"reason": reason, "said": said, "seconds": time.process_time() - started}))


def answer(reader: Reader, value: bytes) -> tuple[str | None, int]:
    """The reason of the refusal, and how much is said."""
    try:
        return reader(value), 0
    except NotifierError as error:
        return error.reason, len(str(error))


def cap() -> None:
    """From here on this process may grow by `HEADROOM`, and no more."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + HEADROOM
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


if __name__ == "__main__":
    main(sys.argv[1])
