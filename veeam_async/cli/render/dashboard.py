"""What a watch has reported, and which rows of it to show: events in, rows out.

Pure: the time is passed in. An event and a choice of rows cost the same however many
sessions there are.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from itertools import chain, islice
from types import MappingProxyType
from typing import Any
from uuid import UUID

import attrs
from rich.text import Text

from veeam_async import (
    EventKind,
    HealthChanged,
    SessionChanged,
    SessionGone,
    SessionResult,
)
from veeam_async.cli.render.text import no_answer, out_of_sight
from veeam_async.cli.render.words import GONE, AnySession, Event, count, outcome

_RECENT_SECONDS = 3.0
# Nobody should miss a failure among many other changes: it stays on top for longer.
_ALARM_SECONDS = 15.0
_ALARMS = (SessionResult.FAILED, GONE)

# No screen shows more rows, and a watch of months must not keep every session it saw.
_ENDED_ROWS = 500

_UNREMARKABLE = (EventKind.FOUND, EventKind.PROGRESSED)
"""The events that do not move a row up."""


# Compared by identity: the renderer keeps a line for each row, and a hash over all
# fields of a session would cost more than drawing it.
@attrs.frozen(eq=False)
class Row:
    """One session as it was last seen, with its outcome in one word."""

    session_id: UUID
    session: AnySession | None
    has_ended: bool
    outcome: str


class Dashboard:
    """The sessions of a watch: all of them counted, and the rows worth showing.

    The times passed in are seconds of any one clock.
    """

    def __init__(self) -> None:
        self.health: HealthLine = HealthLine()
        self.total: int = 0
        self._counts: dict[str, int] = {}
        self._running: OrderedDict[UUID, Row] = OrderedDict()
        self._ended: OrderedDict[UUID, Row] = OrderedDict()
        self._changes = RecentChanges(_RECENT_SECONDS)
        self._alarms = RecentChanges(_ALARM_SECONDS)

    @property
    def counts(self) -> Mapping[str, int]:
        """The number of sessions for each outcome, those included that ended."""
        return MappingProxyType(self._counts)

    def update(self, event: Event, now: float) -> None:
        """Apply an event that arrived at *now*."""
        if isinstance(event, HealthChanged):
            self.health.update(event)
            return
        row = _row(event)
        before = self._running.get(row.session_id) or self._ended.pop(
            row.session_id, None
        )
        if before is not None:
            self._add_to_count(before.outcome, -1)
        self._add_to_count(row.outcome, 1)
        if row.has_ended:
            self._move_to_ended(row)
        else:
            # An id that is known keeps its place, so that rows stand still.
            self._running[row.session_id] = row
        if event.kind not in _UNREMARKABLE:
            self._highlight(row, now)

    def rows(self, limit: int, now: float) -> list[Row]:
        """The rows to show: what just changed, what runs, then what ended last.

        What just changed takes half of them at most, with what failed on top.
        """
        # Where all rows fit, nothing is hidden, and none has to move.
        highlighted = (
            self._highlighted(max(1, limit // 2), now) if self.total > limit else []
        )
        ids = chain(highlighted, self._running, reversed(self._ended))
        distinct = dict.fromkeys(islice(ids, limit + len(highlighted)))
        return [
            self._running.get(session_id) or self._ended[session_id]
            for session_id in islice(distinct, limit)
        ]

    def _highlight(self, row: Row, now: float) -> None:
        self._unhighlight(row.session_id)
        recent = self._alarms if row.outcome in _ALARMS else self._changes
        recent.add(row.session_id, now)

    def _highlighted(self, limit: int, now: float) -> list[UUID]:
        alarms = self._alarms.select(limit, now)
        return alarms + self._changes.select(limit - len(alarms), now)

    def _unhighlight(self, session_id: UUID) -> None:
        self._changes.discard(session_id)
        self._alarms.discard(session_id)

    def _move_to_ended(self, row: Row) -> None:
        self._running.pop(row.session_id, None)
        self._ended[row.session_id] = row
        self.health.discard(row.session_id)
        if len(self._ended) > _ENDED_ROWS:
            oldest, _ = self._ended.popitem(last=False)
            self._unhighlight(oldest)

    def _add_to_count(self, outcome: str, step: int) -> None:
        self.total += step
        number = self._counts.get(outcome, 0) + step
        self._counts[outcome] = number
        if not number:
            del self._counts[outcome]


class RecentChanges:
    """The sessions that changed in the last *seconds*, and those of them on show."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._changed_at: OrderedDict[UUID, float] = OrderedDict()
        self._selected: list[UUID] = []

    def add(self, session_id: UUID, now: float) -> None:
        """Count a session as changed at *now*."""
        self._changed_at[session_id] = now
        self._changed_at.move_to_end(session_id)
        self._expire(now)

    def discard(self, session_id: UUID) -> None:
        """Count a session as changed no longer."""
        self._changed_at.pop(session_id, None)

    def select(self, limit: int, now: float) -> list[UUID]:
        """Up to *limit* sessions: those selected before that are recent, the latest."""
        # Who was selected keeps its place for its time: where hundreds change in a
        # second, rows that always showed the latest could not be read.
        self._expire(now)
        kept = [each for each in self._selected if each in self._changed_at][:limit]
        latest = islice(reversed(self._changed_at), limit)
        new = (each for each in latest if each not in kept)
        self._selected = [*kept, *islice(new, limit - len(kept))]
        return self._selected

    def _expire(self, now: float) -> None:
        while (
            self._changed_at
            and now - next(iter(self._changed_at.values())) >= self._seconds
        ):
            self._changed_at.popitem(last=False)


class HealthLine:
    """Which sessions cannot be polled, or that the server does not answer at all."""

    def __init__(self) -> None:
        self._since: dict[UUID | None, datetime] = {}
        self._scope = ""

    def update(self, event: HealthChanged) -> None:
        """Apply the news that polls fail, or that they succeed again."""
        if event.kind is EventKind.RECOVERED:
            self._since.pop(event.id, None)
        else:
            self._since[event.id] = event.since
            self._scope = event.scope if event.id is None else self._scope

    def discard(self, session_id: UUID) -> None:
        """Drop a session that is polled no longer."""
        self._since.pop(session_id, None)

    def text(self) -> Text | None:
        """The worst of it in one line, or None while all is well."""
        if not self._since:
            return None
        if None in self._since:
            return out_of_sight(self._scope, self._since[None])
        session_id, since = next(iter(self._since.items()))
        if len(self._since) == 1:
            return no_answer("1 session", since).append(f": {session_id}")
        return no_answer(count(len(self._since), "session"), since, "have")


def _row(event: SessionChanged[Any] | SessionGone[Any]) -> Row:
    session: AnySession | None = event.session
    has_ended = event.kind in (EventKind.STOPPED, EventKind.GONE)
    # What went away while it ran has no result; what had stopped before keeps its own.
    if session is None or (has_ended and not session.is_stopped):
        return Row(event.id, session, has_ended, GONE)
    return Row(event.id, session, has_ended, outcome(session))
