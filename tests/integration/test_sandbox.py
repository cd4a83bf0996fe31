"""The sandbox: its status is true whatever died, `up` mends it, and `down` ends only what it started."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from notifier.sandbox.processes import wait_until
from notifier.sandbox.sandbox import PARTITIONS, Sandbox
from notifier.topics import INTAKE, ROUTER_GROUP
from support import sandbox as support


def pids(world):
    """The process of each part."""
    return {one["name"]: one["pid"] for one in world.sandbox.status()["services"]}


@pytest.mark.parametrize("victim", ["router-1", "auditor", "kafka-1"])
def test_status_is_true_after_a_kill_and_up_mends_it(world, victim):
    """The dead part shows at once, `up` starts it and nothing else, and a message goes all the way again."""
    before = pids(world)
    os.kill(world.pid(victim), signal.SIGKILL)
    assert wait_until(lambda: world.states()[victim] == "stopped", support.PATIENCE_S)
    done = world.shell("sandbox", "status", "--json")
    document = json.loads(done.stdout)
    assert (done.returncode, document["ready"]) == (1, False)
    shown = {one["name"]: one for one in document["services"]}
    assert (shown[victim]["pid"], shown[victim]["since"]) == (None, None)
    alive = {name for name, one in shown.items() if one["state"] != "stopped"}
    assert alive == set(before) - {victim}
    world.up()
    done = world.shell("sandbox", "status", "--json")
    assert (done.returncode, json.loads(done.stdout)["ready"]) == (0, True)
    after = pids(world)
    assert {name for name in after if after[name] != before[name]} == {victim}


def test_up_on_a_running_sandbox_changes_nothing(world):
    """The same processes, and success."""
    before = pids(world)
    done = world.shell("sandbox", "up", "--routers", str(support.ROUTERS))
    assert done.returncode == 0, done.stderr
    assert "ready: " in done.stderr
    assert pids(world) == before


@pytest.mark.parametrize("wanted", [("--routers", "1"), ("--brokers", "3")])
def test_what_cannot_be_changed_is_refused(world, wanted):
    """A sandbox keeps the number of its brokers, and takes no router away."""
    done = world.shell("sandbox", "up", *wanted)
    assert done.returncode == 2
    assert "notifier: usage: this sandbox has 1 brokers and 2 routers" in done.stderr
    assert world.sandbox.status()["ready"]


def test_a_watch_starts_again_what_dies_and_ends_without_ending_it(world):
    """Router and auditor, killed at once; the sandbox is there when the watch is gone."""
    command = [sys.executable, "-m", "notifier", "sandbox", "up", "--watch", "--home", str(world.home)]
    watch = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        said = iter(watch.stderr.readline, "")
        assert any("watching" in line for line in said)
        before = pids(world)
        for victim in ("router-1", "auditor"):
            os.kill(before[victim], signal.SIGKILL)
        again = [next(line for line in said if "was started again" in line) for _ in range(2)]
        assert {name for name in ("router-1", "auditor") if any(name in line for line in again)} == {
            "router-1",
            "auditor",
        }
        assert wait_until(lambda: world.sandbox.status()["ready"], support.PATIENCE_S)
        watch.terminate()
        assert watch.wait(support.PATIENCE_S) == 0
    finally:
        watch.kill()
        watch.communicate()
    after = pids(world)
    assert world.sandbox.status()["ready"]
    assert {name for name in after if after[name] != before[name]} == {"router-1", "auditor"}


@pytest.mark.parametrize("service", ["auditor", "router-1", "router-2"])
def test_every_service_answers_for_itself(world, service):
    """Alive, ready, and counted."""
    assert world.page(service, "/healthz")[0] == 200
    assert world.page(service, "/readyz") == (200, '{"ready":true}')
    status, text = world.page(service, "/metrics")
    assert status == 200
    assert "notifier_directory_version 1.0" in text
    assert world.page(service, "/anything")[0] == 404


@pytest.mark.parametrize("service", ["auditor", "router-1", "router-2"])
def test_metrics_name_no_participant(world, service):
    """Nobody can read off them who is told of whom."""
    text = world.page(service, "/metrics")[1]
    assert "notifier_" in text
    known = {one["name"] for one in world.json("directory", "show")["authorities"]}
    codes = {part for name in known for part in (name, name.partition("/")[0])}
    assert len(codes) > 10
    words = text.replace('"', " ").replace("{", " ").replace(",", " ").replace("=", " ").split()
    assert not codes & set(words)
    assert "spoc" not in text


@pytest.fixture
def foreign():
    """A process that the sandbox did not start."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield psutil.Process(process.pid)
    process.kill()
    process.wait()


@pytest.fixture
def impostor(world, tmp_path, foreign):
    """A sandbox's folder in which every run file names a foreign process; nothing of it runs."""
    home = tmp_path / "home"
    shutil.copytree(world.home / "run", home / "run")
    shutil.copy(world.home / "sandbox.json", home / "sandbox.json")
    for path in (home / "run").glob("*.json"):
        recorded = json.loads(path.read_text())
        path.write_text(json.dumps(recorded | {"pid": foreign.pid}))
    return Sandbox(home)


def test_a_foreign_process_under_a_recorded_pid_is_not_ours(world, impostor, foreign):
    """Status says stopped and `down` leaves it alone: a pid is used again after a reboot."""
    assert {one["state"] for one in impostor.status()["services"]} == {"stopped"}
    done = world.shell("sandbox", "down", "--home", str(impostor.home))
    assert done.returncode == 0, done.stderr
    assert foreign.is_running()
    assert foreign.status() != psutil.STATUS_ZOMBIE
    assert world.sandbox.status()["ready"]


def test_down_where_nothing_was_started_is_no_error(world, tmp_path):
    """And makes no folder."""
    done = world.shell("sandbox", "down", "--home", str(tmp_path / "none"))
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "none").exists()


def test_down_ends_everything_that_up_started_and_up_begins_again_where_it_was(world):
    """No process is left; the home stays, and with it every message and the log."""
    before = pids(world)
    size = world.json("audit", "verify")["size"]
    done = world.shell("sandbox", "down")
    assert done.returncode == 0, done.stderr
    assert not any(psutil.pid_exists(pid) and _runs(pid) for pid in before.values())
    assert set(world.states().values()) == {"stopped"}
    world.up()
    assert world.sandbox.status()["ready"]
    assert wait_until(lambda: world.json("audit", "verify")["size"] > size, support.PATIENCE_S)


def _runs(pid):
    """Whether it is more than a process whose end nobody has taken note of."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_the_brokers_tools_see_how_far_the_routers_are(world, tmp_path):
    """The group's committed offsets come to the end of the intake, a few seconds after it was decided."""
    example = support.written(tmp_path, "deportation-two-nationalities")
    assert world.shell("publish", example, "--as", "TUR/spoc", "--wait").returncode == 0
    tool = AIOKafkaConsumer(**world.transport("admin")._common, group_id=ROUTER_GROUP, enable_auto_commit=False)
    places = [TopicPartition(INTAKE, number) for number in range(PARTITIONS)]
    await tool.start()
    try:
        tool.assign(places)
        ends = await tool.end_offsets(places)
        assert any(ends.values())
        async with asyncio.timeout(support.PATIENCE_S):
            while {place: await tool.committed(place) or 0 for place in places} != ends:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.2)
    finally:
        await tool.stop()
