"""A drill on the real broker: it goes the whole way, is marked wherever somebody meets it, and alarms nobody."""

from __future__ import annotations

import json

from notifier.sandbox.processes import wait_until
from support import sandbox as support

ORIGINATOR = "TUR/spoc"
TOLD = ("BEL/spoc", "DEU/spoc", "MAR/spoc")


async def test_a_drill_goes_the_whole_way_is_marked_everywhere_and_reaches_no_operational_sink(world, tmp_path):
    """Beside what is real: every verb marks the one and not the other; the file that others read has the other."""
    ids = {}
    for name, exercise in (("drill", True), ("real", False)):
        document = support.example("deportation-two-nationalities", exercise=exercise)
        (tmp_path / f"{name}.json").write_text(json.dumps(document))
        done = world.shell("publish", str(tmp_path / f"{name}.json"), "--as", ORIGINATOR, "--wait")
        assert done.returncode == 0, done.stderr
        ids[name] = done.stdout.split()[0]
        shown = [
            done.stdout,
            world.shell("route", str(tmp_path / f"{name}.json")).stdout,
            *(world.shell(verb, ids[name], "--as", ORIGINATOR).stdout for verb in ("track", "why")),
            world.shell("why", ids[name], "--as", "TUR/oversight").stdout,
        ]
        assert {"EXERCISE" in text for text in shown} == {exercise}, shown
        assert world.json("why", ids[name], "--as", "TUR/oversight")["exercise"] is exercise
        states = world.json("track", ids[name], "--as", ORIGINATOR)
        assert states["exercise"] is exercise
        assert {one["authority"]: one["state"] for one in states["recipients"]} == dict.fromkeys(TOLD, "told")

    me, *others = TOLD
    sink = tmp_path / "sink.jsonl"
    done = world.shell("subscribe", "--as", me, "--until-idle", "0", "--sink", f"jsonl:{sink}", "--sink", "stdout")
    assert done.returncode == 0, done.stderr
    said = {line.split()[0]: line for line in done.stderr.splitlines() if line.split()[0] in ids.values()}
    streamed = {one["id"]: one["exercise"] for one in map(json.loads, done.stdout.splitlines())}
    listed = {one["id"]: one["exercise"] for one in world.json("inbox", "list", "--as", me)["messages"]}
    lines = world.shell("inbox", "list", "--as", me).stdout.splitlines()
    for name, message_id in ids.items():
        exercise = name == "drill"
        assert ("EXERCISE" in said[message_id]) is exercise
        assert (streamed[message_id], listed[message_id]) == (exercise, exercise)
        (line,) = [one for one in lines if one.startswith(message_id)]
        assert ("EXERCISE" in line) is exercise
        shown = world.shell("inbox", "show", message_id, "--as", me).stdout
        assert shown.startswith("*** EXERCISE: nothing here is real ***\n") is exercise
        assert ("EXERCISE" in world.shell("why", message_id, "--as", me).stdout) is exercise
        assert world.json("why", message_id, "--as", me)["exercise"] is exercise
    handed = [json.loads(line) for line in sink.read_text().splitlines()]
    assert ids["real"] in {one["id"] for one in handed}
    assert not any(one["exercise"] for one in handed)
    for name in others:
        marks = {one.id: one.exercise for one in await world.receive(name) if one.id in ids.values()}
        assert marks == {ids["drill"]: True, ids["real"]: False}


async def test_to_hub_and_log_a_drill_is_a_notification_like_any_other(world, tmp_path):
    """It is in the log, which verifies; neither router nor auditor can tell it from what is real."""
    size = world.json("audit", "verify")["size"]
    document = support.example("exercise-arrest")
    (tmp_path / "drill.json").write_text(json.dumps({name: one for name, one in document.items() if name != "id"}))
    done = world.shell("publish", str(tmp_path / "drill.json"), "--as", document["originator"], "--wait", "--json")
    assert done.returncode == 0, done.stderr
    assert wait_until(lambda: world.json("audit", "verify")["size"] > size, support.PATIENCE_S)
    assert world.json("audit", "verify")["ok"]
    for service in world.ports():
        assert "exercise" not in world.page(service, "/metrics")[1]
