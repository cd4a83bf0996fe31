"""31 Squatting on another's notification id: the true notification comes second, and is taken for a duplicate.

The attacker is an authority that learned an id before its message arrived; or the originator itself, which says one
thing to some and another to others. Control: a recipient's key is (originator, id), and another text under a known
one is kept and alarmed.
"""

from __future__ import annotations

from structlog.testing import capture_logs


async def test_another_authority_s_message_under_the_same_id_is_its_own(stage):
    """AUT uses TUR's id first: DEU has both messages, and answers both."""
    squatter = stage.letter("AUT/spoc", "a squatter's text", notification_id=b"\x02" * 16)
    true = stage.letter("TUR/spoc", "the true text", notification_id=b"\x02" * 16)
    assert await stage.route(squatter) == [None]
    assert await stage.route(true) == [None]
    shown = await stage.read("DEU/spoc")
    assert (shown.texts, shown.conflicts) == (["a squatter's text", "the true text"], [])
    assert shown.receipts == [("opened", None), ("opened", None)]


async def test_another_text_from_the_same_is_kept_and_alarmed(stage):
    """The first stands, the second is shown as a conflict, once, and its originator is told; the log says so."""
    letters = [
        stage.letter(text=text, notification_id=b"\x02" * 16)
        for text in ("the first", "another", "another", "the first")
    ]
    assert await stage.route(*letters) == [None] * 4
    with capture_logs() as logs:
        shown = await stage.read("DEU/spoc")
    assert (shown.texts, shown.conflicts, shown.gaps) == (["the first"], ["another"], [])
    conflict = ("refused", "id_conflict")
    assert sorted(shown.receipts) == [("opened", None), ("opened", None), conflict, conflict]
    alarms = [(one["log_level"], one["reason"]) for one in logs if one["event"] == "another text under a known id"]
    assert alarms == [("error", "id_conflict")]
