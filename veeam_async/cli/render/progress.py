"""Signs of life on standard error: a bar for a bulk fetch, a line for a wait.

On a terminal only: elsewhere they would fill a log.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import (
    AbstractContextManager,
    asynccontextmanager,
    nullcontext,
    suppress,
)
from typing import TYPE_CHECKING, Any

from veeam_async.cli.render.streams import may_be_drawn_on

if TYPE_CHECKING:
    from datetime import datetime

    from veeam_async.cli.render.last_answer import Looks
    from veeam_async.cli.render.words import AnySession


class Life:
    """How a wait goes; nobody sees this one, since there is no terminal."""

    is_drawn = False
    on_request: Callable[[Any], object] | None = None
    """A listener for a manager, which tells it of its requests."""

    def answered(self) -> None:
        """Note that the server has answered, for whom no listener tells so."""

    def doing(self, what: str) -> None:
        """Say what is asked of the server now."""

    def follow(
        self,
        looks: Callable[[], Looks],
        interval: float,
        server_time: Callable[[], datetime],
        grace: float,
    ) -> None:
        """Tell from now on how it goes by *looks*, *interval* seconds between them.

        An answer that is *grace* seconds late is missed.
        """

    def ended(self, number: int, total: int) -> None:
        """Show how many of several sessions have ended."""

    def saw(self, session: AnySession) -> None:
        """Show a session as it was seen."""


@asynccontextmanager
async def signs_of_life(subject: str, *, hidden: bool = False) -> AsyncIterator[Life]:
    """Show during the block that something goes on about *subject*; tell it what."""
    if hidden or not may_be_drawn_on(sys.stderr):
        yield Life()
        return
    # Here, since it loads rich.
    from veeam_async.cli.render.console import stderr_console  # noqa: PLC0415
    from veeam_async.cli.render.life import drawn  # noqa: PLC0415

    console = stderr_console()
    if not console.is_interactive:
        yield Life()
        return
    async with drawn(subject, console) as life:
        yield life


@asynccontextmanager
async def life_after(
    seconds: float, subject: str, *, hidden: bool = False
) -> AsyncIterator[Callable[[], object]]:
    """Do the same once the block has taken *seconds*; the *subject* says it all.

    What it yields is to be called where the server has answered in part.
    """
    if hidden or not may_be_drawn_on(sys.stderr):
        yield _no_step
        return
    shown = Life()

    def answered() -> None:
        shown.answered()

    import asyncio  # noqa: PLC0415 - who draws nothing may need no loop

    async def show() -> None:
        nonlocal shown
        await asyncio.sleep(seconds)
        async with signs_of_life(subject) as life:
            shown = life
            life.doing("")
            await asyncio.Event().wait()

    showing = asyncio.create_task(show())
    try:
        yield answered
    finally:
        showing.cancel()
        with suppress(asyncio.CancelledError):
            await showing


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
