"""How far a bulk fetch is: a bar with its rate on a terminal, nothing elsewhere."""

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

from veeam_async.cli.screen import err
from veeam_async.cli.words import rate

_WIDE = 100
"""From which width on a bar across the whole screen would say no more."""


class _Rate(ProgressColumn):
    """How many a second, over the whole time."""

    def __init__(self) -> None:
        super().__init__()
        self._started = monotonic()

    def render(self, task: Task) -> Text:
        taken = task.finished_time or monotonic() - self._started
        return Text(f"{rate(int(task.completed), taken):>8}", style="cyan")


@contextmanager
def bar(
    what: str, total: int | None, *, hidden: bool = False
) -> Iterator[Callable[[], object]]:
    """Show a bar on standard error; what it gives is called for each step."""
    screen = err()
    is_wide = screen.width >= _WIDE
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=40 if is_wide else None),
        MofNCompleteColumn(),
        _Rate(),
        TimeElapsedColumn(),
        console=screen,
        expand=not is_wide,
        disable=hidden or not screen.is_interactive,
        redirect_stdout=False,  # data must not end up on standard error
    )
    with progress:
        task = progress.add_task(what, total=total)
        yield lambda: progress.advance(task)
