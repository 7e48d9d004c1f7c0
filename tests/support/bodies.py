"""What a scripted server answers with, in the shapes that the server has."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID, uuid5

from tests.support.fault_server import Act, Answer, Asked, Script, played

SESSION_ID = "5f1d0c2e-6f0a-4a35-9d5c-2f3f6a8f0b11"
TOKEN = b64encode(SESSION_ID.encode()).decode()
_SPACE = UUID("0d6f5f0e-58f6-4b3f-8f5e-0e3f4c1d2a7b")


def said(
    body: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Answer:
    """Answer with *body* as JSON."""
    text = json.dumps(body).encode()
    return Answer(status=status, body=text, headers=headers or {})


@cache
def uuid_of(number: int) -> UUID:
    """The *number*-th id of a series that is always the same."""
    return uuid5(_SPACE, str(number))


JOB = uuid_of(-1)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TASK = "task-7"
PAGE = Answer(body=b"<html><body>Please wait</body></html>", media_type="text/html")
EMPTY = Answer(body=b"")
CUT = Answer(body=b'{"UID": "urn:veeam')
"""Answers with 200 that a gateway or a server that restarts may give."""

BASE = "https://em.internal:9398/api"
PATHS = {"Job": "/jobs", "AgentBackupJob": "/agents/jobs", "NasJob": "/nas/jobs"}
"""Where the jobs of each kind lie."""

TYPES = {"Job": "Backup", "AgentBackupJob": "AgentBackup", "NasJob": None}
"""Their JobType; those of file shares are not known to have one."""


def row(
    number: int,
    *,
    at: float,
    state: str = "Working",
    result: str = "None",
    seconds: float = 60,
    is_retry: bool = False,
    job: int = -1,
    links: Iterable[Mapping[str, str]] = (),
) -> dict[str, Any]:
    """Make up the *number*-th session, created *at* seconds after noon."""
    created = NOON + timedelta(seconds=at)
    ended = created + timedelta(seconds=seconds)
    session_id = uuid_of(number)
    return {
        "IsRetry": is_retry,
        "JobUid": f"urn:veeam:Job:{uuid_of(job)}",
        "JobName": "Mail servers",
        "JobType": "Backup",
        "CreationTimeUTC": _stamp(created),
        "EndTimeUTC": _stamp(ended) if state == "Stopped" else None,
        "State": state,
        "Result": result,
        "Progress": 100 if state == "Stopped" else 0,
        "FailureMessage": None,
        "Name": f"Mail servers@{number}",
        "UID": f"urn:veeam:BackupJobSession:{session_id}",
        "Links": list(links),
        "Href": f"https://em.internal:9398/api/backupSessions/{session_id}?format=Entity",
        "Type": "BackupJobSession",
    }


def session(
    number: int, *, state: str = "Stopped", result: str = "Success", progress: int = 100
) -> bytes:
    """Write the *number*-th session as JSON, as of an evening."""
    made = row(number, at=9 * 3600 + 4.31, state=state, result=result, seconds=2464.69)
    return json.dumps(made | {"Progress": progress}).encode()


def task(
    state: str = "Finished",
    *,
    session: int | None = None,
    kind: str = "Backup",
    success: bool = True,
    message: str = "Ok",
) -> Answer:
    """Make up a task, which names the *session*-th session."""
    links = []
    if session is not None:
        path = f"{kind.lower()}Sessions/{uuid_of(session)}?format=Entity"
        href = f"https://em.internal/api/{path}"
        links = [{"Rel": "Related", "Href": href, "Type": f"{kind}JobSession"}]
    result = {"Success": success, "Message": message}
    body = {
        "TaskId": TASK,
        "State": state,
        "Operation": "StartJob",
        "Result": None if state == "Running" else result,
        "Links": links,
        "Href": f"https://em.internal/api/tasks/{TASK}",
        "Type": "Task",
    }
    return said(body)


def job(kind: str, job_id: UUID, name: str, *, on: str = "vbr01") -> dict[str, Any]:
    """Make up a job of a *kind*, on the backup server *on*."""
    here = f"{BASE}{PATHS[kind]}/{job_id}"
    up = {
        "Rel": "Up",
        "Href": f"{BASE}/backupServers/{job_id}",
        "Name": on,
        "Type": "BackupServerReference",
    }
    body = {
        "JobType": TYPES[kind],
        "Platform": None if kind == "NasJob" else "AgentForLinux",
        "Name": name,
        "UID": f"urn:veeam:{kind}:{job_id}",
        "Links": [up],
        "Href": f"{here}?format=Entity",
        "Type": kind,
    }
    return {name: value for name, value in body.items() if value is not None}


def listing(
    rows: Iterable[Any],
    kind: str = "BackupJobSession",
    *,
    num: int | None = None,
    size: int = 100,
    count: int = 1,
    links: Iterable[Mapping[str, str]] = (),
) -> dict[str, Any]:
    """Make up a page of a query, which tells its place only where it has a number."""
    paging = {
        "Links": list(links),
        "PageNum": num,
        "PageSize": size,
        "PagesCount": count,
    }
    return {
        "Refs": None,
        "Entities": {"Jobs": None, f"{kind}s": {f"{kind}s": list(rows)}},
        "Resources": None,
        "PagingInfo": None if num is None else paging,
    }


def paged(
    rows: Sequence[Any], asked: Asked, kind: str = "BackupJobSession", **told: int
) -> dict[str, Any]:
    """Make up the page of *rows* that is asked for, and tell something else of it."""
    size = told.get("size") or int(asked.terms["pageSize"])
    num, count = int(asked.terms["page"]), max(1, -(-len(rows) // size))
    place: dict[str, Any] = {"num": num, "size": size, "count": count}
    return listing(rows[(num - 1) * size : num * size], kind, **(place | told))


def page(numbers: range, page_num: int, pages: int, *, next_link: bool = True) -> bytes:
    """Write a page of a query that holds the sessions of *numbers*."""
    links = [{"Rel": "First", "Href": "https://em/api/query?page=1"}]
    if next_link and page_num < pages:
        links.append({"Rel": "Next", "Href": "https://em/api/query?page=2"})
    rows = [json.loads(session(number)) for number in numbers]
    return json.dumps(listing(rows, num=page_num, count=pages, links=links)).encode()


def logon(token: str = TOKEN, session_id: str = SESSION_ID) -> Answer:
    """Answer a logon with *token*."""
    href = f"https://em.internal:9398/api/logonSessions/{session_id}"
    body = {
        "UserName": "EM\\operator",
        "SessionId": session_id,
        "Links": [{"Rel": "Delete", "Href": href, "Name": None, "Type": None}],
        "Href": href,
        "Type": "LogonSession",
    }
    return said(body, status=201, headers={"X-RestSvcSessionId": token})


def error(status: int, message: str, **headers: str) -> Answer:
    """Answer with the server's own error."""
    body = {
        "FirstChanceExceptionMessage": None,
        "Message": message,
        "StackTrace": None,
        "Status": None,
        "StatusCode": status,
    }
    return said(body, status=status, headers=headers)


DENIED = error(403, "Access denied")
LOST = error(500, f"There is no backup task with id [{TASK}] in current rest session")


WELCOME, GONE = logon(), Answer(status=204, body=b"")
"""The answers to a logon and a logout."""


def behind_logon(
    script: Script, *, logons: Script = (WELCOME,), logouts: Script = (GONE,)
) -> Callable[[Asked], Act]:
    """Have three scripts answer what logs on, what logs out, and all else."""
    choose, enter, leave = played(script), played(logons), played(logouts)

    def part(asked: Asked) -> Act:
        if asked.method == "POST" and "/sessionMngr" in asked.target:
            return enter(asked)
        if asked.method == "DELETE" and "/logonSessions/" in asked.target:
            return leave(asked)
        return choose(asked)

    return part


def each_by_id(
    acts: Mapping[UUID, Act], otherwise: Act | None = None
) -> Callable[[Asked], Act]:
    """Answer what is asked of an id by its act."""
    known = {str(each): act for each, act in acts.items()}

    def choose(asked: Asked) -> Act:
        name = asked.path.rpartition("/")[2]
        return known.get(name, otherwise) or error(404, f"Cannot find [{name}]")

    return choose


def _stamp(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")
