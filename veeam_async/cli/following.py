"""Follow a watch to its end, and show it on the way."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from time import monotonic

from veeam_async import EventKind
from veeam_async.cli.board import Board, Event
from veeam_async.cli.live import line, shown
from veeam_async.cli.output import Format, chosen, rows
from veeam_async.cli.screen import Screen, out


def is_live(output: Format | None) -> bool:
    """Tell whether there will be a table with bars in it."""
    return chosen(output) == "table" and out().is_interactive


async def show(
    events: AsyncIterator[Event], output: Format | None, *, progress: bool
) -> Board:
    """Show *events* in the form *output* until they end; give what is known then."""
    if chosen(output) == "table":
        return await follow(events, out(), progress=progress)
    with rows(output) as put:
        return await follow_rows(events, put)


async def follow(
    events: AsyncIterator[Event], screen: Screen, *, progress: bool = False
) -> Board:
    """Show *events* until they end, live or by the line; give what is known then.

    The board is drawn once more whatever ends it. Lines tell of progress alone only
    where *progress* says so.
    """
    board = Board()
    if screen.is_interactive:
        async with shown(board, screen):
            await _note(events, board, lambda _: None)
    else:
        await _note(events, board, lambda event: _tell(event, screen, progress))
    return board


async def follow_rows(
    events: AsyncIterator[Event], put: Callable[[Event], object]
) -> Board:
    """Put *events* out until they end; give what is known then."""
    board = Board()
    await _note(events, board, put)
    return board


async def _note(
    events: AsyncIterator[Event], board: Board, show: Callable[[Event], object]
) -> None:
    async for event in events:
        board.note(event, monotonic())
        show(event)


def _tell(event: Event, screen: Screen, progress: bool) -> None:  # noqa: FBT001 - private
    if progress or event.kind is not EventKind.PROGRESSED:
        screen.print(line(event), soft_wrap=True)
