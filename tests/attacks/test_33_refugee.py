"""33 A refugee's status by side doors: document kind, machine readable zone, order of events, a resend, `why`.

The attackers are all parties but the originator, each with all of their keys: recipients, the excluded state, the
hub, the auditor, the broker's operator. Control: signs of the status are removed before sealing, and a withholding
gives no reason. All of them see what they would see of another person, whom the originator keeps from the same state
by name.
"""

from __future__ import annotations

import asyncio
import copy
import json
import secrets
import uuid
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from prometheus_client import generate_latest

from notifier.audit.entry import AuditEntry
from notifier.consumers.sinks import document as shown
from notifier.envelope import open_slip, verify
from notifier.errors import RefusedError
from notifier.policy.explain import why_told
from notifier.topics import AUDIT, INTAKE, REJECTED, feed_of
from support.attack_harness import Stage, document
from support.refugee import zone
from support.world import PARTITIONS, build_world

ID = "01997e5c-1c00-7c55-9a3e-0d3f5e0b8a11"
LATER = "01997e5c-1c00-7c55-9a3e-0d3f5e0b8a12"
TOLD = ("FRA/spoc", "INTERPOL/spoc")
NUMBER = "RF1951XX7"
WORDS = ("refugee", "asylum", "feared", "XXB", "XXC", "CTD", "RTD", "PRFRA", NUMBER)


REFUGEE = {"refugee": {"status": "refugee", "feared": ["UTO"]}}
SEEKER = {"refugee": {"status": "asylum_seeker", "feared": []}}
PAPER = {"kind": "P", "issuer": "FRA", "number": NUMBER}
DOORS = {
    "the status": {"local": REFUGEE},
    "the status, and nobody knows who is feared": {"local": SEEKER},
    "a code": {"nationality": "XXB"},
    "another code": {"nationality": "XXC"},
    "the kind of a document": {"paper": PAPER | {"kind": "CTD"}},
    "another kind": {"paper": PAPER | {"kind": "RTD"}},
    "the kind in a zone": {"paper": PAPER | {"kind": "PR", "mrz": zone("PR", NUMBER, "UTO")}},
    "the nationality in a zone": {"paper": PAPER | {"mrz": zone("P", NUMBER, "XXB")}},
    "all of them": {
        "local": REFUGEE,
        "nationality": "XXC",
        "paper": PAPER | {"kind": "PR", "mrz": zone("PR", NUMBER, "XXC")},
    },
}


def arrest(local=None, nationality=None, paper=None, **change):
    """Somebody from UTO who lives in FRA, with what the door adds."""
    made = document(id=ID, type="arrest", stage=None, interpol=True, **change)
    del made["movement"]
    subject = copy.deepcopy(made["subject"])
    subject["documents"] = [{"kind": "P", "issuer": "UTO", "number": "L898902C3"}, *([paper] if paper else [])]
    if nationality is not None:
        subject["nationalities"].append({"state": nationality, "status": "documented"})
    if paper is not None:
        subject["residences"] = []  # the paper says so
    return made | {"subject": subject, "local": made["local"] | (local or {})}


def excluded():
    """Return the same person, no refugee, kept from UTO by name."""
    made = arrest()
    return made | {"handling": made["handling"] | {"not_to": ["UTO"]}}


@pytest.fixture
def make_stage(tmp_path):
    """As many stages as are asked for, each with a world and databases of its own."""

    def made():
        folder = tmp_path / secrets.token_hex(4)
        folder.mkdir()
        return Stage(build_world(), folder)

    return made


@asynccontextmanager
async def published(stage, *documents):
    """Publish the notifications in order; the hub decides each."""
    async with stage.routing(), stage.publishing() as publisher:
        for one in documents:
            await publisher.publish(copy.deepcopy(one), accept_warnings=["repeated"])
            assert await publisher.flush(20) == []
        yield publisher


async def seen(stage):
    """Return all that others can open with every key but the originator's, by viewer, without ids and nonces."""
    found = {"the hub": hub(stage), "the auditor": audited(stage)}
    for name in (*TOLD, "UTO/spoc"):
        found[name] = [*bodies(stage, name), *await told(stage, name)]
    broker = stage.world.broker
    found["the operator"] = [(topic, len(broker.records(topic))) for topic in (REJECTED, AUDIT, *map(feed_of, TOLD))]
    return found


