"""Names as values: an authority's, and a notification's id."""

from __future__ import annotations

import uuid

import pytest

from notifier.names import AuthorityName, NotificationId

ROLES = ("spoc", "ncb")


def test_an_id_is_a_uuid_of_version_seven_that_sorts_by_time():
    """RFC 9562: version and variant bits, the time first."""
    earlier = NotificationId.new(1_795_000_000_000, lambda size: b"\xff" * size)
    later = NotificationId.new(1_795_000_000_001, lambda size: b"\x00" * size)
    assert earlier < later
    for one in (earlier, later):
        assert uuid.UUID(bytes=one).version == 7
        assert uuid.UUID(bytes=one).variant == uuid.RFC_4122
    assert int.from_bytes(earlier[:6], "big") == 1_795_000_000_000
    assert NotificationId.parse(earlier.text) == earlier


@pytest.mark.parametrize("text", ["", "no id", "01997e5c"])
def test_text_that_is_no_uuid_is_no_id(text):
    """The caller says so in its own words."""
    with pytest.raises(ValueError, match="UUID"):
        NotificationId.parse(text)


@pytest.mark.parametrize(
    ("name", "participant", "role", "well_formed"),
    [
        ("TUR/spoc", "TUR", "spoc", True),
        ("TUR", "TUR", "", False),
        ("tur/spoc", "tur", "spoc", False),
        ("TUR/chef", "TUR", "chef", False),
        ("TUR/spoc/ncb", "TUR", "spoc/ncb", False),
        ("/spoc", "", "spoc", False),
        ("\u0422UR/spoc", "\u0422UR", "spoc", False),
    ],
)
def test_a_name_is_a_participant_and_a_role(name, participant, role, well_formed):
    """Any text has both parts; only a code in upper case with a known role is well formed."""
    read = AuthorityName(name)
    assert (read, read.participant, read.role, read.is_well_formed(ROLES)) == (name, participant, role, well_formed)
