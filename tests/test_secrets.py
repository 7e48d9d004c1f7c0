"""No secret shows: in no error, log or file, and in no variable of a traceback."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterable
from itertools import product
from typing import Any
from urllib.parse import quote

import attrs
import pytest

from tests.support.bodies import (
    SESSION_ID,
    TOKEN,
    behind_logon,
    error,
    logon,
    session,
    uuid_of,
)
from tests.support.clients import FAST
from tests.support.exposure import exposed
from tests.support.fault_server import (
    Act,
    Answer,
    Asked,
    CutShort,
    FaultServer,
    Raw,
    Reset,
    Script,
    Stall,
    head,
)
from tests.support.repeating_server import DOCUMENTS, FORMS, repeating
from veeam_async import EnterpriseManager, Retry, Timeout, VeeamError

ONE = uuid_of(1)
USER, PASSWORD = "EM\\operator", 'M4rked/+s3cret & "x"'
BASIC = b64encode(f"{USER}:{PASSWORD}".encode()).decode()
SECRETS = (PASSWORD, BASIC, TOKEN, SESSION_ID)

NAME = "X-RestSvcSessionId"
ONCE = Retry(attempts=1)


def marked_em(server: FaultServer, **settings: Any) -> EnterpriseManager:
    """A client whose secrets are known."""
    given: dict[str, Any] = {
        "username": USER,
        "password": PASSWORD,
        "retry": FAST,
    } | settings
    return EnterpriseManager(server.url, **given)


async def caught_in(em: EnterpriseManager) -> BaseException:
    """What entering *em* and asking for a session raises."""
    with pytest.raises((VeeamError, TimeoutError, asyncio.CancelledError)) as caught:
        async with em:
            await em.backup_sessions.get(ONE)
    return caught.value


async def all_of(
    met: Callable[..., Awaitable[list[str]]], cases: Iterable[tuple[Any, ...]]
) -> dict[tuple[Any, ...], list[str]]:
    """The cases that show a secret, and where; all of them run at once."""
    given = list(cases)
    found = await asyncio.gather(*(met(*case) for case in given))
    return {case: places for case, places in zip(given, found, strict=True) if places}


# ---------------------------------------------------------------- faults

FAULTS: dict[str, Act] = {
    "reset": Reset(),
    "reset in the head": Reset(f"HTTP/1.1 200 X\r\n{NAME}: {TOKEN}".encode()),
    "reset in the body": Reset(head(201, {NAME: TOKEN, "Content-Length": "99"})),
    "cut short": CutShort(body=SESSION_ID.encode()),
    "no HTTP": Raw(f"{TOKEN} {BASIC}\r\n\r\n".encode()),
    "a bad status": Raw(f"HTTP/1.1 {TOKEN} {BASIC}\r\n\r\n".encode()),
    "a bad header": Raw(f"HTTP/1.1 200 X\r\n{TOKEN} {BASIC}\r\n\r\n".encode()),
    "a bad length": Raw(head(200, {"Content-Length": TOKEN})),
    "a bad chunk": Raw(head(200, {"Transfer-Encoding": "chunked"}) + TOKEN.encode()),
    "a head too large": Raw(head(200, {NAME: TOKEN * 2000})),
    "a body too large": Raw(head(200, {"Content-Length": "9999999"}) + TOKEN.encode()),
    "nothing": Stall(),
    "half a head": Stall(f"HTTP/1.1 200 X\r\n{NAME}: {TOKEN}".encode()),
    "half a body": Stall(head(200, {"Content-Length": "999"}) + SESSION_ID.encode()),
    "a bad answer": Answer(body=b'{"UID": 5}'),
    "another's answer": Answer(body=session(2)),
    "a 401": error(401, "no", **{"WWW-Authenticate": "Basic"}),
    "a 403": error(403, "no"),
    "a 404": error(404, "no"),
    "a 500": error(500, "no"),
    "a 503": error(503, "no"),
    "a page": Answer(body=b"<html><title>Sign in</title>", media_type="text/html"),
}
"""What a server does instead of answering well."""


@pytest.mark.ways
async def test_no_fault_shows_a_secret(way: str) -> None:
    """Whatever goes wrong at the logon, or at the request that follows it."""

    async def met(place: str, fault: str) -> list[str]:
        act = FAULTS[fault]
        script: Script = [act] if place == "logon" else behind_logon(lambda _: act)
        timeout = Timeout(connect=5, request=0.5)
        async with FaultServer(script) as server:
            settings: dict[str, Any] = {"timeout": timeout, "retry": ONCE}
            error = await caught_in(
                marked_em(server, max_body_size=100_000, **settings)
            )
        return exposed(error, SECRETS)

    assert await all_of(met, product(("logon", "get"), FAULTS)) == {}


# ---------------------------------------------------------------- ends of patience


def script_of(stage: str, reached: asyncio.Event) -> Script:
    """Let a client come as far as *stage*, and no further."""

    def choose(asked: Asked) -> Act:
        is_logon = asked.method == "POST"
        if asked.method == "DELETE":
            return Answer(status=204, body=b"")
        if is_logon and stage in ("get", "body", "head", "pause"):
            return logon()
        reached.set()
        if stage in ("pause", "logon pause"):
            return error(503, "later", **{"Retry-After": "60"})
        if stage in ("body", "logon body"):
            named = {"X-RestSvcSessionId": TOKEN, "Content-Length": "4096"}
            return Stall(head(201 if is_logon else 200, named) + SESSION_ID.encode())
        if stage in ("head", "logon head"):
            return Stall(f"HTTP/1.1 201 X\r\nX-RestSvcSessionId: {TOKEN}".encode())
        return Stall()

    return choose


End = Callable[[Any, asyncio.Event], Awaitable[None]]

ENDED = (TimeoutError, asyncio.CancelledError, BaseExceptionGroup)
STAGES = (
    *("logon", "logon head", "logon body", "logon pause"),
    *("get", "head", "body", "pause"),
)


async def by_timeout(work: Any, reached: asyncio.Event) -> None:
    """End *work* by a time-out that begins once its stage is *reached*."""
    task = asyncio.current_task()
    assert task is not None
    async with asyncio.timeout(None) as limit:

        async def expire() -> None:
            await reached.wait()
            await asyncio.sleep(0.05)
            limit.reschedule(0)

        async with asyncio.TaskGroup() as group:
            group.create_task(expire())
            await work


async def by_wait_for(work: Any, reached: asyncio.Event) -> None:
    """End *work* by `asyncio.wait_for`, whose time is over when it is *reached*."""
    task = asyncio.ensure_future(work)
    await reached.wait()
    await asyncio.sleep(0.05)
    await asyncio.wait_for(task, 0.01)


async def by_cancel(work: Any, reached: asyncio.Event) -> None:
    """End *work* by cancelling its task."""
    task = asyncio.ensure_future(work)
    await reached.wait()
    await asyncio.sleep(0.05)
    task.cancel("enough")
    await task


@pytest.mark.ways
async def test_no_end_of_patience_shows_a_secret(way: str) -> None:
    """Nor the error of a call that its caller ends, wherever it has come to."""

    async def met(end: End, stage: str) -> list[str]:
        reached = asyncio.Event()
        async with (
            FaultServer(script_of(stage, reached)) as server,
            marked_em(server, lazy=True) as em,
        ):
            with pytest.raises(ENDED) as caught:
                await end(em.backup_sessions.get(ONE), reached)
        return exposed(caught.value, SECRETS)

    ends = (by_timeout, by_wait_for, by_cancel)
    assert await all_of(met, product(ends, STAGES)) == {}


async def test_no_end_of_patience_in_a_handshake_shows_a_secret(way: str) -> None:
    """TLS that never comes about holds nothing to show either."""
    async with FaultServer([Stall()]) as server:
        em = EnterpriseManager(
            server.url.replace("http:", "https:"), username=USER, password=PASSWORD
        )
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(0.2):
                await em.__aenter__()

    assert exposed(caught.value, SECRETS) == []


# ---------------------------------------------------------------- what is repeated


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("document", DOCUMENTS)
async def test_no_error_repeats_what_a_server_repeats(form: str, document: str) -> None:
    """In whatever form, body and place a server shows what it was sent."""
    found = {}
    for status in (200, 302, 400, 401, 404, 500):
        for at_logon in (True, False):
            script = repeating(status, document, FORMS[form], at_logon=at_logon)
            async with FaultServer(script) as server:
                met = await caught_in(marked_em(server))
            if places := exposed(met, SECRETS):
                found[status, at_logon] = places, str(met)

    assert found == {}


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_no_error_shows_what_a_proxy_is_told(scheme: str) -> None:
    """Its password is hidden also where the proxy itself repeats it."""
    logon_at_proxy = b64encode(f"user:{PASSWORD}".encode("latin-1")).decode()
    secrets = (*SECRETS, logon_at_proxy)
    found = {}
    for name, form in FORMS.items():
        script = repeating(502, "page", form, at_logon=True)
        async with FaultServer(script) as proxy:
            place = f"user:{quote(PASSWORD, safe='')}@127.0.0.1:{proxy.port}"
            em = EnterpriseManager(
                f"{scheme}://em.invalid:9398",
                username=USER,
                password=PASSWORD,
                proxy=f"http://{place}",
                retry=ONCE,
            )
            met = await caught_in(em)
        if places := exposed(met, secrets):
            found[name] = places, str(met)

    assert found == {}


# ---------------------------------------------------------------- arguments


WRONG: dict[str, dict[str, Any]] = {
    "a URL": {"url": "ftp://em.invalid"},
    "a CA file": {"tls": "/nowhere/ca.pem"},
    "a user": {"username": "a:b"},
    "a format": {"accept": "yaml"},
    "a time-out": {"timeout": 5},
    "a password": {"password": f"{PASSWORD}\ud800"},
    "a password of bytes": {"password": PASSWORD.encode()},
    "a proxy": {"proxy": f"{quote(PASSWORD)}://user:{quote(PASSWORD)}@proxy.invalid"},
    "a proxy's user": {"proxy": f"http://a%3Ab:{quote(PASSWORD)}@127.0.0.1:3128"},
}


@pytest.mark.parametrize("wrong", WRONG)
def test_no_argument_that_is_refused_shows_a_secret(wrong: str) -> None:
    """Be it itself the one, or only beside it."""
    given: dict[str, Any] = {
        "url": "https://em.invalid",
        "username": USER,
        "password": PASSWORD,
        "proxy": f"http://user:{quote(PASSWORD)}@127.0.0.1:3128",
    }
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - any refusal will do
        EnterpriseManager(**(given | WRONG[wrong]))

    assert exposed(caught.value, SECRETS) == []


@attrs.frozen
class Vault:
    """Holds a password, and shows it."""

    password: str

    def read(self) -> str:
        """Give it."""
        return self.password

    async def late(self) -> str:
        """Give it later."""
        await asyncio.sleep(0)
        return self.password

    def text(self) -> object:
        """Give what is no text."""
        return [self.password]

    def fail(self) -> str:
        """Fail."""
        raise LookupError("the vault is sealed")


@pytest.mark.parametrize("kind", ["read", "late", "text", "fail"])
async def test_a_callable_shows_no_password(kind: str) -> None:
    """Whatever its repr shows, and however the call or the logon ends."""
    script = [error(401, "no", **{"WWW-Authenticate": "Basic"})]
    async with FaultServer(script) as server:
        em = marked_em(server, password=getattr(Vault(PASSWORD), kind))
        with pytest.raises((VeeamError, ValueError)) as caught:
            await em.__aenter__()

    assert exposed(caught.value, SECRETS) == []
