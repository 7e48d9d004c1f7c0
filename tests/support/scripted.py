"""A scripted Enterprise Manager: its jobs, tasks and sessions, as a test makes them up.

It answers where the simulator is too well-behaved; a `FaultServer` plays it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import attrs

from tests.support.bodies import (
    JOB,
    PATHS,
    behind_logon,
    error,
    job,
    paged,
    said,
    task,
)
from tests.support.fault_server import Act, Answer, Asked

ACCEPTED = attrs.evolve(task("Running"), status=202)


@attrs.define(kw_only=True)
class ScriptedServer:
    """What such a server knows, which a test may change while it is asked.

    *jobs* of a kind are at the addresses of that kind, unless it is *refused*; a query
    finds them by the letters of their name, where it *is_exact*. *rows* are the
    sessions that a query or a GET shows, though *hidden* GETs do not, and *fresh* those
    that a start adds; of a filter they mind the job alone. *tasks* answer a GET of a
    task in turn, the last one again and again. *started* and *stopped* answer actions;
    *queries* the first queries after a start, *faults* the first GETs, of whatever.
    """

    jobs: dict[str, list[dict[str, Any]]] = attrs.field(
        factory=lambda: {"Job": [job("Job", JOB, "Mail servers")]}
    )
    refused: dict[str, Act] = attrs.field(factory=dict)
    is_exact: bool = True
    rows: list[dict[str, Any]] = attrs.field(factory=list)
    fresh: list[dict[str, Any]] = attrs.field(factory=list)
    hidden: int = 0
    tasks: list[Act] = attrs.field(factory=lambda: [task()])
    started: Act = ACCEPTED
    stopped: Act = ACCEPTED
    queries: list[Act] = attrs.field(factory=list)
    faults: list[Act] = attrs.field(factory=list)
    date: datetime | None = None
    is_started: bool = False

    def __call__(self, asked: Asked) -> Act:
        """Answer a request."""
        return behind_logon(self._answer)(asked)

    def _answer(self, asked: Asked) -> Act:
        kind = _kind_of(asked)
        if kind in self.refused:
            return self.refused[kind]
        if asked.method == "POST":
            return self._post(kind, asked)
        if self.is_started and self.faults:
            return self.faults.pop(0)
        if asked.path.startswith("/tasks/"):
            return self.tasks.pop(0) if len(self.tasks) > 1 else self.tasks[0]
        if asked.path == "/query":
            return self._query(kind, asked)
        return self._session(asked) if kind is None else self._job(kind, asked)

    # ---------------------------------------------------------------- jobs

    def _post(self, kind: str | None, asked: Asked) -> Act:
        if kind is not None and self._found(kind, asked) is None:
            return error(404, "Cannot find job")
        if not asked.target.endswith("start"):
            return self.stopped
        self.is_started = True
        self.rows += self.fresh
        self.fresh = []
        return self.started

    def _found(self, kind: str, asked: Asked) -> dict[str, Any] | None:
        job_id = asked.path.removeprefix(PATHS[kind]).strip("/").partition("/")[0]
        return next((r for r in self.jobs.get(kind, ()) if job_id in r["UID"]), None)

    def _job(self, kind: str, asked: Asked) -> Answer:
        if asked.path.strip("/") == PATHS[kind].strip("/"):
            return said(
                {"Refs": [_reference(kind, r) for r in self.jobs.get(kind, ())]}
            )
        found = self._found(kind, asked)
        if found is None:
            return error(404, f"Cannot find job [{asked.path.rpartition('/')[2]}]")
        date = self.date
        told = {} if date is None else {"Date": f"{date:%a, %d %b %Y %H:%M:%S} GMT"}
        is_entity = "format=Entity" in asked.target
        return said(found if is_entity else _reference(kind, found), headers=told)

    # ---------------------------------------------------------------- lists, sessions

    def _query(self, kind: str | None, asked: Asked) -> Act:
        is_descending = "sortDesc" in asked.terms
        if kind is not None:
            rows = [row for row in self.jobs.get(kind, ()) if self._takes(row, asked)]
            rows.sort(key=lambda row: str(row["Name"]), reverse=is_descending)
            return said(paged(rows, asked, kind))
        if self.is_started and self.queries:
            return self.queries.pop(0)
        rows = [row for row in self.rows if row["JobUid"] in asked.terms["filter"]]
        rows.sort(key=lambda row: str(row["CreationTimeUTC"]), reverse=is_descending)
        return said(paged(rows, asked))

    def _takes(self, row: dict[str, Any], asked: Asked) -> bool:
        name = f'Name=="{row["Name"]}"'
        wanted = asked.terms.get("filter", name)
        return wanted == name or (not self.is_exact and wanted.lower() == name.lower())

    def _session(self, asked: Asked) -> Answer:
        if self.hidden:
            self.hidden -= 1
            return error(404, "Cannot find")
        _, collection, session_id = asked.path.split("/")
        kind = "Replica" if "replica" in collection else "Backup"
        found = [row for row in self.rows if row["UID"].endswith(session_id)]
        if not found:
            return error(404, "Cannot find")
        return said({**found[0], "Type": f"{kind}JobSession"})


def _kind_of(asked: Asked) -> str | None:
    """The kind of the jobs that are asked for, None for anything else."""
    for kind, path in PATHS.items():
        if asked.terms.get("type") == kind or f"{asked.path}/".startswith(f"{path}/"):
            return kind
    return None


def _reference(kind: str, row: dict[str, Any]) -> dict[str, Any]:
    href = row["Href"].partition("?")[0]
    named = {key: row[key] for key in ("UID", "Name", "Links")}
    return {**named, "Href": href, "Type": f"{kind}Reference"}
