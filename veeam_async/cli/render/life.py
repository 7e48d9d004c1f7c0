"""A wait on one line: who is waited for, how far it is, how long, who answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from veeam_async.cli.render.console import PlainConsole
from veeam_async.cli.render.contact import AWAY, Contact
from veeam_async.cli.render.last_answer import Looks, Requests, now_here
from veeam_async.cli.render.live import live_line
from veeam_async.cli.render.progress import Life
from veeam_async.cli.render.text import SEPARATOR, status
from veeam_async.cli.render.words import AnySession, duration, one_line, title, took

_NARROW, _NARROWEST = 8, 4
"""Columns that are left of a name on a narrow terminal, and on any."""


class LifeLine(Life):
    """The line of *subject*: of its session, once one was seen.

    *clock* tells this machine's time.
    """

    is_drawn = True

    def __init__(
        self, subject: str, *, clock: Callable[[], datetime] = now_here
    ) -> None:
        self._subject = one_line(subject)
        self._clock = clock
        self._begun = clock()
        self._requests = Requests(clock)
        self.on_request: Callable[[Any], object] | None = self._requests
        self._server_time = clock
        self._session: AnySession | None = None
        self._contact = Contact(self._requests.looks, interval=0.0, clock=clock)
        self._doing = "logging on"
        self._is_followed = False
        self._so_far = ""

    def answered(self) -> None:
        """Note that the server has answered."""
        self._requests.answered()

    def doing(self, what: str) -> None:
        """Say what is asked of the server now."""
        self._doing = what

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
        self._contact = Contact(
            looks, interval=interval, grace=grace, clock=self._clock
        )
        self._server_time = server_time
        self._is_followed = True

    def ended(self, number: int, total: int) -> None:
        """Show how many of several sessions have ended."""
        self._so_far = f"{number:,} of {total:,} ended"

    def saw(self, session: AnySession) -> None:
        """Show a session as it was seen."""
        self._session = session

    def text(self, width: int) -> Text:
        """The line, as far as *width* columns hold it: a name gives way first."""
        contact = self._contact.text(brief=True)
        if not (self._is_followed or self._contact.is_away):
            contact = Text(self._doing, style="dim")
        subject, parts = self._subject, [Text(self._so_far), Text(self._elapsed())]
        if (session := self._session) is not None:
            subject = title(session)
            parts = [status(session), Text(took(session, self._server_time()))]
        rest = Text(SEPARATOR).join([each for each in (*parts, contact) if each])
        lasting, why = self._contact.lasting, self._contact.reason
        free = width - rest.cell_len - len(SEPARATOR)
        if free - len(lasting) >= _NARROW:
            free -= len(lasting)
        shown = _fitted(subject, max(_NARROWEST, free))
        # Whatever the line does not hold of the reason is cut.
        line = Text(shown + SEPARATOR).append_text(rest)
        return line.append(lasting + why, style=AWAY)

    def _elapsed(self) -> str:
        return duration(self._clock() - self._begun)


def _fitted(text: str, width: int) -> str:
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip() + "…"


@asynccontextmanager
async def drawn(subject: str, console: PlainConsole) -> AsyncIterator[Life]:
    """Keep the line of *subject* on the terminal during the block."""
    life = LifeLine(subject)
    async with live_line(life.text, console):
        yield life
