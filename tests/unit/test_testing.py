"""notifier.testing: its example runs as it stands, and its sample is one that the rules tell three states of."""

from __future__ import annotations

import textwrap

import pytest

from notifier import testing
from notifier.notification import parse
from notifier.testing import MemoryBroker, make_world, sample_notification
from notifier.transport.base import Outgoing


def test_the_example_of_its_docstring_runs():
    """As a reader would paste it."""
    code = textwrap.dedent(testing.__doc__.split("::\n", 1)[1].split("\nThe router,", 1)[0])
    assert "assert asyncio.run(told())" in code
    exec(compile(code, "example", "exec"), {})


def test_the_sample_is_a_notification_and_a_copy():
    """What a test changes of it changes no other test's."""
    changed = sample_notification(urgency="routine", subject__age="child")
    assert (changed["urgency"], changed["subject"]["age"]) == ("routine", "child")
    assert parse(sample_notification()).urgency == "urgent"
    assert sample_notification() is not sample_notification()


def test_a_world_follows_from_its_seed():
    """The same keys and directory every time, others for another seed."""
    first, again, other = make_world(7), make_world(7), make_world(8)
    assert first.directory.snapshot() == again.directory.snapshot()
    assert first.hub.signing.public != other.hub.signing.public


async def test_the_broker_fails_where_it_is_told():
    """Every step has a name, at which a test raises."""

    async def fault(step):
        if step == "send.before":
            raise OSError(step)

    sender = await MemoryBroker({"topic": 1}, lambda: 0, fault).transport().sender()
    with pytest.raises(OSError, match=r"send\.before"):
        await sender.send([Outgoing("topic", b"")])
