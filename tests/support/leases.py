"""What is promised of a lease, whatever database it lies in."""

from __future__ import annotations

import pytest

from notifier.errors import StorageError
from notifier.storage.lease import Lease


async def assert_one_at_a_time(first: Lease, second: Lease) -> None:
    """The second is refused while the first is alive, and gets it when it was released."""
    await first.acquire()
    with pytest.raises(StorageError) as raised:
        await second.acquire()
    assert raised.value.reason == "storage_locked"
    assert await second.held_by_other()
    await first.release()
    await second.acquire()
    assert second.epoch == 2
