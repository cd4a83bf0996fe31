"""Over a network the other side shows who it is: the broker by its certificate and name, a database likewise."""

from __future__ import annotations

import ssl

import pytest
import sqlalchemy as sa

from notifier.config import KafkaSettings
from notifier.sandbox.pki import CertificateAuthority
from notifier.storage import postgresql
from notifier.transport.kafka import client


@pytest.fixture
def broker(tmp_path):
    """Return a broker's context that shows a certificate of localhost and asks for ours, and our settings."""
    authority = CertificateAuthority(tmp_path / "pki")
    authority.issue(tmp_path / "broker", "broker", server=True)
    authority.issue(tmp_path / "party", "tur-spoc")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "broker" / "tls.pem", tmp_path / "broker" / "tls.key")
    folder = tmp_path / "party"
    return context, KafkaSettings("localhost:1", folder / "ca.pem", folder / "tls.pem", folder / "tls.key")


def shake_hands(ours, theirs, name):
    """Do a handshake in memory that expects `name`; return None, or the cause of a failure."""
    to_us, to_them = ssl.MemoryBIO(), ssl.MemoryBIO()
    we = ours.wrap_bio(to_us, to_them, server_hostname=name)
    they = theirs.wrap_bio(to_them, to_us, server_side=True)
    waiting = [we, they]
    for _ in range(10):
        for side in list(waiting):
            try:
                side.do_handshake()
                waiting.remove(side)
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as error:
                return error.verify_message
        if not waiting:
            return None
    return "no end"


def test_the_broker_that_is_meant_is_reached(broker):
    """By its name, with a certificate of the authority that the settings name."""
    theirs, settings = broker
    assert shake_hands(client.tls_context(settings), theirs, "localhost") is None


def test_a_broker_of_another_name_is_refused(broker):
    """A good certificate, of another machine."""
    theirs, settings = broker
    refused = shake_hands(client.tls_context(settings), theirs, "broker-2.example")
    assert refused is not None, "any machine with a certificate could be the broker"
    assert "broker-2.example" in refused


def test_a_broker_of_another_authority_is_refused(broker, tmp_path):
    """The right name, and a certificate that somebody else issued."""
    theirs, settings = broker
    CertificateAuthority(tmp_path / "others").issue(tmp_path / "other", "broker", server=True)
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(tmp_path / "other" / "tls.pem", tmp_path / "other" / "tls.key")
    refused = shake_hands(client.tls_context(settings), theirs, "localhost")
    assert refused is not None, "anybody could be the broker"


@pytest.mark.parametrize(
    ("address", "ssl_mode"),
    [
        ("postgresql+asyncpg://role@db.example/outbox", "verify-full"),
        ("postgresql+asyncpg://role@192.0.2.7:5432/outbox", "verify-full"),
        ("postgresql+asyncpg://role@db.example/outbox?ssl=require", "require"),
        ("postgresql+asyncpg://role@localhost/outbox", None),
        ("postgresql+asyncpg://role@127.0.0.1/outbox", None),
        ("postgresql+asyncpg:///outbox", None),
    ],
)
def test_a_database_over_a_network_shows_its_certificate(address, ssl_mode):
    """Unless the address says otherwise; on this machine there is no network."""
    secured = postgresql._secured(sa.make_url(address))
    assert secured.query.get("ssl") == ssl_mode
