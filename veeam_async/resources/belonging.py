"""Comparing an answer with what was asked for, by the one id that both name.

A proxy that mixes answers up, or a connection that is one answer behind, gives a good
answer to somebody else's question. What is compared is the UUID alone: its case and the
kind in front of it differ between versions of the server.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Generic, TypeVar
from uuid import UUID

from veeam_async.errors import DecodeError, InvalidId
from veeam_async.ids import parse_id
from veeam_async.models import (
    BackupJobSession,
    BackupTaskSession,
    EntityRef,
    Identified,
    Link,
    Page,
    Task,
)
from veeam_async.pool.responses import is_large, read, read_now
from veeam_async.transport.exchange import Response

K = TypeVar("K")

_UID_KEYS = (b'"uid":', b'"uid": ', b" uid=")
"""How JSON and XML lead to a UID, in lower case; any other layout is read."""

_ANY_UID = re.compile(
    rb"""[\s{,]["']?uid["']?\s*[:=]\s*["']urn:veeam:""", re.IGNORECASE
)
_ANY_TASK = re.compile(rb"""["'<]taskid["'>]""", re.IGNORECASE)
_TASK_PATH = re.compile(r"/tasks/(task-[0-9]+)/?(?:[?]|$)", re.IGNORECASE)


def is_entity(
    wanted: str, kind: type[Identified], answer: Response
) -> bool | Awaitable[bool]:
    """False where *answer* is about another entity than *wanted*, a lower-case UUID.

    What cannot be read is left to whoever reads it, unless it is plainly another's.
    """
    # Nearly every answer says so in plain text: nothing is decoded to know it.
    body = answer.body
    at = body.find(f':{wanted}"'.encode())
    if at > 0:
        value = body.rfind(b'"', 0, at)
        if body[value - 7 : value].lower().endswith(_UID_KEYS):
            return True
    return _is_surely(wanted, kind, answer)


def is_task(wanted: str, answer: Response) -> bool | Awaitable[bool]:
    """False where *answer* is about another task than *wanted*."""
    return _is_surely(wanted, Task, answer)


class Reading(Generic[K]):
    """The reading of a list as a *kind*, which tells whether it *is_own*.

    It is handed each answer to the question, and `result` is what the last one held.
    """

    # What a list is about is known only once it is read, and that once is enough.

    def __init__(self, kind: type[K], is_own: Callable[[K], bool]) -> None:
        self._kind = kind
        self._is_own = is_own
        self._error: DecodeError | None = None
        self._found: K

    async def __call__(self, answer: Response) -> bool:
        """False where *answer* is about something else."""
        self._error = None
        try:
            self._found = await read(answer, self._kind)
        except DecodeError as error:
            self._error = error
            return True
        return self._is_own(self._found)

    def result(self) -> K:
        """Give the list; DecodeError where the answer held none."""
        if self._error is not None:
            raise self._error
        return self._found


def are_tasks_of(wanted: UUID, page: Page[BackupTaskSession]) -> bool:
    """False where all that the rows of *page* name are other sessions than *wanted*."""
    named = [session_id for row in page.rows for session_id in _sessions_of(row)]
    return not named or wanted in named


def _sessions_of(row: BackupTaskSession) -> Iterator[UUID]:
    hrefs = [
        link.href
        for link in row.links
        if link.rel == "Up" and (link.type or "").startswith(BackupJobSession.__name__)
    ]
    for name in (row.job_session_uid, *hrefs):
        if session_id := uuid_in(name):
            yield session_id


def lie_in(collection: str, page: Page[EntityRef]) -> bool:
    """False where all rows of *page* lie elsewhere than in *collection*."""
    parent = f"{collection.lower()}/"
    # The first row that lies in it is enough: there may be thousands.
    if any(parent in row.href.lower() for row in page.rows):
        return True
    return not any(uuid_in(row.href) for row in page.rows)


def names(model: Identified, wanted: str) -> bool:
    """Whether *model* is the one of *wanted*, a UUID in lower case."""
    uid = model.uid
    return uid.endswith(wanted) or uid[-len(wanted) :].lower() == wanted


def acts_on(task: Task, collection: str, wanted: UUID) -> bool:
    """True unless a link of *task* names another task, or another of *collection*."""
    hrefs = [task.href, *(link.href for link in task.links)]
    paths = [href.partition("?")[0].lower() for href in hrefs]
    parent = f"{collection.lower()}/"
    return all(
        _bare(found) == _bare(task.task_id)
        for path in paths
        for found in _TASK_PATH.findall(path)
    ) and all(
        uuid_in(path) in (None, wanted)
        for path in paths
        if parent in path and path.rpartition(parent)[2].count("/") == 0
    )


def uuid_in(href: str) -> UUID | None:
    """The UUID that *href* ends in, None where it ends in something else."""
    try:
        return parse_id(href)
    except InvalidId:
        return None


def task_in(link: Link) -> str | None:
    """The id of the task that *link* leads to, None where it leads to none."""
    found = _TASK_PATH.search(link.href)
    return found[1] if found else None


def _is_surely(
    wanted: str, kind: type[Any], answer: Response
) -> bool | Awaitable[bool]:
    """Read *answer* as a *kind*, and compare it with *wanted*."""
    if is_large(answer):
        return _is_surely_aside(wanted, kind, answer)
    try:
        found = read_now(answer, kind)
    except DecodeError:
        return _may_be(wanted, answer)
    return _is(found, wanted)


async def _is_surely_aside(wanted: str, kind: type[Any], answer: Response) -> bool:
    try:
        found = await read(answer, kind)
    except DecodeError:
        return _may_be(wanted, answer)
    return _is(found, wanted)


def _is(found: Identified | Task, wanted: str) -> bool:
    if isinstance(found, Task):
        return _bare(found.task_id) == _bare(wanted)
    return names(found, wanted)


def _may_be(wanted: str, answer: Response) -> bool:
    # A reference in an entity's place has a sentence of its own, which says more.
    return _is_reference(answer) or not _is_of_another(wanted, answer.body)


def _is_reference(answer: Response) -> bool:
    try:
        read_now(answer, EntityRef)
    except DecodeError:
        return False
    return True


def _is_of_another(wanted: str, body: bytes) -> bool:
    """Find out of a *body* that cannot be read if it names something, not *wanted*."""
    name = rb"(?<![\w-])%b(?![\w-])" % re.escape(wanted.encode())
    if re.search(name, body, re.IGNORECASE):
        return False
    return bool(_ANY_UID.search(body) or _ANY_TASK.search(body))


def _bare(task_id: str) -> str:
    return task_id.lower().removeprefix("task-")
