"""No secret shows: in no error, log or file, and in no variable of a traceback."""

from __future__ import annotations

import asyncio
import json
import logging
import pickle
import ssl
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterable
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import quote

import attrs
import pytest

from tests.support.bodies import JOB, SESSION_ID, TOKEN, behind_logon, error, logon
from tests.support.clients import FAST
from tests.support.echoing_server import DOCUMENTS, FORMS, repeating
from tests.support.exposure import exposed, shows
from tests.support.fault_server import (
    Act,
    Answer,
    Asked,
    FaultServer,
    Script,
    Stall,
    head,
)
from tests.support.in_full import in_full
from tests.support.marked_server import (
    FAILED,
    FAULTS,
    ONE,
    PASSWORD,
    SECRETS,
    SILENT,
    USER,
    MarkedServer,
)
from tests.support.simulated import SOON
from veeam_async import (
    CheckpointFile,
    EnterpriseManager,
    Link,
    Retry,
    Timeout,
    VeeamError,
    to_dict,
)
from veeam_async.errors import Json
from veeam_async.secret import Secrets

HREF = f"https://em.internal/api/backupSessions/{ONE}?format=Entity"
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
        # Before it has logged on, no token is its own.
        return exposed(error, SECRETS[:2] if place == "logon" else SECRETS)

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


@pytest.mark.parametrize("length", [16, 20, 30, 48])
@pytest.mark.parametrize("form", [name for name in FORMS if name != "cut off"])
def test_what_a_server_cuts_off_is_hidden(form: str, length: int) -> None:
    """The beginning of a token is no more shown than all of it."""
    secrets = Secrets().add([TOKEN, SESSION_ID])
    shown = secrets.hide_text(f"You sent {FORMS[form](TOKEN[:length])}... to us")

    assert not shows(shown, (TOKEN[: length - 2],))
    assert shown.startswith("You sent ")
    assert shown.endswith(" to us")


def test_what_is_no_secret_is_left_alone() -> None:
    """Be it escaped or not; a text of a few characters is no secret."""
    secrets = Secrets().add([TOKEN, PASSWORD, "no"])
    text = "no %41 &amp; \\u0041 … 100% \ud83d\ude00 \udcff"

    assert secrets.hide_text(text) == text
    assert secrets.hide(b"\xff\0%") == b"\xff\0%"


def test_old_secrets_are_forgotten_and_lasting_ones_are_not() -> None:
    """A client that logs on for years does not gather its tokens."""
    secrets = Secrets(["for ever"]).add(["the first"])
    for number in range(1000):
        secrets.add([f"secret {number}"])

    shown = secrets.hide_text("for ever, the first, secret 999")

    assert shown == "(hidden), the first, (hidden)"


# ---------------------------------------------------------------- arguments


