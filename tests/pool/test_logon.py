"""The life of a logon session, over real sockets against a scripted server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest

from tests.support.bodies import (
    GONE,
    SESSION_ID,
    TOKEN,
    behind_logon,
    error,
    logon,
    session,
    uuid_of,
)
from tests.support.clients import Time, clocked_em
from tests.support.fault_server import (
    Act,
    Answer,
    Asked,
    FaultServer,
    Held,
    Reset,
    Stall,
)
from tests.support.tokens import REFUSED, Tokens
from veeam_async import (
    AuthenticationFailed,
    BadRequest,
    ConnectionFailed,
    EnterpriseManager,
    NotEnterpriseManager,
    PermissionDenied,
    RequestDone,
    Retry,
    ServiceUnavailable,
    Timeout,
)
from veeam_async.clock import Clock

FAST = Retry(attempts=5, wait_initial=0.001, wait_max=0.002)
pytestmark = pytest.mark.usefixtures("way")

ONE = uuid_of(1)
GOOD = Answer(body=session(1))


def logons(*acts: Act, then: Act = GOOD) -> Callable[[Asked], Act]:
    """Answer logons with *acts* in turn, the last one repeated, and all else *then*."""
    return behind_logon([then], logons=acts)


def client(
    server: FaultServer,
    password: str | Callable[[], object] = "s3cret",
    *,
    lazy: bool = False,
    on_request: Callable[[RequestDone], object] | None = None,
) -> EnterpriseManager:
    """Make a client that does not wait long between attempts."""
    return EnterpriseManager(
        server.url,
        username="EM\\operator",
        password=password,  # type: ignore[arg-type]  # some tests give odd callables
        retry=FAST,
        lazy=lazy,
        on_request=on_request,
        timeout=Timeout(connect=2, request=2),
    )


# ---------------------------------------------------------------- renewal


@pytest.mark.ways
async def test_many_dead_tokens_cost_one_logon_and_one_repetition_each() -> None:
    """Fifty requests meet a 401 together; one POST serves them all."""
    tokens = Tokens([GOOD])
    async with FaultServer(tokens) as server, client(server) as em:
        tokens.expire()
        found = [f async for f in em.backup_sessions.fetch([ONE] * 50)]

    assert [fetched.error for fetched in found] == [None] * 50
    assert tokens.logons == 2
    assert tokens.refused <= 16
    assert server.count("GET") == 50 + tokens.refused


@pytest.mark.ways
async def test_a_renewal_outlives_the_request_that_began_it() -> None:
    """Cancelling one waiter costs the others neither an error nor a second logon."""
    hold = asyncio.Event()
    tokens = Tokens([GOOD])

    def script(asked: Asked) -> Act:
        act = tokens(asked)
        is_renewal = asked.method == "POST" and tokens.logons > 1
        return Held(act, hold) if is_renewal else act

    async with FaultServer(script) as server, client(server) as em:
        tokens.expire()
        first = asyncio.create_task(em.backup_sessions.get(ONE))
        while tokens.logons < 2:
            await asyncio.sleep(0.001)
        others = [asyncio.create_task(em.backup_sessions.get(ONE)) for _ in range(5)]
        await asyncio.sleep(0.01)
        first.cancel()
        await asyncio.sleep(0.01)
        hold.set()
        found = await asyncio.gather(*others)

    assert first.cancelled()
    assert [one.id for one in found] == [ONE] * 5
    assert tokens.logons == 2


@pytest.mark.ways
async def test_a_late_401_for_an_older_token_starts_nothing() -> None:
    """Its token was replaced meanwhile: only the request is repeated."""
    tokens = Tokens([GOOD])
    late = Held(REFUSED, asyncio.Event())

    def script(asked: Asked) -> Act:
        return tokens(asked) if asked.method != "GET" or late.begun.is_set() else late

    async with FaultServer(script) as server, client(server) as em:
        slow = asyncio.create_task(em.backup_sessions.get(ONE))
        await late.begun.wait()
        tokens.expire()
        await em.backup_sessions.get(ONE)
        late.released.set()
        await slow

    assert tokens.logons == 2


async def test_a_server_that_refuses_its_fresh_tokens_is_not_asked_for_ever() -> None:
    """After two renewals a 401 is believed."""
    async with FaultServer(logons(logon(), then=REFUSED)) as server:
        async with client(server) as em:
            with pytest.raises(AuthenticationFailed):
                await em.backup_sessions.get(ONE)

    assert server.count("POST") == 3
    assert server.count("GET", "/api/backupSessions") == 3


@pytest.mark.ways
async def test_one_connection_is_enough_for_a_renewal() -> None:
    """The logon takes no slot from the request that waits for it."""
    tokens = Tokens([GOOD])
    async with FaultServer(tokens) as server:
        em = EnterpriseManager(
            server.url, username="u", password="p", max_connections=1
        )
        async with em:
            tokens.expire()
            await em.backup_sessions.get(ONE)

    assert tokens.logons == 2


async def test_a_403_renews_once_where_the_token_had_been_idle_for_long() -> None:
    """Some servers say so of a dead token; of a fresh one it is a matter of rights."""
    denied = error(403, "Access denied")
    now = 0.0
    clock = Clock(monotonic=lambda: now)
    async with FaultServer(logons(logon(), then=denied)) as server:
        async with clocked_em(server, clock) as em:
            with pytest.raises(PermissionDenied):
                await em.backup_sessions.get(ONE)
            assert server.count("POST") == 1
            now += 14 * 60 + 1
            with pytest.raises(PermissionDenied):
                await em.backup_sessions.get(ONE)

    assert server.count("POST") == 2
    assert server.count("GET") == 3


# ---------------------------------------------------------------- credentials


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(REFUSED, AuthenticationFailed), (error(403, "No role."), PermissionDenied)],
)
async def test_bad_credentials_are_sent_once_and_never_again(
    answer: Answer, kind: type[Exception]
) -> None:
    """Accounts lock: every waiter and every later request fails without a POST."""
    async with FaultServer(logons(answer)) as server, client(server, lazy=True) as em:
        waiting = [em.backup_sessions.get(ONE) for _ in range(20)]
        found = await asyncio.gather(*waiting, return_exceptions=True)
        with pytest.raises(kind):
            await em.backup_sessions.get(ONE)

    assert {type(one) for one in found} == {kind}
    assert len({id(one) for one in found}) == 20
    assert server.count("POST") == 1
    assert server.count("GET") == 0


async def test_entering_with_bad_credentials_fails_and_leaves_nothing() -> None:
    """One POST, no second, no logout."""
    async with FaultServer(logons(REFUSED)) as server:
        with pytest.raises(AuthenticationFailed) as caught:
            async with client(server):
                pass

    assert len(server.asked) == 1
    assert "s3cret" not in str(caught.value)


async def test_another_password_of_the_callable_is_tried() -> None:
    """The same one is not; and while it is refused nobody asks before ten seconds."""
    passwords = ["old", "old", "new"]
    time = Time()
    async with FaultServer(logons(REFUSED, logon())) as server:
        em = clocked_em(
            server, time.clock, password=lambda: passwords.pop(0), lazy=True
        )
        async with em:
            for _ in range(3):
                with pytest.raises(AuthenticationFailed):
                    await em.backup_sessions.get(ONE)
            assert passwords == ["old", "new"]
            time.now += 10
            with pytest.raises(AuthenticationFailed):
                await em.backup_sessions.get(ONE)
            time.now += 10
            await em.backup_sessions.get(ONE)

    assert server.count("POST") == 2


async def test_a_password_may_come_from_a_coroutine() -> None:
    """It is asked at each logon."""
    asked: list[int] = []
    tokens = Tokens([GOOD])

    async def password() -> str:
        asked.append(1)
        return "from a vault"

    async with FaultServer(tokens) as server, client(server, password) as em:
        tokens.expire()
        await em.backup_sessions.get(ONE)

    assert len(asked) == 2


async def test_opening_anew_forgets_a_refusal() -> None:
    """The account may have been unlocked meanwhile."""
    async with FaultServer(logons(REFUSED, logon())) as server:
        em = client(server)
        with pytest.raises(AuthenticationFailed):
            await em.__aenter__()
        async with em:
            await em.backup_sessions.get(ONE)

    assert server.count("POST") == 2


async def test_a_fetch_ends_with_a_failed_authentication() -> None:
    """No other id would fare better."""
    async with FaultServer(logons(REFUSED)) as server, client(server, lazy=True) as em:
        with pytest.raises(AuthenticationFailed):
            async for _ in em.backup_sessions.fetch([ONE] * 1000):
                pass

    assert server.count("POST") == 1


# ---------------------------------------------------------------- first contact


PASSING = [
    *(Reset(), error(503, "starting"), error(500, "oops")),
    *(Answer(status=status, body=b"<html>x</html>") for status in (408, 425, 522)),
]


@pytest.mark.ways
@pytest.mark.parametrize("fault", PASSING)
async def test_a_logon_is_tried_again_as_a_get_would_be(fault: Act) -> None:
    """The one POST that is."""
    async with FaultServer(logons(fault, fault, logon())) as server:
        async with client(server) as em:
            await em.backup_sessions.get(ONE)

    assert server.count("POST") == 3


async def test_a_logon_that_stays_unavailable_raises_that() -> None:
    """After the attempts of one policy, not of two on top of each other."""
    async with FaultServer(logons(error(503, "down"))) as server:
        with pytest.raises(ServiceUnavailable):
            async with client(server):
                pass
        assert server.count("POST") == 5
        async with client(server, lazy=True) as em:
            with pytest.raises(ServiceUnavailable):
                await em.backup_sessions.get(ONE)

    assert server.count("POST") == 10


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (Answer(status=200, body=b"{}"), "holds no token"),
        (Answer(status=201, body=b"{}"), "holds no token"),
        (
            Answer(status=200, body=b"<!DOCTYPE html><html>", media_type="text/html"),
            "an HTML page answered",
        ),
        (
            Answer(status=404, body=b"<html>nginx</html>", media_type="text/html"),
            "an HTML page answered",
        ),
        (Answer(status=404, body=b""), "knows no logon"),
        (Answer(status=405, body=b""), "knows no logon"),
        (
            Answer(status=302, body=b"", headers={"Location": "/login.aspx"}),
            "redirects .302. to /login.aspx",
        ),
        (
            Answer(
                status=302,
                body=b"<html><title>Object moved</title>",
                headers={"Location": "https://u:p@sso.corp/in?x=y"},
            ),
            "redirects .302. to https://sso.corp/in[.]",
        ),
        (
            Answer(status=200, body=b"<html><title>Veeam ONE</title>"),
            'an HTML page titled "Veeam ONE" answered',
        ),
        (
            Answer(
                status=400,
                body=b'{"errorCode": "UnexpectedContent", "message": "x-api-version"}',
            ),
            "another Veeam product",
        ),
        (
            Answer(
                status=401,
                body=b'{"errorCode": "AccessDenied", "message": "Token expected"}',
            ),
            "another Veeam product",
        ),
        (
            Answer(status=401, body=b"", headers={"WWW-Authenticate": "Bearer x"}),
            "asks for Bearer",
        ),
    ],
)
async def test_what_is_no_enterprise_manager_is_called_what_it_is(
    answer: Answer, found: str
) -> None:
    """Once, with the port to try; and it is no wrong password."""
    async with FaultServer(logons(answer)) as server:
        with pytest.raises(NotEnterpriseManager, match=found) as caught:
            async with client(server):
                pass

    assert server.count("POST") == 1
    assert caught.value.url.endswith("/api/sessionMngr/?v=latest")
    assert "9398" in str(caught.value)


async def test_a_version_that_the_server_refuses_is_a_bad_request() -> None:
    """It is Enterprise Manager, and it has spoken."""
    answer = error(400, "Version v9_9 is not supported")
    async with FaultServer(logons(answer)) as server:
        with pytest.raises(BadRequest, match="v9_9 is not supported"):
            async with client(server):
                pass


@pytest.mark.parametrize(
    "body", [b"", b"<html></html>", b"{", b"\xff", b'{"UserName": 5}']
)
async def test_a_token_is_a_logon_though_its_body_cannot_be_read(body: bytes) -> None:
    """And its session, whose id the token holds, is logged out at the end."""
    answer = Answer(status=201, body=body, headers={"X-RestSvcSessionId": TOKEN})
    async with FaultServer(logons(answer)) as server, client(server) as em:
        await em.backup_sessions.get(ONE)

    assert server.count("POST") == 1
    assert server.count("DELETE", f"/api/logonSessions/{SESSION_ID}") == 1


async def test_a_token_of_another_form_is_not_logged_out_by_it() -> None:
    """Without a link that can be read nothing says which session that would end."""
    answer = Answer(status=201, body=b"", headers={"X-RestSvcSessionId": "dG9rZW4="})
    async with FaultServer(logons(answer)) as server, client(server) as em:
        await em.backup_sessions.get(ONE)

    assert server.count("DELETE") == 0


@pytest.mark.ways
async def test_nobody_listening_is_a_failed_connection() -> None:
    """After the retries; the request was never sent."""
    async with FaultServer([GOOD]) as server:
        pass
    with pytest.raises(ConnectionFailed) as caught:
        async with client(server):
            pass

    assert not caught.value.sent


# ---------------------------------------------------------------- the end


async def test_a_logon_without_a_delete_link_is_not_logged_out() -> None:
    """Ending somebody else's session would be worse."""
    body = json.dumps({"SessionId": SESSION_ID, "UserName": "u", "Links": None})
    answer = Answer(
        status=201, body=body.encode(), headers={"x-restsvcsessionid": "dG9rZW4="}
    )
    async with FaultServer(logons(answer)) as server, client(server) as em:
        await em.backup_sessions.get(ONE)

    assert server.count("DELETE") == 0


