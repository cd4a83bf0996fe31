"""Attacks 20 and 28 on the real broker: what one authority sends takes neither the memory nor the time of others."""

from __future__ import annotations

from collections import Counter

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError
from confluent_kafka import Producer

from notifier.config import load, party_config
from notifier.directory.client import DirectoryClient
from notifier.producers.publisher import Publisher
from notifier.sandbox.acls import QUOTA
from notifier.topics import INTAKE
from notifier.transport.kafka.client import tls_context
from notifier.transport.kafka.quotas import get_quotas
from support.sandbox import example

FLOODER = "AUT/spoc"
RECORD = bytes(200_000)
RECORDS = 120  # of these: twice what the quota lets through in the ten seconds over which a broker measures


async def delivered(world):
    """Whether a notification goes from TUR to DEU now."""
    async with Publisher.from_home(world.home, "TUR/spoc") as publisher:
        submitted = await publisher.publish(example("deportation-two-nationalities"))
        status = await publisher.wait(submitted.id, 60)
    received = await world.receive("DEU/spoc")
    return status.state == "told" and submitted.id in [one.id for one in received]


async def test_every_authority_has_a_measure(world):
    """The broker says so; the hub's own services have none."""
    directory = DirectoryClient(load(party_config(world.home, FLOODER)).directory).load().directory
    wanted = {one.principal: QUOTA for one in directory.authorities.values()}
    assert await get_quotas(world.sandbox.kafka("admin")) == wanted


async def test_a_flood_waits_and_the_others_do_not(world):
    """The broker makes the flooder wait, and loses nothing of it; meanwhile TUR's message goes through."""
    settings = world.sandbox.kafka(FLOODER)
    waits, said = [], Counter()
    producer = Producer(
        {
            "bootstrap.servers": settings.bootstrap,
            "security.protocol": "SSL",
            "ssl.ca.location": str(settings.ca),
            "ssl.certificate.location": str(settings.certificate),
            "ssl.key.location": str(settings.key),
            "throttle_cb": lambda event: waits.append(event.throttle_time),
            "log_level": 0,
        }
    )
    for _ in range(RECORDS):
        producer.produce(INTAKE, RECORD, partition=0, on_delivery=lambda error, _: said.update([error]))
    assert await delivered(world)
    assert producer.flush(120) == 0
    assert said == {None: RECORDS}
    assert any(waits), "it was not made to wait"
    assert await delivered(world)


@pytest.mark.parametrize("codec", ["gzip", "zstd", "lz4", "snappy"])
async def test_a_batch_that_unpacks_to_more_is_refused(world, codec):
    """A few kilobytes that would be megabytes in the router's memory: measured by the broker as what they are."""
    settings = world.sandbox.kafka(FLOODER)
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.bootstrap,
        security_protocol="SSL",
        ssl_context=tls_context(settings),
        compression_type=codec,
        max_request_size=2**30,
        max_batch_size=2**30,
    )
    await producer.start()
    try:
        with pytest.raises(MessageSizeTooLargeError):
            await producer.send_and_wait(INTAKE, bytes(8 * 1024 * 1024), partition=0)
    finally:
        await producer.stop()
    assert await delivered(world)
