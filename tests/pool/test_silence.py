"""A server that answers nothing: what waits for it comes to an end."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from math import inf

import pytest

from tests.support.bodies import behind_logon, each_by_id, session, uuid_of
from tests.support.clients import gets, talking
from tests.support.fault_server import Act, Answer, Stall
from veeam_async import (
    ConnectionFailed,
    NotFound,
    RequestTimeout,
    Retry,
    ServerSilent,
    Timeout,
)
from veeam_async.clock import Clock
from veeam_async.pool.silence import Silence

SOON = Timeout(connect=10, request=0.4)
HASTY = Retry(attempts=5, wait_initial=0.001, wait_max=0.002)
IDS = [uuid_of(number) for number in range(1, 1001)]
START = datetime(2026, 3, 2, 21, 0, tzinfo=UTC)
LATE = RequestTimeout("late")
RESET = ConnectionFailed("reset")


# ---------------------------------------------------------------- over the wire


async def test_a_fetch_at_a_silent_server_ends_with_it() -> None:
    """Its iterator raises, instead of paying every time-out for each id in turn."""
    async with talking(gets(Stall()), timeout=SOON, retry=HASTY) as (em, server):
        with pytest.raises(ServerSilent, match="has answered no request since"):
            async for fetched in em.backup_sessions.fetch(IDS, concurrency=16):
                pytest.fail(f"nothing was answered, and yet {fetched} came")

    # The first to find out is among the third attempts; none comes to its fourth.
    assert 16 <= server.count("GET") <= 16 * 4


async def test_whoever_waits_for_a_slot_fails_together_with_the_first() -> None:
    """A thousand callers do not each wait for a time-out of their own."""
    async with talking(gets(Stall()), timeout=SOON, retry=HASTY, max_connections=2) as (
        em,
        server,
    ):
        outcomes = await asyncio.gather(
            *map(em.backup_sessions.get, IDS), return_exceptions=True
        )

    assert len(outcomes) == len(IDS)
    assert all(isinstance(outcome, ConnectionFailed) for outcome in outcomes)
    assert server.count("GET") < 20


async def test_a_server_that_answers_one_of_many_is_not_silent() -> None:
    """Each id has its own attempts then, and its own error."""
    act = each_by_id({uuid_of(1): Answer(body=session(1))}, Stall())
    few = [uuid_of(1), uuid_of(2)] * 3
    async with talking(behind_logon(act), timeout=SOON, retry=Retry(attempts=1)) as (
        em,
        _,
    ):
        got = [each async for each in em.backup_sessions.fetch(few, concurrency=2)]

    assert sum(each.session is not None for each in got) == 3
    assert sum(isinstance(each.error, RequestTimeout) for each in got) == 3


async def test_a_watch_goes_on_at_a_silent_server() -> None:
    """It looks again at its own pace, and finds the session once there are answers."""
    stopped = session(1, state="Stopped", result="Success")
    acts: list[Act] = [*[Stall()] * 3, Answer(body=stopped)]
    async with talking(gets(*acts), timeout=SOON, retry=HASTY) as (em, _):
        kinds = [
            str(event.kind)
            async for event in em.backup_sessions.watch([uuid_of(1)], interval=0.01)
        ]

    assert kinds == ["FOUND", "STOPPED"]


# ---------------------------------------------------------------- the rule


class Times:
    """A clock that stands where it is put, in seconds after the start."""

    def __init__(self) -> None:
        self.now = 0.0
        self.clock = Clock(
            monotonic=lambda: self.now,
            wall=lambda: START + timedelta(seconds=self.now),
        )

    def silence(self) -> Silence:
        """One with a request time-out of ten seconds."""
        return Silence("https://em.example", 10.0, self.clock)


def test_the_silence_counts_from_when_the_first_request_was_sent() -> None:
    """A time-out tells of the seconds before it."""
    times = Times()
    silence = times.silence()
    found = []
    for times.now in (10.0, 20.0, 29.0, 30.0):
        found.append(silence.after(LATE))

    assert found[:3] == [None, None, None]
    assert found[3] is not None
    assert (found[3].since, found[3].seconds) == (START, 30.0)
    assert (found[3].sent, found[3].passing) == (True, True)


def test_an_answer_of_whatever_status_ends_it() -> None:
    """The server speaks: who asks for what it refuses is told so, one by one."""
    times = Times()
    silence = times.silence()
    silence.after(LATE)
    times.now = 25.0
    silence.answered()
    found = []
    for times.now in (30.0, 54.0):
        found.append(silence.after(LATE))
    times.now = 55.0
    error = silence.after(RESET)

    assert found == [None, None]
    assert error is not None
    assert error.since == START + timedelta(seconds=25)


def test_a_pause_of_the_caller_is_no_silence_of_the_server() -> None:
    """An hour in which nobody asked proves nothing."""
    times = Times()
    silence = times.silence()
    silence.after(LATE)
    times.now = 3600.0

    assert silence.after(LATE) is None


def test_it_names_neither_a_path_nor_a_secret() -> None:
    """Only the server and the time, and what to do."""
    error = ServerSilent("https://em.example:9398", since=START, seconds=181.4)

    assert str(error) == (
        "https://em.example:9398 has answered no request since 2026-03-02 21:00:00 UTC "
        "(181 s): see whether its service runs, or what lies between, and try again"
    )
    assert not isinstance(error, NotFound)


@pytest.mark.parametrize("timeout", [inf, 1e308])
def test_without_a_time_out_no_silence_is_too_long(timeout: float) -> None:
    """Nor is it a number that no clock has."""
    times = Times()
    silence = Silence("https://em.example", timeout, times.clock)
    for times.now in (1.0, 1e6, 1e9):
        assert silence.after(ConnectionFailed("refused")) is None
