"""No secret shows that a server echoes in a good answer, in whatever spelling."""

from __future__ import annotations

import asyncio
import logging
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime

import attrs
import pytest

from tests.support.bodies import JOB, SESSION_ID, TOKEN, task, uuid_of
from tests.support.echoing_server import (
    BAD,
    ENCODINGS,
    LISTS,
    PASSWORD,
    SESSIONS,
    SPELLINGS,
    Document,
    EchoingServer,
    parts_of,
)
from tests.support.exposure import exposed, shows
from tests.support.fault_server import FaultServer
from tests.support.in_full import in_full
from tests.support.marked_server import USER
from tests.support.scripted import ScriptedServer
from tests.support.simulated import SOON
from veeam_async import (
    EnterpriseManager,
    Link,
    Retry,
    SessionFailed,
    TaskFailed,
    VeeamError,
)
from veeam_async.jobs.run import JobRun
from veeam_async.jobs.run_record import RunRecord, save
from veeam_async.pool.token import Token
from veeam_async.secret import Secrets

BASIC = b64encode(f"{USER}:{PASSWORD}".encode()).decode()
SECRETS = (PASSWORD, BASIC, TOKEN, SESSION_ID)
PARTS = tuple(part for secret in SECRETS for part in parts_of(secret))
ONE = uuid_of(1)
ONCE = Retry(attempts=1)

Call = Callable[[EnterpriseManager], Awaitable[object]]


async def echoes(
    document: Document, call: Call, spelling: str, encoding: str
) -> list[str]:
    """Where a secret shows in what *call* raises, or gives."""
    server = EchoingServer(document, encoding=encoding)
    places = []
    async with (
        FaultServer(server) as listening,
        EnterpriseManager(
            listening.url, username=USER, password=PASSWORD, retry=ONCE
        ) as em,
    ):
        for secret in SECRETS:
            server.text = SPELLINGS[spelling](secret)
            try:
                given = await call(em)
            except VeeamError as error:
                places += [f"{secret}: {each}" for each in exposed(error, PARTS)]
            else:
                places += [f"{secret}: {given}"] * shows(in_full(given), PARTS)
    return places


async def all_of(
    documents: Mapping[str, Document], calls: Mapping[str, Call], encoding: str
) -> dict[tuple[str, ...], list[str]]:
    """What shows of all *documents*, *calls* and spellings."""
    found: dict[tuple[str, ...], list[str]] = {}
    for document, make in documents.items():
        for name, call in calls.items():
            every = (echoes(make, call, each, encoding) for each in SPELLINGS)
            places = await asyncio.gather(*every)
            for spelling, each in zip(SPELLINGS, places, strict=True):
                if each:
                    found[document, name, spelling] = each
    return found


# ---------------------------------------------------------------- what has failed


def run_of(em: EnterpriseManager) -> JobRun:
    """A run whose session is known."""
    record = RunRecord(
        job_id=JOB,
        kind="BackupJobSession",
        started_at=datetime.now(UTC),
        session_id=ONE,
    )
    return em.jobs.resume(save(record))


FAILURES: dict[str, Call] = {
    "wait": lambda em: em.backup_sessions.wait(ONE, interval=SOON, check=True),
    "wait until": lambda em: em.backup_sessions.wait(
        ONE, interval=SOON, until="Working"
    ),
    "wait_all": lambda em: em.backup_sessions.wait_all(
        [ONE], interval=SOON, check=True
    ),
    "wait_any": lambda em: em.backup_sessions.wait_any(
        [ONE], interval=SOON, check=True
    ),
    "a run": lambda em: run_of(em).wait(interval=SOON, check=True),
}

LATE: dict[str, Call] = {
    "wait": lambda em: em.backup_sessions.wait(ONE, interval=SOON, timeout=0.3),
    "wait_all": lambda em: em.backup_sessions.wait_all(
        [ONE, uuid_of(2)], interval=SOON, timeout=0.3
    ),
    "a run": lambda em: run_of(em).wait(interval=SOON, timeout=0.3),
    "a run with retries": lambda em: run_of(em).wait(
        interval=SOON, retries=True, timeout=0.3
    ),
}
HAVE_ENDED = ("wait_all", "a run with retries")
"""Those that end late with a session that has ended before."""


