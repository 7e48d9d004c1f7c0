"""What is told of each exchange: to `on_request`, and to the logger."""

from __future__ import annotations

import asyncio
import logging
import re
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from tests.support.bodies import SESSION_ID, TOKEN, error, session, uuid_of
from tests.support.clients import gets, talking
from tests.support.fault_server import Answer, Stall
from veeam_async import EnterpriseManager, Link, NotFound, RequestDone

ONE = uuid_of(1)
GOOD = Answer(body=session(1))


async def test_on_request_learns_what_was_asked_for_when_and_how_it_failed() -> None:
    """The path without its query, an aware time, and the class of an answer's error."""
    told: list[RequestDone] = []
    acts = (error(503, "later"), GOOD, Stall())
    before = datetime.now(UTC)
    async with talking(gets(*acts), on_request=told.append) as (em, server):
        await em.backup_sessions.get(ONE)
        waiting = asyncio.create_task(em.backup_sessions.get(ONE))
        while server.count("GET") < 3:
            await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.wait([waiting])

    place = f"/backupSessions/{ONE}"
    assert [(done.resource, done.error) for done in told] == [
        ("/sessionMngr", None),
        (place, "ServiceUnavailable"),
        (place, None),
        (place, "CancelledError"),
        ("/logonSessions/{id}", None),
    ]
    times = [done.started_at for done in told]
    assert [before, *times] == sorted([before, *times])
    assert {time.tzinfo for time in times} == {UTC}


async def _later(done: RequestDone) -> None:
    await asyncio.sleep(done.seconds)


class _Later:
    async def __call__(self, done: RequestDone) -> None:
        await asyncio.sleep(done.seconds)


@pytest.mark.parametrize("listener", [_later, partial(_later), _Later()])
def test_an_on_request_that_nothing_would_await_is_refused(listener: Any) -> None:
    """At once, with what does instead."""
    with pytest.raises(ValueError, match=r"never awaited: give a plain function"):
        EnterpriseManager("http://em", username="u", password="p", on_request=listener)


async def test_an_on_request_that_gives_a_coroutine_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nobody knows that of a plain one before; the request goes on, nothing warns."""

    def begin(done: RequestDone) -> object:
        return _later(done)

    async with talking(gets(GOOD), on_request=begin) as (em, _):
        assert (await em.backup_sessions.get(ONE)).id == ONE

    assert "on_request gave a coroutine" in caplog.text


async def test_each_exchange_is_logged_where_somebody_wants_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """At DEBUG, with path, status, size and attempt, of a fetch too; without a secret.

    The logger may be turned on and off while the manager is open.
    """
    acts = (GOOD, error(503, "later"), GOOD, GOOD)
    async with talking(gets(*acts)) as (em, _):
        with caplog.at_level(logging.DEBUG, "veeam_async.requests"):
            await em.backup_sessions.get(ONE)
            async for fetched in em.backup_sessions.fetch([ONE]):
                fetched.result()
        await em.backup_sessions.get(ONE)
        caplog.set_level(logging.DEBUG, "veeam_async")

    place = f"GET /backupSessions/{ONE}"
    lines = [re.sub(r" in [\d.]+ s", "", line) for line in caplog.messages]
    assert lines == [
        f"{place}: 200, {len(session(1))} bytes",
        f"{place}: 503 ServiceUnavailable, {len(acts[1].body)} bytes",
        "GET /backupSessions/{id} failed (ServiceUnavailable): attempt 2",
        f"{place}: 200, {len(session(1))} bytes, attempt 2",
        "DELETE /logonSessions/{id}: 204, 0 bytes",
    ]
    for secret in ("s3cret", TOKEN, SESSION_ID, "Basic"):
        assert secret not in caplog.text


async def test_a_secret_that_a_server_wrote_into_a_link_is_not_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Neither to the logger nor to the listener, when that link is followed."""
    told: list[RequestDone] = []
    caplog.set_level(logging.DEBUG, "veeam_async")
    async with talking(gets(error(404, "no")), on_request=told.append) as (em, _):
        link = Link(rel="Up", href=f"https://em/api/jobs/{TOKEN}?x={TOKEN}", type="Job")
        with pytest.raises(NotFound):
            await em.follow(link)

    assert told[1].resource == "/jobs/(hidden)"
    assert not any(secret in caplog.text for secret in (TOKEN, SESSION_ID))