@pytest.mark.ways
@pytest.mark.parametrize("status", [429, 500, 503, 504])
async def test_a_logout_that_meets_a_busy_server_is_sent_again(status: int) -> None:
    """Else its session would live on until it idles out."""
    script = behind_logon([GOOD], logouts=[Answer(status=status), GONE])
    async with FaultServer(script) as server, client(server) as em:
        await em.backup_sessions.get(ONE)

    assert server.count("DELETE", f"/api/logonSessions/{SESSION_ID}") == 2


async def test_a_logout_that_is_refused_is_sent_once() -> None:
    """What the server refuses for good is not asked for again."""
    script = behind_logon([GOOD], logouts=[Answer(status=403)])
    async with FaultServer(script) as server, client(server) as em:
        await em.backup_sessions.get(ONE)

    assert server.count("DELETE") == 1


@pytest.mark.ways
async def test_closing_in_the_middle_of_a_logon_ends_it() -> None:
    """No task stays behind."""
    async with FaultServer(logons(Stall())) as server:
        em = client(server, lazy=True)
        async with em:
            waiting = asyncio.create_task(em.backup_sessions.get(ONE))
            while not server.asked:
                await asyncio.sleep(0.001)
            waiting.cancel()

    assert server.count("DELETE") == 0


@pytest.mark.ways
async def test_closing_right_after_a_logon_was_sent_logs_out_of_it() -> None:
    """Else it would live on the server until it idles out."""
    goes_on = asyncio.Event()

    async def slowly(writer: asyncio.StreamWriter, asked: Asked) -> bool:
        await goes_on.wait()
        return await logon()(writer, asked)

    async with FaultServer(logons(slowly)) as server:
        async with client(server, lazy=True) as em:
            waiting = asyncio.create_task(em.backup_sessions.get(ONE))
            while not server.asked:
                await asyncio.sleep(0.001)
            asyncio.get_running_loop().call_later(0.05, goes_on.set)
        with pytest.raises(RuntimeError, match="closed meanwhile"):
            await waiting

    assert [asked.method for asked in server.asked] == ["POST", "DELETE"]


