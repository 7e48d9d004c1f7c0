"""The watch around the tracker, on the loop's own time, over scripted looks."""

from __future__ import annotations

import asyncio
import gc
import json
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta, timezone
from uuid import UUID

import pytest

from tests.support.bodies import uuid_of
from tests.support.watching import (
    START,
    Script,
    kinds,
    not_found,
    poller,
    restored,
    seen,
    tracker,
    watches,
)
from tests.support.world import ON_ITS_TIME
from veeam_async import (
    AuthenticationFailed,
    BackupJobSession,
    ConnectionFailed,
    DeadlineExceeded,
    InvalidId,
    SessionChanged,
    Watch,
    WatchEvent,
)
from veeam_async.clock import Clock
from veeam_async.watch.options import WatchOptions
from veeam_async.watch.tracker.tracker import Tracker

pytestmark = ON_ITS_TIME

ONE = uuid_of(1)
LOST = ConnectionFailed("lost")
Look = Callable[[UUID], Awaitable[BackupJobSession]]


def wall() -> datetime:
    """Give the wall time that belongs to the loop's."""
    return START + timedelta(seconds=asyncio.get_running_loop().time())


def watch(
    look: Look,
    track: Tracker[BackupJobSession] | None = None,
    *,
    timeout: float | None = None,
    deadline: datetime | None = None,
    concurrency: int = 16,
) -> Watch[BackupJobSession]:
    """Make a watch of *track* (of one session else) that asks *look*."""
    by = poller(look, concurrency=concurrency)
    options = WatchOptions(timeout=timeout, deadline=deadline)
    return watches(by.poll, Clock(wall=wall)).of(track or tracker(), options)


async def all_of(
    events: Watch[BackupJobSession],
) -> list[WatchEvent[BackupJobSession]]:
    """Listen to the end."""
    return [event async for event in events]


def now() -> float:
    """Give the loop's time."""
    return asyncio.get_running_loop().time()


# ---------------------------------------------------------------- its course


async def test_looks_come_at_the_interval_until_the_session_stops() -> None:
    """The first at once, the last when it is Stopped, none after."""
    look = Script(seen("Starting"), seen(), seen(), seen("Stopped"))

    events = await all_of(watch(look, tracker(interval=60)))

    assert look.times == [0, 60, 120, 180]
    assert kinds(events) == ["FOUND", "CHANGED", "STOPPED"]
    assert [event.observed_at for event in events] == [
        START + timedelta(seconds=seconds) for seconds in (0, 60, 180)
    ]


async def test_stats_tell_what_it_cost_and_how_late_it_is() -> None:
    """A change is as late as the look before it, a look as what its interval leaves."""
    script = Script(seen("Starting"), seen())

    async def look(one: UUID) -> BackupJobSession:
        if now() >= 10:
            await asyncio.sleep(1000)
        return await script(one)

    watched = watch(look, tracker(interval=5))
    async with watched:
        await anext(watched)
        before = watched.stats
        await anext(watched)
        await asyncio.sleep(17)
        after = watched.stats

    assert (before.latest_delay, before.behind) == (None, 0)
    assert (after.latest_delay, after.behind) == (5, 22 - 10 - 5)
    assert (after.polls, after.rows, after.events) == (3, 2, 2)
    assert after.requests == 3


async def test_watching_nothing_ends_at_once() -> None:
    """Every session of none is accounted for."""
    assert await all_of(watch(Script(seen()), tracker(0))) == []


async def test_a_slow_look_holds_back_no_other() -> None:
    """One that hangs for an hour costs the other sessions nothing."""

    async def look(one: UUID) -> BackupJobSession:
        if one == ONE:
            await asyncio.sleep(3600)
        times.append(now())
        return seen("Stopped" if now() >= 20 else "Working", number=2)

    times: list[float] = []
    events = watch(look, tracker(2))
    heard = [await anext(events) for _ in range(2)]
    await events.aclose()

    assert kinds(heard) == ["FOUND", "STOPPED"]
    assert times == [0, 5, 10, 15, 20]


async def test_looks_are_bounded() -> None:
    """Never more at once than there are connections."""
    under_way = most = 0

    async def look(one: UUID) -> BackupJobSession:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(1)
        under_way -= 1
        return seen("Stopped")

    events = await all_of(watch(look, tracker(10), concurrency=4))

    assert (most, len(events)) == (4, 20)
    assert now() == 3


