"""A server of running sessions: what watches are measured against.

It holds so many sessions that run, ends some and starts as many in each interval,
evenly, at real times, and answers what a watch asks: a session by its id, and the list
of those that run or have changed. Rows are kept as bytes: its ceiling lies far above a
watch's need.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
import time
from collections import deque
from datetime import UTC, datetime
from functools import lru_cache
from itertools import count
from random import Random
from typing import Literal, TypeAlias
from urllib.parse import parse_qs
from uuid import UUID

import attrs

from benchmarks import bodies
from benchmarks.serving import LOGON, LOGOUT, Place, respond, run, serve

_JOBS = 200
_SESSIONS = "/api/backupSessions/"
_ID = slice(len(_SESSIONS), len(_SESSIONS) + 36)
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

_ACTIVE = 'State!="Stopped"'
_SINCE = re.compile(r'(EndTime|CreationTime)>="([^"]*)"')


@attrs.frozen(kw_only=True)
class Setting:
    """So many *sessions*, a *share* of which ends in each *interval* (seconds)."""

    sessions: int
    interval: float
    share: float = 0.02
    certificate: str | None = None

    @property
    def life(self) -> float:
        """How many seconds a session takes, about; an hour where none ends."""
        return self.interval / self.share if self.share else 3600.0

    @property
    def turnover(self) -> int:
        """How many sessions end, and how many start, in each interval."""
        return math.ceil(self.sessions * self.share)


Change: TypeAlias = tuple[str, Literal["started", "ended"], float]
"""The id of a session that has started or ended, and when by the wall clock."""


@attrs.frozen
class Counts:
    """The requests of watches so far, the bytes of lists, the seconds of processor."""

    requests: int
    listed: int
    busy: float


def counts(place: Place) -> Counts:
    """Ask a server what it was asked so far."""
    return Counts(**place.json("counts"))


def changes(place: Place) -> list[Change]:
    """Ask a server for all that changed, in order."""
    return [(id_, kind, at) for id_, kind, at in place.json("changes")]


def serve_sessions(setting: Setting) -> None:
    """Serve.

    It tells `counts` and `changes`, the `ids` that run, and the `pages` that it has
    answered within the last interval.
    """
    run(_serve(setting))


async def _serve(setting: Setting) -> None:
    population = _Population(setting)
    turning = asyncio.create_task(population.turn_over())
    api = _Api(population, keep=setting.interval)
    await serve(api.answer, certificate=setting.certificate)
    turning.cancel()


# ------------------------------------------------------------ the sessions


@attrs.define(eq=False)
class _Row:
    """A session as the server keeps it; *around* is its entity but for its progress."""

    id: UUID
    job: int
    created: float
    ended: float | None = None
    around: tuple[bytes, bytes] = (b"", b"")

    def write(self) -> None:
        """Write its entity anew: it has changed."""
        job_id, job_name = UUID(int=self.job, version=4), f"Mail servers {self.job:03}"
        path, start = f"backupSessions/{self.id}", _text(self.created)
        name = f"{job_name}@{start[:-1].replace('T', ' ')}"
        links: list[bodies.Link] = [
            (
                "Up",
                f"backupServers/{UUID(int=1)}",
                "vbr01.lab",
                "BackupServerReference",
            ),
            ("Up", f"jobs/{job_id}", job_name, "JobReference"),
            ("Alternate", path, name, "BackupJobSessionReference"),
            ("Down", f"{path}/taskSessions", None, "BackupTaskSessionReferenceList"),
            ("Stop", f"{path}?action=stop", None, None),
            ("Related", f"restorePoints/{self.id}", start, "RestorePointReference"),
        ]
        entity = bodies.session(
            str(self.id),
            job_id,
            job_name,
            links,
            name=name,
            created=start,
            ended=None if self.ended is None else _text(self.ended),
            progress=_PROGRESS,
        )
        before, _, after = _json(entity).partition(str(_PROGRESS).encode())
        self.around = before, after

    def body(self, now: float, life: float) -> bytes:
        """Give its entity as it is *now*, where a session takes *life* seconds."""
        done = min(99, int((now - self.created) / life * 100))
        percent = done if self.ended is None else 100
        return b"%b%d%b" % (self.around[0], percent, self.around[1])


class _Population:
    """The sessions of a setting, and a log of what changed when."""

    def __init__(self, setting: Setting) -> None:
        self._random = Random(7)  # noqa: S311 - no secrets
        self._setting = setting
        self.life = setting.life
        self.version = 0
        self.rows: dict[str, _Row] = {}
        self.active: list[_Row] = []
        self.changes: list[Change] = []
        now = time.time()
        for ago in range(setting.sessions, 0, -1):
            self._add(now - ago * self.life / setting.sessions)

    async def turn_over(self) -> None:
        """End one session and start one, in turns, evenly."""
        if not self._setting.turnover:
            return
        loop = asyncio.get_running_loop()
        began, step = loop.time(), self._setting.interval / self._setting.turnover / 2
        for beat in count(1):
            await asyncio.sleep(began + beat * step - loop.time())
            if beat % 2:
                self._end(time.time())
            else:
                row = self._add(time.time())
                self.changes.append((str(row.id), "started", row.created))

    def select(self, asked: _Question) -> list[_Row]:
        """Give the rows of a selection, in the order of their creation."""
        ended, created = asked.ended_since, asked.created_since
        rows = [
            row
            for row in self.rows.values()
            if row.ended is None or row.ended >= ended or row.created >= created
        ]
        return rows[::-1] if asked.is_descending else rows

    def _add(self, now: float) -> _Row:
        id_ = UUID(int=self._random.getrandbits(128), version=4)
        row = _Row(id_, len(self.rows) % _JOBS, _to_the_microsecond(now))
        row.write()
        self.rows[str(id_)] = row
        self.active.append(row)
        self.version += 1
        return row

    def _end(self, now: float) -> None:
        """Let one of the sessions that run end, any of them."""
        place = self._random.randrange(len(self.active))
        self.active[place], self.active[-1] = self.active[-1], self.active[place]
        row = self.active.pop()
        row.ended = _to_the_microsecond(now)
        row.write()
        self.version += 1
        self.changes.append((str(row.id), "ended", row.ended))


# ------------------------------------------------------------ what a list asks for


@attrs.frozen
class _Question:
    """Which sessions a watch asks for: those that run, and those changed since a time.

    *terms* are those of the query without the number of the page.
    """

    terms: str
    size: int
    is_descending: bool
    ended_since: float = math.inf
    created_since: float = math.inf

    @classmethod
    @lru_cache(maxsize=16)
    def parse(cls, terms: str) -> _Question:
        """Read a query; ValueError or KeyError where it is none of a watch."""
        found = {name: values[0] for name, values in parse_qs(terms).items()}
        kind = found.get("type"), found.get("format")
        if kind != ("BackupJobSession", "Entities"):
            raise ValueError("only BackupJobSession entities can be queried here")
        is_descending = "sortDesc" in found
        if found["sortDesc" if is_descending else "sortAsc"] != "CreationTime":
            raise ValueError("rows are sorted by CreationTime here")
        size = int(found.get("pageSize", 100))
        return cls(terms, size, is_descending, *_times(found.get("filter")))


def _times(text: str | None) -> tuple[float, float]:
    """Read since when sessions ended or were created; without a filter all have."""
    if text is None:
        return -math.inf, -math.inf
    active, *times = text.removeprefix("(").removesuffix(")").split(",")
    if active != _ACTIVE:
        raise ValueError(f"a watch asks for {_ACTIVE} first")
    since = {}
    for time_ in times:
        read = _SINCE.fullmatch(time_)
        if read is None:
            raise ValueError(f"{time_!r} is no condition of a watch")
        since[read[1]] = datetime.fromisoformat(read[2]).timestamp()
    return since.get("EndTime", math.inf), since.get("CreationTime", math.inf)


# ------------------------------------------------------------ the answers


class _Api:
    """What is answered to a request; *keep* is for how many seconds pages are kept."""

    def __init__(self, population: _Population, keep: float) -> None:
        self._population = population
        self._keep = keep
        self._requests = self._listed = 0
        self._pages: deque[tuple[float, bytes]] = deque()
        self._selected: tuple[tuple[str, int], list[_Row]] = (("", -1), [])

    def answer(self, head: bytes) -> bytes:
        """Give the answer to the head of a request."""
        method, target, _ = head.decode().split(" ", 2)
        path, _, query = target.partition("?")
        if path.startswith("/bench/"):
            return respond(self._told(path.removeprefix("/bench/")))
        if method == "POST":
            return LOGON
        if method == "DELETE":
            return LOGOUT
        if path == "/api/query":
            return self._list(query)
        return self._session(path)

    def _told(self, what: str) -> bytes:
        match what:
            case "changes":
                return _json(self._population.changes)
            case "ids":
                return _json([str(row.id) for row in self._population.active])
            case "pages":
                since = time.time() - self._keep
                return b"\n".join(body for at, body in self._pages if at >= since)
            case _:
                busy = time.process_time()
                return _json(attrs.asdict(Counts(self._requests, self._listed, busy)))

    def _session(self, path: str) -> bytes:
        self._requests += 1
        row = self._population.rows.get(path[_ID])
        if row is None or not path.startswith(_SESSIONS):
            return _refusal("404 Not Found", f"Cannot find session [{path[_ID]}]")
        return respond(self._body(row))

    def _list(self, query: str) -> bytes:
        terms, _, number = query.rpartition("&page=")
        try:
            body = self._page(_Question.parse(terms), int(number))
        except (KeyError, ValueError) as error:
            return _refusal("400 Bad Request", str(error))
        self._requests += 1
        self._listed += len(body)
        now = time.time()
        self._pages.append((now, body))
        while self._pages[0][0] < now - self._keep:
            self._pages.popleft()
        return respond(body)

    def _page(self, asked: _Question, number: int) -> bytes:
        rows = self._select(asked)
        start, last = (number - 1) * asked.size, max(1, -(-len(rows) // asked.size))
        chosen = [self._body(row) for row in rows[start : start + asked.size]]
        turns = {"First": 1, "Previous": number - 1, "Next": number + 1, "Last": last}
        paging = {
            "links": [
                bodies.link(rel, f"query?{asked.terms}&page={turn}")
                for rel, turn in turns.items()
                if 1 <= turn <= last
            ],
            "pageNum": number,
            "pageSize": asked.size,
            "pagesCount": last,
        }
        return b"".join(
            (_PAGE_START, b",".join(chosen), _PAGE_END, _json(paging), b"}")
        )

    def _select(self, asked: _Question) -> list[_Row]:
        """Select, and keep what was selected until something changes."""
        key = (asked.terms, self._population.version)
        if self._selected[0] != key:
            self._selected = (key, self._population.select(asked))
        return self._selected[1]

    def _body(self, row: _Row) -> bytes:
        return row.body(time.time(), self._population.life)


def _refusal(status: str, message: str) -> bytes:
    number = int(status[:3])
    body = {"message": message, "statusCode": number, "status": None}
    return respond(_json(body), status)


def _to_the_microsecond(seconds: float) -> float:
    """Give the time that the wire can tell, so that a filter finds what it names."""
    return datetime.fromtimestamp(seconds, UTC).timestamp()


def _text(seconds: float) -> str:
    told = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")
    return f"{told.removesuffix('+00:00')}Z"


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
