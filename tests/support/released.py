"""What a release is known by: texts and plain JSON, made through public doors alone.

Each function gives what JSON can hold and is deterministic, so that what one release
gave can be kept in a file and compared with what another one gives: it imports nothing
that a release may move.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import os
import pickle
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unittest import mock
from uuid import UUID

import aiohttp
import attrs

import veeam_async
from tests.support.in_full import in_full
from veeam_async import (
    BackupJobSession,
    BackupTaskSession,
    EnterpriseManager,
    EntityRef,
    EventKind,
    F,
    Fetched,
    Fingerprint,
    HealthChanged,
    Job,
    JobSessions,
    Link,
    ReplicaJobSession,
    RequestDone,
    RestoreSession,
    Retry,
    Session,
    SessionChanged,
    SessionGone,
    SessionState,
    Task,
    Timeout,
    WatchStats,
    from_dict,
    parse_id,
    to_dict,
)
from veeam_async.__main__ import main
from veeam_async.simulator import Faults, Simulator

START = datetime(2026, 3, 2, 21, 0, tzinfo=UTC)
PUBLIC_URL = "https://em.example.com:9398"
"""What the Hrefs of a simulated server begin with, whatever port it has."""

ONE = UUID("88b395e2-81ff-439c-558c-188d97274c15")
TWO = UUID("d46e39e0-1131-4585-91a7-e828ce7eafae")

COMMANDS = (
    *("demo", "doctor", "check", "jobs", "simulate", "get", "references", "query"),
    *("fetch", "watch", "wait", "run", "replay", "stop", "tasks", "bench", "profile"),
    "completion",
)

KINDS: dict[str, Any] = {
    "BackupJobSession": BackupJobSession,
    "ReplicaJobSession": ReplicaJobSession,
    "RestoreSession": RestoreSession,
}


def server(**settings: Any) -> Simulator:
    """A simulated server that is the same each time, and whose time stands still."""
    fixed: dict[str, Any] = {
        "sessions": 6,
        "running": 2,
        "speed": 0,
        "seed": 11,
        "start": START,
    }
    return Simulator(**(fixed | {"public_url": PUBLIC_URL} | settings))


def client(simulator: Simulator, **settings: Any) -> EnterpriseManager:
    """A client that sends one request after the other, each of them once."""
    given: dict[str, Any] = {"max_connections": 1, "retry": Retry(attempts=1)}
    return EnterpriseManager(
        simulator.url,
        username=simulator.username,
        password=simulator.password,
        **(given | settings),
    )


def alone() -> EnterpriseManager:
    """A client that nobody opens."""
    return EnterpriseManager("http://127.0.0.1:9399", username="veeam", password="x")


def sessions_of(em: EnterpriseManager, kind: str) -> JobSessions[Any]:
    """The resource of the sessions of a *kind*."""
    if kind == "ReplicaJobSession":
        return em.replica_sessions
    return em.restore_sessions if kind == "RestoreSession" else em.backup_sessions


# ---------------------------------------------------------------- values


def _session(kind: Any = BackupJobSession, **changes: Any) -> Any:
    given = {
        "uid": f"urn:veeam:{kind.__name__}:{ONE}",
        "name": "SAP HANA@2026-03-02 21:00:00",
        "job_type": "Backup",
        "creation_time": START,
        "state": "Working",
    }
    return kind(**(given | changes))


def _link() -> Link:
    return Link(
        rel="Up",
        href=f"{PUBLIC_URL}/api/jobs/{TWO}",
        name="SAP HANA",
        type="JobReference",
    )


def _models() -> dict[str, Any]:
    ended = {
        "href": f"{PUBLIC_URL}/api/backupSessions/{ONE}?format=Entity",
        "links": (_link(), Link(rel="Down", href="x")),
        "end_time": START + timedelta(minutes=5, microseconds=120),
        "state": SessionState.STOPPED,
        "result": "Failed",
        "progress": 100,
        "failure_message": 'Zeile 1\r\n\t"zwei" \u2013 ✓',
    }
    of_job = {"job_uid": f"urn:veeam:Job:{TWO}", "job_name": "SAP", "is_retry": True}
    east = timezone(timedelta(hours=5, minutes=30))
    task = Task(
        task_id="task-12",
        state="Running",
        operation="StartJob",
        links=(Link(rel="Related", href="y", type="BackupJobSessionReference"),),
    )
    busy: dict[str, Any] = {"result": {"success": False, "message": "busy"}}
    return {
        "backup, running": _session(),
        "backup, ended": _session(**ended, **of_job),
        "backup, unknown values": _session(
            state="Dreaming", result="Odd", job_type="?"
        ),
        "backup, another zone": _session(creation_time=START.astimezone(east)),
        "replica": _session(ReplicaJobSession, **ended, **of_job),
        "restore": _session(RestoreSession, vm_display_name="srv-1", **ended),
        "session": _session(Session),
        "task session": BackupTaskSession(
            uid=f"urn:veeam:BackupTaskSession:{ONE}",
            name="srv-1@2026",
            job_session_uid=f"urn:veeam:BackupJobSession:{TWO}",
            creation_time=START,
            end_time=START + timedelta(seconds=1),
            state="Completed",
            result="Warning",
            reason="slow",
            total_size=2**41,
            vm_uid="urn:veeam:Vm:x",
            vm_display_name="srv-1",
        ),
        "job": Job(
            uid=f"urn:veeam:Job:{TWO}",
            name="SAP HANA",
            job_type="Backup",
            platform="VMware",
            description="nightly",
            schedule_configured=True,
            schedule_enabled=True,
            next_run=START,
        ),
        "reference": EntityRef(
            uid=f"urn:veeam:Job:{TWO}", name="x", type="JobReference"
        ),
        "link": _link(),
        "task": task,
        "task, failed": from_dict(Task, to_dict(task) | busy),
        "fetched": Fetched(id=ONE, session=_session()),
        "fetched, failed": Fetched(id="nonsense", error=_errors()["InvalidId"]),
        "request": RequestDone("GET", "/jobs/{id}", 200, 0.25, 1, 17),
        "stats": WatchStats(
            polls=1, requests=2, rows=3, events=4, latest_delay=0.5, behind=0.0
        ),
        "time-out": Timeout(),
        "retry": Retry(),
    }


def models() -> dict[str, Any]:
    """JSON of each kind of model, what is made from it again, and what it says."""
    found: dict[str, Any] = {}
    for name, model in _models().items():
        again = told(partial(_comes_back, model))
        found[name] = {"json": to_dict(model), "repr": in_full(model), "again": again}
        for given in ("id", "job_id", "duration", "is_stopped", "is_completed"):
            if hasattr(model, given):
                found[name][given] = str(getattr(model, given))
    return found


def _comes_back(model: Any) -> bool:
    return bool(from_dict(type(model), to_dict(model)) == model)


def events() -> dict[str, Any]:
    """JSON of each kind of event."""
    before, after = _session(), _session(state="Stopping", progress=90)
    at: dict[str, Any] = {"observed_at": START, "sequence": 7}
    changed: dict[str, Any] = {"id": ONE, "session": after, **at}
    made: dict[str, Any] = {
        "found": SessionChanged(
            kind=EventKind.FOUND,
            previous=None,
            not_before=None,
            skipped=False,
            **changed,
        ),
        "gone": SessionGone(id=ONE, session=before, **at),
        "gone, never seen": SessionGone(id=ONE, session=None, **at),
    }
    for kind in (EventKind.CHANGED, EventKind.PROGRESSED, EventKind.STOPPED):
        made[kind.lower()] = SessionChanged(
            kind=kind, previous=before, not_before=START, skipped=True, **changed
        )
    for name, error in _errors().items():
        made[f"degraded by {name}"] = HealthChanged(
            kind=EventKind.DEGRADED, id=ONE, error=error, since=START, **at
        )
    made["recovered"] = HealthChanged(
        kind=EventKind.RECOVERED, id=None, error=None, since=START, **at
    )
    return {name: to_dict(event) for name, event in made.items()}


# ---------------------------------------------------------------- errors


def _errors() -> dict[str, Any]:
    api: dict[str, Any] = {"method": "GET", "url": f"{PUBLIC_URL}/api/jobs/{ONE}"}
    made: dict[str, Any] = {
        "VeeamError": veeam_async.VeeamError("what happened"),
        "InvalidId": veeam_async.InvalidId("nonsense"),
        "ConnectionFailed": veeam_async.ConnectionFailed("reset by peer"),
        "CertificateError": veeam_async.CertificateError(
            "self-signed", fingerprint="ab" * 32, advice="trust it"
        ),
        "RequestTimeout": veeam_async.RequestTimeout("too late", sent=False),
        "DecodeError": veeam_async.DecodeError(
            media_type="application/json",
            kind="Job",
            problems=tuple(f"problem {n}" for n in range(7)),
            excerpt='{"Name"',
        ),
        "BodyTooLarge": veeam_async.BodyTooLarge(1024),
        "NotEnterpriseManager": veeam_async.NotEnterpriseManager(
            url=PUBLIC_URL, found="a page about cats"
        ),
        "DeadlineExceeded": veeam_async.DeadlineExceeded(active=(ONE,), checkpoint={}),
        "SessionFailed": veeam_async.SessionFailed(_session(failure_message="a\nb")),
        "SessionFailed, wanted": veeam_async.SessionFailed(_session(), wanted="Paused"),
        "TaskFailed": veeam_async.TaskFailed(
            from_dict(
                Task,
                {
                    "task_id": "task-1",
                    "state": "Finished",
                    "operation": "StartJob",
                    "result": {"success": False, "message": "no licence"},
                },
            )
        ),
        "StartUnconfirmed": veeam_async.StartUnconfirmed(TWO, checkpoint={"a": 1}),
        "SessionMissing": veeam_async.SessionMissing(
            TWO, seconds=300, reason="task-1 is still Running", checkpoint={"a": 1}
        ),
    }
    for status, name in (
        *(
            (400, "BadRequest"),
            (401, "AuthenticationFailed"),
            (403, "PermissionDenied"),
        ),
        *((404, "NotFound"), (500, "ServerError"), (503, "ServiceUnavailable")),
        *((418, "ApiError"),),
    ):
        kind = getattr(veeam_async, name)
        made[name] = kind(status=status, message=None, retry_after=2.5, **api)
        made[f"{name}, said"] = kind(
            status=status, message="it\nsays\x07 so" * 60, advice="ask", **api
        )
    return made


def errors() -> dict[str, Any]:
    """What each error says and knows, and that a process can hand it to another."""
    found = {}
    for name, error in _errors().items():
        again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
        known = {k: in_full(v) for k, v in vars(error).items() if not k.startswith("_")}
        assert str(again) == str(error), name
        assert in_full(vars(again)) == in_full(vars(error)), name
        found[name] = {"text": str(error), "repr": repr(error), "known": known}
    return found


def told(call: Callable[[], object]) -> str:
    """What *call* raises, or gives, as text."""
    try:
        return f"gives {call()!r}"
    except Exception as error:  # noqa: BLE001 - whatever it is, it is to stay that
        return f"{type(error).__name__}: {error}"


async def refusals() -> dict[str, str]:
    """What is said about wrong arguments, before anything is sent."""
    em = alone()
    sessions, manager = em.backup_sessions, EnterpriseManager
    url = "http://em"

    def made(**settings: Any) -> EnterpriseManager:
        return manager(**({"url": url, "username": "u", "password": "p"} | settings))

    now = datetime(2026, 3, 2, tzinfo=UTC).replace(tzinfo=None)
    calls: dict[str, Callable[[], object]] = {
        **{f"parse {one!r}": partial(parse_id, one) for one in _IDS},
        **{f"url {one!r}": partial(made, url=one) for one in _URLS},
        "username": lambda: made(username=""),
        "accept": lambda: made(accept="yaml"),
        "connections": lambda: made(max_connections=0),
        "transport": lambda: made(transport="curl"),
        "body size": lambda: made(max_body_size=0),
        "proxy": lambda: made(proxy="nowhere"),
        "tls": lambda: made(url="https://em", tls=7),
        "fingerprint": lambda: Fingerprint("ab"),
        "time-out": lambda: Timeout(connect=0),
        "retry": lambda: Retry(attempts=0),
        "watch one": lambda: sessions.watch(str(ONE)),
        "watch ids and where": lambda: sessions.watch([ONE], where="a"),
        "watch by state": lambda: sessions.watch(where=F.state == "Working"),
        "watch by state's text": lambda: sessions.watch(where='Name=="x";State=="y"'),
        "watch where": lambda: sessions.watch(where=7),  # type: ignore[arg-type]  # on purpose
        "watch how": lambda: sessions.watch([ONE], strategy="look"),  # type: ignore[arg-type]  # on purpose
        "watch by get and where": lambda: sessions.watch(where="a", strategy="get"),
        "watch interval": lambda: sessions.watch([ONE], interval=0),
        "watch patience": lambda: sessions.watch([ONE], patience=-1),
        "watch lookback": lambda: sessions.watch(lookback=-1),
        "watch time-out": lambda: sessions.watch([ONE], timeout=-1),
        "watch deadline": lambda: sessions.watch([ONE], deadline=now),
        "watch both": lambda: sessions.watch([ONE], timeout=1, deadline=START),
        "watch resume": lambda: sessions.watch(resume={}),
        "watch resume and ids": lambda: sessions.watch([ONE], resume={"version": 2}),
        "fetch one": lambda: sessions.fetch(str(ONE)),
        "fetch none at once": lambda: sessions.fetch([], concurrency=0),
        "query pages": lambda: sessions.query(page_size=0),
        "query limit": lambda: sessions.query(limit=-1),
        "query order": lambda: sessions.query(order_by="mood"),
        "query where": lambda: sessions.query(7),  # type: ignore[arg-type]  # on purpose
        "query field": lambda: em.jobs.query(F.state == "Working"),
        "no field": lambda: F.mood,  # type: ignore[attr-defined]  # on purpose
        "truth": lambda: bool(F.state == "Working"),
        "field's truth": lambda: bool(F.state),
        "in text": lambda: F.state.in_("Working"),
        "in nothing": lambda: F.state.in_([]),
        "naive time": lambda: F.end_time > now,
        "no operand": lambda: F.state == 1.5,
        "resume nothing": lambda: em.jobs.resume(None),
        "resume version": lambda: em.jobs.resume({"version": 7}),
        "resume damaged": lambda: em.jobs.resume({"version": 1}),
        "from_dict": lambda: from_dict(Job, {"uid": 7}),
        "from_dict none": lambda: from_dict(BackupJobSession, []),
        "repr": lambda: em,
    }
    return {name: told(call) for name, call in calls.items()}


_IDS: tuple[Any, ...] = (
    *(ONE, str(ONE), str(ONE).upper(), f"urn:veeam:BackupJobSession:{ONE}"),
    *(f"{PUBLIC_URL}/api/backupSessions/{ONE}?format=Entity", f"{{{ONE}}}", ONE.hex),
    *("", "nonsense", f"urn:veeam:Job:{ONE}", 7, None, "x" * 500, f"{ONE}/more"),
)
_URLS = (
    *("", "em", "ftp://em", "http://", "http://u:p@em", "http://em:99999"),
    *("http://em/api/", "https://em:9398", "http://em/other", "http://[::1]:9399"),
    *("http://em?x=1", "http://em#x", "http://e m"),
)


def filters() -> dict[str, str]:
    """The texts of conditions, for a kind of session each."""
    east = timezone(timedelta(hours=2))
    conditions = {
        "equal": F.state == SessionState.WORKING,
        "unequal": F.job_name != 'a "quoted" name',
        "time": F.end_time >= START.astimezone(east),
        "flag": F.is_retry == True,  # noqa: E712 - it makes a condition
        "id": F.job_uid == TWO,
        "and": (F.state == "Working") & (F.name == "a") & (F.name < "b"),
        "or": (F.state == "Working") | (F.name == "a") | (F.name <= "b"),
        "both": (F.state == "a") & ((F.name == "b") | (F.name > "c") & (F.name == "d")),
        "in": F.result.in_(["Failed", "Warning"]) & (F.name == "x"),
        "in one": F.result.in_(["Failed"]),
    }
    found = {
        f"{name}, {kind.__name__}": told(partial(each.render, kind))
        for name, each in conditions.items()
        for kind in (BackupJobSession, RestoreSession)
    }
    return found | {
        f"fields of {n}": str(sorted(c.fields)) for n, c in conditions.items()
    }


# ---------------------------------------------------------------- the wire

_WAYS = [("13", "json"), ("13", "xml"), ("12", "json"), ("11", "xml")]


async def requests() -> dict[str, Any]:
    """What a client sends for each call, and the JSON of what it makes of the answers.

    Over what a server of each release answers, in JSON and in XML.
    """
    found = {}
    for product, accept in _WAYS:
        done: list[RequestDone] = []
        async with (
            server(product=product) as simulator,
            client(simulator, accept=accept, on_request=done.append) as em,
        ):
            given = await _answers(em, simulator)
        sent = [[d.method, d.route, d.status, d.attempt, d.bytes] for d in done]
        found[f"{product} {accept}"] = {"sent": sent, **given}
    return found


async def _answers(em: EnterpriseManager, simulator: Simulator) -> dict[str, Any]:
    ids = simulator.session_ids
    job = simulator.job_ids[0]
    sessions = [
        fetched.session or fetched.error
        async for fetched in em.backup_sessions.fetch([*ids, ONE, "nonsense"])
    ]
    found: dict[str, Any] = {
        "fetched": [_json(each, simulator) for each in sessions],
        "last": [
            row async for row in em.backup_sessions.query(order_by="-end_time", limit=2)
        ],
        "failed": [row async for row in em.backup_sessions.query(F.result == "Failed")],
        "pages": [row async for row in em.replica_sessions.query(page_size=1)],
        "restores": [row async for row in em.restore_sessions.query()],
        "jobs": [row async for row in em.jobs.query(limit=2)],
        "job": [await em.jobs.get(job)],
        "tasks": [row async for row in em.task_sessions.query(limit=2)],
        "parts": await em.backup_sessions.task_sessions(ids[0]),
        "references": (await em.jobs.references())[:2],
        "stop": [task := await em.backup_sessions.stop(simulator.running_ids[0])],
        "its task": [await em.tasks.get(task.task_id)],
    }
    for link in found["job"][0].links[:3]:
        try:
            followed = await em.follow(link)
        except ValueError as error:
            found[f"link {link.rel} {link.type}"] = [str(error)]
        else:
            rows = followed if isinstance(followed, list) else [followed]
            found[f"link {link.rel} {link.type}"] = rows[:2]
    return {
        name: [_json(each, simulator) for each in rows] for name, rows in found.items()
    }


def _json(value: Any, simulator: Simulator) -> Any:
    """Plain JSON; where the server listens is no matter."""
    if isinstance(value, Exception):
        text = f"{type(value).__name__}: {value}"
        return text.replace(simulator.url, "http://server")
    return to_dict(value) if attrs.has(type(value)) else value


_LONG, _SHOWN = 1500, 400

_PATHS = (
    *("", "backupSessions", "backupSessions?format=Entity", "jobs?format=Entity"),
    *("query?type=BackupJobSession&format=Entities&pageSize=2&page=2", "backupServers"),
    *(
        'query?type=Job&format=Entities&filter=JobType=="Backup"&sortDesc=Name',
        "nothing",
    ),
    *("replicaSessions?format=Entity", "restoreSessions?format=Entity", "querySvc"),
    *(
        "reports/summary/overview",
        "query?type=Mood",
        "query?type=Job&filter=(",
        "tasks",
    ),
    *("backupTaskSessions", "jobs/{job}", "backupSessions/{session}?format=Entity"),
    *("backupSessions/{session}/taskSessions?format=Entity", "backupSessions/x"),
)


async def bodies() -> dict[str, Any]:
    """What a simulated server answers: status and body, for each way and path."""
    found = {}
    for product, accept in _WAYS:
        media = {"Accept": f"application/{accept}"}
        async with (
            server(product=product, sessions=3, running=1) as simulator,
            aiohttp.ClientSession(headers=media) as http,
        ):
            api = f"{simulator.url}/api/"
            user = f"{simulator.username}:{simulator.password}".encode()
            basic = {"Authorization": f"Basic {base64.b64encode(user).decode()}"}
            async with http.post(f"{api}sessionMngr/?v=latest", headers=basic) as logon:
                token = {"X-RestSvcSessionId": logon.headers["X-RestSvcSessionId"]}
                found[f"{product} {accept} logon"] = [logon.status, await logon.text()]
            ids = {"job": simulator.job_ids[0], "session": simulator.session_ids[0]}
            for path in _PATHS:
                url = api + path.format(**ids)
                async with http.get(url, headers=token) as answer:
                    kept = [answer.status, _short(await answer.text())]
                    found[f"{product} {accept} {path}"] = kept
    return found


def _short(text: str) -> str:
    """A text, or its beginning and its digest, which a longer one differs by too."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    return text if len(text) < _LONG else f"{text[:_SHOWN]} … {len(text)}, {digest}"


