"""22 Reading or writing another's topic: an authority reads a feed that is not its own, or writes where the hub does.

The attacker has a certificate that is good. Control: literal rights for each principal, and everything else is
denied. Here the list of grants is held against what each party needs; on the real broker every cell of it is tried,
with the exception that denies it (tests/integration/test_acl_matrix.py).
"""

from __future__ import annotations

import pytest

from notifier.directory.model import Authority, AuthorityState
from notifier.sandbox.acls import Grant, grants
from notifier.sandbox.broker import _PROPERTIES as SETTINGS
from notifier.topics import AUDIT, INTAKE, REJECTED, STREAMS, feed_of

NAMES = ("AUT/spoc", "DEU/consular", "TUR/spoc")
HUB = (INTAKE, STREAMS, REJECTED, AUDIT)


def authority(name, *, state=AuthorityState.ACTIVE):
    principal = name.lower().replace("/", "-")
    return Authority(name, principal, feed_of(name), (), frozenset(), state)


GRANTS = grants([authority(name) for name in NAMES], 4)


def may(right, principal, topic):
    """Return whether it is granted."""
    return Grant(principal, "topic", topic, right) in GRANTS


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("topic", [*HUB, *map(feed_of, NAMES)])
def test_an_authority_reads_its_feed_and_writes_intake(name, topic):
    """And nothing else, of the hub's or of another's."""
    principal = authority(name).principal
    assert may("read", principal, topic) == (topic == feed_of(name))
    assert may("write", principal, topic) == (topic == INTAKE)


@pytest.mark.parametrize("topic", [*HUB, *map(feed_of, NAMES)])
def test_the_hub_s_services_do_their_own_work(topic):
    """The router reads intake and streams and writes everything behind; the auditor reads the audit topic."""
    assert may("read", "router", topic) == (topic in (INTAKE, STREAMS))
    assert may("write", "router", topic) == (topic != INTAKE)
    assert may("read", "auditor", topic) == (topic == AUDIT)
    assert not may("write", "auditor", topic)


def test_a_right_names_one_principal_and_one_topic():
    """No pattern, no prefix, nobody but those who are enrolled and the hub."""
    assert {one.principal for one in GRANTS} == {*(authority(name).principal for name in NAMES), "router", "auditor"}
    topics = {one.name for one in GRANTS if one.resource == "topic"}
    assert topics == {*HUB, *map(feed_of, NAMES)}


def test_a_suspended_authority_has_no_right_and_no_feed():
    """Nothing is granted for it, to anybody."""
    assert not [
        one for one in grants([authority("AUT/spoc", state=AuthorityState.SUSPENDED)], 1) if "AUT" in one.name
    ]


def test_what_is_not_granted_is_denied():
    """The broker's settings: rights for every client, none by default, no other listener, known names alone."""
    told = dict(line.partition("=")[::2] for line in SETTINGS.splitlines())
    assert told["authorizer.class.name"] == "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
    assert told["allow.everyone.if.no.acl.found"] == "false"
    assert told["ssl.client.auth"] == "required"
    assert told["super.users"] == "User:broker;User:admin"
    assert set(told["listener.security.protocol.map"].split(",")) == {"SSL:SSL", "CONTROLLER:SSL"}
    assert told["ssl.principal.mapping.rules"] == "RULE:^CN=([a-z0-9-]+),O=notifier$/$1/"
    assert told["auto.create.topics.enable"] == "false"
