"""What an answer says that does not come whole: its status counts, and its token."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from tests.support.bodies import SESSION_ID, TOKEN, behind_logon, session, uuid_of
from tests.support.clients import gets, open_em, talking
from tests.support.exposure import exposed
from tests.support.fault_server import (
    Act,
    Answer,
    Asked,
    FaultServer,
    Raw,
    Reset,
    Stall,
)
from veeam_async import (
    ApiError,
    BadRequest,
    BodyTooLarge,
    ConnectionFailed,
    NotEnterpriseManager,
    NotFound,
    PermissionDenied,
    RequestDone,
    Retry,
    Timeout,
    VeeamError,
)

ONE = uuid_of(1)
GOOD = Answer(body=session(1))
SILENT = Timeout(connect=5, request=0.8)
ONCE = Retry(attempts=1)

CUT = "Content-Length: 500\r\n\r\nshort"
DIGITS = "Content-Length: " + "9" * 4301
RESTS = {
    "cut": CUT,
    "bad chunk": "Transfer-Encoding: chunked\r\n\r\nzz\r\nshort",
    "cut chunk": "Transfer-Encoding: chunked\r\n\r\nffff\r\nshort",
    "4,301 digits": f"{DIGITS}\r\n\r\nshort",
    "too large": "Content-Length: 999999999999\r\n\r\nshort",
    "bad line": "X Odd\r\nContent-Length: 0\r\n\r\n",
    "cut head": "X-Cut: of",
}
"""What comes behind the good lines of a head."""


def halves(status: int, header: str) -> dict[str, Act]:
    """Answers of *status* with that *header*, none of which comes whole."""
    line, more = f"HTTP/1.1 {status} X\r\n", f"{header}\r\n"
    made: dict[str, Act] = {
        name: Raw((line + more + rest).encode()) for name, rest in RESTS.items()
    }
    return made | {
        "bad line before": Raw(f"{line}{DIGITS}\r\n{more}\r\nshort".encode()),
        "behind interim": Raw(
            f"HTTP/1.1 100 Continue\r\n\r\n{line}{more}{CUT}".encode()
        ),
        "reset": Reset((line + more + CUT).encode()),
        "stall": Stall((line + more + CUT).encode()),
        "stall in the head": Stall((line + more + RESTS["cut head"]).encode()),
    }


LOGONS = halves(201, f"X-RestSvcSessionId: {TOKEN}")


def logged_on_by(act: Act) -> Any:
    """A script in which *act* answers the logon, and all else is good."""
    return behind_logon([GOOD], logons=[act])


# ---------------------------------------------------------------- logons


@pytest.mark.ways
@pytest.mark.parametrize("name", LOGONS)
async def test_a_token_in_a_head_is_a_logon(name: str, way: str) -> None:
    """One POST, a request that works, and a logout of that very session."""
    async with talking(logged_on_by(LOGONS[name]), timeout=SILENT) as (em, server):
        found = await em.backup_sessions.get(ONE)

    assert found.id == ONE
    assert [each.method for each in server.asked] == ["POST", "GET", "DELETE"]
    assert server.asked[1].headers["x-restsvcsessionid"] == TOKEN
    assert server.asked[2].target.endswith(f"/logonSessions/{SESSION_ID}")


@pytest.mark.ways
async def test_a_logon_that_is_given_up_in_its_body_is_logged_out(way: str) -> None:
    """Leaving waits for it for two seconds; its token has come by then."""
    async with FaultServer(logged_on_by(LOGONS["stall"])) as server:
        em = open_em(server, timeout=Timeout(connect=5, request=60))
        with suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                await em.__aenter__()

    assert [each.method for each in server.asked] == ["POST", "DELETE"]
    assert server.asked[1].target.endswith(f"/logonSessions/{SESSION_ID}")


@pytest.mark.parametrize("name", [*LOGONS, "given up"])
async def test_a_token_in_a_head_shows_nowhere(name: str, way: str) -> None:
    """Nor does one whose logon is given up, nor in what comes of a request with it."""
    timeout = Timeout(connect=5, request=60) if name == "given up" else SILENT
    act = LOGONS.get(name, LOGONS["stall"])
    script = behind_logon([LOGONS["cut"]], logons=[act])
    async with FaultServer(script) as server:
        em = open_em(server, timeout=timeout, retry=ONCE)
        with pytest.raises((VeeamError, TimeoutError)) as caught:
            async with asyncio.timeout(1.5), em:
                await em.backup_sessions.get(ONE)

    assert exposed(caught.value, (TOKEN, SESSION_ID)) == []


@pytest.mark.parametrize("name", ["cut", "too large", "4,301 digits"])
async def test_a_201_without_a_token_is_no_logon(name: str, way: str) -> None:
    """Nobody knows what is in the rest: it is what the rest of it makes it."""
    acts = halves(201, "X-Other: 1")
    async with FaultServer(logged_on_by(acts[name])) as server:
        with pytest.raises((ConnectionFailed, BodyTooLarge)):
            await open_em(server, timeout=SILENT).__aenter__()


async def test_half_a_redirect_of_a_logon_says_where_it_leads(way: str) -> None:
    """At once, for it is nothing that passes."""
    act = halves(302, "Location: https://em.example/login")["cut"]
    async with FaultServer(logged_on_by(act)) as server:
        with pytest.raises(NotEnterpriseManager, match=r"em\.example/login"):
            await open_em(server).__aenter__()

    assert server.count("POST") == 1


# ---------------------------------------------------------------- other requests


HALF_401 = halves(401, "WWW-Authenticate: Basic")


@pytest.mark.ways
@pytest.mark.parametrize("name", HALF_401)
async def test_half_a_401_refuses_the_token(name: str, way: str) -> None:
    """It is renewed once, as after a whole one."""
    async with talking(gets(HALF_401[name], GOOD), timeout=SILENT) as (em, server):
        found = await em.backup_sessions.get(ONE)

    assert found.id == ONE
    methods = [each.method for each in server.asked]
    assert (methods.count("POST"), methods.count("GET")) == (2, 2)


STATUSES: dict[int, type[ApiError]] = {
    400: BadRequest,
    403: PermissionDenied,
    404: NotFound,
    410: ApiError,
}


@pytest.mark.parametrize("name", HALF_401)
@pytest.mark.parametrize("status", STATUSES)
async def test_half_an_error_is_that_error(name: str, status: int, way: str) -> None:
    """Asked once, since asking again would change nothing; its cause tells the rest."""
    acts = halves(status, "X-Other: 1")
    async with talking(gets(acts[name]), timeout=SILENT) as (em, server):
        with pytest.raises(STATUSES[status]) as met:
            await em.backup_sessions.get(ONE)

    assert (met.value.status, met.value.answered) == (status, status)
    assert met.value.message is None
    assert isinstance(met.value.__cause__, ConnectionFailed | BodyTooLarge)
    assert server.count("GET") == 1


async def test_half_an_overload_is_waited_for_as_it_asks(way: str) -> None:
    """Retry-After counts, though the body is cut."""
    cut = halves(503, "Retry-After: 0")["cut"]
    async with talking(gets(cut, GOOD)) as (em, server):
        found = await em.backup_sessions.get(ONE)

    assert found.id == ONE
    assert server.count("GET") == 2


async def test_half_a_refusal_of_an_action_is_no_unconfirmed_one(way: str) -> None:
    """Who was refused by status has started nothing."""
    acts = halves(400, "X-Other: 1")

    def act(asked: Asked) -> Act:
        return acts["cut"] if asked.method == "POST" else GOOD

    async with talking(behind_logon(act)) as (em, _):
        with pytest.raises(BadRequest):
            await em.backup_sessions.stop(ONE)


async def test_half_a_success_is_none(way: str) -> None:
    """It is asked again, as after any broken connection."""
    cut = halves(200, "X-Other: 1")["cut"]
    async with talking(gets(cut, GOOD)) as (em, server):
        found = await em.backup_sessions.get(ONE)

    assert found.id == ONE
    assert server.count("GET") == 2


# ---------------------------------------------------------------- metrics


async def test_metrics_tell_the_status_of_half_an_error(way: str) -> None:
    """And none of half a success, which is no success."""
    told: list[RequestDone] = []
    script = gets(
        halves(200, "X-Other: 1")["cut"],
        halves(503, "Retry-After: 0")["cut"],
        Raw(b""),
        halves(404, "X-Other: 1")["cut"],
    )
    async with talking(script, on_request=told.append) as (em, _):
        with pytest.raises(NotFound):
            await em.backup_sessions.get(ONE)

    assert [each.status for each in told] == [201, None, 503, None, 404, 204]
