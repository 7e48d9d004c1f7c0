"""A server of running sessions: what watches are measured against.

It holds so many sessions that run, ends some and starts as many in each interval,
evenly, at real times, and answers what a watch asks: a session by its id, and the list
of those that run or have changed. Rows are kept as bytes: its ceiling lies far above a
watch's need.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import re
import time
from collections import deque
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from random import Random
from urllib.parse import unquote
from uuid import UUID

from benchmarks.process import in_loop
from benchmarks.serving import BODIES, LOGON, LOGOUT, fastest, link, respond, serve

_JOBS = 200
_QUERY = re.compile(
    "type=BackupJobSession&format=Entities"
    r'(?P<filter>&filter=\(?State!="Stopped"(,EndTime>="(?P<ended>[^"]+)")?'
    r'(,CreationTime>="(?P<created>[^"]+)")?\)?)?'
    r"&sort(?P<order>Asc|Desc)=CreationTime&pageSize=(?P<size>\d+)&page=(?P<page>\d+)"
)
"""What a watch asks for that is answered; it can do without the rest."""

Change = tuple[str, str, float]
"""The id of a session that has `started` or `ended`, and when by the wall clock."""


@in_loop(fastest)
async def serve_sessions(
    *, certificate: Path | None, sessions: int, interval: float, share: float = 0.02
) -> None:
    """Serve so many sessions, of which a *share* ends in each *interval* (seconds).

    It tells all `changes`, the `ids` that run, the `pages` that it has answered within
    the last interval, and the `counts` of requests of watches and of bytes of lists.
    """
    # Where none ends, a session takes an hour.
    population = _Population(sessions, interval / share if share else 3600.0)
    turnover = math.ceil(sessions * share)
    step = interval / turnover if turnover else math.inf
    turning = asyncio.create_task(population.turn_over(step))
    await serve(_Api(population, interval).answer, certificate)
    turning.cancel()


class _Row:
    """A session as the server keeps it: its entity as bytes, but for its progress."""

    def __init__(self, session_id: UUID, job: int, created: float) -> None:
        self.id, self._job, self.created = session_id, job, created
        self.end(None)

    def end(self, ended: float | None) -> None:
        """Write its entity anew: it has ended, or still runs."""
        self.ended = ended
        start, job = _text(self.created), f"Mail servers {self._job:03}"
        marks = {
            "<id>": str(self.id),
            "<job>": str(UUID(int=self._job, version=4)),
            "<job name>": job,
            "<name>": f"{job}@{start[:-1].replace('T', ' ')}",
            "<start>": start,
            '"<end>"': "null" if ended is None else f'"{_text(ended)}"',
            "<state>": "Working" if ended is None else "Stopped",
            "<result>": "None" if ended is None else "Success",
        }
        entity = _RUNNING
        for mark, told in marks.items():
            entity = entity.replace(mark, told)
        self.before, _, self.after = entity.encode().partition(b'"<progress>"')


class _Population:
    """Sessions that take *life* seconds, about, and a log of what changed when."""

    def __init__(self, count: int, life: float) -> None:
        self._random = Random(7)  # noqa: S311 - no secrets
        self._life = life
        self.rows: dict[str, _Row] = {}
        self.active: list[_Row] = []
        self.changes: list[Change] = []
        now = time.time()
        for ago in range(count, 0, -1):
            self._add(now - ago * life / count)

    async def turn_over(self, step: float) -> None:
        """End one session and start one, in turns, evenly, in each *step*."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        for beat in itertools.count(1):
            await asyncio.sleep(began + beat * step / 2 - loop.time())
            now = _to_the_microsecond(time.time())
            if beat % 2:
                self.changes.append((str(self._end(now).id), "ended", now))
            else:
                self.changes.append((str(self._add(now).id), "started", now))

    def body(self, row: _Row) -> bytes:
        """Give the entity of a session as it is now."""
        done = min(99, int((time.time() - row.created) / self._life * 100))
        percent = done if row.ended is None else 100
        return b"%b%d%b" % (row.before, percent, row.after)

    def _add(self, now: float) -> _Row:
        session_id = UUID(int=self._random.getrandbits(128), version=4)
        row = _Row(session_id, len(self.rows) % _JOBS, _to_the_microsecond(now))
        self.rows[str(session_id)] = row
        self.active.append(row)
        return row

    def _end(self, now: float) -> _Row:
        """Let one of the sessions that run end, any of them."""
        place = self._random.randrange(len(self.active))
        self.active[place], self.active[-1] = self.active[-1], self.active[place]
        row = self.active.pop()
        row.end(now)
        return row


