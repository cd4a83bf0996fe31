"""A sandbox of its own, with three brokers, in a folder whose name is hard to write down."""

from __future__ import annotations

import json
import os
import signal

import pytest
from confluent_kafka.admin import (
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from notifier.config import file_of, load, party_config
from notifier.sandbox.processes import wait_until
from notifier.sandbox.sandbox import Sandbox
from notifier.topics import INTAKE, feed_of
from support import sandbox as support

NAME = 'a, b;c #1? %41 jürgen 日本 \\n "it\'s" $HOME & x=1'


def _quiet(_text):
    """Progress that nobody reads."""


@pytest.fixture(scope="module")
def alone(tmp_path_factory, fork_server):
    """Three brokers and a router."""
    sandbox = Sandbox(tmp_path_factory.mktemp("alone") / NAME)
    try:
        sandbox.up(_quiet, brokers=3)
        yield support.World(sandbox, fork_server)
    finally:
        sandbox.down(_quiet)


def told(world, originator="TUR/spoc"):
    """Publishes an example and waits for the hub."""
    return world.shell(
        "publish", str(support.EXAMPLES / "exercise-arrest.json"), "--as", originator, "--wait", "--timeout", "120"
    )


def test_three_brokers_carry_a_message_and_all_of_it_stays_in_the_home(alone):
    """Each broker has a copy of every topic; beside the home there is nothing."""
    assert {name: state for name, state in alone.states().items() if name.startswith("kafka")} == {
        f"kafka-{number}": "running" for number in (1, 2, 3)
    }
    assert list(alone.home.parent.iterdir()) == [alone.home]
    for number in (1, 2, 3):
        assert list((alone.home / "kafka" / f"node-{number}" / "data").glob("notifier.audit.v1-0"))
    assert alone.json("doctor")["ok"]


def test_one_of_three_brokers_may_die(alone):
    """What is published meanwhile is decided; `up` starts it again, and nothing else."""
    os.kill(alone.pid("kafka-3"), signal.SIGKILL)
    assert wait_until(lambda: alone.states()["kafka-3"] == "stopped", support.PATIENCE_S)
    originator = support.example("exercise-arrest")["originator"]
    done = told(alone, originator)
    assert done.returncode == 0, done.stderr
    assert alone.shell("sandbox", "up").returncode == 0
    assert alone.sandbox.status()["ready"]


def client(world):
    """The broker's administrator, who takes away what the sandbox gave."""
    settings = world.sandbox.kafka("admin")
    return AdminClient(
        {
            "bootstrap.servers": settings.bootstrap,
            "security.protocol": "SSL",
            "ssl.ca.location": str(settings.ca),
            "ssl.certificate.location": str(settings.certificate),
            "ssl.key.location": str(settings.key),
        }
    )


def broker_says(world, party):
    """What the doctor says of the broker to one party."""
    config = party_config(world.home, party)
    document = json.loads(world.shell("doctor", "--config", str(config), "--json").stdout)
    (found,) = [one for one in document["findings"] if one["check"] == "broker"]
    return found["detail"]


def test_the_doctor_names_the_right_and_the_topic_that_are_missing(alone):
    """Each by its name and on the real broker; `up` mends both."""
    admin = client(alone)
    everyones = AclBindingFilter(
        ResourceType.TOPIC,
        INTAKE,
        ResourcePatternType.LITERAL,
        "User:bgr-fiu",
        None,
        AclOperation.WRITE,
        AclPermissionType.ALLOW,
    )
    for future in admin.delete_acls([everyones], request_timeout=support.PATIENCE_S).values():
        assert len(future.result(support.PATIENCE_S)) == 1
    for future in admin.delete_topics([feed_of("BEL/fiu")], request_timeout=support.PATIENCE_S).values():
        future.result(support.PATIENCE_S)
    wanted = {
        "BGR/fiu": f"it answers, but this principal may not write {INTAKE}",
        "BEL/fiu": f"it answers, but there is no topic {feed_of('BEL/fiu')}",
        "router": f"it answers, but there is no topic {feed_of('BEL/fiu')}",
    }
    for party, words in wanted.items():
        assert wait_until(lambda party=party, words=words: broker_says(alone, party) == words, support.PATIENCE_S), (
            party
        )
    done = alone.shell("publish", "--as", "BGR/fiu", "--wait", "--timeout", "1")
    assert "Cluster" not in done.stderr
    assert alone.shell("sandbox", "up").returncode == 0
    assert all("answers this principal" in broker_says(alone, party) for party in wanted)


def test_up_keeps_what_was_edited_writes_what_is_missing_and_adds_routers(alone, tmp_path):
    """An outbox that was moved stays where it is; a certificate that was lost is issued again."""
    config = party_config(alone.home, "TUR/spoc")
    moved = tmp_path / "moved.db"
    text = config.read_text().replace('outbox = "outbox.db"', f'outbox = "{moved}"') + "# mine\n"
    config.write_text(text)
    lost = party_config(alone.home, "DEU/fiu").parent / "tls.pem"
    lost.unlink()
    before = alone.pid("router-1")
    done = alone.shell("sandbox", "up", "--routers", "2")
    assert done.returncode == 0, done.stderr
    assert config.read_text() == text
    assert file_of(load(config).outbox) == moved
    assert lost.exists()
    status = alone.json("sandbox", "status")
    assert {one["name"] for one in status["services"]} >= {"router-1", "router-2", "kafka-3"}
    assert alone.pid("router-1") == before
    routers = [alone.pid("router-1"), alone.pid("router-2")]
    assert alone.shell("sandbox", "down").returncode == 0
    assert set(alone.states().values()) == {"stopped"}
    assert not any(os.path.exists(f"/proc/{pid}/cmdline") and _says_router(pid) for pid in routers)


def _says_router(pid):
    """Whether that process is a router still, and no zombie."""
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        return b"router" in file.read()
