"""Bodies that a scripted server answers with, of the shapes that the server has."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from functools import cache
from uuid import UUID, uuid5

from tests.support.fault_server import Act, Answer, Asked, Script, played

SESSION_ID = "5f1d0c2e-6f0a-4a35-9d5c-2f3f6a8f0b11"
TOKEN = b64encode(SESSION_ID.encode()).decode()
_SPACE = UUID("0d6f5f0e-58f6-4b3f-8f5e-0e3f4c1d2a7b")


def said(body: object, *, status: int = 200, **headers: str) -> Answer:
    """Answer with *body* as JSON."""
    return Answer(status=status, body=json.dumps(body).encode(), headers=headers)


@cache
def uuid_of(number: int) -> UUID:
    """The *number*-th id of a series that is always the same."""
    return uuid5(_SPACE, str(number))


def session(
    number: int, *, state: str = "Stopped", result: str = "Success", progress: int = 100
) -> bytes:
    """The entity of the *number*-th backup session, as JSON."""
    session_id = uuid_of(number)
    body = {
        "IsRetry": False,
        "JobUid": f"urn:veeam:Job:{uuid_of(-1)}",
        "JobName": "Mail servers",
        "JobType": "Backup",
        "CreationTimeUTC": "2026-03-02T21:00:04.31Z",
        "EndTimeUTC": "2026-03-02T21:41:09Z" if state == "Stopped" else None,
        "State": state,
        "Result": result,
        "Progress": progress,
        "FailureMessage": None,
        "Name": f"Mail servers@2026-03-02 21:00:{number % 60:02}",
        "UID": f"urn:veeam:BackupJobSession:{session_id}",
        "Links": None,
        "Href": f"https://em.internal:9398/api/backupSessions/{session_id}?format=Entity",
        "Type": "BackupJobSession",
    }
    return json.dumps(body).encode()


def page(numbers: range, page_num: int, pages: int, *, next_link: bool = True) -> bytes:
    """Write a page of a query that holds the sessions of *numbers*."""
    links = [{"Rel": "First", "Href": "https://em/api/query?page=1"}]
    if next_link and page_num < pages:
        links.append({"Rel": "Next", "Href": "https://em/api/query?page=2"})
    rows = [json.loads(session(number)) for number in numbers]
    return json.dumps(
        {
            "Refs": None,
            "Entities": {
                "Jobs": None,
                "BackupJobSessions": {"BackupJobSessions": rows},
            },
            "Resources": None,
            "Links": None,
            "PagingInfo": {
                "Links": links,
                "PageNum": page_num,
                "PageSize": 100,
                "PagesCount": pages,
            },
        }
    ).encode()


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
    return said(body, status=201, **{"X-RestSvcSessionId": token})


def error(status: int, message: str, **headers: str) -> Answer:
    """Answer with the server's own error."""
    body = {
        "FirstChanceExceptionMessage": None,
        "Message": message,
        "StackTrace": None,
        "Status": None,
        "StatusCode": status,
    }
    return said(body, status=status, **headers)


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