@pytest.mark.parametrize("name", FAILURES)
async def test_a_session_that_failed_shows_no_secret(name: str) -> None:
    """Neither its error nor a variable on the way, whatever the server says of it."""
    told = {each: SESSIONS[each] for each in ("a failure message", "a name")}

    assert await all_of(told, {name: FAILURES[name]}, "utf-8") == {}


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_a_failed_session_in_another_encoding_shows_none(encoding: str) -> None:
    """In XML, where characters are escaped otherwise, as little."""
    told = {each: SESSIONS[each] for each in ("a failure message", "a session in XML")}

    assert await all_of(told, {"wait": FAILURES["wait"]}, encoding) == {}


@pytest.mark.parametrize("name", LATE)
async def test_a_deadline_shows_no_secret(name: str) -> None:
    """Neither of what has ended before, nor of what still runs."""
    document = "a name" if name in HAVE_ENDED else "a session that runs"
    told = {document: SESSIONS[document]}

    assert await all_of(told, {name: LATE[name]}, "utf-8") == {}


async def test_a_session_is_given_as_it_was_sent() -> None:
    """What an echo costs is the error alone: the session is the caller's own."""
    server = EchoingServer(SESSIONS["a failure message"], text=f"no {PASSWORD}")
    async with (
        FaultServer(server) as listening,
        EnterpriseManager(listening.url, username=USER, password=PASSWORD) as em,
    ):
        session = await em.backup_sessions.wait(ONE, interval=SOON)
        with pytest.raises(SessionFailed, match=r"failed: no \(hidden\)") as caught:
            await em.backup_sessions.wait(ONE, interval=SOON, check=True)

    assert session.failure_message == f"no {PASSWORD}"
    assert caught.value.session.failure_message == "no (hidden)"
    assert caught.value.session.id == session.id


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_a_task_that_failed_shows_no_secret(encoding: str) -> None:
    """Be it waited for alone, or by the run that it started."""
    calls: dict[str, Call] = {
        "wait": lambda em: em.tasks.wait("task-7", interval=SOON, timeout=9)
    }

    assert await all_of({"a session": SESSIONS["a name"]}, calls, encoding) == {}


async def started(em: EnterpriseManager) -> object:
    """Look for the session of a run whose start failed."""
    return await (await em.jobs.start(JOB)).session(interval=SOON)


@pytest.mark.parametrize("padding", ["", "x" * 70_000])
@pytest.mark.parametrize("spelling", ["as it is", "each character as JSON escapes it"])
@pytest.mark.parametrize(
    "call", [started, lambda em: em.tasks.wait("task-7", interval=SOON)]
)
async def test_a_start_that_failed_shows_no_secret(
    call: Call, spelling: str, padding: str
) -> None:
    """Nor does what is said at the end of a task that is read in a thread."""
    message = f"{padding} no {SPELLINGS[spelling](PASSWORD)}"
    failed = task(success=False, message=message)
    server = ScriptedServer(started=attrs.evolve(failed, status=202), tasks=[failed])
    async with (
        FaultServer(server) as listening,
        EnterpriseManager(listening.url, username=USER, password=PASSWORD) as em,
    ):
        with pytest.raises(TaskFailed) as caught:
            await call(em)

    assert exposed(caught.value, PARTS) == []


# ---------------------------------------------------------------- what cannot be read


