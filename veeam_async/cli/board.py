"""What a watch has seen, and what of it is worth a look: pure, events in, rows out.

An event and a choice of rows cost the same however many sessions there are.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from itertools import chain, islice
from types import MappingProxyType
from typing import Any, TypeAlias
from uuid import UUID

import attrs

from veeam_async import (
    EventKind,
    HealthChanged,
    SessionChanged,
    SessionGone,
    SessionResult,
    WatchEvent,
)
from veeam_async.cli.fresh import Fresh
from veeam_async.cli.status import GONE, AnySession, outcome
from veeam_async.cli.troubles import Troubles

Event: TypeAlias = WatchEvent[Any]

_FRESH_SECONDS = 3.0
_ALARM_SECONDS = 15.0
_ALARMS = (SessionResult.FAILED, GONE)
"""The outcomes that nobody should miss among many others."""
_KEPT = 500
"""How many sessions that ended last are known as more than a count."""
_QUIET = (EventKind.FOUND, EventKind.PROGRESSED)
"""What draws nobody's eye to a row."""


@attrs.frozen(eq=False)
class Row:
    """One session as it was last seen; *outcome* is what is told of it in one word."""

    id: UUID
    session: AnySession | None
    is_over: bool
    outcome: str


class Board:
    """The sessions of a watch. Times are seconds of any one clock."""

    def __init__(self) -> None:
        self.troubles = Troubles()
        self.total = 0
        self._counts: dict[str, int] = {}
        self._running: OrderedDict[UUID, Row] = OrderedDict()
        self._ended: OrderedDict[UUID, Row] = OrderedDict()
        self._changes = Fresh(_FRESH_SECONDS)
        self._alarms = Fresh(_ALARM_SECONDS)

    @property
    def counts(self) -> Mapping[str, int]:
        """How many sessions there are of each outcome, those included that ended."""
        return MappingProxyType(self._counts)

    def note(self, event: Event, now: float) -> None:
        """Take an event in."""
        if isinstance(event, HealthChanged):
            self.troubles.note(event)
            return
        row = _row(event)
        before = self._running.get(row.id) or self._ended.pop(row.id, None)
        if before is not None:
            self._count(before, -1)
        self._count(row, 1)
        if row.is_over:
            self._end(row)
        else:
            self._running[row.id] = row
        if event.kind not in _QUIET:
            self._light(row, now)

    def rows(self, most: int, now: float) -> list[Row]:
        """Give the rows to show: what just changed, what runs, then what ended last.

        What just changed takes half of them at most, with what failed on top.
        """
        lit = self._lit(max(1, most // 2), now) if self.total > most else []
        ids = chain(lit, self._running, reversed(self._ended))
        once = dict.fromkeys(islice(ids, most + len(lit)))
        return [
            self._running.get(one) or self._ended[one] for one in islice(once, most)
        ]

    def _light(self, row: Row, now: float) -> None:
        self._forget(row.id)
        fresh = self._alarms if row.outcome in _ALARMS else self._changes
        fresh.note(row.id, now)

    def _lit(self, most: int, now: float) -> list[UUID]:
        alarms = self._alarms.choose(most, now)
        return alarms + self._changes.choose(most - len(alarms), now)

    def _forget(self, id: UUID) -> None:  # noqa: A002 - the field's term
        self._changes.forget(id)
        self._alarms.forget(id)

    def _end(self, row: Row) -> None:
        self._running.pop(row.id, None)
        self._ended[row.id] = row
        self.troubles.forget(row.id)
        if len(self._ended) > _KEPT:
            oldest, _ = self._ended.popitem(last=False)
            self._forget(oldest)

    def _count(self, row: Row, step: int) -> None:
        self.total += step
        counted = self._counts.get(row.outcome, 0) + step
        self._counts[row.outcome] = counted
        if not counted:
            del self._counts[row.outcome]


def _row(event: SessionChanged[Any] | SessionGone[Any]) -> Row:
    session: AnySession | None = event.session
    is_over = event.kind in (EventKind.STOPPED, EventKind.GONE)
    if session is None or (is_over and not session.is_stopped):
        return Row(event.id, session, is_over, GONE)
    return Row(event.id, session, is_over, outcome(session))
