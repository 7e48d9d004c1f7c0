"""What a watch has seen, as a table that fits a screen: pure, events in, rows out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, TypeAlias
from uuid import UUID

import attrs
from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from veeam_async import EventKind, HealthChanged, WatchEvent
from veeam_async.cli.status import AnySession, outcome, styled, summary, title
from veeam_async.cli.words import clock, span

GONE = "Gone"
"""The word for a session that the server does not know (any more)."""

Event: TypeAlias = WatchEvent[Any]

_FRESH_SECONDS = 3.0
_ID_WIDTH = 110
"""From which width on a row shows the session's id."""
_START_WIDTH = 76
_WIDEST = 140
"""A wider screen would only draw the eye away from the names."""
_OTHER_LINES = 4
"""The heading, the counts, the line of the health, and the cursor's own."""


@attrs.define
class Row:
    """One session: how it was last seen, and when its state last changed."""

    id: UUID
    session: AnySession | None
    is_over: bool
    changed_at: float

    @property
    def outcome(self) -> str:
        """What is told of it in one word."""
        if self.session is None or (self.is_over and not self.session.is_stopped):
            return GONE
        return outcome(self.session)


class Board:
    """The sessions of a watch. Times are seconds of any one clock."""

    def __init__(self) -> None:
        self._rows: dict[UUID, Row] = {}
        self._trouble: HealthChanged | None = None

    def note(self, event: Event, now: float) -> None:
        """Take an event in."""
        if isinstance(event, HealthChanged):
            is_well = event.kind is EventKind.RECOVERED
            self._trouble = None if is_well else event
            return
        row = self._rows.get(event.id)
        is_over = event.kind in (EventKind.STOPPED, EventKind.GONE)
        is_still = event.kind is EventKind.PROGRESSED and row is not None
        changed_at = row.changed_at if row is not None and is_still else now
        if event.kind is EventKind.FOUND:
            changed_at = float("-inf")
        self._rows[event.id] = Row(event.id, event.session, is_over, changed_at)

    @property
    def outcomes(self) -> Iterator[str]:
        """The word for each session."""
        return (row.outcome for row in self._rows.values())

    @property
    def ended(self) -> list[Row]:
        """The sessions whose end was told."""
        return [row for row in self._rows.values() if row.is_over]

    def rows(self, most: int, now: float) -> list[Row]:
        """Give the rows to show: what just changed, what runs, then what ended last."""
        rows = list(self._rows.values())
        if len(rows) <= most:
            return sorted(rows, key=lambda row: (row.is_over, -_end(row)))
        return sorted(rows, key=lambda row: _urgency(row, now))[:most]

    def render(self, width: int, height: int, now: float) -> Group:
        """Draw the board for a screen of *width* and *height*."""
        rows = self.rows(max(1, height - _OTHER_LINES), now)
        hidden = len(self._rows) - len(rows)
        counts = summary(self.outcomes)
        if hidden > 0:
            counts.append(f" ({hidden:,} not shown)", style="dim")
        parts: list[RenderableType] = [_table(rows, min(width, _WIDEST)), counts]
        if self._trouble is not None:
            parts.append(trouble(self._trouble))
        return Group(*parts)


def trouble(event: HealthChanged) -> Text:
    """Say how looking goes."""
    whom = "the server" if event.id is None else str(event.id)
    if event.kind is EventKind.RECOVERED:
        return Text(f"{whom} answers again", style="green")
    return Text(f"{whom} has not answered since {clock(event.since)}", style="red")


def _end(row: Row) -> float:
    return row.changed_at if row.is_over else 0.0


def _urgency(row: Row, now: float) -> tuple[bool, bool, float]:
    is_fresh = now - row.changed_at < _FRESH_SECONDS
    return (not is_fresh, row.is_over, -_end(row))


def _table(rows: list[Row], width: int) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), width=width)
    for name, ratio in (("Job", 3), ("Progress", 2)):
        table.add_column(name, header_style="bold", ratio=ratio, no_wrap=True)
    table.add_column("", justify="right", min_width=4)
    table.add_column("State", header_style="bold", min_width=8)
    has_start, has_id = width >= _START_WIDTH, width >= _ID_WIDTH
    if has_start:
        table.add_column("Took", header_style="bold", justify="right", min_width=8)
    if has_id:
        table.add_column("Id", header_style="bold", min_width=36)
    for row in rows:
        extra = [span(_took(row)) for _ in range(has_start)]
        extra += [str(row.id) for _ in range(has_id)]
        table.add_row(*_cells(row), *extra)
    return table


def _took(row: Row) -> timedelta | None:
    return None if row.session is None else row.session.duration


def _cells(row: Row) -> tuple[Text | ProgressBar, ...]:
    session = row.session
    if session is None:
        return Text(str(row.id)), Text(), Text(), styled(row.outcome)
    done = 100 if session.is_stopped else session.progress
    word = styled(row.outcome)
    style = str(word.style) or "bar.complete"
    bar = ProgressBar(
        total=100, completed=done, complete_style=style, finished_style=style
    )
    return Text(title(session)), bar, Text(f"{done}%"), word
