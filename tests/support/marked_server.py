"""A server of one job whose every secret is known, and which one fault strikes.

It repeats the token in what it says of sessions and tasks, as a server might that logs
too much. Each logon gives a token of its own.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from tests.support.bodies import (
    JOB,
    SESSION_ID,
    TOKEN,
    error,
    job,
    row,
    said,
    task,
    uuid_of,
)
from tests.support.fault_server import (
    Act,
    Answer,
    Asked,
    CutShort,
    Raw,
    Reset,
    Stall,
    head,
)
from tests.support.tokens import Tokens, token_of

USER, PASSWORD = "EM\\operator", 'M4rked/+s3cret & "x"'
BASIC = b64encode(f"{USER}:{PASSWORD}".encode()).decode()
SECRETS = (PASSWORD, BASIC, TOKEN, SESSION_ID)
"""What must not show of a client that has logged on to a server without faults."""

ONE, FAILED = uuid_of(1), uuid_of(2)
NAME = "X-RestSvcSessionId"

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
    "no answer": Answer(body=b""),
    "a row that is none": Answer(body=json.dumps([TOKEN]).encode()),
    "another's answer": Answer(body=json.dumps(row(9, at=0)).encode()),
    "a 401": error(401, f"no {TOKEN}", **{"WWW-Authenticate": f"Basic {BASIC}"}),
    "a 403": error(403, f"no {BASIC}"),
    "a 404": error(404, f"no {SESSION_ID}"),
    "a 500": error(500, f"no {PASSWORD}"),
    "a 503": error(503, f"no {TOKEN}", **{"Retry-After": "0"}),
    "a page": Answer(
        body=f"<html><title>{BASIC}</title>".encode(), media_type="text/html"
    ),
    "a redirect": Answer(status=302, headers={"Location": f"/{TOKEN}?next={BASIC}"}),
    "a compressed body": Answer(headers={"Content-Encoding": TOKEN}, body=b"\x1f\x8b"),
    "another type": Answer(media_type=f"text/{BASIC}", body=TOKEN.encode()),
}
"""What a server does instead of answering well."""

SILENT = ("nothing", "half a head", "half a body")
"""Those that last until the time of a request is over."""


class MarkedServer(Tokens):
    """The script of such a server; the next request is answered by *fault*, if any.

    Where it *is_late*, a logon is no such request. *struck* counts the faults.
    """

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.fault: Act | None = None
        self.is_late = False
        self.struck = 0

    @property
    def secrets(self) -> tuple[str, ...]:
        """All that must not show."""
        ids = self.session_ids or [SESSION_ID]
        return (PASSWORD, BASIC, *map(token_of, ids), *ids)

    def __call__(self, asked: Asked) -> Act:
        """Answer a request."""
        is_logon = "/sessionMngr" in asked.target
        is_spared = asked.method == "DELETE" or (self.is_late and is_logon)
        if self.fault is None or is_spared:
            return super().__call__(asked)
        struck, self.fault = self.fault, None
        self.struck += 1
        return struck

    def _answer(self, asked: Asked) -> Act:
        path = asked.path
        sent = f"{NAME}: {asked.headers[NAME.lower()]}"
        if asked.method == "POST" or path.startswith("/tasks/"):
            is_stop = asked.target.endswith("action=stop")
            return task(session=1, success=not is_stop, message=sent)
        if path.startswith("/jobs/"):
            return said(job("Job", JOB, "Mail"))
        if path == "/query":
            rows = [_row(1, sent), _row(2, sent)]
            return said({"Entities": {"BackupJobSessions": rows}})
        if path == "/backupSessions":
            return said({"Refs": []})
        if path.endswith("/taskSessions"):
            return said({"Entities": {"BackupTaskSessions": []}})
        return said(_row(2 if str(FAILED) in path else 1, sent))


def _row(number: int, message: str) -> Mapping[str, Any]:
    result = "Failed" if uuid_of(number) == FAILED else "Success"
    made = row(number, at=number, state="Stopped", result=result)
    return made | {"FailureMessage": message}
