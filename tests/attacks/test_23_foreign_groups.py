"""23 Foreign consumer group or transactional id: a party takes partitions from the routers, or fences one.

The attacker has a certificate that is good. Control: groups and transactional ids are granted by name, each to one
principal. On the real broker every join and every fencing is tried (tests/integration/test_acl_matrix.py).
"""

from __future__ import annotations

from collections import Counter

import pytest

from notifier.directory.model import Authority
from notifier.sandbox.acls import Grant, grants
from notifier.topics import ROUTER_GROUP, feed_of, router_transactional_id

NAMES = ("AUT/spoc", "DEU/consular", "TUR/spoc")
PARTITIONS = 4
GRANTS = grants(
    [Authority(name, name.lower().replace("/", "-"), feed_of(name), (), frozenset()) for name in NAMES], PARTITIONS
)


@pytest.mark.parametrize("resource", ["group", "transactional_id"])
def test_each_belongs_to_one_principal(resource):
    """No group and no id is granted twice, and none by a pattern."""
    owners = Counter(one.name for one in GRANTS if one.resource == resource)
    assert owners
    assert set(owners.values()) == {1}
    assert not [name for name in owners if "*" in name]


def test_the_partitions_are_shared_by_routers_alone():
    """Their group, and one transactional id for each partition that there is."""
    assert [one for one in GRANTS if one.name == ROUTER_GROUP] == [Grant("router", "group", ROUTER_GROUP, "read")]
    ids = {one.name for one in GRANTS if one.resource == "transactional_id" and one.principal == "router"}
    assert ids == {router_transactional_id(number) for number in range(PARTITIONS)}


@pytest.mark.parametrize("name", NAMES)
def test_an_authority_has_its_own_group_and_no_transaction(name):
    """So it neither moves another's position nor fences anybody."""
    mine = {(one.resource, one.name) for one in GRANTS if one.principal == name.lower().replace("/", "-")}
    assert {one for one in mine if one[0] != "topic"} == {("group", f"notifier.{name.replace('/', '.')}")}


def test_the_auditor_is_in_no_group():
    """It goes by its own log."""
    assert not [one for one in GRANTS if one.principal == "auditor" and one.resource != "topic"]