READS: dict[str, Call] = {
    "get": lambda em: em.backup_sessions.get(ONE),
    "start": lambda em: em.jobs.start(JOB),
    "follow": lambda em: em.follow(
        Link(rel="Up", href="/api/jobs", type="JobReference")
    ),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("name", BAD)
async def test_what_is_no_session_shows_no_secret(name: str, encoding: str) -> None:
    """In its title, a name, a path, an excerpt or wherever else it is told of."""
    assert await all_of({name: BAD[name]}, {"get": READS["get"]}, encoding) == {}


@pytest.mark.parametrize("name", READS)
async def test_no_way_of_reading_shows_a_secret(name: str) -> None:
    """Whatever it is that is read."""
    told = {each: BAD[each] for each in ("a title", "a time", "an element")}

    assert await all_of(told, {name: READS[name]}, "utf-8") == {}


async def queried(em: EnterpriseManager) -> object:
    """Query, and give what was left out."""
    query = em.backup_sessions.query()
    assert [row async for row in query] == []
    return query.unreadable


async def watched(em: EnterpriseManager) -> object:
    """Watch everything, and give what is told of rows that cannot be read."""
    watch = em.backup_sessions.watch(strategy="query", interval=SOON, timeout=0)
    with suppress(TimeoutError):
        return [event async for event in watch]
    return None


LISTINGS: dict[str, Call] = {
    "query": queried,
    "strict": lambda em: anext(em.backup_sessions.query(strict=True)),
    "watch": watched,
    "references": lambda em: em.jobs.references(),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("name", LISTS)
async def test_a_list_that_cannot_be_read_shows_no_secret(
    name: str, encoding: str
) -> None:
    """Nor do its rows that are left out."""
    assert await all_of({name: LISTS[name]}, {"query": queried}, encoding) == {}


@pytest.mark.parametrize("name", LISTINGS)
async def test_what_is_told_of_a_list_shows_no_secret(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither an error nor the log."""
    caplog.set_level(logging.DEBUG, "veeam_async")
    told = {each: LISTS[each] for each in ("a UID", "a time")}

    assert await all_of(told, {name: LISTINGS[name]}, "utf-8") == {}
    assert [each for each in caplog.messages if shows(each, PARTS)] == []


# ---------------------------------------------------------------- the cleaning itself


def secrets_of(given: Iterable[str]) -> Secrets:
    """What a client hides that has *given*, and has a token."""
    return Secrets().add([*given, *Token(TOKEN.encode(), {}).secrets()])


@pytest.mark.parametrize(
    "secret",
    ["pässwört", "naïve-\u03a9mega", "Grüße!", "\u043f\u0430\u0440\u043e\u043b\u044c1"],
)
def test_a_secret_that_is_not_ascii_is_hidden_in_any_encoding(secret: str) -> None:
    """Also where a reader has lost what it could not decode."""
    secrets = secrets_of([secret])
    shown = {
        f"{written}, {read}": secrets.hide_text(f"<{text}>")
        for written in ("utf-8", "utf-16-le", "utf-16-be", "latin-1", "cp1252", "cp850")
        for read in ("utf-8", "latin-1", "ascii", "utf-16-le")
        if (text := secret.encode(written, "replace").decode(read, "replace"))
    }
    told = {
        name: text
        for name, text in shown.items()
        if shows(text.replace("\0", ""), tuple(parts_of(secret)))
    }

    assert told == {}
    assert secrets.hide_text("<naïve Größe>") == "<naïve Größe>"


@pytest.mark.parametrize("end", ["…", "'…", '"…', "..."])
def test_what_is_cut_off_in_quotes_is_hidden(end: str) -> None:
    """A few characters give it away where it says that there were more."""
    shown = secrets_of([PASSWORD]).hide_text(f"got 'xx {TOKEN[:9]}{end}, and more")

    assert shown == f"got 'xx (hidden){end}, and more"


async def test_a_large_error_is_cleaned_to_its_end() -> None:
    """Where it holds megabytes, of which the last lines repeat a secret."""
    escaped = SPELLINGS["each character as JSON escapes it"](TOKEN)
    error = VeeamError({"sessions": [{"name": "x" * 99} for _ in range(9999)]}, escaped)

    cleaned = secrets_of([]).clean(error)

    assert cleaned is error
    assert not shows(repr(error.args), SECRETS)
    assert "(hidden)" in str(error.args)

    long = VeeamError(f"{'x' * 99_999} {escaped}")
    assert not shows(repr(secrets_of([]).clean(long)), SECRETS)