# ---------------------------------------------------------------- the command


@attrs.frozen
class Ended:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str


def command(*arguments: str) -> Ended:
    """Run the command in this process, on a terminal's 80 columns, without colours."""
    out, err = _stream(), _stream()
    with (
        _environment(),
        _signals(),
        mock.patch.object(sys, "argv", ["veeam-async", *arguments]),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        code = main()
    return Ended(code, _written(out), _written(err))


def _stream() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="")


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode().replace("\r\n", "\n")


@contextmanager
def _environment() -> Iterator[None]:
    """Nothing of whoever runs this: neither a server, nor a terminal."""
    foreign = ("VEEAM_", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TERM", "TTY_")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
    ours = {"COLUMNS": "80", "LINES": "25", "NO_COLOR": "1", "TERM": "dumb"}
    with mock.patch.dict(os.environ, kept | ours, clear=True):
        yield


@contextmanager
def _signals() -> Iterator[None]:
    """Give SIGTERM back, which the command takes."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, before)


def helps() -> dict[str, Any]:
    """Every help text, line by line, and by what they were made."""
    found: dict[str, Any] = {
        "made by": {name: version(name) for name in ("cyclopts", "rich")}
    }
    for name in ("", *COMMANDS):
        ended = command(*filter(None, [name]), "--help")
        assert (ended.code, ended.err) == (0, ""), (name, ended.err)
        lines = [line.rstrip() for line in ended.out.splitlines()]
        found[f"veeam-async {name}".strip()] = lines
    return found


def replayed(recording: Path, start: Any = None) -> dict[str, Any]:
    """What `veeam-async replay` tells of a recording: its rows, its lines, its code.

    With a *start* that is the checkpoint from which the recorded watch goes on.
    """
    if start is not None:
        first, *more = recording.read_text("utf-8").splitlines()
        changed = json.dumps(json.loads(first) | {"start": start})
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / recording.name
            path.write_text("\n".join([changed, *more, ""]), "utf-8")
            return replayed(path)
    rows = command("replay", str(recording), "--output", "ndjson")
    lines = command("replay", str(recording), "--output", "table")
    assert rows.code == lines.code
    return {
        "code": rows.code,
        "err": rows.err,
        "rows": rows.out.splitlines(),
        "lines": lines.out.splitlines(),
    }


# ---------------------------------------------------------------- watches


def many_fates(simulator: Simulator, *, kind: Any = "BackupJobSession") -> list[UUID]:
    """Sessions of which each meets something else."""
    add = simulator.add_session
    script = [("Starting", 8.0), ("Working", 40.0)]
    return [
        add(kind=kind, script=[("Working", 600.0)]),
        add(kind=kind, script=script),
        add(kind=kind, script=script, result="Failed", failure_message="out of space"),
        add(kind=kind, script=[("Working", 12.0)], result_delay=9.0, result="Warning"),
        add(kind=kind, script=[("Working", 600.0)], gone_in=12.0),
        add(kind=kind, script=[("Working", 30.0), ("Dreaming", 30.0)]),
        add(kind=kind, script=[]),
        add(kind=kind, script=script, appears_in=27.0),
        ONE,
    ]


_SHOWN_AT_ONCE = 7
"""Of `many_fates`; the others are not there yet, or never."""

_TIMES = {
    *("at", "asked_at", "random", "phase", "observed_at", "not_before", "since"),
    *("told_seen", "known_at", "missing_since", "known_asked", "proven_at"),
    *("missed_at", "em_time"),
}
"""What differs each time, by its name."""


async def first_looks() -> dict[str, Any]:
    """What a watch's first look records, tells and saves, for each way to look."""
    ways: dict[str, dict[str, Any]] = {
        "ids by get": {"strategy": "get"},
        "ids by query": {"strategy": "query"},
        "everything by query": {"ids": None, "strategy": "query"},
        "everything by references": {"ids": None, "strategy": "get"},
    }
    return {name: await _first_look(**way) for name, way in ways.items()}


async def _first_look(**settings: Any) -> dict[str, Any]:
    lines: list[Any] = []
    told: list[Any] = []
    async with server(sessions=0) as simulator, client(simulator) as em:
        ids = many_fates(simulator)[:_SHOWN_AT_ONCE]
        given: dict[str, Any] = {
            "ids": ids,
            "interval": 3600.0,
            "record": lines.append,
        } | settings
        watch = em.backup_sessions.watch(**given)
        # What is over already is old where everything is watched, and not told.
        expected = _SHOWN_AT_ONCE - (given["ids"] is None)
        async with watch:
            while len(told) < expected:
                told.append(to_dict(await anext(watch)))
            while given["ids"] is None and not any(
                _is(line, "swept") for line in lines
            ):
                await asyncio.sleep(0.01)
            saved = watch.checkpoint()
    kept = [line for line in lines if not _is(line, "told")]
    return {
        "lines": _timeless(kept),
        "told": _timeless(told),
        "saved": _timeless(saved),
    }


def _is(line: Any, name: str) -> bool:
    return bool(line["line"] == name)


def _timeless(data: Any) -> Any:
    """The same with the type alone of what differs each time, and the first links."""
    if isinstance(data, list):
        return [_timeless(each) for each in data]
    if not isinstance(data, dict):
        return data
    return {
        name: type(value).__name__
        if name in _TIMES
        else _timeless(value[:1] if name == "links" else value)
        for name, value in data.items()
    }


# ---------------------------------------------------------------- what is saved


def resaved(checkpoint: Any) -> Any:
    """A checkpoint that was resumed and saved again, without a look."""
    kind = checkpoint.get("kind", "BackupJobSession")
    again: Any = sessions_of(alone(), kind).watch(resume=checkpoint).checkpoint()
    for session_id, session in checkpoint["sessions"].items():
        # What was never missing is next missed after the watch goes on: now.
        if session.get("missed_at") is None:
            again["sessions"][session_id]["missed_at"] = None
    return again


def resumed_run(saved: Any) -> Any:
    """A saved run that was taken up and saved again."""
    run = alone().jobs.resume(saved)
    return {"saved": run.to_dict(), "repr": repr(run), "session": str(run.session_id)}


def damages(good: dict[str, Any], resume: Callable[[Any], object]) -> dict[str, str]:
    """What is said about what was saved and is damaged."""
    wrong: dict[str, Any] = {"null": None, "list": [], "text": "x", "empty": {}}
    wrong |= {f"version {n}": good | {"version": n} for n in (0, 3, 99, "2", None)}
    wrong |= {f"no {name}": _without(good, name) for name in good}
    wrong |= {f"{name} is a list": good | {name: [7]} for name in good}
    wrong |= {f"{name} is text": good | {name: "x"} for name in good}
    return {
        name: told(lambda data=data: type(resume(data)).__name__)  # type: ignore[misc]  # what mypy cannot infer
        for name, data in wrong.items()
    }


def _without(good: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in good.items() if key != name}


SPOILED = Faults(unavailable=0.5)
"""Every second look fails: which, the seed decides."""
