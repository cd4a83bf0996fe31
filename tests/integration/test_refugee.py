"""What makes somebody a refugee, and everything else in `local`, is with nobody but the originator."""

from __future__ import annotations

import json
import uuid

import pytest

from notifier import Publisher
from notifier.config import load, party_config
from notifier.crypto.keys import SigningKey
from notifier.directory.client import DirectoryClient
from notifier.envelope import ParsedDelivery, open_body, open_slip, parse_feed, verify, verify_delivery
from notifier.errors import EnvelopeError
from notifier.keyfiles import decryption_keys
from notifier.persons.submissions import Submitter
from notifier.runtime import wall_clock
from notifier.topics import INTAKE, feed_of
from support import sandbox as support
from support.canary import Canary
from support.leak_scanner import haystack
from support.opened import opened
from support.refugee import zone

ORIGINATOR, FEARED, LATER, FRONT = "AUT/spoc", "UTO/spoc", "BGR/spoc", "FRA/border"
TOLD = ("DEU/spoc", "FRA/spoc", "INTERPOL/spoc", "MAR/spoc")
PASSPORT, PAPER = "QP4410927", "RF1951XX7"
SUBMITTER, REVIEWER, ASSURANCE = "Qxsubmitter Wprt", "Vrzlreviewer Kjh", "ASSURANCE-QV77K"
CODES = ("VUT", "NRU", "PLW", "KIR")  # feared, of torture, of death, excluded: no authority of this world has them
WORDS = (SUBMITTER, REVIEWER, ASSURANCE, PAPER)
ONLY_LOCAL = Canary(WORDS, CODES)
ONLY_LOCAL_OPENED = Canary(WORDS, CODES, tuple(b"\x06" + code.encode() for code in CODES))  # as Avro writes it, too
STATUS = Canary(
    ("refugee", "asylum", "feared", "torture", "suppress", "PRFRA", PAPER),
    ("XXB", "XXC", "CTD"),
    (b"\x06XXB", b"\x06XXC", b"\x06CTD"),
)


def document(*nationalities, **change):
    """A detention in AUT of a refugee from UTO, with everything that never leaves."""
    made = support.example("detention-of-refugee", interpol=True, **change)
    subject = made["subject"]
    subject["names"] = [
        {"quality": "primary", "text": "Eriksson Anna Maria", "script": "Latn", "icao": "ERIKSSON<<ANNA<MARIA"}
    ]
    subject |= {"births": ["1974-08-12"], "sex": "F", "residences": ["DEU"]}
    codes = ("XXB", "UTO", "MAR", *nationalities)
    subject["nationalities"] = [{"state": code, "status": "documented"} for code in codes]
    paper = {"kind": "PR", "issuer": "FRA", "number": PAPER, "mrz": zone("PR", PAPER, "XXB")}
    subject["documents"] = [{"kind": "P", "issuer": "UTO", "number": PASSPORT}, paper]
    made["handling"] |= {"codes": [], "not_to": ["KIR"]}
    made["local"]["refugee"] = {"status": "refugee", "feared": ["UTO", "VUT"]}
    made["local"]["risk"] = {"torture": ["MAR", "NRU"], "death_penalty": ["PLW"]}
    return made


@pytest.fixture
async def case(world, tmp_path):
    """Told, held and released, updated, passed on: the ids of what came of it, and what others' verbs said of it."""
    keys = {}
    for name, may in ((SUBMITTER, ()), (REVIEWER, ("--may", "assurance"))):
        file = tmp_path / name
        done = world.shell("person", "add", name, *may, "--key", str(file), "--as", ORIGINATOR)
        assert done.returncode == 0, done.stderr
        keys[name] = SigningKey.from_secret(file.read_bytes())
    submitter = Submitter(keys[SUBMITTER])
    async with Publisher.from_home(world.home, ORIGINATOR) as publisher:
        first = (await publisher.publish(document(), by=submitter)).id
        assert await publisher.flush(support.PATIENCE_S) == []
        states = {one.authority: one.state for one in (await publisher.status(first)).recipients}
        assert {name: states[name] for name in (*TOLD, FEARED)} == {
            **dict.fromkeys(TOLD, "told"),
            "MAR/spoc": "held",
            FEARED: "not_told",
        }
        rule = {"by": REVIEWER, "key": keys[REVIEWER], "state": "MAR", "reference": ASSURANCE}
        assert await publisher.reviews.approve(first, "torture_or_death_risk", **rule) == ("MAR/spoc",)
        about = {"id": first, "digest": await publisher.digest(first)}
        update = (await publisher.publish(document("BGR", type="update", about=about), by=submitter)).id
        assert await publisher.flush(support.PATIENCE_S) == []
    for name, wanted in ((name, first) for name in TOLD):
        assert wanted in {one.id for one in await world.receive(name)}, name
    assert update in {one.id for one in await world.receive(LATER)}
    assert not {first, update} & {one.id for one in await world.receive(FEARED)}
    passed_on = world.shell("forward", first, FRONT, "--as", "FRA/spoc", "--wait", "--json")
    assert passed_on.returncode == 0, passed_on.stderr
    derived = json.loads(passed_on.stdout)["id"]
    assert derived in {one.id for one in await world.receive(FRONT)}
    asked = [(first, name) for name in (*TOLD, FEARED)] + [(update, LATER), (derived, FRONT)]
    said = [
        (f"{' '.join(verb)} by {name}", done.stdout.encode() + done.stderr.encode())
        for message, name in asked
        for verb in (("inbox", "show"), ("why",))
        for done in [world.shell(*verb, message, "--as", name, "--json")]
    ]
    return {first, update, derived}, said


