"""The events of a watch, shown until it ends: live, as lines of text, or as JSON."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from time import monotonic

from veeam_async import EventKind, HealthChanged, SessionChanged
from veeam_async.cli.render.console import PlainConsole, stdout_console
from veeam_async.cli.render.dashboard import Dashboard
from veeam_async.cli.render.live import Surroundings, live_dashboard
from veeam_async.cli.render.output import Columns, Format, effective, row_writer
from veeam_async.cli.render.rows import parse_columns
from veeam_async.cli.render.text import event_line
from veeam_async.cli.render.words import AnySession, Event


def is_live(output: Format | None) -> bool:
    """Whether events will be shown as a live table, which has bars."""
    return effective(output) == "table" and stdout_console().is_interactive


def event_columns(
    text: str | None, output: Format | None, *kinds: type[AnySession]
) -> Columns:
    """The columns that *text* names of events and their sessions, of *kinds*.

    Raises ValueError for one that is not there, and where events make no rows.
    """
    columns = parse_columns(text, SessionChanged, HealthChanged, *kinds)
    if columns and effective(output) == "table":
        raise ValueError("--columns needs --output csv, json or ndjson here")
    return columns


async def show_events(
    events: AsyncIterator[Event],
    output: Format | None,
    *,
    progress: bool,
    live: bool = True,
    columns: Columns = None,
    surroundings: Surroundings | None = None,
) -> Dashboard:
    """Show *events* in the format *output* until they end, then sum them up.

    With *live* a table on a terminal is a live one, in its *surroundings*, else it is a
    line for each event. An event that brings only progress makes a line where
    *progress* is true.
    """
    if effective(output) == "table":
        return await show_table(
            events,
            stdout_console(),
            progress=progress,
            live=live,
            surroundings=surroundings,
        )
    with row_writer(output, columns) as write:
        return await _consume(events, Dashboard(), write)


async def show_table(
    events: AsyncIterator[Event],
    console: PlainConsole,
    *,
    progress: bool = False,
    live: bool = True,
    surroundings: Surroundings | None = None,
) -> Dashboard:
    """Show *events* on *console*, live where it is a terminal, else a line for each."""
    dashboard = Dashboard()
    if live and console.is_interactive:
        async with live_dashboard(dashboard, console, surroundings):
            return await _consume(events, dashboard, lambda _: None)

    def print_line(event: Event) -> None:
        if progress or event.kind is not EventKind.PROGRESSED:
            # A log is searched by the line: rich is not to break one.
            console.print(event_line(event), soft_wrap=True)

    return await _consume(events, dashboard, print_line)


async def _consume(
    events: AsyncIterator[Event],
    dashboard: Dashboard,
    show: Callable[[Event], object],
) -> Dashboard:
    async for event in events:
        dashboard.update(event, monotonic())
        show(event)
    return dashboard
