"""Whose looks have been failing, as a line below a board."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from rich.text import Text

from veeam_async import EventKind, HealthChanged
from veeam_async.cli.words import clock, count


class Troubles:
    """The sessions whose looks have been failing, and the server's own trouble."""

    def __init__(self) -> None:
        self._since: dict[UUID | None, datetime] = {}

    def note(self, event: HealthChanged) -> None:
        """Take in that looks fail, or that they work again."""
        if event.kind is EventKind.RECOVERED:
            self._since.pop(event.id, None)
        else:
            self._since[event.id] = event.since

    def forget(self, id: UUID) -> None:  # noqa: A002 - the field's term
        """Look at a session no longer."""
        self._since.pop(id, None)

    def text(self) -> Text | None:
        """Say the worst in one line, None where all is well."""
        if not self._since:
            return None
        if None in self._since:
            return _silent("the server", self._since[None])
        first, since = next(iter(self._since.items()))
        if len(self._since) == 1:
            return _silent("1 session", since).append(f": {first}")
        return _silent(count(len(self._since), "session"), since, "have")


def trouble(event: HealthChanged) -> Text:
    """Say how looking goes."""
    whom = "the server" if event.id is None else str(event.id)
    if event.kind is EventKind.RECOVERED:
        return Text(f"{whom} answers again", style="green")
    return _silent(whom, event.since)


def _silent(whom: str, since: datetime, verb: str = "has") -> Text:
    return Text(f"{whom} {verb} not answered since {clock(since)}", style="red")
