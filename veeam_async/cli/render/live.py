"""A table or a line kept up to date on a terminal, for about two per cent of a core.

A dashboard on standard output, or one line of life on standard error.

Once every tick a frame is rendered, in which only rows that changed are rendered anew,
and the terminal is written to only where that frame differs from the one before.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from itertools import chain
from time import monotonic
from typing import TypeAlias

import attrs
from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.segment import Segment
from rich.text import Text

from veeam_async.cli.render.console import PlainConsole
from veeam_async.cli.render.contact import Contact
from veeam_async.cli.render.dashboard import Dashboard, Row
from veeam_async.cli.render.last_answer import now_here
from veeam_async.cli.render.text import SEPARATOR, outcome_counts, styled
from veeam_async.cli.render.words import duration, title, took

Line: TypeAlias = list[Segment]
"""One line of a terminal."""

_TICK_SECONDS = 0.25
# Drawing may take one part in fifty of the time: over a slow link a write blocks the
# event loop, and with it every poll.
_REST = 50
# A terminal that was halted by Ctrl-S for an hour is not to rest for fifty.
_LONGEST_REST_SECONDS = 5.0

_OTHER_LINES = 3
"""The heading, the foot, and the line of the cursor."""

_TOOK_FROM_WIDTH = 56
_SHORT_ID_FROM_WIDTH = 76
_ID_FROM_WIDTH = 110
_FREE = 3
"""Columns after the one line: the terminal writes ^C there, and the cursor stands."""
_WIDEST = 140
"""A wider table would only draw the eye away from the names."""
_GAP = Segment("  ")
_BAR, _PERCENT, _STATE, _TOOK, _SHORT_ID, _ID = 20, 4, 10, 8, 8, 36
_HEADING = ("Job", "Progress", "", "State", f"{'Took':>{_TOOK}}", "Id")

# ---------------------------------------------------------------- keeping up to date


@asynccontextmanager
async def live_dashboard(
    dashboard: Dashboard,
    console: PlainConsole,
    surroundings: Surroundings | None = None,
    *,
    clock: Callable[[], float] = monotonic,
) -> AsyncIterator[None]:
    """Keep *dashboard* on the terminal during the block, redrawn in ticks."""
    renderer = Renderer(dashboard, console, surroundings)

    def render(now: float) -> Frame:
        # The cursor has a line of its own: the terminal writes ^C there, and on the
        # last of ours that might take another line, which nobody would count.
        lines = renderer.render(now).lines
        return Frame(lines if renderer.is_over else [*lines, []])

    live = Live(render(clock()), console=console, auto_refresh=False)
    async with _redrawn(render, live, clock):
        try:
            yield
        finally:
            renderer.is_over = True


@asynccontextmanager
async def live_line(
    text: Callable[[int], Text],
    console: PlainConsole,
    *,
    clock: Callable[[], float] = monotonic,
) -> AsyncIterator[None]:
    """Keep one line on the terminal during the block; none is left after it.

    *text* makes it, for so many columns.
    """

    def render(_now: float) -> Frame:
        width = max(1, console.width - _FREE)
        return Frame([Layout(console, width).text(text(width))])

    live = Live(
        render(clock()),
        console=console,
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,  # data must not end up on standard error
    )
    async with _redrawn(render, live, clock):
        yield


@asynccontextmanager
async def _redrawn(
    render: Callable[[float], Frame], live: Live, clock: Callable[[], float]
) -> AsyncIterator[None]:
    """Redraw *live* in ticks during the block, and once after it."""
    with live:
        redrawing = asyncio.create_task(_redraw(render, live, clock))
        try:
            yield
        finally:
            redrawing.cancel()
            with suppress(asyncio.CancelledError):
                await redrawing
            # The last events may have come after the last tick.
            _draw(render, live, clock())


async def _redraw(
    render: Callable[[float], Frame], live: Live, clock: Callable[[], float]
) -> None:
    while True:
        began = clock()
        _draw(render, live, began)
        rest = min(_LONGEST_REST_SECONDS, _REST * (clock() - began))
        await asyncio.sleep(max(_TICK_SECONDS, rest))


def _draw(render: Callable[[float], Frame], live: Live, now: float) -> None:
    frame = render(now)
    if frame != live.get_renderable():
        live.update(frame, refresh=True)


# ---------------------------------------------------------------- frames


@attrs.frozen
class Frame:
    """The lines on the terminal at one moment; equal frames look the same."""

    lines: list[Line]

    def __rich_console__(self, _: Console, __: ConsoleOptions) -> Iterator[Segment]:
        for line in self.lines:
            yield from line
            yield Segment.line()


@attrs.frozen(kw_only=True)
class Surroundings:
    """All that a live table shows besides the events.

    *contact* tells how it goes with the server. *server_time* is its clock, by which
    it is reckoned how long a session has been running. *waiting_for* is said while
    there is no session.
    """

    contact: Contact | None = None
    server_time: Callable[[], datetime] = now_here
    waiting_for: Callable[[], str] = str


class Renderer:
    """Renders *dashboard* for *console*; a row that did not change costs nothing.

    Once *is_over* is set, it renders what stays on the screen: nothing is waited for.
    """

    def __init__(
        self,
        dashboard: Dashboard,
        console: PlainConsole,
        surroundings: Surroundings | None = None,
    ) -> None:
        self._dashboard = dashboard
        self._console = console
        self._surroundings = surroundings or Surroundings()
        self.is_over = False
        self._layout = Layout(console, console.width)
        self._row_lines: dict[tuple[Row, str], Line] = {}

    def render(self, now: float) -> Frame:
        """The frame at *now*, as large as the terminal is by then."""
        width, height = self._console.size
        if width != self._layout.width:
            self._layout, self._row_lines = Layout(self._console, width), {}
        if not self._dashboard.total:
            return Frame([self._layout.text(each) for each in self._empty()])
        # Room for the counts as if no session had a row: how many are hidden is known
        # only once the rows are.
        free = height - _OTHER_LINES - len(self._counts(self._dashboard.total))
        rows = self._dashboard.rows(max(1, free), now)
        server_time = self._surroundings.server_time()
        shown = [(row, _took(row, server_time)) for row in rows]
        self._row_lines = {
            each: self._row_lines.get(each) or self._layout.row(*each) for each in shown
        }
        below = self._counts(self._dashboard.total - len(rows)) + self._foot()
        return Frame(
            [
                self._layout.heading(),
                *self._row_lines.values(),
                *map(self._layout.text, below),
            ]
        )

    def _empty(self) -> list[Text]:
        """The lines of a table without a session: what it waits for."""
        waiting_for = self._surroundings.waiting_for()
        if self.is_over or not waiting_for:
            return self._foot()
        return [Text(waiting_for), *self._foot()]

    def _foot(self) -> list[Text]:
        """The last line: how it goes with the server, and who else has no answer."""
        contact, health = self._surroundings.contact, self._dashboard.health.text()
        if contact is None:
            return [] if health is None else [health]
        text = contact.text()
        if contact.is_away:
            return [text.append(contact.lasting + contact.reason)]
        if self.is_over:
            return []
        return [text if health is None else Text(SEPARATOR).join([text, health])]

    def _counts(self, hidden: int) -> list[Text]:
        """The lines that count the sessions, *hidden* of which have no row."""
        items = outcome_counts(self._dashboard.counts)
        if hidden:
            items.append(Text(f"({hidden:,} not shown)", style="dim"))
        return self._layout.packed(items, SEPARATOR)


class Layout:
    """The columns of a dashboard on a terminal; no line is wider than *width*."""

    def __init__(self, console: PlainConsole, width: int) -> None:
        self.width = width
        self._console = console
        widths = [_PERCENT, _STATE]
        widths += [_TOOK] * (width >= _TOOK_FROM_WIDTH)
        if width >= _SHORT_ID_FROM_WIDTH:
            widths.append(_ID if width >= _ID_FROM_WIDTH else _SHORT_ID)
        self._is_id_short = width < _ID_FROM_WIDTH
        gaps = len(_GAP.text) * (len(widths) + 1)
        flexible = min(width, _WIDEST) - sum(widths) - gaps
        bar = max(1, min(_BAR, flexible * 2 // 5))
        self._widths = (max(1, flexible - bar), bar, *widths)

    def heading(self) -> Line:
        """The names of the columns."""
        return self._joined(self._cells(_HEADING, ["bold"] * len(_HEADING)))

    def row(self, row: Row, took: str) -> Line:
        """A session on one line; of one that was never seen there is but the id."""
        style = str(styled(row.outcome).style)
        styles = ("", "", "", style, "", "")
        if row.session is None:
            unseen = (str(row.session_id), "", "", row.outcome)
            return self._joined(self._cells(unseen, styles))
        # A session that failed half-way has ended: its bar is full, in its colour.
        percent = 100 if row.session.is_stopped else row.session.progress
        session_id = str(row.session_id)
        if self._is_id_short:
            session_id = session_id[:_SHORT_ID]
        texts = (
            title(row.session),
            "",
            f"{percent:>3}%",
            row.outcome,
            f"{took:>{_TOOK}}",
            session_id,
        )
        cells = self._cells(texts, styles)
        cells[1] = self._bar(percent, style or "bar.complete")
        return self._joined(cells)

    def text(self, text: Text) -> Line:
        """A sentence; where it is too long it is cut, and a mark says so."""
        shown = text.copy()
        shown.plain = self._console.encodable(text.plain)
        if shown.cell_len > self.width:
            # With a mark: half a port would be taken for another one.
            shown.truncate(self.width - 1, overflow="crop")
            shown.append(self._console.encodable("…"))
        shown.end = ""
        return list(shown.render(self._console))

    def packed(self, items: Iterable[Text], separator: str) -> list[Text]:
        """As many items on each line as it holds; none of them is broken."""
        lines: list[Text] = []
        for item in items:
            available = self.width - len(separator) - item.cell_len
            if lines and lines[-1].cell_len <= available:
                lines[-1].append(separator).append_text(item)
            else:
                lines.append(item.copy())
        return lines

    def _cells(self, texts: Sequence[str], styles: Sequence[str]) -> list[Line]:
        # Not strict: a narrow terminal leaves the last columns out.
        return [
            [Segment(self._fitted(text, width), self._console.get_style(style))]
            for text, style, width in zip(texts, styles, self._widths, strict=False)
        ]

    def _fitted(self, text: str, width: int) -> str:
        # Cells, not characters: a Chinese job's name takes two columns for each.
        shown = self._console.encodable(text)
        if cell_len(shown) <= width:
            return set_cell_size(shown, width)
        return set_cell_size(shown, width - 1) + self._console.encodable("…")

    def _bar(self, percent: int, style: str) -> Line:
        width = self._widths[1]
        bar = ProgressBar(
            completed=percent, width=width, complete_style=style, finished_style=style
        )
        return Segment.adjust_line_length(list(self._console.render(bar)), width)

    def _joined(self, cells: Iterable[Line]) -> Line:
        line = list(chain.from_iterable([*cell, _GAP] for cell in cells))[:-1]
        return Segment.adjust_line_length(line, self.width, pad=False)


def _took(row: Row, now: datetime) -> str:
    """How long a session took, or has been running; nothing for one that is gone."""
    if row.session is None:
        return ""
    if row.has_ended:
        return duration(row.session.duration)
    return took(row.session, now)