async def test_a_slow_listener_gets_the_newest_state() -> None:
    """Looks go on while it is busy, and what they see replaces what waits."""
    look = Script(seen("Starting"), seen("Working"), seen("Stopping"), seen("Stopped"))
    events = watch(look)
    await anext(events)
    await asyncio.sleep(11)
    changed = await anext(events)
    await asyncio.sleep(100)
    stopped = await anext(events)

    assert isinstance(changed, SessionChanged)
    assert isinstance(stopped, SessionChanged)
    assert (changed.session.state, changed.not_before) == ("Stopping", START)
    assert (stopped.session.state, look.times) == ("Stopped", [0, 5, 10, 15])
    assert await all_of(events) == []


async def test_transient_errors_never_end_it() -> None:
    """They are looked at again, and told when they last."""
    look = Script(seen(), *[LOST] * 9, seen("Stopped"))

    events = await all_of(watch(look, tracker(patience=30)))

    assert kinds(events) == ["FOUND", "DEGRADED", "RECOVERED", "STOPPED"]


async def test_failed_authentication_ends_it() -> None:
    """Nothing else would, and every look would fail alike."""
    refused = AuthenticationFailed(status=401, message=None, method="POST", url="u")
    events = watch(Script(seen(), refused))

    assert kinds([await anext(events)]) == ["FOUND"]
    with pytest.raises(AuthenticationFailed):
        await anext(events)
    assert await anext(events, None) is None


async def test_a_fault_of_the_looks_own_is_raised() -> None:
    """What is no VeeamError is nobody's to swallow."""
    with pytest.raises(ZeroDivisionError):
        await all_of(watch(Script(ZeroDivisionError())))


async def test_a_session_that_appears_late_is_waited_for() -> None:
    """404 right after a start is nothing yet."""
    look = Script(not_found(), not_found(), seen(), seen("Stopped"))

    assert kinds(await all_of(watch(look))) == ["FOUND", "STOPPED"]


# ---------------------------------------------------------------- its end


async def test_stop_ends_it_cleanly() -> None:
    """At once, also while somebody waits."""
    events = watch(Script(seen()))
    asyncio.get_running_loop().call_later(7, events.stop)

    assert kinds(await all_of(events)) == ["FOUND"]
    assert now() == 7
    assert events.active == (ONE,)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to itself")
async def test_stop_fits_a_signal_handler() -> None:
    """A plain call in a handler of the signal module wakes whoever waits."""
    events = watch(Script(seen()))
    before = signal.signal(signal.SIGINT, lambda *_: events.stop())
    try:
        asyncio.get_running_loop().call_later(3, signal.raise_signal, signal.SIGINT)
        assert kinds(await all_of(events)) == ["FOUND"]
    finally:
        signal.signal(signal.SIGINT, before)


async def test_stop_may_come_from_another_thread() -> None:
    """It is handed to the loop."""
    events = watch(Script(seen()))
    await anext(events)
    thread = threading.Thread(target=events.stop)
    thread.start()
    thread.join()

    assert await all_of(events) == []


async def test_a_timeout_tells_what_is_active_and_how_to_go_on() -> None:
    """Counted from the first event asked for."""
    events = watch(Script(seen()), tracker(2), timeout=12)
    await asyncio.sleep(100)
    heard = []
    with pytest.raises(DeadlineExceeded) as caught:
        async for event in events:
            heard.append(event)  # noqa: PERF401 - what was heard counts, though it raises

    assert now() == 112
    assert kinds(heard) == ["FOUND", "FOUND"]
    assert caught.value.active == (ONE, uuid_of(2))
    assert isinstance(caught.value, TimeoutError)
    json.dumps(caught.value.checkpoint)


async def test_a_deadline_is_kept_by_the_wall_clock() -> None:
    """One that has passed ends it before a look."""
    look = Script(seen())
    with pytest.raises(DeadlineExceeded):
        await all_of(watch(look, deadline=START + timedelta(seconds=8)))
    assert now() == 8
    with pytest.raises(DeadlineExceeded):
        await all_of(watch(look, deadline=START))

    assert look.times == [0, 5]


