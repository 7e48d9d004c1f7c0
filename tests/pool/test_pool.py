"""The contract of the pool, over real sockets against a scripted server."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tests.support.bodies import (
    SESSION_ID,
    TOKEN,
    behind_logon,
    error,
    session,
    uuid_of,
)
from tests.support.clients import clocked_em, gets, open_em, talking
from tests.support.fault_server import (
    Act,
    Answer,
    Asked,
    CutShort,
    Endless,
    FaultServer,
    Raw,
    Reset,
    Stall,
)
from veeam_async import (
    ApiError,
    AuthenticationFailed,
    BadRequest,
    BodyTooLarge,
    ConnectionFailed,
    DecodeError,
    EnterpriseManager,
    NotEnterpriseManager,
    NotFound,
    PermissionDenied,
    RequestDone,
    RequestTimeout,
    Retry,
    ServerError,
    ServiceUnavailable,
    Timeout,
)
from veeam_async.clock import Clock

pytestmark = pytest.mark.usefixtures("way")

ONE = uuid_of(1)
GOOD = Answer(body=session(1))


# ---------------------------------------------------------------- one request


async def test_a_request_asks_for_one_media_type_and_carries_the_token() -> None:
    """The headers are those of the contract, and there is no cookie among them."""
    async with talking(gets(GOOD)) as (em, server):
        await em.backup_sessions.get(ONE)

    asked = server.asked[1]
    assert asked.target == f"/api/backupSessions/{ONE}?format=Entity"
    assert asked.headers["accept"] == "application/json"
    assert asked.headers["accept-encoding"] == "identity"
    assert asked.headers["x-restsvcsessionid"] == TOKEN
    assert "cookie" not in asked.headers
    assert "authorization" not in asked.headers


async def test_a_logon_is_a_post_without_a_body_and_with_basic_credentials() -> None:
    """User and password travel as UTF-8 in the Basic header, once."""
    async with talking(gets(GOOD), username="EM\\jürgen") as (_, server):
        pass

    asked = server.asked[0]
    assert (asked.method, asked.target) == ("POST", "/api/sessionMngr/?v=latest")
    assert asked.headers["content-length"] == "0"
    assert asked.headers["authorization"] == "Basic RU1casO8cmdlbjpzM2NyZXQ="


@pytest.mark.ways
async def test_leaving_logs_out_through_the_own_delete_link() -> None:
    """The last request deletes this logon session, at the caller's host."""
    async with talking(gets(GOOD)) as (_, server):
        pass

    last = server.asked[-1]
    assert (last.method, last.target) == ("DELETE", f"/api/logonSessions/{SESSION_ID}")
    assert last.headers["x-restsvcsessionid"] == TOKEN


async def test_a_set_cookie_is_never_sent_back_to_a_host_name() -> None:
    """A jar would send the old token beside the new one, and the old one would win."""
    answer = Answer(
        body=session(1), headers={"Set-Cookie": "X-RestSvcSessionId=OLD; Path=/api"}
    )
    async with FaultServer(gets(answer)) as server:
        url = server.url.replace("127.0.0.1", "localhost")
        async with EnterpriseManager(url, username="u", password="p") as em:
            await em.backup_sessions.get(ONE)
            await em.backup_sessions.get(ONE)

    assert all("cookie" not in asked.headers for asked in server.asked)


async def test_a_redirect_is_an_error_and_is_not_followed() -> None:
    """A token must not leave the server that it was made by."""
    moved = Answer(status=302, headers={"Location": "http://elsewhere.example/"})
    async with talking(gets(moved)) as (em, server):
        with pytest.raises(ApiError, match="redirects are not followed") as caught:
            await em.backup_sessions.get(ONE)

    assert caught.value.status == 302
    assert server.count("GET") == 1


async def test_the_url_may_have_a_path_and_links_are_rebased_onto_it() -> None:
    """Behind a reverse proxy the API may hang below another path."""
    async with FaultServer(gets(GOOD)) as server:
        url = f"{server.url}/veeam"
        async with EnterpriseManager(url, username="u", password="p") as em:
            await em.backup_sessions.get(ONE)

    targets = [asked.target for asked in server.asked]
    assert targets == [
        "/veeam/api/sessionMngr/?v=latest",
        f"/veeam/api/backupSessions/{ONE}?format=Entity",
        f"/veeam/api/logonSessions/{SESSION_ID}",
    ]


