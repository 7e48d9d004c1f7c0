"""Signs of life on standard error: a bar for a bulk fetch, a spinner for a wait.

On a terminal only: elsewhere they would fill a log.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from veeam_async.cli.render.streams import may_be_drawn_on


def spinner(text: str) -> AbstractContextManager[object]:
    """Show that something goes on, until the block ends."""
    if not may_be_drawn_on(sys.stderr):
        return nullcontext()
    from veeam_async.cli.render import bars  # noqa: PLC0415 - it loads rich

    return bars.spinner(text)


def bar(
    label: str, total: int | None, *, hidden: bool = False
) -> AbstractContextManager[Callable[[], object]]:
    """Show a bar with its rate until the block ends; call what it yields per step."""
    if hidden or not may_be_drawn_on(sys.stderr):
        return nullcontext(_no_step)
    from veeam_async.cli.render import bars  # noqa: PLC0415 - it loads rich

    return bars.bar(label, total)


def _no_step() -> None:
    """Do nothing: there is no bar."""
