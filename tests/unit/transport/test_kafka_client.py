"""Cancellations inside aiokafka are faults like any other, and never end the calling service."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import errors as kafka_errors

from notifier.errors import OutcomeUnknownError, TransportError
from notifier.transport.kafka import client
from notifier.transport.kafka.client import speaking, stop


async def _cancelled_by_the_client():
    """As a batch that was on its way when its producer stopped."""
    future = asyncio.get_running_loop().create_future()
    future.cancel()
    await future


async def test_a_future_that_the_client_cancelled_is_a_fault():
    """In a transaction it leaves the outcome open."""
    with pytest.raises(TransportError, match="broker_unavailable"):
        async with speaking(5):
            await _cancelled_by_the_client()
    with pytest.raises(OutcomeUnknownError):
        async with speaking(5, doubt=True):
            await _cancelled_by_the_client()


async def test_who_is_told_to_end_ends():
    """A cancellation from outside stays what it is."""
    begun = asyncio.Event()

    async def waiting():
        async with speaking(60, doubt=True):
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(waiting())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


class _Stopping:
    """A client whose end is one of the ways in which aiokafka's may be."""

    def __init__(self, how):
        self.stop = how


async def _fails():
    raise AssertionError


async def _never_ends():
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:  # as one that waits for a batch that nobody sends any more
            if _never_ends.over:
                raise


@pytest.mark.parametrize("how", [_cancelled_by_the_client, _fails])
async def test_however_a_client_ends_its_owner_goes_on(how):
    """Nothing leaves `stop`: what was stopped is not used any more."""
    await stop(_Stopping(how))
    await asyncio.sleep(0)


async def test_a_client_that_does_not_end_is_left_behind(monkeypatch):
    """Even one that swallows its cancellation."""
    monkeypatch.setattr(client, "STOP_S", 0.01)
    _never_ends.over = False
    before = asyncio.all_tasks()
    await stop(_Stopping(_never_ends))
    _never_ends.over = True
    (left,) = asyncio.all_tasks() - before
    left.cancel()
    await asyncio.wait([left])


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (kafka_errors.TopicAuthorizationFailedError(), "denies this principal the topic"),
        (kafka_errors.GroupAuthorizationFailedError(), "denies this principal its group"),
        (kafka_errors.TransactionalIdAuthorizationFailed(), "denies this principal its transactional id"),
        (kafka_errors.ClusterAuthorizationFailedError(), "lets this principal write to no topic"),
    ],
)
async def test_a_right_that_is_missing_is_named_as_what_it_is(error, words):
    """Kafka says cluster of a producer that may write to no topic: nobody has a right on the cluster here."""
    with pytest.raises(TransportError, match=words) as raised:
        async with speaking(1):
            raise error
    assert raised.value.reason == "broker_refused"
    assert "cluster" not in str(raised.value).lower()
