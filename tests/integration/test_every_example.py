"""Every type and every special case on the real broker: each example goes where the golden decisions say."""

from __future__ import annotations

import json
import re
from pathlib import Path

from golden.cases import line
from notifier import Publisher
from notifier.notification.model import TYPES
from notifier.notification.warnings import CONCERN_SAFETY
from support import sandbox as support

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "examples.json").read_text())
DIFFERENT = {
    # An approval in a file is taken at its word by a dry run alone: to send, a person signs.
    "detention-of-child-reviewed": {"AUT/spoc": "hold nationality:6 [child_review]"},
    "deportation-with-assurance": {"MAR/spoc": "hold destination:3 nationality:3 [torture_or_death_risk]"},
    # The update that comes after it confirms what it waits for.
    "case-1-arrest": {
        "BEL/spoc": "send nationality:6",
        "FRA/spoc": "send residence:5",
        "MAR/spoc": "send nationality:6",
    },
}


def expected(name):
    """What is decided of an example that is sent, an authority a line."""
    return DIFFERENT.get(name, GOLDEN[name])


def decided(entries):
    """The same of the outbox; that somebody was told before is a reason more, which a dry run does not know."""
    found = {}
    for entry in entries:
        key = entry.authority or f"no state {sum(one.startswith('no state') for one in found) + 1}"
        found[key] = re.sub(" told_before:[0-9]+", "", line(entry.to_json()))
    return found


async def published(world, originator, names, *, in_turn):
    """Publishes these examples as their originator: {name: status} when all is decided.

    `in_turn` where they speak of each other: each when the one before is decided.
    """
    async with Publisher.from_home(world.home, originator) as publisher:
        ids = {}
        for name in names:
            ids[name] = (await publisher.publish(support.example_or_case(name), accept_warnings=CONCERN_SAFETY)).id
            if in_turn:
                assert await publisher.flush(support.PATIENCE_S) == []
        assert await publisher.flush(support.PATIENCE_S) == []
        return {name: await publisher.status(message_id) for name, message_id in ids.items()}


async def test_every_example_reaches_whom_it_must_and_nobody_else(world):
    """Of every type that may be published: what was decided, who has it in the inbox, and who has not."""
    documents = {name: support.example_or_case(name) for name in GOLDEN}
    names = [name for name, one in documents.items() if one["type"] in TYPES]
    assert {documents[name]["type"] for name in names} == set(TYPES)
    of_cases = [name for name in names if name.startswith("case-")]
    statuses = await published(world, "TUR/spoc", of_cases, in_turn=True)
    for originator in sorted({documents[name]["originator"] for name in names}):
        mine = [name for name in names if documents[name]["originator"] == originator and name not in of_cases]
        statuses |= await published(world, originator, mine, in_turn=False)
    assert set(statuses) == set(names)

    wanted = {}
    for name, status in statuses.items():
        found = decided(status.entries)
        if "about" in documents[name]:
            found = {authority: entry for authority, entry in found.items() if entry.startswith("send")}
        assert found == expected(name), name
        told = {authority for authority, entry in found.items() if entry.startswith("send")}
        assert status.state in (("told",) if told else ("held", "not_told")), name
        for authority in found:
            if not authority.startswith(("no state", "RKS")):
                wanted.setdefault(authority, {})[status.id] = (name, authority in told)
    assert {"INTERPOL/spoc", "FRA/consular", "FRA/fiu", "UTO/spoc", "GBR/spoc"} <= set(wanted)
    of_id = {status.id: name for name, status in statuses.items()}
    for authority, messages in wanted.items():
        has = {one.id for one in await world.receive(authority)} & set(of_id)
        assert sorted(of_id[one] for one in has) == sorted(name for name, told in messages.values() if told), (
            authority
        )
    assert world.json("audit", "verify")["ok"]
