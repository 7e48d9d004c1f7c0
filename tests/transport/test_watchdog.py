"""One timer for the time of all exchanges, on a clock that is turned by hand."""

from __future__ import annotations

import asyncio
from math import inf

import attrs
import pytest

from veeam_async import RequestTimeout, VeeamError
from veeam_async.transport.direct import Watchdog

pytestmark = pytest.mark.looptime


@attrs.define(eq=False)
class Exchange:
    """An exchange that keeps the error it was ended with."""

    deadline: float
    error: VeeamError | None = None

    def fail(self, error: VeeamError) -> None:
        self.error = error
        self.deadline = inf


async def test_what_is_late_fails_alone() -> None:
    """By an eighth of the time at most; what has time left goes on."""
    now = asyncio.get_running_loop().time()
    early, late = Exchange(now + 2), Exchange(now + 4)
    watchdog = Watchdog(2, [early, late])
    watchdog.wake()

    await asyncio.sleep(2.25)
    assert isinstance(early.error, RequestTimeout)
    assert str(early.error) == "no answer within 2 s"
    assert late.error is None
    await asyncio.sleep(2)
    assert late.error is not None


async def test_it_sleeps_where_nothing_is_under_way() -> None:
    """No timer is left over, neither after the last exchange nor after a close."""
    exchange = Exchange(asyncio.get_running_loop().time() + 60)
    watchdog = Watchdog(60, [exchange])
    assert watchdog.timer is None

    watchdog.wake()
    await asyncio.sleep(3)
    assert watchdog.timer is not None
    exchange.deadline = inf
    await asyncio.sleep(1)
    assert watchdog.timer is None

    watchdog.wake()
    watchdog.sleep()
    await asyncio.sleep(1)
    assert watchdog.timer is None