class _Api:
    """What is answered to a request; pages are kept for *keep* seconds."""

    def __init__(self, population: _Population, keep: float) -> None:
        self._sessions = population
        self._keep = keep
        self._requests = self._listed = 0
        self._pages: deque[tuple[float, bytes]] = deque()
        # What was selected serves until something changes.
        self._selected = lru_cache(maxsize=1)(self._select)

    def answer(self, head: bytes) -> bytes:
        """Give the answer to the head of a request."""
        method, target, _ = head.decode().split(" ", 2)
        if method == "POST":
            return LOGON
        if method == "DELETE":
            return LOGOUT
        if target.startswith("/bench/"):
            return respond(self._told(target.removeprefix("/bench/")))
        path, _, query = target.removeprefix("/api/").partition("?")
        if path == "query":
            return self._list(query)
        self._requests += 1
        row = self._sessions.rows[path.rpartition("/")[2]]
        return respond(self._sessions.body(row))

    def _told(self, what: str) -> bytes:
        match what:
            case "changes":
                return _json(self._sessions.changes)
            case "ids":
                return _json([str(row.id) for row in self._sessions.active])
            case "pages":
                since = time.time() - self._keep
                return b"\n".join(body for at, body in self._pages if at >= since)
            case _:
                return _json({"requests": self._requests, "listed": self._listed})

    def _list(self, query: str) -> bytes:
        asked = _QUERY.fullmatch(unquote(query))
        if asked is None:
            refusal = {"message": query, "statusCode": 400, "status": None}
            return respond(_json(refusal), "400 Bad Request")
        body, now = self._page(query, asked), time.time()
        self._requests += 1
        self._listed += len(body)
        self._pages.append((now, body))
        while self._pages[0][0] < now - self._keep:
            self._pages.popleft()
        return respond(body)

    def _page(self, query: str, asked: re.Match[str]) -> bytes:
        terms, size = query.rpartition("&page=")[0], int(asked["size"])
        what = asked.group("filter", "ended", "created", "order")
        rows = self._selected(*what, len(self._sessions.changes))
        number = int(asked["page"])
        last = max(1, -(-len(rows) // size))
        turns = {"First": 1, "Previous": number - 1, "Next": number + 1, "Last": last}
        paging = {
            "links": [
                link(rel, f"query?{terms}&page={turn}")
                for rel, turn in turns.items()
                if 1 <= turn <= last
            ],
            "pageNum": number,
            "pageSize": size,
            "pagesCount": last,
        }
        chosen = rows[(number - 1) * size : number * size]
        listed = b",".join(map(self._sessions.body, chosen))
        return b"".join((_START, b"[", listed, b"]", _MIDDLE, _json(paging), b"}"))

    def _select(
        self, only: str, ended: str, created: str, order: str, _: int
    ) -> list[_Row]:
        """Give the rows that run, or that have ended or begun since a time."""
        ended_at, created_at = (
            datetime.fromisoformat(since).timestamp() if since else math.inf
            for since in (ended, created)
        )
        rows = [
            row
            for row in self._sessions.rows.values()
            if not only
            or row.ended is None
            or row.ended >= ended_at
            or row.created >= created_at
        ]
        return rows[::-1] if order == "Desc" else rows


def _to_the_microsecond(seconds: float) -> float:
    """Give the time that the wire can tell, so that a filter finds what it names."""
    return datetime.fromtimestamp(seconds, UTC).timestamp()


def _text(seconds: float) -> str:
    told = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")
    return f"{told.removesuffix('+00:00')}Z"


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


_RUNNING = _json(BODIES["running"]).decode()
_START, _, _MIDDLE = _json(BODIES["page"]).removesuffix(b"null}").rpartition(b"[]")
"""What stands before the rows of a page, and between them and its paging."""
