"""A scripted server with jobs of all kinds, each at its own addresses."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import attrs

from tests.support.bodies import behind_logon, error
from tests.support.fault_server import Act, Answer, Asked
from tests.support.job_server import JobServer, task

BASE = "https://em.internal:9398/api"

PATHS = {"Job": "/jobs", "AgentBackupJob": "/agents/jobs", "NasJob": "/nas/jobs"}
"""Where the jobs of each kind lie."""

TYPES = {"Job": "Backup", "AgentBackupJob": "AgentBackup", "NasJob": None}
"""Their JobType; those of file shares are not known to have one."""

DENIED = error(403, "Access denied")


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


@attrs.define
class JobKinds:
    """Jobs of all kinds; pass `act` to a fault server.

    *jobs* are those of each kind; *refused* answers for a whole kind instead. What asks
    for a session or a task goes to *sessions*, as does a start. A query minds of its
    filter the name alone, in any case of letters unless *is_exact*.
    """

    jobs: dict[str, list[dict[str, Any]]]
    refused: dict[str, Act] = attrs.field(factory=dict)
    sessions: JobServer = attrs.field(factory=JobServer)
    is_exact: bool = True

    @property
    def act(self) -> Any:
        """Give the script."""
        return behind_logon(self._act)

    def _act(self, asked: Asked) -> Act:
        parts = urlsplit(asked.target)
        path, terms = parts.path.removeprefix("/api"), parse_qs(parts.query)
        kind = _kind_at(path) or terms.get("type", [""])[0]
        if kind not in PATHS:
            return self.sessions.act(asked)  # type: ignore[no-any-return]  # its own kind
        if kind in self.refused:
            return self.refused[kind]
        if path == "/query":
            return self._page(kind, terms)
        below = path.removeprefix(PATHS[kind]).strip("/").split("/")
        return self._one(kind, below[0], asked) if below[0] else self._listed(kind)

    def _one(self, kind: str, job_id: str, asked: Asked) -> Act:
        found = [row for row in self.jobs.get(kind, []) if row["UID"].endswith(job_id)]
        if not found:
            return error(404, f"Cannot find job [{job_id}]")
        if asked.method == "GET":
            is_entity = "format=Entity" in asked.target
            return _json(found[0] if is_entity else _reference(kind, found[0]))
        if asked.target.endswith("start"):
            return self.sessions.act(asked)  # type: ignore[no-any-return]  # its own kind
        return attrs.evolve(task("Running"), status=202)

    def _listed(self, kind: str) -> Act:
        rows = [_reference(kind, row) for row in self.jobs.get(kind, [])]
        return _json({"Refs": rows})

    def _page(self, kind: str, terms: dict[str, list[str]]) -> Act:
        rows = [row for row in self.jobs.get(kind, []) if self._takes(row, terms)]
        rows.sort(key=lambda row: str(row["Name"]), reverse="sortDesc" in terms)
        size, number = int(terms["pageSize"][0]), int(terms["page"][0])
        pages = max(1, -(-len(rows) // size))
        shown = rows[(number - 1) * size : number * size]
        wrapped = {f"{kind}s": {f"{kind}s": shown}}
        paging = {"PageNum": number, "PageSize": size, "PagesCount": pages}
        return _json({"Entities": wrapped, "PagingInfo": paging})

    def _takes(self, row: dict[str, Any], terms: dict[str, list[str]]) -> bool:
        if "filter" not in terms:
            return True
        wanted, name = terms["filter"][0], f'Name=="{row["Name"]}"'
        if self.is_exact:
            return wanted == name
        return wanted.lower() == name.lower()


def _kind_at(path: str) -> str | None:
    kinds = (kind for kind, own in PATHS.items() if f"{path}/".startswith(f"{own}/"))
    return next(kinds, None)


def _reference(kind: str, row: dict[str, Any]) -> dict[str, Any]:
    href = row["Href"].partition("?")[0]
    named = {key: row[key] for key in ("UID", "Name", "Links")}
    return {**named, "Href": href, "Type": f"{kind}Reference"}


def _json(body: Any) -> Answer:
    return Answer(body=json.dumps(body).encode())
