"""Which sessions a command means: what its options select by, joined by AND."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import attrs

from veeam_async import F, SessionResult, SessionState
from veeam_async.cli.filter_text import server_filter
from veeam_async.cli.name_patterns import NamePattern, is_meant
from veeam_async.cli.names import SessionFinder
from veeam_async.cli.options import Sessions
from veeam_async.cli.render.words import AnySession, Event
from veeam_async.cli.since import parse_since
from veeam_async.filters import query_field


@attrs.frozen(kw_only=True)
class Selection:
    """Sessions of a *kind* that meet a filter as it was *typed* and all else.

    Of *jobs* a session's is one: a name, or a pattern in which * stands for anything.
    The server's filters know no patterns, so that whatever else is selected is read,
    and narrowed down here.
    """

    kind: type[AnySession]
    typed: str | None = None
    state: str | None = None
    result: str | None = None
    jobs: Sequence[str] = ()
    since: datetime | None = None

    @classmethod
    def parse(
        cls,
        kind: type[AnySession],
        *,
        typed: Iterable[str | None] = (),
        state: str | None = None,
        result: str | None = None,
        jobs: Sequence[str] | None = None,
        since: str | None = None,
    ) -> Selection:
        """Make one of what options hold; ValueError or Refusal for what is wrong."""
        if jobs:
            query_field("job_name", kind)  # a restore has none
        filters = [text for text in typed if text]
        for text in filters:
            server_filter(text, kind)  # each by itself, so that its place is right
        joined = ";".join(f"({text})" for text in filters) if filters[1:] else None
        return cls(
            kind=kind,
            typed=joined or next(iter(filters), None),
            state=_member(state, SessionState),
            result=_member(result, SessionResult),
            jobs=tuple(jobs or ()),
            since=None if since is None else parse_since(since),
        )

    @property
    def where(self) -> str | None:
        """What the server is asked for; None for everything."""
        conditions = [
            F.state == self.state if self.state else None,
            F.result == self.result if self.result else None,
            F.job_name.in_(self.jobs) if self.jobs and not self.is_narrowed else None,
            F.creation_time >= self.since if self.since else None,
        ]
        own = [each.render(self.kind) for each in conditions if each is not None]
        if self.typed is None:
            return ";".join(own) or None
        # The parentheses keep a comma in the user's text, which is an OR, to itself.
        typed = server_filter(self.typed, self.kind)
        return ";".join([f"({typed})" if own else typed, *own])

    @property
    def is_narrowed(self) -> bool:
        """Whether sessions that the server selects are narrowed down here."""
        return any("*" in job for job in self.jobs)

    def takes(self, session: AnySession | None) -> bool:
        """Whether a session that the server selects is meant."""
        if not self.is_narrowed or session is None:
            return True
        name = getattr(session, "job_name", "")
        return is_meant(name, map(NamePattern, self.jobs))

    def takes_event(self, event: Event) -> bool:
        """Whether an event is of a session that is meant, or of none."""
        return self.takes(getattr(event, "session", None))

    async def rows(
        self, sessions: Sessions, *, order_by: str | None, limit: int | None
    ) -> AsyncIterator[Any]:
        """Ask the server for the sessions; where none is of the jobs, in other case."""
        found = False
        async for session in self._rows(sessions, order_by, limit):
            found = True
            yield session
        if found or not self.jobs or self.is_narrowed:
            return
        spelt = await SessionFinder(sessions, self.kind).other_spellings(self.jobs)
        if {*spelt} - {*self.jobs}:
            other = attrs.evolve(self, jobs=spelt)
            async for session in other._rows(sessions, order_by, limit):  # noqa: SLF001 - its own
                yield session

    async def perhaps(self, sessions: Sessions) -> list[str]:
        """Lines that name jobs which may have been meant, where no session matched."""
        finder = SessionFinder(sessions, self.kind)
        names = () if self.is_narrowed else self.jobs
        return [line for name in names for line in await finder.nearest(name)]

    async def _rows(
        self, sessions: Sessions, order_by: str | None, limit: int | None
    ) -> AsyncIterator[Any]:
        asked = None if self.is_narrowed else limit
        left = float("inf") if limit is None else limit
        async for session in sessions.query(self.where, order_by=order_by, limit=asked):
            if self.takes(session) and left > 0:
                left -= 1
                yield session
            if left <= 0:
                return


def _member(text: str | None, enum: type[StrEnum]) -> str | None:
    """The member that *text* names in any case; another text as it is."""
    if text is None:
        return None
    return next((each.value for each in enum if each.lower() == text.lower()), text)
