"""A whole run in memory, from publish to inbox, with all that goes wrong: nothing is said about the person."""

from __future__ import annotations

import copy
import logging
import re

import pytest
import structlog
from prometheus_client import generate_latest

from notifier.errors import NotificationInvalidError
from notifier.telemetry.logging import configure
from support.attack_harness import Stage
from support.samples import DEPORTATION
from support.world import build_world

CANARIES = {
    "name": "Canarsson",
    "ICAO form": "CANARSSON",
    "narrative": "gefluestert",
    "document": "KX7731904",
    "offence": "canary_offence",
    "reference": "case 884-77",
    "assurance": "assurance-5512",
    "birth": "1974-08-12",
}
STATES = ("AUT", "DEU", "FRA", "UTO", "MAR")


def notification(**change):
    """One in which every fact is a word that stands nowhere else; MAR is feared, and somebody there was told."""
    made = copy.deepcopy(DEPORTATION)
    subject = made["subject"]
    subject["names"] = [{"quality": "primary", "text": "Canarsson", "script": "Latn", "icao": "CANARSSON"}]
    subject["documents"] = [{"kind": "CTD", "issuer": "FRA", "number": "KX7731904"}]
    subject["grounds"] = [{"offence": "canary_offence", "legal_basis": "a law"}]
    made["references"] = [{"kind": "case", "value": "case 884-77"}]
    made["narrative"] = "gefluestert"
    made["local"] |= {
        "refugee": {"status": "refugee", "feared": ["MAR"]},
        "risk": {"torture": ["UTO"], "death_penalty": []},
        "approvals": [
            {"hold": "torture_or_death_risk", "state": "UTO", "by": "A", "at": "2026-11-20T09:00:00Z",
             "reference": "assurance-5512"}
        ],
    }  # fmt: skip
    return made | change


@pytest.fixture
def everything(capfd):
    """All that is written to standard error at the finest level, and then the metrics."""
    configure(level=logging.DEBUG, console=False)
    logging.getLogger().setLevel(logging.DEBUG)
    for name in ("aiokafka", "tuf", "urllib3", "uvicorn", "asyncio"):
        logging.getLogger(name).setLevel(logging.DEBUG)

    def written():
        return capfd.readouterr().err, generate_latest().decode()

    yield written
    structlog.reset_defaults()
    logging.getLogger().handlers[:] = []


async def test_a_whole_run_says_nothing_about_the_person(tmp_path, everything):
    """Sent, held, refused by the hub, unreadable for a recipient, wrong on submission: ids and reasons alone."""
    stage = Stage(build_world(), tmp_path)
    refusals = []
    async with stage.publishing() as publisher, stage.routing():
        sent = await publisher.publish(notification())
        assert sent.plan.recipients == ("AUT/spoc", "DEU/spoc")
        await publisher.wait(sent.id, timeout=20)
        for wrong in (
            {"subject": notification()["subject"] | {"sex": "Canarsson", "religion": "Canarsson"}},
            {"narrative": "gefluestert\u202e"},
            {"review_date": "Canarsson"},
        ):
            with pytest.raises(NotificationInvalidError) as error:
                await publisher.publish(notification(**wrong))
            refusals.append(str(error.value))
    unreadable = stage.forge(encoded=b"gefluestert Canarsson")
    assert await stage.route(unreadable, b"Canarsson", None) == [None, "malformed", "malformed"]
    stage.sent(unreadable)
    unexpected = stage.forge(text="gefluestert", slip={"withheld": ("FRA/spoc",)})
    assert await stage.route(unexpected) == ["recipients_mismatch"]
    shown = await stage.read("DEU/spoc")
    assert (shown.texts, shown.refused) == (["gefluestert"], ["malformed"])
    logs, metrics = everything()
    assert logs.count("\n") > 3
    for what, word in CANARIES.items():
        for where, text in (("logs", logs), ("metrics", metrics), ("refusals", "\n".join(refusals))):
            assert word not in text, f"{what} in {where}"
    assert not [label for label in re.findall(r'="([^"]*)"', metrics) if label[:3] in STATES]
    assert not re.search("feared|refugee|torture|MAR", logs + metrics)
    assert "/subject/religion: is not a field of this format" in refusals[0]