async def test_it_is_nowhere_outside_the_originator_s_own_database(world, case):
    """Files, logs, pages, audit, topics; every other database opened; every slip and body of its messages."""
    ids, said = case
    own = party_config(world.home, ORIGINATOR).parent / "outbox.db"
    known = list(opened(own, _storage_key(own)))
    for word in (SUBMITTER, REVIEWER, ASSURANCE, PAPER, "refugee"):
        assert Canary((word,)).places(known), f"{word} is not even in the originator's own database"
    for code in (*CODES, "XXB"):
        assert Canary((), (code,)).places(known), code

    databases = [piece for path in _other_databases(world, own) for piece in opened(path, _storage_key(path))]
    assert set(Canary((PASSPORT,)).places(databases)) >= {
        f"{name.replace('/', '.')}/inbox.db message.content" for name in TOLD
    }
    everything = await haystack(world)
    directory = DirectoryClient(load(party_config(world.home, "FRA/spoc")).directory).load().directory
    sealed = [*_slips(world, directory, everything, ids), *_bodies(world, directory, everything, ids)]
    assert {place for place, _ in sealed} >= {"slip", *(f"body to {name}" for name in (*TOLD, LATER, FRONT))}
    assert ONLY_LOCAL.places(everything) == []
    assert ONLY_LOCAL_OPENED.places([*databases, *sealed, *said]) == []

    of_the_hub = ("logs/", "page ", "parties/auditor/log", "parties/router", "key in", "header in")
    hub = [piece for piece in everything if piece[0].startswith(of_the_hub)]
    assert STATUS.places([*hub, *sealed, *said]) == []


def _storage_key(database):
    return (database.parent / "storage.key").read_bytes()


def _other_databases(world, own):
    found = [path for path in sorted((world.home / "parties").glob("*/*.db")) if path != own]
    assert len(found) > len(TOLD)
    return found


def _slips(world, directory, everything, ids):
    """What the hub opened of these messages, and of every act."""
    keys = decryption_keys(load(party_config(world.home, "router")).keys)
    for value in (data for place, data in everything if place == f"value in {INTAKE}"):
        try:
            envelope = verify(value, hub_id=directory.hub.hub_id, signer=directory.signer)
        except EnvelopeError:  # another test's
            continue
        slip = open_slip(envelope, keys)
        if _id(slip) in ids or slip.act is not None:
            yield "slip", slip.encode()
            yield "slip", repr(slip).encode()


def _bodies(world, directory, everything, ids):
    """What everybody can open of these messages on their feeds, with their own keys."""
    hub = directory.hub
    common = {"hub_id": hub.hub_id, "signer": directory.signer, "hub_signer": hub.signing_key, "now": wall_clock()}
    for name in sorted(directory.authorities):
        keys = decryption_keys(load(party_config(world.home, name)).keys)
        for value in (data for place, data in everything if place == f"value in {feed_of(name)}"):
            try:
                if not isinstance(parse_feed(value), ParsedDelivery):
                    continue
                body = open_body(verify_delivery(value, audience=name, **common), keys).body
            except EnvelopeError:  # another test's
                continue
            if _id(body) in ids:
                yield f"body to {name}", body.notification
                yield f"body to {name}", body.profile.encode()


def _id(said):
    return str(uuid.UUID(bytes=said.notification_id))
