"""What a logon costs that fails or is refused, over real sockets and on a clock."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count

import pytest

from tests.support.bodies import each_by_id, error, session, uuid_of
from tests.support.clients import Time, clocked_em, open_em, talking
from tests.support.fault_server import (
    Act,
    Answer,
    Asked,
    FaultServer,
    Held,
    Raw,
    Reset,
    Stall,
)
from tests.support.tokens import Tokens
from veeam_async import (
    AuthenticationFailed,
    EnterpriseManager,
    EventKind,
    LogonPaused,
    NotEnterpriseManager,
    PasswordUnavailable,
    PermissionDenied,
    VeeamError,
)

pytestmark = [pytest.mark.usefixtures("way")]

ONE, TWO = uuid_of(1), uuid_of(2)
GOOD = Answer(body=session(1))
OTHER = Answer(body=session(2))
UNAUTHORIZED = Answer(status=401, body=b"")


def refused(*lines: str, body: str = "") -> Raw:
    """A 401 with header lines that may repeat a name."""
    head = ["HTTP/1.1 401 Unauthorized", f"Content-Length: {len(body)}", *lines]
    return Raw(("\r\n".join([*head, "", ""]) + body).encode())


WWW = "WWW-Authenticate: "
BASIC = refused(WWW + "Basic Realm=RestSvc")
REFUSALS: dict[str, Act] = {
    "basic alone": BASIC,
    "negotiate first": refused(WWW + "Negotiate", WWW + "Basic Realm=RestSvc"),
    "negotiate last": refused(WWW + "Basic Realm=RestSvc", WWW + "Negotiate"),
    "ntlm first, in one": refused(WWW + 'NTLM, BASIC realm="a, b"'),
    "windows' page": refused(WWW + "Negotiate", WWW + "Basic", body="<html>no</html>"),
    "no challenge": refused(),
    "no challenge, a page": refused(body="<html>no</html>"),
    "negotiate alone": refused(WWW + "Negotiate", WWW + "NTLM"),
    "bearer of that name": refused(WWW + 'Bearer realm="x, basic y"'),
    "another product": refused(body='{"errorCode": "AccessDenied"}'),
    "403": error(403, "No role."),
    "403, a page": Answer(status=403, body=b"<html>no</html>", media_type="text/html"),
}
HEAD = b"HTTP/1.1 %d X\r\nWWW-Authenticate: Basic\r\n"
SPOILED = {
    "cut": b"Content-Length: 500\r\n\r\nshort",
    "bad chunk": b"Transfer-Encoding: chunked\r\n\r\nzz\r\nshort",
    "cut chunk": b"Transfer-Encoding: chunked\r\n\r\nffff\r\nshort",
    "4,301 digits": b"Content-Length: " + b"9" * 4301 + b"\r\n\r\nshort",
    "too large": b"Content-Length: 999999999999\r\n\r\nshort",
    "bad line": b"X Odd\r\nContent-Length: 0\r\n\r\n",
}
REFUSALS |= {
    f"{status}, {name}": Raw(HEAD % status + rest)
    for status in (401, 403)
    for name, rest in SPOILED.items()
}
REFUSALS |= {
    f"{status}, reset": Reset(HEAD % status + SPOILED["cut"]) for status in (401, 403)
}
FOREIGN = {
    "no challenge, a page",
    "negotiate alone",
    "bearer of that name",
    "another product",
    "403, a page",
}


def tokens(*acts: Act | None) -> Tokens:
    """A server of two sessions, whose logons are answered by *acts*."""
    return Tokens(each_by_id({ONE: GOOD, TWO: OTHER}), *acts, refusal=UNAUTHORIZED)


async def everybody(
    em: EnterpriseManager, *, seconds: float | None = None
) -> list[object]:
    """Ten watches and ten fetches at once; what each came to."""

    async def watch() -> None:
        async for _ in em.backup_sessions.watch([ONE], timeout=seconds):
            pass

    async def fetch() -> None:
        async for fetched in em.backup_sessions.fetch([ONE] * 5):
            fetched.result()

    work = [each() for each in (watch, fetch) for _ in range(10)]
    return list(await asyncio.gather(*work, return_exceptions=True))


# ---------------------------------------------------------------- refused


@pytest.mark.parametrize("name", REFUSALS)
async def test_a_wrong_password_is_sent_once_whatever_challenges(name: str) -> None:
    """Ten watches and ten fetches lock no account; each ends with what it is."""
    time, script = Time(), tokens(REFUSALS[name])
    expected: type[VeeamError] = (
        NotEnterpriseManager
        if name in FOREIGN
        else PermissionDenied
        if name.startswith("403")
        else AuthenticationFailed
    )
    async with FaultServer(script) as server:
        async with clocked_em(server, time.clock, lazy=True) as em:
            found = await everybody(em)
            time.now += 120
            with pytest.raises(expected):
                await em.backup_sessions.get(ONE)

    assert {type(each) for each in found} == {expected}
    assert script.logons == 1


@pytest.mark.parametrize("name", REFUSALS)
async def test_a_password_that_has_worked_is_tried_once_more(name: str) -> None:
    """At most two wrong logons in a minute, and then it is believed."""
    time, script = Time(), tokens(None, REFUSALS[name])
    async with FaultServer(script) as server, clocked_em(server, time.clock) as em:
        script.expire()
        await everybody(em, seconds=55)
        assert script.logons == 2
        time.now += 60
        with pytest.raises((AuthenticationFailed, PermissionDenied)):
            await em.backup_sessions.get(ONE)
        time.now += 600
        with pytest.raises((AuthenticationFailed, PermissionDenied)):
            async for _ in em.backup_sessions.watch([ONE]):
                pass

    assert script.logons == 3


async def test_one_stray_refusal_of_a_renewal_passes() -> None:
    """A get fails at once and says when; a minute later it works."""
    time, script = Time(), tokens(None, BASIC, None)
    async with FaultServer(script) as server, clocked_em(server, time.clock) as em:
        script.expire()
        with pytest.raises(LogonPaused) as first:
            await em.backup_sessions.get(ONE)
        time.now += 59
        with pytest.raises(LogonPaused) as second:
            await em.backup_sessions.get(ONE)
        with pytest.raises(LogonPaused):
            async for _ in em.backup_sessions.fetch([ONE] * 1000):
                pass
        asked = server.count("GET"), server.count("POST")
        time.now += 1
        await em.backup_sessions.get(ONE)

    assert (first.value.seconds, second.value.seconds) == (60, 1)
    assert isinstance(second.value.__cause__, AuthenticationFailed)
    assert not second.value.sent
    assert "nothing was sent" in str(second.value)
    assert asked == (1, 2)
    assert script.logons == 3


async def test_a_watch_outlives_a_stray_refusal() -> None:
    """It is a failed look; the next one that may log on goes on."""
    time, script = Time(), tokens(None, BASIC, None)
    async with FaultServer(script) as server, clocked_em(server, time.clock) as em:
        script.expire()
        events = [event async for event in em.backup_sessions.watch([ONE])]

    assert events[-1].kind is EventKind.STOPPED
    assert script.logons == 3


async def test_many_passwords_are_no_way_around() -> None:
    """Two refusals a minute, and a question every ten seconds at most."""
    time, script = Time(), tokens(BASIC)
    asked = count()
    async with FaultServer(script) as server:
        em = clocked_em(
            server, time.clock, lazy=True, password=lambda: f"guess {next(asked)}"
        )
        async with em:
            for _ in range(120):
                with pytest.raises((AuthenticationFailed, LogonPaused)):
                    await em.backup_sessions.get(ONE)
                time.now += 1

    assert script.logons == 4
    assert next(asked) == 12


# ---------------------------------------------------------------- odd answers

ODD: dict[str, Act] = {
    "html": Answer(body=b"<html>starting</html>", media_type="text/html"),
    "404": error(404, "no"),
    "unreadable": Answer(status=201, body=b"{"),
    "400": error(400, "no"),
}


@pytest.mark.parametrize("name", ODD)
async def test_an_odd_renewal_is_not_repeated_for_each_id(name: str) -> None:
    """Two POSTs for a thousand ids; a minute later the next."""
    time, script = Time(), tokens(None, ODD[name], ODD[name], None)
    async with FaultServer(script) as server, clocked_em(server, time.clock) as em:
        script.expire()
        found = [f async for f in em.backup_sessions.fetch([ONE] * 1000)]
        assert script.logons == 3
        assert time.now < 1001
        time.now += 60
        await em.backup_sessions.get(ONE)

    assert all(fetched.error for fetched in found)
    assert script.logons == 4


@pytest.mark.parametrize("name", ODD)
async def test_one_odd_answer_to_a_renewal_costs_nobody_anything(name: str) -> None:
    """It is sent once more, for all who wait."""
    time, script = Time(), tokens(None, ODD[name], None)
    async with FaultServer(script) as server, clocked_em(server, time.clock) as em:
        script.expire()
        found = [f async for f in em.backup_sessions.fetch([ONE] * 100)]

    assert [fetched.error for fetched in found] == [None] * 100
    assert script.logons == 3


# ---------------------------------------------------------------- given up


async def test_tokens_that_are_given_up_are_logged_out() -> None:
    """Each with its own token; none is left at the end."""
    script = tokens()
    async with talking(script) as (em, server):
        for _ in range(3):
            script.expire()
            await em.backup_sessions.get(ONE)
        await em.backup_sessions.get(ONE)

    ended = [each.target[-1] for each in server.asked if each.method == "DELETE"]
    assert sorted(ended) == ["1", "2", "3", "4"]


def late_for_two(script: Tokens, late: Held) -> Callable[[Asked], Act]:
    """Answer one of the sessions *late*, and all else by *script*."""
    return lambda asked: late if str(TWO) in asked.target else script(asked)


async def test_a_token_is_not_logged_out_while_a_request_carries_it() -> None:
    """The last one that does ends it."""
    release, script = asyncio.Event(), tokens()
    late = Held(OTHER, release)
    async with talking(late_for_two(script, late)) as (em, server):
        slow = asyncio.create_task(em.backup_sessions.get(TWO))
        await late.begun.wait()
        script.expire()
        await em.backup_sessions.get(ONE)
        await em.backup_sessions.get(ONE)
        before = server.count("DELETE")
        release.set()
        await slow

    assert before == 0
    assert server.count("DELETE") == 2


async def test_a_token_that_is_carried_at_the_end_is_logged_out_too() -> None:
    """Nobody waits for a request that the end cuts off."""
    script, late = tokens(), Held(Stall(), asyncio.Event())
    async with FaultServer(late_for_two(script, late)) as server:
        async with open_em(server) as em:
            slow = asyncio.create_task(em.backup_sessions.get(TWO))
            await late.begun.wait()
            script.expire()
            await em.backup_sessions.get(ONE)
        slow.cancel()
        await asyncio.wait([slow])

    assert server.count("DELETE") == 2


# ---------------------------------------------------------------- one path


async def test_a_path_that_always_refuses_costs_one_renewal() -> None:
    """Then its 401 is its own, also the next time."""
    script = tokens()
    script.refusing = {str(TWO)}
    async with talking(script) as (em, _server):
        found = [f async for f in em.backup_sessions.fetch([ONE, TWO, *[ONE] * 50])]
        for _ in range(5):
            with pytest.raises(AuthenticationFailed):
                await em.backup_sessions.get(TWO)
        await em.backup_sessions.get(ONE)

    assert [type(f.error) for f in found if f.error] == [AuthenticationFailed]
    assert script.logons == 2


async def test_a_path_that_refuses_is_a_failed_look() -> None:
    """The watch goes on, and the path is taken for good again once it works."""
    time, script = Time(), tokens()
    script.refusing = {str(ONE)}
    async with FaultServer(script) as server, clocked_em(server, time.clock) as em:
        async with em.backup_sessions.watch([ONE]) as watch:
            looked = asyncio.create_task(anext(watch))
            while server.count("GET", "/api/backupSessions") < 6:
                await asyncio.sleep(0.001)
            script.refusing.clear()
            await looked
            events = [event async for event in watch]
        script.expire()
        await em.backup_sessions.get(ONE)

    assert events[-1].kind is EventKind.STOPPED
    assert script.logons == 3


async def test_tokens_that_never_work_are_replaced_seldom() -> None:
    """Two renewals in a minute, however many ask."""
    time, script = Time(), tokens()
    script.refusing = {"/"}
    async with FaultServer(script) as server, clocked_em(server, time.clock) as em:
        found = [f async for f in em.backup_sessions.fetch([ONE] * 200)]
        assert script.logons == 3
        script.refusing.clear()
        await em.backup_sessions.get(ONE)

    assert all(isinstance(f.error, AuthenticationFailed) for f in found)


# ---------------------------------------------------------------- whoever gives it


def failing(good: int) -> Callable[[], str]:
    """A password callable that fails once, after so many good answers."""
    asked = count()

    def password() -> str:
        if next(asked) == good:
            raise OSError("the vault is away")
        return "s3cret"

    return password


async def test_a_callable_that_raises_is_told_as_that() -> None:
    """With its own error as the cause; and it is asked again."""
    script = tokens()
    async with talking(script, password=failing(0), lazy=True) as (em, _server):
        with pytest.raises(PasswordUnavailable, match="OSError") as caught:
            await em.backup_sessions.get(ONE)
        await em.backup_sessions.get(ONE)

    assert isinstance(caught.value.__cause__, OSError)
    assert (caught.value.sent, caught.value.passing) == (False, True)


async def test_a_coroutine_that_raises_ends_no_watch() -> None:
    """A look fails, and the next one asks again."""
    time, script, plain = Time(), tokens(), failing(1)

    async def password() -> str:
        return plain()

    given: Callable[[], Awaitable[str]] = password
    async with FaultServer(script) as server:
        async with clocked_em(server, time.clock, password=given) as em:
            script.expire()
            events = [event async for event in em.backup_sessions.watch([ONE])]

    assert events[-1].kind is EventKind.STOPPED
    assert script.logons == 2
