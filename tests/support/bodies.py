"""Bodies that a scripted server answers with, of the shapes that the server has."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from functools import cache
from uuid import UUID, uuid5

from tests.support.fault_server import Act, Answer, Asked, in_turn

SESSION_ID = "5f1d0c2e-6f0a-4a35-9d5c-2f3f6a8f0b11"
TOKEN = b64encode(SESSION_ID.encode()).decode()
_SPACE = UUID("0d6f5f0e-58f6-4b3f-8f5e-0e3f4c1d2a7b")


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
    return Answer(
        status=201,
        body=json.dumps(body).encode(),
        headers={"X-RestSvcSessionId": token},
    )


def error(status: int, message: str, **headers: str) -> Answer:
    """Answer with the server's own error."""
    body = {
        "FirstChanceExceptionMessage": None,
        "Message": message,
        "StackTrace": None,
        "Status": None,
        "StatusCode": status,
    }
    return Answer(status=status, body=json.dumps(body).encode(), headers=headers)


def behind_logon(act: Callable[[Asked], Act]) -> Callable[[Asked], Act]:
    """Let everybody log on and out, and leave all else to *act*."""

    def choose(asked: Asked) -> Act:
        if asked.method == "POST" and "/sessionMngr" in asked.target:
            return logon()
        if asked.method == "DELETE" and "/logonSessions/" in asked.target:
            return Answer(status=204, body=b"")
        return act(asked)

    return choose


def once_each(*acts: Act) -> Callable[[Asked], Act]:
    """A script of *acts* in turn, the last one again and again."""
    return in_turn(acts)
