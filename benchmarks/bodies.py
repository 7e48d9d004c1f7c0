"""Sessions as Enterprise Manager writes them: as EM 13 does, and as those before."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from benchmarks.serving import BASE

Link = tuple[str, str, str | None, str | None]
"""What it is to the session, its path, the name and the kind of what it leads to."""

MARK = "00000000-0000-4000-8000-000000000000"
"""Stands for the id asked for in a prepared body."""

_LINKS: tuple[Link, ...] = (
    ("Up", "backupServers", "vbr01.lab.internal", "BackupServerReference"),
    ("Up", "jobs", "Mail servers", "JobReference"),
    ("Alternate", "backupSessions", "Mail servers@now", "BackupJobSessionReference"),
    ("Down", "taskSessions", None, "BackupTaskSessionReferenceList"),
    ("Stop", "stop", None, None),
    ("Related", "restorePoints", "Mar  2 2026 10:41PM", "RestorePointReference"),
)


def session(
    session_id: str,
    job_id: UUID,
    job_name: str,
    links: Iterable[Link],
    *,
    name: str,
    created: str,
    ended: str | None,
    progress: int,
) -> dict[str, Any]:
    """Give a session as EM 13 spells it; it still runs where *ended* is None."""
    href = f"{BASE}/backupSessions/{session_id}"
    return {
        "isRetry": False,
        "jobUid": f"urn:veeam:Job:{job_id}",
        "jobName": job_name,
        "jobType": "Backup",
        "creationTimeUTC": created,
        "endTimeUTC": ended,
        "state": "Working" if ended is None else "Stopped",
        "result": "None" if ended is None else "Success",
        "progress": progress,
        "failureMessage": None,
        "name": name,
        "uid": f"urn:veeam:BackupJobSession:{session_id}",
        "links": [link(*each) for each in links],
        "href": f"{href}?format=Entity",
        "type": "BackupJobSession",
    }


def link(
    rel: str, path: str, name: str | None = None, kind: str | None = None
) -> dict[str, str | None]:
    """Give a link as EM 13 spells it."""
    return {"rel": rel, "href": f"{BASE}/{path}", "name": name, "type": kind}


def camel(size: int) -> bytes:
    """Write the session `MARK` as EM 13 does, in *size* bytes or a few more."""
    return json.dumps(_prepared(size)).encode()


def pascal(size: int) -> bytes:
    """Write the same as those before do."""
    return json.dumps(_renamed(_prepared(size))).encode()


def xml(size: int) -> bytes:
    """Write the same as XML."""
    body = _renamed(_prepared(size))
    links = "".join(
        "<Link {} />".format(" ".join(f'{k}="{v}"' for k, v in each.items() if v))
        for each in body["Links"]
    )
    names = "JobUid JobName JobType CreationTimeUTC EndTimeUTC State Result Progress"
    fields = "".join(f"<{n}>{body[n]}</{n}>" for n in names.split())
    fields += "<IsRetry>false</IsRetry>"
    attributes = " ".join(f'{n}="{body[n]}"' for n in ("UID", "Name", "Href", "Type"))
    return (
        '<?xml version="1.0" encoding="utf-8"?><BackupJobSession '
        f'xmlns="http://www.veeam.com/ent/v1.0" {attributes}>'
        f"<Links>{links}</Links>{fields}</BackupJobSession>"
    ).encode()


def _prepared(size: int) -> dict[str, Any]:
    """Give an ended session with six links, or as many more as the *size* takes."""
    body = session(
        MARK,
        UUID(int=7),
        "Mail servers",
        [
            (rel, f"{path}/{UUID(int=number)}", name, kind)
            for number, (rel, path, name, kind) in enumerate(_LINKS)
        ],
        name="Mail servers@2026-03-02 21:00:04",
        created="2026-03-02T21:00:04.31Z",
        ended="2026-03-02T21:41:09.117Z",
        progress=100,
    )
    while len(json.dumps(body)) < size:
        body["links"].append(body["links"][-1])
    return body


def _renamed(value: Any) -> Any:
    """Spell all names as versions before EM 13 do."""
    if isinstance(value, dict):
        return {
            "UID" if name == "uid" else name[0].upper() + name[1:]: _renamed(each)
            for name, each in value.items()
        }
    return [_renamed(each) for each in value] if isinstance(value, list) else value
