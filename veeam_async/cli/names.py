"""Sessions and jobs by what people call them: an id, its beginning, a job's name.

A job's name stands for its session that runs, else for its newest one; of a restore it
is the name of the machine. Where several are meant nobody guesses: they are listed.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from typing import TypeVar

import attrs

from veeam_async import (
    EnterpriseManager,
    EntityRef,
    F,
    Id,
    InvalidId,
    Job,
    NotFound,
    RestoreSession,
    VeeamError,
    parse_id,
)
from veeam_async.cli.exits import Exit, Refusal
from veeam_async.cli.options import SESSION_MODELS, Resource, Sessions, sessions_of
from veeam_async.cli.render.streams import say
from veeam_async.cli.render.words import (
    AnySession,
    count,
    one_line,
    outcome,
    title,
    zoned,
)

_BEGINNING = re.compile("[0-9a-f]{4,8}(?:-[0-9a-f-]{0,27})?", re.IGNORECASE)
_JOB = re.compile(r"urn:veeam:\w*job:", re.IGNORECASE)
_NEWEST = 50
"""Sessions of a job among which the running ones are looked for."""
_LISTED = 10
_ALIKE = 0.6
"""How like a name is that may be meant, as difflib measures it."""

_T = TypeVar("_T")


def check_name(text: str) -> None:
    """Raise InvalidId for *text* that can be neither an id nor a name."""
    # Before a password is asked for. A name may hold anything, but these are ids.
    if not text.strip() or re.match("urn:|https?://", text, re.IGNORECASE):
        parse_id(text)


def is_id(text: str) -> bool:
    """Whether *text* is the whole id of a session."""
    with suppress(InvalidId):
        parse_id(text)
        return _JOB.match(text) is None
    return False


@attrs.define
class SessionFinder:
    """Finds sessions of one kind; the list of all is asked for once, where needed."""

    sessions: Sessions
    kind: type[AnySession]
    _references: list[EntityRef] | None = None

    @classmethod
    def of(cls, em: EnterpriseManager, resource: Resource) -> SessionFinder:
        """Make the one for sessions of the kind *resource*."""
        return cls(sessions_of(em, resource), SESSION_MODELS[resource])

    async def find_all(self, texts: Iterable[str]) -> list[str]:
        """The id that each of *texts* means, see `find`."""
        return [await self.find(text) for text in texts]

    async def find(self, text: str) -> str:
        """The id that *text* means, which is said where it was found by something else.

        Raises Refusal where there is none, and a list where there are several.
        """
        if is_id(text):
            return text
        check_name(text)
        found = await self._by_beginning(text) or await self._by_name(text)
        # The UIDs of jobs come in rows, by the hundred.
        if not _JOB.match(text):
            say(f"{one_line(text)} is session {found}")
        return found

    async def ask(self, text: str, question: Callable[[str], Awaitable[_T]]) -> _T:
        """What *question* is answered about the session that *text* means.

        Where no session has this id, but a job, that job's session is meant.
        """
        session_id = await self.find(text)
        try:
            return await question(session_id)
        except NotFound:
            meant = await self._of_job(session_id)
            if meant is None:
                raise
        say(f"{one_line(text)} is a job: its session is {meant}")
        return await question(meant)

    async def _of_job(self, job_id: str) -> str | None:
        if self.kind is RestoreSession:
            return None
        rows = await self._named(f"urn:veeam:Job:{parse_id(job_id)}")
        meant = _running(rows) or rows[:1]
        return str(meant[0].id) if len(meant) == 1 else None

    async def _by_beginning(self, text: str) -> str | None:
        if not _BEGINNING.fullmatch(text):
            return None
        found = {
            uid: reference
            for reference in await self._listed()
            if (uid := reference.uid[-36:].lower()).startswith(text.lower())
        }
        if len(found) > 1:
            lines = [f"{uid}  {one_line(found[uid].name)}" for uid in found]
            raise _ambiguous(
                f"the ids of {count(len(found), 'session')} begin", text, lines
            )
        return next(iter(found), None)

    async def _by_name(self, text: str) -> str:
        rows = await self._named(text)
        if not rows:
            others = await self.other_spellings([text])
            rows = [row for name in others for row in await self._named(name)]
        if not rows:
            raise await self._unknown(text)
        meant = _running(rows) or _newest_of_each_job(rows)
        if meant[1:]:
            lines = [_described(row) for row in meant]
            said = f"{count(len(meant), 'session')} are meant"
            raise _ambiguous(said, text, lines)
        return str(meant[0].id)

    async def _named(self, text: str) -> list[AnySession]:
        """The newest sessions of the job *text*, or restores of that machine."""
        if _JOB.match(text):
            condition = F.job_uid == parse_id(text)
        elif self.kind is RestoreSession:
            condition = F.vm_display_name == text
        else:
            condition = F.job_name == text
        query = self.sessions.query(
            condition, order_by="-creation_time", page_size=_NEWEST, limit=_NEWEST
        )
        return [row async for row in query]

    async def other_spellings(self, names: Sequence[str]) -> list[str]:
        """The names of jobs that are *names* in another case."""
        wanted = {name.casefold() for name in names}
        return [name for name in await self._job_names() if name.casefold() in wanted]

    async def nearest(self, text: str) -> list[str]:
        """A line for each job's name that is most like *text*; none where one is it."""
        names = await self._job_names()
        return [] if text in names else _perhaps(text, names)

    async def _unknown(self, text: str) -> Refusal:
        what = "machine" if self.kind is RestoreSession else "job"
        said = f"no session of a {what} called {one_line(text)!r}, nor with such an id"
        near = await self.nearest(text)
        return Refusal(f"the server shows {said}", Exit.ERROR, more=near)

    async def _job_names(self) -> list[str]:
        # A reference of a session is called after its job and its time.
        names = (each.name.rpartition("@")[0] for each in await self._listed())
        return list(dict.fromkeys(name for name in names if name))

    async def _listed(self) -> list[EntityRef]:
        if self._references is None:
            self._references = await self.sessions.references()
        return self._references


