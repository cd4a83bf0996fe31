"""3 Replay: what was sent once is sent again: at once, after a restart, to another partition, to another hub.

The attacker holds the broker: every record that ever passed, and write access to every partition and feed.
Control: the stream's number and tail, kept in the same transaction as the deliveries; a stream has one partition;
the hub's id stands in the signed header.
"""

from __future__ import annotations

from dataclasses import replace

from notifier.directory.snapshot import Snapshot
from support.attack_harness import Stage
from support.world import build_world


async def test_a_replay_is_refused_before_and_after_a_restart(stage):
    """Old records again and again, by the router that decided them and by the next: each message arrives once."""
    first, second = stage.letter(), stage.letter()
    assert await stage.route(first, second, first, second) == [None, None, "replayed", "replayed"]
    assert await stage.route(first, second, stage.letter(text="the third")) == ["replayed", "replayed", None]
    shown = await stage.read("DEU/spoc")
    assert (shown.texts, shown.sequences) == ([first.text, second.text, "the third"], [1, 2, 3])


async def test_a_stream_has_one_partition(stage):
    """On a partition whose router never saw the stream, the first message is not new again."""
    first = stage.letter()
    away = 1 - stage.world.partition("TUR/spoc")
    assert await stage.route(first) == [None]
    assert await stage.route(first, partition=away) == ["wrong_partition"]
    assert (await stage.read("DEU/spoc")).texts == [first.text]


async def test_an_envelope_for_one_hub_is_none_for_another(stage, tmp_path):
    """The same authorities with the same keys at a hub for exercises: what was sent there is not real here."""
    (tmp_path / "exercise").mkdir()
    exercise = Stage(build_world(), tmp_path / "exercise")
    snapshot = exercise.world.directory.snapshot()
    hub = replace(snapshot.directory.hub, hub_id=b"e" * 16)
    exercise.world.directory.put(Snapshot(replace(snapshot.directory, hub=hub), snapshot.rules))
    drill = exercise.letter(text="a drill")
    assert await exercise.route(drill) == [None]
    true = stage.letter()
    await stage.inject("DEU/spoc", exercise.world.feed("DEU/spoc")[0].value)
    assert await stage.route(drill, true) == ["wrong_hub", None]
    shown = await stage.read("DEU/spoc")
    assert (shown.texts, shown.refused, shown.gaps) == ([true.text], ["wrong_hub"], [])


async def test_a_delivery_that_comes_again_is_one_message(stage):
    """The feed's own records, written to it once more: one message, one receipt."""
    true = stage.letter()
    await stage.route(true)
    (record,) = stage.world.feed("DEU/spoc")
    await stage.inject("DEU/spoc", record.value, record.value)
    shown = await stage.read("DEU/spoc")
    assert (shown.texts, shown.conflicts, shown.receipts) == ([true.text], [], [("opened", None)])