async def test_a_lazy_client_that_asked_nothing_said_nothing() -> None:
    """Neither logon nor logout."""
    async with FaultServer(logons(logon())) as server, client(server, lazy=True):
        pass

    assert server.asked == []


# ---------------------------------------------------------------- odd and unkind


async def test_a_wrong_password_is_one_whatever_page_comes_with_the_401() -> None:
    """A proxy's or IIS's page does not make it another server: accounts lock."""
    page = Answer(
        status=401,
        body=b"<html><body>401 - Unauthorized</body></html>",
        media_type="text/html",
        headers={"WWW-Authenticate": "Basic Realm=RestSvc"},
    )
    async with FaultServer(logons(page)) as server, client(server, lazy=True) as em:
        for _ in range(3):
            with pytest.raises(AuthenticationFailed):
                await em.backup_sessions.get(ONE)

    assert server.count("POST") == 1


@pytest.mark.parametrize("given", [None, 5, b"bytes", "s\udc80cret"])
async def test_a_callable_that_gives_no_text_sends_nothing(given: object) -> None:
    """The text of None would be a wrong password, and count as one."""
    async with FaultServer(logons(logon())) as server:
        async with client(server, lambda: given, lazy=True) as em:
            with pytest.raises(ValueError, match="gave no text") as caught:
                await em.backup_sessions.get(ONE)

    assert server.asked == []
    assert "cret" not in repr(caught.value)


@pytest.mark.ways
async def test_closing_during_a_logon_is_told_to_whoever_waits_for_it() -> None:
    """As misuse, since nobody cancelled them."""
    async with FaultServer(logons(Stall())) as server:
        async with client(server, lazy=True) as em:
            waiting = asyncio.create_task(em.backup_sessions.get(ONE))
            while not server.asked:
                await asyncio.sleep(0.001)
        with pytest.raises(RuntimeError, match="closed meanwhile"):
            await waiting


@pytest.mark.ways
async def test_tokens_that_die_again_and_again_are_renewed_while_they_work() -> None:
    """Only one that never worked is a reason to believe a 401."""
    tokens = Tokens([GOOD])
    turns = 0

    def script(asked: Asked) -> Act:
        nonlocal turns
        act = tokens(asked)
        turns += act is GOOD
        if act is GOOD and turns % 10 == 0:
            tokens.expire()
        return act

    async with FaultServer(script) as server, client(server) as em:
        found = [f async for f in em.backup_sessions.fetch([ONE] * 60)]

    assert [fetched.error for fetched in found] == [None] * 60
    assert tokens.logons >= 6