WRONG: dict[str, dict[str, Any]] = {
    "a URL": {"url": "ftp://em.invalid"},
    "a URL with a password": {"url": f"https://u:{quote(PASSWORD)}@em.invalid"},
    "a URL with a bare password": {"url": f"https://u:{PASSWORD}@em.invalid"},
    "a password in an odd URL": {
        "url": f"https://u:{quote(PASSWORD)}\u2100@em.invalid"
    },
    "a password in a bad URL": {"url": f"https://u:{quote(PASSWORD)}@[em.invalid"},
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


# ---------------------------------------------------------------- a full run


class Run:
    """All that a client does, once for each fault; what it meets and gives is kept."""

    def __init__(self, em: EnterpriseManager, folder: Path) -> None:
        self.errors: list[VeeamError] = []
        self.shown: list[object] = []
        self._em = em
        self._sessions = em.backup_sessions
        self._record = (folder / "record").open("a", encoding="utf-8")
        self._checkpoint = CheckpointFile(folder / "checkpoint")

    @property
    def steps(self) -> tuple[Callable[[], Awaitable[object]], ...]:
        """What can be done with a client, each meeting requests of its own."""
        return (
            lambda: self._sessions.get(ONE),
            self._fetch,
            lambda: anext(self._sessions.query()),
            self._sessions.references,
            self._watch,
            lambda: self._sessions.wait(FAILED, interval=SOON, check=True, timeout=9),
            lambda: self._sessions.stop(ONE),
            lambda: self._sessions.task_sessions(ONE),
            self._start,
            lambda: self._em.tasks.wait("task-7", interval=SOON),
            lambda: self._em.follow(Link(rel="Up", href=HREF, type="BackupJobSession")),
        )

    async def take(self, step: Callable[[], Awaitable[object]]) -> None:
        """Do one thing, and keep what comes of it."""
        try:
            self.shown.append(await step())
        except VeeamError as met:
            self.errors.append(met)

    def close(self) -> None:
        """Close the recording."""
        self._record.close()

    async def _fetch(self) -> None:
        async for fetched in self._sessions.fetch([ONE, FAILED]):
            self.shown.append(fetched)
            if fetched.error is not None:
                self.errors.append(fetched.error)

    async def _watch(self) -> None:
        def record(line: Json) -> None:
            self._record.write(f"{json.dumps(line)}\n")

        settings: dict[str, Any] = {"interval": SOON, "patience": 0.0, "timeout": 9}
        async for event in self._sessions.watch(
            [ONE, FAILED], record=record, **settings
        ):
            self.shown += [event, to_dict(event), pickle.dumps(event)]
            break
        watch = self._sessions.watch([ONE, FAILED], record=record, **settings)
        async for event in watch:
            self.shown += [event, to_dict(event), pickle.dumps(event)]
            await asyncio.to_thread(self._checkpoint.save, watch.checkpoint())

    async def _start(self) -> None:
        run = await self._em.jobs.start(JOB)
        self.shown += [run, run.to_dict(), await run.session()]


def files_in(folder: Path) -> list[bytes]:
    """All that was written below *folder*."""
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


@pytest.mark.timeout(120)  # some three hundred cases
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_full_run_shows_no_secret(
    *,
    way: str,
    scheme: str,
    tls_everywhere: tuple[ssl.SSLContext, Path],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Whatever is done, each fault in it, and all of the loop written down."""
    context = tls_everywhere[0] if scheme == "https" else None
    ca_file = tls_everywhere[1]
    caplog.set_level(logging.DEBUG)
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = 0  # each callback is logged, with its arguments

    async def done(fault: str) -> tuple[MarkedServer, Run]:
        marked, folder = MarkedServer(), tmp_path / fault.replace(" ", "_")
        await asyncio.to_thread(folder.mkdir)
        is_silent = fault in SILENT
        settings: dict[str, Any] = {
            "timeout": Timeout(connect=9, request=3 if is_silent else 9),
            "max_body_size": 100_000,
            "tls": str(ca_file),
        }
        async with (
            FaultServer(marked, context=context) as server,
            marked_em(server, **settings) as em,
        ):
            run = Run(em, folder)
            # Each of them would last for the whole time of a request.
            for step in run.steps[:5] if is_silent else run.steps:
                marked.fault = FAULTS[fault]
                await run.take(step)
            run.close()
        return marked, run

    runs = await asyncio.gather(*map(done, FAULTS))
    loop.set_debug(False)
    secrets = sorted({secret for marked, _ in runs for secret in marked.secrets})
    written = await asyncio.to_thread(files_in, tmp_path)
    told = "".join([caplog.text, *capfd.readouterr(), repr(written)])

    assert all(marked.struck > 3 for marked, _ in runs)
    assert len(written) == 2 * len(FAULTS)
    assert "Executing" in told
    found = [told.index(secret) for secret in secrets if secret in told]
    assert [told[max(0, at - 300) : at + 100] for at in found] == []
    for _marked, run in runs:
        assert [places for met in run.errors if (places := exposed(met, secrets))] == []
        assert [
            each for each in run.shown if shows(in_full(each), tuple(secrets))
        ] == []