async def test_limits_that_make_no_sense_are_refused() -> None:
    """Two at once, a time without a zone, and one in no year of UTC."""
    beyond = datetime.max.replace(tzinfo=timezone(timedelta(hours=-14)))
    with pytest.raises(ValueError, match="not both"):
        watch(Script(seen()), timeout=1, deadline=START)
    with pytest.raises(ValueError, match="time zone"):
        watch(Script(seen()), deadline=datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point
    with pytest.raises(ValueError, match="in no year of UTC"):
        watch(Script(seen()), deadline=beyond)


@pytest.mark.parametrize("how", ["break", "raise", "cancel", "aclose", "with", "drop"])
async def test_leaving_early_leaves_nothing_behind(how: str) -> None:
    """Whichever way it is left, no task stays (see the fixture of all tests)."""

    async def look(one: UUID) -> BackupJobSession:
        await asyncio.sleep(0 if one == ONE else 3600)
        return seen()

    events = watch(look, tracker(3))
    if how == "with":
        async with events:
            await anext(events)
    elif how == "aclose":
        await anext(events)
        await events.aclose()
    elif how == "cancel":
        task = asyncio.create_task(all_of(events))
        del events
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    elif how == "drop":
        await anext(events)
        del events
    else:
        with pytest.raises(ZeroDivisionError):
            async for _ in events:
                del events
                if how == "raise":
                    raise ZeroDivisionError
                break
            raise ZeroDivisionError
    gc.collect()
    await asyncio.sleep(0.01)

    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_waiting_for_an_event_can_be_given_up_and_taken_up() -> None:
    """A timeout around one event loses nothing."""
    events = watch(Script(seen(), seen(), seen("Stopped")))
    heard = []
    while True:
        try:
            async with asyncio.timeout(1):
                heard.append(await anext(events))
        except TimeoutError:
            continue
        except StopAsyncIteration:
            break

    assert kinds(heard) == ["FOUND", "STOPPED"]


# ---------------------------------------------------------------- its sessions


async def test_sessions_can_join_and_leave_while_it_runs() -> None:
    """A new one is looked at without waiting for the next round."""
    look = Script(seen(), seen("Working", number=2), seen("Stopped", number=2))
    events = watch(look, tracker(interval=60))
    heard = [await anext(events)]
    await asyncio.sleep(7)
    events.add(f"urn:veeam:BackupJobSession:{uuid_of(2)}")
    heard.append(await anext(events))
    events.discard(ONE)
    heard += await all_of(events)

    assert look.asked == [ONE, uuid_of(2), uuid_of(2)]
    assert look.times == [0, 7, 67]
    assert kinds(heard) == ["FOUND", "FOUND", "STOPPED"]


async def test_discarding_the_last_session_ends_it() -> None:
    """There is nothing left to account for."""
    events = watch(Script(seen()))
    await anext(events)
    asyncio.get_running_loop().call_later(2, events.discard, ONE)

    assert await all_of(events) == []
    assert now() == 2


async def test_joining_needs_an_id() -> None:
    """It is checked before anything is sent."""
    with pytest.raises(InvalidId):
        watch(Script(seen())).add("no id")


# ---------------------------------------------------------------- going on


async def test_a_checkpoint_goes_on_after_the_last_event_told() -> None:
    """With its numbers, its states and its deadline."""
    end = START + timedelta(seconds=900)
    first = watch(Script(seen("Starting"), seen("Working")), deadline=end)
    heard = [await anext(first)]
    await asyncio.sleep(6)
    data = json.loads(json.dumps(first.checkpoint()))
    await first.aclose()
    at = Clock(wall=wall).moment()
    second, deadline = restored(data, tracker().rules, at)
    heard += await all_of(
        watch(Script(seen("Working"), seen("Stopped")), second, deadline=deadline)
    )

    assert deadline == end
    assert kinds(heard) == ["FOUND", "CHANGED", "STOPPED"]
    assert [event.sequence for event in heard] == [1, 2, 3]


async def test_the_deadline_of_a_timeout_survives_in_a_checkpoint() -> None:
    """As a time, since another process has another clock."""
    events = watch(Script(seen()), timeout=100)
    assert events.checkpoint()["deadline"] is None
    await anext(events)
    end = START + timedelta(seconds=100)

    assert events.checkpoint()["deadline"] == end.isoformat()
    await events.aclose()


async def test_a_checkpoint_between_two_events_of_one_look_is_exact() -> None:
    """FOUND was told, STOPPED was not: only that one comes again."""
    first = watch(Script(seen("Stopped")))
    heard = [await anext(first)]
    data = first.checkpoint()
    await first.aclose()
    second, _ = restored(data, tracker().rules, Clock(wall=wall).moment())
    heard += await all_of(watch(Script(seen("Stopped")), second))

    assert kinds(heard) == ["FOUND", "STOPPED"]
