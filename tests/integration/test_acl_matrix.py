"""Attacks 22 and 23 on the real broker: who may do what, cell by cell; what is not granted is denied, and says so.

A cell is a party and an act. The parties: two authorities, the hub's services, a stranger with a certificate that is
good and no right, somebody with a certificate of another authority, somebody with none.
"""

from __future__ import annotations

import datetime as dt
import re
import socket
import ssl
from dataclasses import replace

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic

from notifier.errors import TransportError
from notifier.sandbox.pki import CertificateAuthority
from notifier.topics import AUDIT, INTAKE, REJECTED, ROUTER_GROUP, STREAMS, feed_of
from notifier.transport.base import Outgoing
from notifier.transport.kafka import KafkaTransport
from notifier.transport.kafka.client import tls_context

KNOWN = ("AUT/spoc", "DEU/spoc", "router", "auditor", "stranger")
OUTSIDE = ("foreign authority", "no certificate")
PARTIES = KNOWN + OUTSIDE
FEED_OF_AUT, FEED_OF_DEU = feed_of("AUT/spoc"), feed_of("DEU/spoc")
WRITES = {
    INTAKE: {"AUT/spoc", "DEU/spoc"},
    FEED_OF_AUT: {"router"},
    FEED_OF_DEU: {"router"},
    STREAMS: {"router"},
    REJECTED: {"router"},
    AUDIT: {"router"},
}
READS = {
    INTAKE: {"router"},
    FEED_OF_AUT: {"AUT/spoc"},
    FEED_OF_DEU: {"DEU/spoc"},
    STREAMS: {"router"},
    REJECTED: set(),
    AUDIT: {"auditor"},
}
GROUPS = {
    ROUTER_GROUP: {"router"},
    "notifier.AUT.spoc": {"AUT/spoc"},
    "notifier.DEU.spoc": {"DEU/spoc"},
    "notifier.auditor": set(),
    "notifier.anything": set(),
}
TRANSACTIONS = {
    "notifier-router-0": {"router"},
    "notifier-router-3": {"router"},
    "notifier-router-99": set(),
    "notifier.AUT.spoc": set(),
}
NOT_CONNECTED = r"broker_refused: .* does not take our certificate|broker_unavailable: .*KafkaConnectionError"


@pytest.fixture
def as_party(spoiled, tmp_path):
    """Connections as any of the parties."""

    def connected(party):
        if party in KNOWN:
            return spoiled.transport(party)
        settings = spoiled.sandbox.kafka("AUT/spoc")
        if party == "foreign authority":
            CertificateAuthority(tmp_path / "foreign").issue(tmp_path, "aut-spoc")
            settings = replace(settings, certificate=tmp_path / "tls.pem", key=tmp_path / "tls.key")
        transport = KafkaTransport(settings)
        if party == "no certificate":
            transport._common["ssl_context"] = ssl.create_default_context(cafile=str(settings.ca))
        return transport

    return connected


async def refusal(transport, call):
    """How the broker denies what `call` does, by reason and exception; None where it does not."""
    try:
        await call(transport)
    except TransportError as error:
        return str(error)
    finally:
        await transport.close()
    return None


def assert_cell(party, said, granted, denial):
    """Granted or denied as the table says, and denied with that exception."""
    if party in granted:
        assert said is None
    else:
        wanted = NOT_CONNECTED if party in OUTSIDE else f"broker_refused: .*{re.escape(denial)}"
        assert re.search(wanted, said or "this was granted")


@pytest.mark.parametrize("topic", WRITES)
@pytest.mark.parametrize("party", PARTIES)
async def test_writing(as_party, party, topic):
    """Authorities write intake, the router everything behind it; who writes nothing at all is not even let begin."""

    async def write(transport):
        sender = await transport.sender()
        await sender.send([Outgoing(topic, b"x", key=b"k")])

    writers = set().union(*WRITES.values())
    denial = "TopicAuthorizationFailedError" if party in writers else "lets this principal write to no topic"
    assert_cell(party, await refusal(as_party(party), write), WRITES[topic], denial)


@pytest.mark.parametrize("topic", READS)
@pytest.mark.parametrize("party", PARTIES)
async def test_reading(as_party, party, topic):
    """Everybody their own feed, the router intake and streams, the auditor audit.

    Who may write a topic sees that it is there; to everybody else it does not exist.
    """
    wait_ms = 500 if party in READS[topic] else 20_000  # a denial ends it as soon as the broker says so

    async def read(transport):
        await (await transport.reader(topic, 0, 0)).read(1, wait_ms)

    denial = "TopicAuthorizationFailedError" if party in WRITES[topic] else f"no topic {topic} for this principal"
    assert_cell(party, await refusal(as_party(party), read), READS[topic], denial)


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("party", PARTIES)
async def test_joining_a_group(as_party, party, group):
    """Nobody takes part in another's group, or makes one of its own."""
    topic = {"auditor": AUDIT}.get(party, INTAKE)

    async def join(transport):
        await transport.member(group, topic)

    denial = "GroupAuthorizationFailedError" if party != "stranger" else "AuthorizationFailedError"
    assert_cell(party, await refusal(as_party(party), join), GROUPS[group], denial)