def hub(stage):
    """Return every slip."""
    world, keys = stage.world, {stage.world.hub.decryption.key_id: stage.world.hub.decryption}
    records = [one.value for number in range(PARTITIONS) for one in world.broker.records(INTAKE, number)]
    directory = stage.directory
    envelopes = [verify(one, hub_id=directory.hub.hub_id, signer=directory.signer) for one in records]
    drawn = {"envelope_id": b"", "digest_key": b"", "stream": b"", "previous": b"", "carried": None}
    return [replace(open_slip(one, keys), **drawn) for one in envelopes]


def audited(stage):
    """Return every audit entry."""
    drawn = dict.fromkeys(("salt", "digest", "stream", "statement_leaf", "inputs_digest"))
    return [AuditEntry.decode(one.value)._replace(**drawn) for one in stage.world.broker.records(AUDIT)]


def bodies(stage, name):
    """Return the bodies on a feed, opened with the recipient's key."""
    return [(one.sequence, one.body.profile, one.body.notification) for _, one in stage.world.opened(name)]


async def told(stage, name):
    """Return a recipient's own view: the inbox, and `why`."""
    await stage.read(name)
    inbox = await stage.inbox(name)
    try:
        messages = await inbox.messages()
    finally:
        await inbox.close()
    snapshot = stage.world.directory.snapshot()
    drawn = {"stream": "", "received_at": ""}
    rules = [
        [entry.to_json() for entry in why_told(one.notification, name, snapshot.directory, snapshot.rules)]
        for one in messages
    ]
    return [json.dumps([shown(one) | drawn, why]) for one, why in zip(messages, rules, strict=True)]


@pytest.fixture(scope="module")
def of_twin(tmp_path_factory):
    """Return the others' view of the same person as no refugee: one world for every door."""

    async def found():
        twin = Stage(build_world(), tmp_path_factory.mktemp("twin"))
        async with published(twin, excluded()):
            pass
        return await seen(twin)

    return asyncio.run(found())


@pytest.mark.parametrize("door", DOORS)
async def test_everybody_sees_what_they_would_of_somebody_else(make_stage, of_twin, door, capfd):
    """Recipients, the excluded state, the hub and the auditor see the same as of a person who is no refugee."""
    refugee = make_stage()
    async with published(refugee, arrest(**DOORS[door])):
        pass
    of_refugee = await seen(refugee)
    assert of_refugee["UTO/spoc"] == []
    assert all(of_refugee[name] for name in (*TOLD, "the hub", "the auditor"))
    assert of_refugee == of_twin
    said = repr(of_refugee) + generate_latest().decode() + "".join(capfd.readouterr())
    for word in WORDS:
        assert word not in said, word


@pytest.mark.parametrize("door", ["a code", "the kind of a document", "all of them"])
async def test_a_status_that_is_known_later_is_told_by_no_order_of_events(make_stage, door):
    """UTO heard of the arrest; of what comes after it hears nothing, and misses no number of its stream."""
    stage = make_stage()
    async with published(stage, arrest()) as publisher:
        digest = await publisher.digest(ID)
        update = arrest(**DOORS[door]) | {"id": LATER, "type": "update", "about": {"id": ID, "digest": digest}}
        await publisher.publish(update, accept_warnings=["repeated"])
        another = arrest() | {"id": str(uuid.UUID(int=uuid.UUID(LATER).int + 1))}
        await publisher.publish(another, accept_warnings=["repeated"])
        assert await publisher.flush(20) == []
    for name, numbers in (("UTO/spoc", [1, 2]), ("FRA/spoc", [1, 2, 3])):
        read = await stage.read(name)
        assert (read.sequences, read.gaps, read.refused) == (numbers, [], [])
    found = repr(await seen(stage))
    for word in WORDS:
        assert word not in found, word


async def test_a_resend_with_the_status_is_refused(make_stage):
    """Nothing of it leaves under the id that others know, neither to those who were told nor to anybody else."""
    stage = make_stage()
    async with published(stage, arrest()) as publisher:
        before = await seen(stage)
        for change in DOORS.values():
            with pytest.raises(RefusedError) as error:
                await publisher.publish(arrest(**change), accept_warnings=["repeated"])
            assert error.value.reason == "id_taken"
        assert await publisher.flush(20) == []
    assert (await seen(stage))["the hub"] == before["the hub"]