# ---------------------------------------------------------------- status


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequest),
        (401, AuthenticationFailed),
        (403, PermissionDenied),
        (404, NotFound),
        (405, ApiError),
        (501, ServerError),
        (503, ServiceUnavailable),
    ],
)
async def test_a_status_becomes_its_error_with_the_servers_words(
    status: int, kind: type[ApiError]
) -> None:
    """Status, message, method and URL are attributes; the text has them too."""
    async with talking(gets(error(status, " It is so."))) as (em, _):
        with pytest.raises(kind, match=f"answered {status}: It is so") as caught:
            await em.backup_sessions.get(ONE)

    assert type(caught.value) is kind
    assert caught.value.status == status
    assert caught.value.message == " It is so."
    assert caught.value.method == "GET"
    assert caught.value.url.endswith(f"/api/backupSessions/{ONE}?format=Entity")


@pytest.mark.parametrize(
    "body", [b"", b"<html>Bad gateway</html>", b"\xff\xfe\x00", b"[]", b"{"]
)
async def test_an_error_with_any_body_at_all_is_still_that_error(body: bytes) -> None:
    """Proxies and http.sys answer with bodies of their own."""
    act = Answer(status=404, body=body, media_type="text/html")
    async with talking(gets(act)) as (em, _):
        with pytest.raises(NotFound, match="Not Found") as caught:
            await em.backup_sessions.get(ONE)

    assert caught.value.message is None


async def test_an_xml_error_is_read_as_well() -> None:
    """The other media type has its message in an attribute."""
    body = (
        b'<Error xmlns="http://www.veeam.com/ent/v1.0" Message="No such thing." '
        b'StatusCode="404"><FirstChanceExceptionMessage /></Error>'
    )
    act = Answer(status=404, body=body, media_type="application/xml; charset=utf-8")
    async with talking(gets(act)) as (em, _):
        with pytest.raises(NotFound, match="No such thing"):
            await em.backup_sessions.get(ONE)


async def test_a_task_of_another_logon_session_is_not_found() -> None:
    """The server says so with a 500, which would be tried again else."""
    lost = error(
        500, "There is no backup task with id [task-7] in current rest session"
    )
    async with talking(gets(lost)) as (em, server):
        with pytest.raises(NotFound, match="only to the logon session") as caught:
            await em.tasks.get("task-7")

    assert caught.value.status == 500
    assert server.count("GET") == 1


# ---------------------------------------------------------------- retry


@pytest.mark.parametrize(
    "status", [408, 425, 429, 502, 503, 504, 520, 521, 522, 523, 524]
)
async def test_a_passing_fault_is_tried_again(status: int) -> None:
    """Four failures and one success make a success."""
    acts = [error(status, "later")] * 4
    async with talking(gets(*acts, GOOD)) as (em, server):
        found = await em.backup_sessions.get(ONE)

    assert found.id == ONE
    assert server.count("GET") == 5


async def test_attempts_are_bounded_and_the_last_error_is_raised() -> None:
    """Five attempts, counted at the server, and no sixth."""
    async with talking(gets(error(503, "never"))) as (em, server):
        with pytest.raises(ServiceUnavailable):
            await em.backup_sessions.get(ONE)

    assert server.count("GET") == 5


async def test_a_500_gets_two_more_attempts_at_most() -> None:
    """It is often final."""
    async with talking(gets(error(500, "Object reference not set"))) as (em, server):
        with pytest.raises(ServerError, match="Object reference"):
            await em.backup_sessions.get(ONE)

    assert server.count("GET") == 3


@pytest.mark.parametrize("status", [400, 404, 405, 501])
async def test_a_final_error_is_not_tried_again(status: int) -> None:
    """Asking again would change nothing."""
    async with talking(gets(error(status, "no"))) as (em, server):
        with pytest.raises(ApiError):
            await em.backup_sessions.get(ONE)

    assert server.count("GET") == 1


@pytest.mark.ways
@pytest.mark.parametrize("fault", [Reset(), CutShort(), Raw(b""), Raw(b"HTTP/1.1 20")])
async def test_a_broken_connection_is_tried_again(fault: Act) -> None:
    """Reset, cut short, or closed without an answer: all the same to a GET."""
    async with talking(gets(fault, fault, GOOD)) as (em, server):
        found = await em.backup_sessions.get(ONE)

    assert found.id == ONE
    assert server.count("GET") <= 4


@pytest.mark.ways
async def test_a_server_that_drops_every_request_sees_each_attempt_counted() -> None:
    """Aiohttp repeats by itself only where a kept connection was closed."""
    async with talking(gets(Raw(b""))) as (em, server):
        with pytest.raises(ConnectionFailed):
            await em.backup_sessions.get(ONE)

    # The first attempt meets the logon's kept connection: one free repetition.
    assert server.count("GET") == 6


