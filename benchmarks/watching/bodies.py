"""What the server of running sessions answers with, spelled as EM 13 does."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

BASE = "https://em.lab.internal:9398/api"
"""The server's own idea of where it is; nobody can reach it there."""

_LOGON = "5f1d0c2e-6f0a-4a35-9d5c-2f3f6a8f0b11"
TOKEN = b64encode(_LOGON.encode()).decode()

_PROGRESS = -987_654
"""Stands where the progress goes, and nowhere else."""

_OTHER_LISTS = """
    jobs failoverPlans backups replicas repositories restorePoints vmRestorePoints
    vAppRestorePoints vmReplicaPoints replicaJobSessions replicaTaskSessions
    restoreSessions hierarchyRoots backupTaskSessions backupServers managedServers
    wanAccelerators cloudGateways cloudTenants backupFiles externalRepositories
    cloudFailoverSessions discoveredComputers fileServers nasJobs cdpPolicies
"""
_PAGE_START = (
    '{"refs":null,"entities":{'
    + "".join(f'"{name}":null,' for name in _OTHER_LISTS.split())
    + '"backupJobSessions":{"backupJobSessions":['
).encode()
_PAGE_END = b']}},"resources":null,"links":null,"pagingInfo":'


def entity(
    id: UUID,  # noqa: A002 - the field's term
    job: int,
    created: float,
    ended: float | None,
) -> tuple[bytes, bytes]:
    """Write a session of the *job*-th job, with six links: what is around its progress.

    Times are seconds of the wall clock; it still runs where *ended* is None.
    """
    href, job_id = f"{BASE}/backupSessions/{id}", UUID(int=job, version=4)
    job_name, start = f"Mail servers {job:03}", _text(created)
    name = f"{job_name}@{start[:-1].replace('T', ' ')}"
    body = {
        "isRetry": False,
        "jobUid": f"urn:veeam:Job:{job_id}",
        "jobName": job_name,
        "jobType": "Backup",
        "creationTimeUTC": start,
        "endTimeUTC": None if ended is None else _text(ended),
        "state": "Working" if ended is None else "Stopped",
        "result": "None" if ended is None else "Success",
        "progress": _PROGRESS,
        "failureMessage": None,
        "name": name,
        "uid": f"urn:veeam:BackupJobSession:{id}",
        "links": [
            _link("Up", f"backupServers/{UUID(int=1)}", "BackupServer", "vbr01.lab"),
            _link("Up", f"jobs/{job_id}", "Job", job_name),
            _link("Alternate", f"backupSessions/{id}", "BackupJobSession", name),
            _link("Down", f"backupSessions/{id}/taskSessions", "BackupTaskSessions"),
            _link("Stop", f"backupSessions/{id}?action=stop"),
            _link("Related", f"restorePoints/{id}", "RestorePoint", start),
        ],
        "href": f"{href}?format=Entity",
        "type": "BackupJobSession",
    }
    before, _, after = _json(body).partition(str(_PROGRESS).encode())
    return before, after


def page(rows: list[bytes], number: int, size: int, count: int, terms: str) -> bytes:
    """Write a page of a query: its *rows*, and which of *count* pages it is.

    *terms* are those of the query without the page's number.
    """
    turns = {"First": 1, "Previous": number - 1, "Next": number + 1, "Last": count}
    paging = {
        "links": [
            _link(rel, f"query?{terms}&page={turn}")
            for rel, turn in turns.items()
            if 1 <= turn <= count
        ],
        "pageNum": number,
        "pageSize": size,
        "pagesCount": count,
    }
    return b"".join((_PAGE_START, b",".join(rows), _PAGE_END, _json(paging), b"}"))


def logon() -> bytes:
    """Write the logon session whose token is `TOKEN`."""
    return _json(
        {
            "userName": "bench",
            "sessionId": _LOGON,
            "links": [_link("Delete", f"logonSessions/{_LOGON}")],
            "href": f"{BASE}/logonSessions/{_LOGON}",
            "type": "LogonSession",
        }
    )


def error(status: int, message: str) -> bytes:
    """Write what the server says where it refuses a request."""
    return _json({"message": message, "statusCode": status, "status": None})


def _link(
    rel: str, path: str, kind: str | None = None, name: str | None = None
) -> dict[str, str | None]:
    is_list = kind is not None and kind.endswith("s")
    reference = None
    if kind is not None:
        reference = f"{kind[:-1]}ReferenceList" if is_list else f"{kind}Reference"
    return {"rel": rel, "href": f"{BASE}/{path}", "name": name, "type": reference}


def _text(seconds: float) -> str:
    time = datetime.fromtimestamp(seconds, UTC)
    return f"{time.isoformat(timespec='microseconds').removesuffix('+00:00')}Z"


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
