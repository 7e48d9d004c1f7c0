"""What cleans up in spite of being cancelled, and for how long."""

from __future__ import annotations

import asyncio

import pytest

from veeam_async.deadlines import finished

pytestmark = pytest.mark.looptime


class Cleaning:
    """Takes so many seconds; *fails* at its end."""

    def __init__(self, seconds: float, *, fails: bool = False) -> None:
        self.seconds = seconds
        self.fails = fails
        self.ended: str | None = None

    async def run(self) -> None:
        """Clean up, and note how that ended."""
        try:
            await asyncio.sleep(self.seconds)
            if self.fails:
                raise LookupError
            self.ended = "whole"
        except asyncio.CancelledError:
            self.ended = "cancelled"
            raise


async def cancelled_at(work: Cleaning, *times: float) -> float:
    """When the clean-up ends that is cancelled at those times."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    task = asyncio.create_task(finished(work.run(), grace=2))
    for at in times:
        loop.call_at(began + at, task.cancel)
    with pytest.raises(asyncio.CancelledError):
        await task
    return loop.time() - began


async def test_what_is_not_cancelled_takes_its_time() -> None:
    """Its error is raised."""
    work = Cleaning(9)
    await finished(work.run(), grace=2)

    assert work.ended == "whole"
    with pytest.raises(LookupError):
        await finished(Cleaning(9, fails=True).run(), grace=2)


@pytest.mark.parametrize("times", [(1,), (0.5, 1, 1.5), (1, 2.5)])
async def test_what_ends_in_the_grace_ends_whole(times: tuple[float, ...]) -> None:
    """However often it is cancelled meanwhile; that is raised in the end."""
    work = Cleaning(2.4)

    assert await cancelled_at(work, *times) == pytest.approx(2.4)
    assert work.ended == "whole"


async def test_what_takes_longer_is_cancelled_after_the_grace() -> None:
    """Counted from the first cancellation: more of them neither add nor cut."""
    work = Cleaning(9)

    assert await cancelled_at(work, 1, 2, 2.5) == pytest.approx(3)
    assert work.ended == "cancelled"


async def test_an_error_gives_way_to_the_cancellation() -> None:
    """Nobody logs it as never retrieved."""
    assert await cancelled_at(Cleaning(2, fails=True), 1) == pytest.approx(2)