@pytest.mark.ways
async def test_a_body_shorter_than_its_length_fails_after_the_retries() -> None:
    """It never reaches the decoder."""
    async with talking(gets(CutShort())) as (em, server):
        with pytest.raises(ConnectionFailed):
            await em.backup_sessions.get(ONE)

    assert server.count("GET") == 5


@pytest.mark.ways
async def test_an_action_is_sent_once_whatever_becomes_of_it() -> None:
    """A lost 202 would be an order given twice."""
    for fault in (Reset(), CutShort(), error(503, "busy")):
        async with talking(gets(fault)) as (em, server):
            with pytest.raises((ConnectionFailed, ServiceUnavailable)):
                await em.jobs.stop(ONE)

        assert server.count("POST", "/api/jobs") == 1


async def test_retry_after_is_honoured_in_seconds_and_as_a_date() -> None:
    """The wait is at least what was asked for, and at most a minute."""
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    waits: list[float] = []
    acts = [
        error(503, "later", **{"Retry-After": value})
        for value in ("7", soon, "3600", "Mon, 01 Jan 2001 00:00:00 GMT")
    ]
    async with FaultServer(gets(*acts, GOOD)) as server:

        async def sleep(seconds: float) -> None:
            waits.append(seconds)

        async with clocked_em(server, Clock(sleep=sleep)) as em:
            await em.backup_sessions.get(ONE)

    assert waits[0] == 7
    assert 20 < waits[1] <= 30
    assert waits[2] == 60
    assert waits[3] < 1


