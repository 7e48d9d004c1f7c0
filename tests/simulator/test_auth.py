import asyncio
import base64
import re
from typing import Any

import pytest

from veeam_async.simulator import Simulator
from veeam_async.simulator.auth import LogonRegistry
from veeam_async.simulator.request import RefusalError

HEADER = "X-RestSvcSessionId"
BASIC = "Basic " + base64.b64encode(b"veeam:simulator").decode()


class ManualTime:
    """A clock in seconds that moves by hand."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def registry(time: ManualTime, idle_seconds: float = 900) -> LogonRegistry:
    """Logon sessions that age by *time*."""
    return LogonRegistry(
        username="veeam",
        password="simulator",
        seed=7,
        idle_seconds=idle_seconds,
        time=time,
    )


async def test_the_root_needs_no_token(simulator: Simulator, connect: Any) -> None:
    """Anybody may read the root, at /api and /api/, which doubles its list's key."""
    caller = await connect(simulator, is_logged_on=False)

    for path in ("", "/"):
        root = (await caller.get(path)).json
        versions = root["supportedVersions"]["supportedVersions"]

        assert [version["name"] for version in versions] == ["v1_5", "v1_6", "v1_7"]


async def test_a_logon_answers_201_with_header_cookie_and_body(
    simulator: Simulator, connect: Any
) -> None:
    """The token is base64 of the SessionId's text, in the header and in the cookie."""
    caller = await connect(simulator, is_logged_on=False)
    reply = await caller.log_on()
    body = reply.json

    assert reply.status == 201
    assert len(reply.headers[HEADER]) == 48
    assert body["sessionId"] == base64.b64decode(reply.headers[HEADER]).decode()
    assert (
        f"{HEADER}={reply.headers[HEADER]}; Path=/api;" == reply.headers["Set-Cookie"]
    )
    assert body["type"] == "LogonSession"


async def test_the_logon_shows_the_ways_on(caller: Any) -> None:
    """The body links to the collections, and to its own end with Rel Delete."""
    body = (await caller.log_on()).json
    ways = {(link["rel"], link["type"]): link["href"] for link in body["links"]}

    assert ways["Delete", None].endswith(f"/logonSessions/{body['sessionId']}")
    assert ways["Down", "BackupJobSessionList"].endswith(
        "/backupSessions?format=Entity"
    )
    assert ways["Down", "TaskList"].endswith("/tasks")
    assert ways["Down", "QueryService"].endswith("/querySvc")


@pytest.mark.parametrize(
    "path", ["/sessionMngr", "/sessionMngr/", "/sessionMngr/?v=v1_7", "/SESSIONMNGR/"]
)
async def test_the_version_of_a_logon_may_be_left_out(caller: Any, path: str) -> None:
    """A logon works without ?v=, with a known version, and in any case."""
    assert (await caller.log_on(path=path)).status == 201


async def test_an_unknown_version_is_refused(caller: Any) -> None:
    """A version that the product does not have is a bad request."""
    assert (await caller.log_on(path="/sessionMngr/?v=v1_3")).status == 400


@pytest.mark.parametrize(
    "user", ["veeam", "VEEAM", "DOMAIN\\veeam", "veeam@lab.internal"]
)
async def test_a_user_may_bring_a_domain(caller: Any, user: str) -> None:
    """A user configured without a domain logs on with any, in any case."""
    assert (await caller.log_on(user=user)).status == 201


async def test_credentials_are_utf8(connect: Any) -> None:
    """User and password are taken as UTF-8, colons in the password included."""
    async with Simulator(username="TECH\\jürgen", password="pä:ß€") as simulator:
        caller = await connect(simulator, is_logged_on=False)

        assert (await caller.log_on()).status == 201
        assert (await caller.log_on(user="jürgen")).status == 401


@pytest.mark.parametrize(
    "authorization", [None, "Bearer x", "Basic !", "Basic dmVlYW06d3Jvbmc="]
)
async def test_a_bad_logon_is_401_with_the_realm(
    simulator: Simulator, connect: Any, authorization: str | None
) -> None:
    """Wrong, missing and unreadable credentials are all told the realm."""
    caller = await connect(simulator, is_logged_on=False)
    headers = {"Authorization": authorization} if authorization else {}
    reply = await caller.send("POST", "/sessionMngr/?v=latest", **headers)

    assert reply.status == 401
    assert reply.headers["WWW-Authenticate"] == "Basic Realm=RestSvc"
    assert HEADER not in reply.headers