def _running(rows: Sequence[AnySession]) -> list[AnySession]:
    return [row for row in rows if not row.is_stopped]


def _newest_of_each_job(rows: Sequence[AnySession]) -> list[AnySession]:
    newest: dict[str, AnySession] = {}
    for row in rows:
        newest.setdefault(getattr(row, "job_uid", ""), row)
    return list(newest.values())


def _described(row: AnySession) -> str:
    began = zoned(row.creation_time)
    return f"{row.id}  {outcome(row):<9}  {began}  {title(row)}"


def _ambiguous(what: str, text: str, lines: Sequence[str]) -> Refusal:
    more = [f"  {line}" for line in lines[:_LISTED]]
    more += ["  …"] * (len(lines) > _LISTED)
    return Refusal(f"{what} with {one_line(text)!r}: give one's id", more=more)


def _perhaps(text: str, names: Iterable[str]) -> list[str]:
    """A line for each of the *names* that are most like *text*."""
    from veeam_async.jobs.find_job import nearest  # noqa: PLC0415 - nobody has the name

    return [f"  perhaps: {name}" for name in nearest(text, names, cutoff=_ALIKE)]


# ---------------------------------------------------------------- jobs


async def refuse_job(em: EnterpriseManager, session_id: str) -> None:
    """Raise Refusal where a *session_id* that no session has is that of a job."""
    try:
        job = await em.jobs.get(session_id)
    except VeeamError:
        return  # what was said of the session is all that is known
    raise Refusal(
        f"{one_line(session_id)} is the id of a job, of no session: write the job's "
        f"name, {one_line(job.name)!r}, for its session that runs, else its newest",
        Exit.ERROR,
    )


async def find_job(em: EnterpriseManager, text: str) -> Id:
    """The id of the job that *text* is or means: an id, its beginning, a name.

    The exact name wins over one in another case. Raises Refusal where there is none,
    and a list where there are several.
    """
    with suppress(InvalidId):
        return parse_id(text)
    check_name(text)
    exact = [job async for job in em.jobs.query(F.name == text, strict=True)]
    jobs = exact or [job async for job in em.jobs.query(strict=True)]
    found = exact or _jobs_like(text, jobs)
    if len(found) == 1:
        return found[0].id
    if not found:
        near = _perhaps(text, (job.name for job in jobs))
        said = f"no job is called {one_line(text)!r}, nor has it as its id"
        raise Refusal(said, Exit.ERROR, more=near)
    lines = [
        f"{job.id}  {job.job_type}  {_server_of(job)}  {job.name}" for job in found
    ]
    raise _ambiguous(f"{len(found)} jobs are meant", text, [*map(one_line, lines)])


def _jobs_like(text: str, jobs: Sequence[Job]) -> list[Job]:
    named = [job for job in jobs if job.name.casefold() == text.casefold()]
    if named or not _BEGINNING.fullmatch(text):
        return named
    return [job for job in jobs if job.uid[-36:].lower().startswith(text.lower())]


def _server_of(job: Job) -> str:
    link = job.link("Up", "BackupServerReference")
    return (link.name if link else None) or ""
