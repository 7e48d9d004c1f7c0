"""A scripted server with one job, whose task and sessions a test makes up."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import attrs

from tests.support.bodies import behind_logon, error, uuid_of
from tests.support.fault_server import Act, Answer, Asked

JOB = uuid_of(-1)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TASK = "task-7"
PAGE = Answer(body=b"<html><body>Please wait</body></html>", media_type="text/html")
EMPTY = Answer(body=b"")
CUT = Answer(body=b'{"UID": "urn:veeam')
"""Answers with 200 that a gateway or a server that restarts may give."""

LOST = error(500, f"There is no backup task with id [{TASK}] in current rest session")


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
    one = uuid_of(number)
    return {
        "IsRetry": is_retry,
        "JobUid": f"urn:veeam:Job:{uuid_of(job)}",
        "JobName": "Mail servers",
        "JobType": "Backup",
        "CreationTimeUTC": _stamp(created),
        "EndTimeUTC": _stamp(ended) if state == "Stopped" else None,
        "State": state,
        "Result": result,
        "Progress": 0,
        "Name": f"Mail servers@{number}",
        "UID": f"urn:veeam:BackupJobSession:{one}",
        "Links": list(links),
        "Href": f"https://em.internal:9398/api/backupSessions/{one}?format=Entity",
        "Type": "BackupJobSession",
    }


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
    return Answer(body=json.dumps(body).encode())


@attrs.define(kw_only=True)
class JobServer:
    """What the server knows; pass `act` to a fault server.

    *tasks* answer a GET of the task in turn, the last one again and again; *queries*
    answer the first queries after the start; *rows* are the sessions that a query or a
    GET shows, though *hidden* GETs do not. Of a filter it minds the job alone.
    """

    rows: list[dict[str, Any]] = attrs.field(factory=list)
    fresh: list[dict[str, Any]] = attrs.field(factory=list)
    """The rows that a start adds."""
    tasks: list[Act] = attrs.field(factory=lambda: [task()])
    queries: list[Act] = attrs.field(factory=list)
    started: Act = attrs.field(factory=lambda: _accepted("Running"))
    stopped: Act = attrs.field(factory=lambda: _accepted("Running"))
    hidden: int = 0
    faults: list[Act] = attrs.field(factory=list)
    """What answers the first GETs after the start, whatever they ask for."""
    date: datetime | None = None
    is_started: bool = False

    @property
    def act(self) -> Any:
        """Give the script."""
        return behind_logon(self._act)

    def _act(self, asked: Asked) -> Act:
        path = urlsplit(asked.target).path.removeprefix("/api")
        if asked.method == "POST":
            return self._post(asked.target)
        if self.is_started and self.faults:
            return self.faults.pop(0)
        if path.startswith("/tasks/"):
            return self.tasks.pop(0) if len(self.tasks) > 1 else self.tasks[0]
        if path.startswith("/jobs/"):
            return self._job()
        if path == "/query":
            is_own = not (self.is_started and self.queries)
            return self._query(asked.target) if is_own else self.queries.pop(0)
        _, collection, one = path.split("/")
        return self._session(one, "Replica" if "replica" in collection else "Backup")

    def _post(self, target: str) -> Act:
        if target.endswith("action=stop"):
            return self.stopped
        self.is_started = True
        self.rows += self.fresh
        self.fresh = []
        return self.started

    def _job(self) -> Answer:
        body = {
            "JobType": "Backup",
            "Name": "Mail servers",
            "UID": f"urn:veeam:Job:{JOB}",
            "Type": "Job",
        }
        date = self.date
        told = {} if date is None else {"Date": f"{date:%a, %d %b %Y %H:%M:%S} GMT"}
        return Answer(body=json.dumps(body).encode(), headers=told)

    def _query(self, target: str) -> Answer:
        terms = parse_qs(urlsplit(target).query)
        rows = sorted(
            (one for one in self.rows if one["JobUid"] in terms["filter"][0]),
            key=lambda one: str(one["CreationTimeUTC"]),
            reverse="sortDesc" in terms,
        )[: int(terms["pageSize"][0])]
        body = {"Entities": {"BackupJobSessions": {"BackupJobSessions": rows}}}
        return Answer(body=json.dumps(body).encode())

    def _session(self, one: str, kind: str) -> Answer:
        if self.hidden:
            self.hidden -= 1
            return error(404, "Cannot find")
        found = [r for r in self.rows if r["UID"].endswith(one)]
        if not found:
            return error(404, "Cannot find")
        shown = {**found[0], "Type": f"{kind}JobSession"}
        return Answer(body=json.dumps(shown).encode())


def _accepted(state: str) -> Answer:
    return attrs.evolve(task(state), status=202)


def _stamp(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")
