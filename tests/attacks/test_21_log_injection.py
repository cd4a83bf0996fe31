"""21 Log injection: a text that somebody else wrote begins a line of its own, moves a cursor, or hides what it says.

The attacker is an originator that seals what its own software would refuse, or a hub that puts any text in what it
signs. The text holds line breaks, terminal sequences, direction and invisible marks; it stands in every field that is
text. Control: logs are escaped to ASCII, what is shown and written to files shows every such character, and reasons
and labels are of a fixed list.
"""

from __future__ import annotations

import contextlib
import copy
import json
import logging
from dataclasses import replace

import pytest
import structlog
from prometheus_client import generate_latest

from notifier.cli.inbox import lines
from notifier.codec.single_object import codec
from notifier.consumers.sinks import JsonLines, document
from notifier.envelope import notice
from notifier.errors import REASONS
from notifier.notification import encode, for_sealing, parse
from notifier.rules.facts import Leg, RoutingFacts
from notifier.telemetry.logging import configure
from support import attack_harness as staging

HOSTILE = "a\r\nb\x1b[2J\x1b]0;t\x07\x9b\u202egnp\u2066\u200b\u2028\u2029\x85\x00\ufeff\U000e0041"
ACTS = {character for character in HOSTILE if not character.isprintable()}
TEXTS = ["a\r\nfake line", "\x1b[2Jgone", "\u202egnissap", "nul\x00", "\u2028line", HOSTILE]


@pytest.fixture(params=["for machines", "on a terminal"])
def logs(request, capsys):
    """Configure logs as a service does; return a reader of the lines on standard error."""
    configure(console=request.param == "on a terminal")
    yield lambda: capsys.readouterr().err
    structlog.reset_defaults()
    logging.getLogger().handlers[:] = []


def one_line(said):
    """Return the only line, without a terminal's colour codes."""
    assert said.endswith("\n")
    line = said[:-1]
    for colour in {part.partition("m")[0] for part in line.split("\x1b[")[1:]}:
        assert all(character in "0123456789;" for character in colour)
        line = line.replace(f"\x1b[{colour}m", "")
    return line


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_cannot_begin_a_line_or_move_the_cursor(logs, text):
    """In an event's field, in the text of a library's warning, in that of an exception: one line, printable ASCII."""
    for name, say in {
        "field": lambda: structlog.get_logger().info("event", field=text),
        "nested": lambda: structlog.get_logger().info("event", field=[text, {text: text}]),
        "library": lambda: logging.getLogger("some.library").warning("look %s", text),
        "argument": lambda: logging.getLogger("some.library").error(text),
    }.items():
        say()
        line = one_line(logs())
        assert line.isascii(), name
        assert line.isprintable(), name


@pytest.mark.parametrize("text", TEXTS)
def test_an_exception_s_text_cannot_either(logs, text):
    """A traceback is one line as well, on a terminal the one below its event's; it shows no variable's value."""
    secret = "the contents of a variable"
    for log in (structlog.get_logger(), logging.getLogger("some.library")):
        try:
            raise ValueError(text)
        except ValueError:
            log.exception("event")
        line = one_line(logs().replace("\nTraceback", " Traceback"))
        assert "ValueError" in line
        assert line.isascii()
        assert line.isprintable()
        assert secret not in line


def leaves(value, path=()):
    """Yield the paths of all texts in an Avro record."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        if isinstance(item, str):
            yield (*path, key)
        else:
            yield from leaves(item, (*path, key))


def hostile(encoded):
    """Yield the notification with the hostile text in each of its texts in turn."""
    record = codec("Notification").decode(encoded)
    for path in leaves(record):
        changed = copy.deepcopy(record)
        inner = changed
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = HOSTILE
        with contextlib.suppress(ValueError):  # the schema itself lists what may stand there
            yield codec("Notification").encode(changed)


async def test_no_text_of_a_sender_acts_on_its_reader(stage, tmp_path, capsys):
    """A message for every field of a notification: shown, written to a file and logged, or refused; nothing acts."""
    plain = for_sealing(parse(staging.document(narrative="plain")))
    letters = []
    for number in range(len([*hostile(encode(replace(plain, id=bytes(16))))])):
        notification_id = number.to_bytes(16, "big")
        encoded = [*hostile(encode(replace(plain, id=notification_id)))][number]
        letters.append(stage.letter(notification_id=notification_id, encoded=encoded))
    assert len(letters) > 20
    assert set(await stage.route(*letters)) == {None}
    configure(console=False)
    await stage.read("DEU/spoc", sinks=[JsonLines(tmp_path / "out.jsonl")])
    inbox = await stage.inbox("DEU/spoc")
    messages = await inbox.messages()
    assert len(messages) + len(await inbox.refusals()) == len(letters)
    await inbox.close()
    assert len(messages) > 20
    shown = [line for message in messages for line in lines(document(message), "")]
    written = (tmp_path / "out.jsonl").read_bytes().decode().split("\n")
    logged = capsys.readouterr().err.split("\n")
    structlog.reset_defaults()
    assert written.pop() == logged.pop() == ""
    assert len(written) == len(messages)
    assert len([json.loads(line) for line in logged]) >= len(letters) - len(messages)
    assert not set("".join(shown + written + logged)) & ACTS


async def test_no_text_of_an_originator_acts_at_the_hub(stage, capsys):
    """In the header's name and in the slip's facts: refused with a reason that there is, logged and counted so."""
    facts = RoutingFacts(HOSTILE, True, False, (HOSTILE, HOSTILE), (Leg(HOSTILE, HOSTILE),))
    named = stage.forge(header={"originator": HOSTILE})
    routed = stage.forge(slip={"facts": facts})
    configure(console=False)
    reasons = await stage.route(named, routed)
    logged = capsys.readouterr().err
    structlog.reset_defaults()
    assert None not in reasons
    assert set(reasons) <= set(REASONS)
    assert not set(logged) & ACTS - {"\n"}
    assert not set(generate_latest().decode()) & ACTS - {"\n"}


async def test_no_text_of_a_hub_acts_at_an_originator(stage):
    """A reason that is none, well signed: what the originator is shown, and what is counted, is of the fixed list."""
    async with stage.publishing("TUR/spoc") as publisher:
        submitted = await publisher.publish(staging.document())
        sent = await stage.on_its_way()
        told = {"kind": "decision", "outcome": "rejected", "reason": HOSTILE, "number": 1}
        told |= {"stream": sent.header.stream, "envelope_id": sent.header.envelope_id}
        await stage.inject("TUR/spoc", notice(stage.world.stated(sent.digest, "TUR/spoc", **told)))
        status = await publisher.wait(submitted.id, 10)
    assert status.state == "rejected"
    assert status.reason in REASONS
    assert "gnp" not in generate_latest().decode()