async def test_a_retry_is_logged_without_a_secret(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """At INFO there is one line, with the kind of failure and the wait."""
    caplog.set_level(logging.INFO)
    async with talking(gets(error(503, "later"), GOOD)) as (em, _):
        await em.backup_sessions.get(ONE)

    ours = [r for r in caplog.records if r.name == "veeam_async.requests"]
    lines = [record.getMessage() for record in ours]
    assert [record.levelname for record in ours] == ["INFO"]
    assert lines[0].startswith("GET /backupSessions/{id} failed (ServiceUnavailable)")
    for secret in ("s3cret", TOKEN, SESSION_ID, "Basic"):
        assert secret not in caplog.text


# ---------------------------------------------------------------- limits


@pytest.mark.ways
async def test_a_stalled_answer_is_a_request_timeout() -> None:
    """It is a TimeoutError too, and says how long was waited."""
    timeout = Timeout(request=0.5)
    async with talking(gets(Stall()), timeout=timeout, retry=Retry(attempts=1)) as (
        em,
        _,
    ):
        with pytest.raises(RequestTimeout, match=r"no answer within 0\.5 s") as caught:
            await em.backup_sessions.get(ONE)

    assert isinstance(caught.value, TimeoutError)


@pytest.mark.ways
async def test_the_wait_for_a_slot_counts_in_no_timeout() -> None:
    """Ten requests over one connection take longer than any one of them may."""

    async def slowly(writer: asyncio.StreamWriter, asked: Asked) -> bool:
        await asyncio.sleep(0.15)
        return await GOOD(writer, asked)

    timeout = Timeout(connect=10, request=1)
    async with talking(gets(slowly), max_connections=1, timeout=timeout) as (em, _):
        found = [f async for f in em.backup_sessions.fetch([ONE] * 10, concurrency=10)]

    assert [fetched.error for fetched in found] == [None] * 10


@pytest.mark.ways
async def test_never_more_connections_than_asked_for() -> None:
    """The slots bound the connections, the logon's included."""
    async with talking(gets(GOOD), max_connections=3) as (em, server):
        found = [f async for f in em.backup_sessions.fetch([ONE] * 40, concurrency=20)]

    assert len(found) == 40
    assert server.connections <= 3


@pytest.mark.ways
async def test_a_body_that_says_it_is_too_large_is_refused_unread() -> None:
    """Its Content-Length is enough."""
    act = CutShort(promised=10_000_000)
    async with talking(gets(act), max_body_size=1_000_000) as (em, server):
        with pytest.raises(BodyTooLarge, match="raise max_body_size") as caught:
            await em.backup_sessions.get(ONE)

    assert caught.value.limit == 1_000_000
    assert server.count("GET") == 1


@pytest.mark.ways
async def test_a_body_without_a_length_is_cut_off_before_it_is_in_memory() -> None:
    """Of a hundred megabytes the server gets rid of a few."""
    act = Endless(size=100_000_000)
    async with talking(gets(act), max_body_size=100_000) as (em, _):
        with pytest.raises(BodyTooLarge):
            await em.backup_sessions.get(ONE)

    assert sum(act.sent[-1:]) < 20_000_000


@pytest.mark.ways
async def test_an_answer_that_is_no_http_is_a_failed_connection() -> None:
    """And the request's headers are nowhere in the error or its causes."""
    act = Raw(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n\r\n")
    async with talking(gets(act)) as (em, _):
        with pytest.raises(ConnectionFailed) as caught:
            await em.backup_sessions.get(ONE)

    met: BaseException | None = caught.value
    while met is not None:
        assert TOKEN not in repr(met)
        met = met.__cause__ or met.__context__


# ---------------------------------------------------------------- telling


@pytest.mark.ways
async def test_on_request_is_told_of_every_exchange() -> None:
    """Method, route, status, attempt and size; no id and no secret."""
    told: list[RequestDone] = []
    async with talking(gets(error(503, "later"), GOOD), on_request=told.append) as (
        em,
        _,
    ):
        await em.backup_sessions.get(ONE)

    seen = [(done.method, done.route, done.status, done.attempt) for done in told]
    assert seen == [
        ("POST", "/sessionMngr", 201, 1),
        ("GET", "/backupSessions/{id}", 503, 1),
        ("GET", "/backupSessions/{id}", 200, 2),
        ("DELETE", "/logonSessions/{id}", 204, 1),
    ]
    assert told[2].bytes == len(session(1))
    assert all(done.seconds > 0 for done in told)


async def test_an_on_request_that_raises_costs_no_request(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is logged, and the answer is given all the same."""

    def broken(_done: RequestDone) -> None:
        raise ZeroDivisionError

    async with talking(gets(GOOD), on_request=broken) as (em, _):
        assert (await em.backup_sessions.get(ONE)).id == ONE

    assert "on_request raised an exception" in caplog.text


@pytest.mark.ways
async def test_on_request_learns_of_a_lost_answer() -> None:
    """There is no status then, but the class of the error."""
    told: list[RequestDone] = []
    async with talking(gets(CutShort(), GOOD), on_request=told.append) as (em, _):
        await em.backup_sessions.get(ONE)

    assert [done.status for done in told] == [201, None, 200, 204]
    assert [done.error for done in told] == [None, "ConnectionFailed", None, None]


@pytest.mark.ways
async def test_nothing_shows_a_secret() -> None:
    """Neither the repr of what is made nor the text of what is raised."""
    async with talking(gets(error(404, "no"))) as (em, _):
        with pytest.raises(NotFound) as caught:
            await em.backup_sessions.get(ONE)
        pool = em._pool
        shown = repr(em) + repr(em.__dict__) + repr(vars(pool)) + repr(caught.value)

    for secret in ("s3cret", TOKEN, SESSION_ID, "Basic "):
        assert secret not in shown


async def test_a_server_that_repeats_a_secret_brings_it_into_no_error() -> None:
    """Neither the token nor the id that it is made of."""
    echo = error(400, f"Bad header {TOKEN} of session {SESSION_ID}")
    async with talking(gets(echo)) as (em, _):
        with pytest.raises(
            BadRequest, match=r"Bad header .hidden. of session"
        ) as caught:
            await em.backup_sessions.get(ONE)

    shown = str(caught.value) + repr(caught.value) + str(caught.value.message)
    assert TOKEN not in shown
    assert SESSION_ID not in shown


# ---------------------------------------------------------------- closed


async def test_a_closed_client_says_how_to_open_it() -> None:
    """Asking before entering is misuse, not a failure of the network."""
    async with FaultServer(gets(GOOD)) as server:
        em = open_em(server)
        with pytest.raises(RuntimeError, match="async with EnterpriseManager"):
            await em.backup_sessions.get(ONE)
        async with em:
            pass
        with pytest.raises(RuntimeError, match="async with EnterpriseManager"):
            await em.backup_sessions.get(ONE)


@pytest.mark.ways
async def test_a_client_can_be_opened_anew() -> None:
    """Each time it logs on and out."""
    async with FaultServer(gets(GOOD)) as server:
        em = open_em(server)
        for _ in range(2):
            async with em:
                await em.backup_sessions.get(ONE)

    assert (server.count("POST"), server.count("DELETE")) == (2, 2)


async def test_a_logout_that_fails_disturbs_nobody() -> None:
    """The session would have ended by itself."""
    script = behind_logon([error(401, "gone")], logouts=[error(401, "gone")])
    async with talking(script):
        pass


async def test_a_decode_error_is_not_tried_again() -> None:
    """The server would only say the same again."""
    async with talking(gets(Answer(body=b'{"UID": 5}'))) as (em, server):
        with pytest.raises(DecodeError):
            await em.backup_sessions.get(ONE)

    assert server.count("GET") == 1
    assert isinstance(NotEnterpriseManager(url="u", found="f"), Exception)
