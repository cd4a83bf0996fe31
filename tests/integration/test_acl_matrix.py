"""Principals and resources on the real broker: what is not granted is denied, cell by cell."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic

from notifier.errors import TransportError
from notifier.sandbox.pki import CertificateAuthority
from notifier.topics import AUDIT, INTAKE, REJECTED, ROUTER_GROUP, STREAMS, feed_of
from notifier.transport.base import Outgoing
from notifier.transport.kafka import KafkaTransport

PARTIES = ("AUT/spoc", "router", "auditor", "stranger")
OWN, FOREIGN = feed_of("AUT/spoc"), feed_of("DEU/spoc")
WRITES = {
    INTAKE: {"AUT/spoc"},
    OWN: {"router"},
    FOREIGN: {"router"},
    STREAMS: {"router"},
    REJECTED: {"router"},
    AUDIT: {"router"},
}
READS = {
    INTAKE: {"router"},
    OWN: {"AUT/spoc"},
    FOREIGN: set(),
    STREAMS: {"router"},
    REJECTED: set(),
    AUDIT: {"auditor"},
}


async def denied(transport, call):
    """Whether the broker denies what `call` does, saying so; anything else is raised."""
    try:
        await call(transport)
    except TransportError as error:
        if error.reason != "broker_refused":
            raise
        return True
    finally:
        await transport.close()
    return False


@pytest.mark.parametrize("topic", WRITES)
@pytest.mark.parametrize("party", PARTIES)
async def test_writing(spoiled, party, topic):
    """Authorities write intake, the router everything behind it."""

    async def write(transport):
        sender = await transport.sender()
        await sender.send([Outgoing(topic, b"x", key=b"k")])

    assert await denied(spoiled.transport(party), write) == (party not in WRITES[topic])


@pytest.mark.parametrize("topic", READS)
@pytest.mark.parametrize("party", PARTIES)
async def test_reading(spoiled, party, topic):
    """Everybody their own feed, the router intake and streams, the auditor audit."""

    async def read(transport):
        await (await transport.reader(topic, 0, 0)).read(1, 3000)

    assert await denied(spoiled.transport(party), read) == (party not in READS[topic])


@pytest.mark.parametrize("party", PARTIES)
async def test_the_router_s_group(spoiled, party):
    """Nobody else takes part in sharing the partitions."""

    async def join(transport):
        await transport.member(ROUTER_GROUP, INTAKE)

    assert await denied(spoiled.transport(party), join) == (party != "router")


@pytest.mark.parametrize("party", PARTIES)
async def test_the_router_s_transactional_id(spoiled, party):
    """Nobody else can fence a router."""

    async def fence(transport):
        await transport.transactional("notifier-router-0", [])

    assert await denied(spoiled.transport(party), fence) == (party != "router")


async def test_a_router_has_no_other_transactional_id(spoiled):
    """Only those of the partitions."""

    async def begin(transport):
        await transport.transactional("notifier-router-99", [])

    assert await denied(spoiled.transport("router"), begin)


@pytest.mark.parametrize("party", PARTIES)
@pytest.mark.parametrize("act", ["create a topic", "delete a topic", "alter a topic", "alter the broker"])
def test_administration(spoiled, party, act):
    """Nobody but the administrator."""
    settings = spoiled.sandbox.kafka(party)
    client = AdminClient(
        {
            "bootstrap.servers": settings.bootstrap,
            "security.protocol": "SSL",
            "ssl.ca.location": str(settings.ca),
            "ssl.certificate.location": str(settings.certificate),
            "ssl.key.location": str(settings.key),
        }
    )
    entry = [ConfigEntry("retention.ms", "1", incremental_operation=AlterConfigOpType.SET)]
    broker = [ConfigEntry("log.retention.ms", "1", incremental_operation=AlterConfigOpType.SET)]
    calls = {
        "create a topic": lambda: client.create_topics([NewTopic("mine", 1, 1)]),
        "delete a topic": lambda: client.delete_topics([OWN]),
        "alter a topic": lambda: client.incremental_alter_configs(
            [ConfigResource(ConfigResource.Type.TOPIC, OWN, incremental_configs=entry)]
        ),
        "alter the broker": lambda: client.incremental_alter_configs(
            [ConfigResource(ConfigResource.Type.BROKER, "1", incremental_configs=broker)]
        ),
    }
    for future in calls[act]().values():
        with pytest.raises(KafkaException) as error:
            future.result(20)
        assert "AUTHORIZATION_FAILED" in error.value.args[0].name()


@pytest.mark.parametrize("who", ["of another authority", "expired"])
async def test_a_certificate_that_is_not_good_does_not_connect(spoiled, tmp_path, who):
    """The same names, another signature; or the right one, too late."""
    if who == "expired":
        CertificateAuthority(spoiled.home / "pki").issue(tmp_path, "aut-spoc", valid=dt.timedelta(seconds=-1))
    else:
        CertificateAuthority(tmp_path / "foreign").issue(tmp_path, "aut-spoc")
    settings = spoiled.sandbox.kafka("AUT/spoc")
    transport = KafkaTransport(replace(settings, certificate=tmp_path / "tls.pem", key=tmp_path / "tls.key"))
    with pytest.raises(TransportError) as error:
        await transport.sender()
    assert error.value.reason == "broker_unavailable"
    await transport.close()


def test_no_certificate_and_no_tls_do_not_connect(spoiled):
    """There is no listener that would take them."""
    import socket
    import ssl

    host, port = spoiled.sandbox.bootstrap.split(":")
    context = ssl.create_default_context(cafile=str(spoiled.sandbox.kafka("AUT/spoc").ca))
    with (
        socket.create_connection((host, int(port)), 10) as plain,
        context.wrap_socket(plain, server_hostname=host) as secure,
        pytest.raises((ssl.SSLError, ConnectionError)),
    ):
        secure.sendall(b"\x00\x00\x00\x10")
        if secure.recv(1) == b"":
            raise ConnectionResetError
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_connection((host, int(port)), 10) as plain, pytest.raises((ssl.SSLError, ConnectionError)):
        context.wrap_socket(plain, server_hostname=host)