async def test_nothing_but_the_root_is_given_without_a_token(
    simulator: Simulator, connect: Any
) -> None:
    """A missing and an unknown token are both 401."""
    caller = await connect(simulator, is_logged_on=False)

    assert (await caller.get("/backupSessions")).status == 401
    caller.token = "bm9uZQ=="
    assert (await caller.get("/backupSessions")).status == 401


async def test_the_cookie_beats_the_header(caller: Any) -> None:
    """Where a cookie and a header are sent the header is ignored."""
    good = caller.token
    path = "/logonSessions"

    assert (await caller.send("GET", path, Cookie=f"{HEADER}={good}")).status == 200
    assert (await caller.send("GET", path, Cookie=f"{HEADER}=stale")).status == 401
    caller.token = "stale"
    assert (await caller.send("GET", path, Cookie=f"{HEADER}={good}")).status == 200


async def test_logging_out_kills_the_token(simulator: Simulator, caller: Any) -> None:
    """The Delete link answers 204 without a body, the token is dead afterwards."""
    [session] = (await caller.get("/logonSessions")).json["logonSessions"]
    path = f"/logonSessions/{session['sessionId']}"

    assert (await caller.get(path)).status == 200
    reply = await caller.send("DELETE", path)
    assert (reply.status, reply.body) == (204, b"")
    assert (await caller.get("/backupSessions")).status == 401
    assert (
        simulator.stats.logons,
        simulator.stats.logouts,
        simulator.stats.tokens_alive,
    ) == (1, 1, 0)


async def test_an_unknown_logon_session_is_a_server_fault(caller: Any) -> None:
    """Asking for a logon session that is not there gives 500, as the real one does."""
    assert (await caller.get("/logonSessions/none")).status == 500
    assert (await caller.send("DELETE", "/logonSessions/none")).status == 500


async def test_an_idle_token_dies(
    connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token that was not used for too long is dead, one that was used lives on."""
    loop, passed = asyncio.get_running_loop(), [0.0]
    real = loop.time
    monkeypatch.setattr(loop, "time", lambda: real() + passed[0])
    async with Simulator(sessions=0, running=0, idle_seconds=8) as simulator:
        caller = await connect(simulator)
        assert simulator.stats.tokens_alive == 1
        for _ in range(2):
            passed[0] += 5
            assert (await caller.get("/tasks")).status == 200
        passed[0] += 9

        assert (await caller.get("/tasks")).status == 401
        assert simulator.stats.tokens_alive == 0


def test_idleness_begins_anew_with_each_use() -> None:
    """To the second: the one before the last it lives, at the last it is dead."""
    time = ManualTime()
    logons = registry(time, idle_seconds=900)
    logon = logons.open(BASIC)
    for _ in range(3):
        time.now += 899
        assert logons.authenticate(logon.token) is logon
    time.now += 900

    with pytest.raises(RefusalError, match="expired"):
        logons.authenticate(logon.token)
    assert logons.living() == []


async def test_simulated_time_does_not_age_a_token(
    simulator: Simulator, caller: Any
) -> None:
    """Idleness is counted in real seconds."""
    simulator.advance(86_400)

    assert (await caller.get("/tasks")).status == 200


async def test_tokens_can_be_expired(simulator: Simulator, caller: Any) -> None:
    """`expire_tokens` ends every logon session; a new logon gives another token."""
    old = caller.token
    simulator.expire_tokens()

    assert (await caller.get("/tasks")).status == 401
    await caller.log_on()
    assert old != caller.token
    assert (await caller.get("/tasks")).status == 200


async def test_secrets_stay_out_of_the_repr(simulator: Simulator, caller: Any) -> None:
    """No repr shows the password, the token or what it is made of."""
    logons = registry(ManualTime())
    logon = logons.open(BASIC)
    text = f"{simulator!r} {simulator.stats!r} {logons!r} {logon!r}"
    id_ = base64.b64decode(caller.token).decode()

    assert logon.token == caller.token
    assert not re.search(f"{id_}|{simulator.password!r}|{caller.token}", text)
