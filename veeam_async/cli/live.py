"""Show a watch while it goes on: a live table on a terminal, a line per event else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from time import monotonic

from rich.live import Live
from rich.text import Text

from veeam_async import HealthChanged, SessionChanged
from veeam_async.cli.board import Board, Event
from veeam_async.cli.picture import Painter
from veeam_async.cli.screen import Screen
from veeam_async.cli.status import GONE, status, styled, title
from veeam_async.cli.troubles import trouble
from veeam_async.cli.words import clock

_TICK_SECONDS = 0.25
_REST = 50
"""How much longer than drawing took nothing is drawn: it costs two per cent at most."""
_LONGEST_REST_SECONDS = 5.0
"""Also after a terminal that was halted for an hour."""
_STATUS_WIDTH = 14


@asynccontextmanager
async def shown(board: Board, screen: Screen) -> AsyncIterator[None]:
    """Keep *board* on *screen*, redrawn in steps whatever the rate of events."""
    painter = Painter(board, screen)
    first = painter.paint(monotonic())
    with Live(first, console=screen, auto_refresh=False) as live:
        ticking = asyncio.create_task(_tick(painter, live))
        try:
            yield
        finally:
            ticking.cancel()
            with suppress(asyncio.CancelledError):
                await ticking
            _draw(painter, live)


async def _tick(painter: Painter, live: Live) -> None:
    while True:
        began = monotonic()
        _draw(painter, live)
        rest = min(_LONGEST_REST_SECONDS, _REST * (monotonic() - began))
        await asyncio.sleep(max(_TICK_SECONDS, rest))


def _draw(painter: Painter, live: Live) -> None:
    picture = painter.paint(monotonic())
    if picture != live.get_renderable():
        live.update(picture, refresh=True)


def line(event: Event) -> Text:
    """Say an event in one line."""
    text = Text(f"{clock(event.observed_at)}  {event.kind:<10}  ")
    if isinstance(event, HealthChanged):
        return text.append_text(trouble(event))
    if isinstance(event, SessionChanged):
        text.append_text(_padded(status(event.session)))
    else:
        text.append_text(_padded(styled(GONE)))
    name = title(event.session) if event.session else "(never seen)"
    return text.append(f"{event.id}  {name}")


def _padded(word: Text) -> Text:
    word.pad_right(max(2, _STATUS_WIDTH - word.cell_len))
    return word
