"""Replay: what two versions of the rules decide differently about the same notifications."""

from __future__ import annotations

import json
from dataclasses import replace

from notifier.directory.builtin import builtin_snapshot
from notifier.notification import parse
from notifier.policy.plan import NO_CASE
from notifier.policy.replay import Replay
from notifier.shipped import examples_folder


def test_a_replay_returns_each_difference_and_counts():
    """Without the rows of transit, a deportation reaches fewer; an arrest is decided as before."""
    snapshot = builtin_snapshot()
    after = replace(snapshot.rules, rows=tuple(row for row in snapshot.rules.rows if row.rule != "transit"))
    replay = Replay(snapshot, snapshot.rules, after)
    texts = {name: (examples_folder() / f"{name}.json").read_text() for name in ("deportation-ordered", "arrest")}
    found = {name: replay.compare(name, parse(json.loads(text)), NO_CASE) for name, text in texts.items()}
    assert found["arrest"] is None
    assert (found["deportation-ordered"]["removed"], found["deportation-ordered"]["added"]) == (
        ["AUT/spoc", "BGR/spoc"],
        [],
    )
    assert replay.counts == {"notifications": 2, "differ": 1, "added": 0, "removed": 2, "otherwise": 0}
