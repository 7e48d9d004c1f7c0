"""Where on a line each thing stands: for one width of a screen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TypeAlias

from rich.cells import cell_len, set_cell_size
from rich.progress_bar import ProgressBar
from rich.segment import Segment
from rich.text import Text

from veeam_async.cli.board import Row
from veeam_async.cli.screen import Screen
from veeam_async.cli.status import AnySession, styled, title
from veeam_async.cli.words import span

Line: TypeAlias = list[Segment]
"""What stands on one line, ready for the terminal."""

_TOOK_WIDTH = 76
"""From which width on a row shows how long the session took."""
_ID_WIDTH = 110
_WIDEST = 140
"""A wider screen would only draw the eye away from the names."""
_GAP = Segment("  ")
_BAR, _PERCENT, _STATE, _TOOK, _ID = 20, 4, 10, 8, 36
_HEADING = ("Job", "Progress", "", "State", f"{'Took':>{_TOOK}}", "Id")


class Layout:
    """The lines of a board on *screen*; none is wider than *width*."""

    def __init__(self, screen: Screen, width: int) -> None:
        self.width = width
        self._screen = screen
        widths = [_PERCENT, _STATE]
        widths += [_TOOK] * (width >= _TOOK_WIDTH) + [_ID] * (width >= _ID_WIDTH)
        gaps = len(_GAP.text) * (len(widths) + 1)
        flexible = min(width, _WIDEST) - sum(widths) - gaps
        bar = max(1, min(_BAR, flexible * 2 // 5))
        self._widths = (max(1, flexible - bar), bar, *widths)

    def heading(self) -> Line:
        """Name the columns."""
        return self._joined(self._cells(_HEADING, ["bold"] * len(_HEADING)))

    def row(self, row: Row) -> Line:
        """Show a session; of one that was never seen there is but the id."""
        style = str(styled(row.outcome).style)
        styles = ("", "", "", style, "", "")
        if row.session is None:
            return self._joined(self._cells((str(row.id), "", "", row.outcome), styles))
        done = 100 if row.session.is_stopped else row.session.progress
        cells = self._cells(_texts(row.session, done, row), styles)
        cells[1] = self._bar(done, style or "bar.complete")
        return self._joined(cells)

    def text(self, text: Text) -> Line:
        """Show a sentence, cut where it is too long."""
        shown = text.copy()
        shown.plain = self._screen.fitting(text.plain)
        shown.truncate(self.width, overflow="crop")
        shown.end = ""
        return list(shown.render(self._screen))

    def packed(self, items: Iterable[Text], between: str) -> list[Text]:
        """Put as many items on each line as it holds; none is broken."""
        lines: list[Text] = []
        for item in items:
            room = self.width - len(between) - item.cell_len
            if lines and lines[-1].cell_len <= room:
                lines[-1].append(between).append_text(item)
            else:
                lines.append(item.copy())
        return lines

    def _cells(self, texts: Sequence[str], styles: Sequence[str]) -> list[Line]:
        return [
            [Segment(self._fitted(text, width), self._screen.get_style(style))]
            for text, style, width in zip(texts, styles, self._widths, strict=False)
        ]

    def _fitted(self, text: str, width: int) -> str:
        shown = self._screen.fitting(text)
        if cell_len(shown) <= width:
            return set_cell_size(shown, width)
        return set_cell_size(shown, width - 1) + self._screen.fitting("…")

    def _bar(self, done: int, style: str) -> Line:
        width = self._widths[1]
        bar = ProgressBar(
            completed=done, width=width, complete_style=style, finished_style=style
        )
        return Segment.adjust_line_length(list(self._screen.render(bar)), width)

    def _joined(self, cells: Iterable[Line]) -> Line:
        line = list(chain.from_iterable([*cell, _GAP] for cell in cells))[:-1]
        return Segment.adjust_line_length(line, self.width, pad=False)


def _texts(session: AnySession, done: int, row: Row) -> tuple[str, ...]:
    took = f"{span(session.duration):>{_TOOK}}"
    return title(session), "", f"{done:>3}%", row.outcome, took, str(row.id)
