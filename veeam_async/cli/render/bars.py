"""Bars, drawn by rich; `progress` loads this where there is a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from veeam_async.cli.render.console import stderr_console
from veeam_async.cli.render.words import rate

_WIDE = 100
_BAR_WIDTH = 40


@contextmanager
def bar(label: str, total: int | None) -> Iterator[Callable[[], object]]:
    """Show a bar with its rate until the block ends; call what it yields per step."""
    console = stderr_console()
    # Across a screen that is wider a bar says no more, and its numbers are far away.
    is_wide = console.width >= _WIDE
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=_BAR_WIDTH if is_wide else None),
        MofNCompleteColumn(),
        _RateColumn(),
        TimeElapsedColumn(),
        console=console,
        expand=not is_wide,
        disable=not console.is_interactive,
        redirect_stdout=False,  # data must not end up on standard error
    )
    with progress:
        task = progress.add_task(label, total=total)
        yield lambda: progress.advance(task)


class _RateColumn(ProgressColumn):
    """How many a second, over the whole time."""

    # rich's own speed is that of the last moments, which jumps with each answer.

    def __init__(self) -> None:
        super().__init__()
        self._started = monotonic()

    def render(self, task: Task) -> Text:
        taken = task.finished_time or monotonic() - self._started
        return Text(f"{rate(int(task.completed), taken):>8}", style="cyan")