@pytest.mark.parametrize("transaction", TRANSACTIONS)
@pytest.mark.parametrize("party", PARTIES)
async def test_using_a_transactional_id(as_party, party, transaction):
    """Nobody else can fence a router, and a router has the ids of its partitions alone."""

    async def fence(transport):
        await transport.transactional(transaction, [])

    denial = "TransactionalIdAuthorizationFailed"
    assert_cell(party, await refusal(as_party(party), fence), TRANSACTIONS[transaction], denial)


ENTRY = ConfigEntry("retention.ms", "1", incremental_operation=AlterConfigOpType.SET)
BROKER_ENTRY = ConfigEntry("log.retention.ms", "1", incremental_operation=AlterConfigOpType.SET)
ACTS = {
    "create a topic": lambda client, **limits: client.create_topics([NewTopic("mine", 1, 1)], **limits),
    "delete a topic": lambda client, **limits: client.delete_topics([FEED_OF_AUT], **limits),
    "alter a topic": lambda client, **limits: client.incremental_alter_configs(
        [ConfigResource(ConfigResource.Type.TOPIC, FEED_OF_AUT, incremental_configs=[ENTRY])], **limits
    ),
    "alter the broker": lambda client, **limits: client.incremental_alter_configs(
        [ConfigResource(ConfigResource.Type.BROKER, "1", incremental_configs=[BROKER_ENTRY])], **limits
    ),
}


def administrator(settings, **more):
    """confluent-kafka's client, as a party would use it."""
    names = {"ca": settings.ca, "certificate": settings.certificate, "key": settings.key}
    files = {f"ssl.{name}.location": str(path) for name, path in names.items() if path is not None}
    quiet = {"error_cb": lambda _error: None, "log_level": 0}
    return AdminClient({"bootstrap.servers": settings.bootstrap, "security.protocol": "SSL"} | files | quiet | more)


def answers(client, act, **limits):
    """The names of the errors with which an act is refused."""
    found = []
    for future in ACTS[act](client, **limits).values():
        with pytest.raises(KafkaException) as error:
            future.result(20)
        found.append(error.value.args[0].name())
    return found


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("party", KNOWN)
def test_administration(spoiled, party, act):
    """Nobody but the administrator."""
    client = administrator(spoiled.sandbox.kafka(party))
    denial = "CLUSTER_AUTHORIZATION_FAILED" if act == "alter the broker" else "TOPIC_AUTHORIZATION_FAILED"
    assert answers(client, act) == [denial]


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("party", OUTSIDE)
def test_administration_from_outside(spoiled, tmp_path, party, act):
    """Never heard: the connection does not come about."""
    settings = spoiled.sandbox.kafka("AUT/spoc")
    CertificateAuthority(tmp_path / "foreign").issue(tmp_path, "admin")
    files = {"certificate": tmp_path / "tls.pem", "key": tmp_path / "tls.key"}
    if party == "no certificate":
        files = dict.fromkeys(files)
    client = administrator(replace(settings, **files))
    assert answers(client, act, request_timeout=2) == ["_TIMED_OUT"]


async def test_an_expired_certificate_does_not_connect(spoiled, tmp_path):
    """The right name, the right authority, too late."""
    CertificateAuthority(spoiled.home / "pki").issue(tmp_path, "aut-spoc", valid=dt.timedelta(seconds=-1))
    settings = spoiled.sandbox.kafka("AUT/spoc")
    transport = KafkaTransport(replace(settings, certificate=tmp_path / "tls.pem", key=tmp_path / "tls.key"))
    said = await refusal(transport, lambda transport: transport.sender())
    assert re.search(NOT_CONNECTED, said or "it did")


def test_older_tls_does_not_connect(spoiled):
    """There is no listener that would take less than TLS 1.3."""
    settings = spoiled.sandbox.kafka("AUT/spoc")
    host, port = settings.bootstrap.split(":")
    context = tls_context(settings)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    with (
        socket.create_connection((host, int(port)), 10) as plain,
        pytest.raises(ssl.SSLError, match=re.compile("protocol.version", re.IGNORECASE)),
    ):
        context.wrap_socket(plain, server_hostname=host)
