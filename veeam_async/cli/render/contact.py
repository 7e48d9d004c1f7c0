"""Whether the server answers: when the last look did, and since when none has.

A watch tells of an outage after a minute, so that a log holds no hiccups. A screen is
looked at by somebody who wonders now: it says so after one look that failed, or one
that hangs.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from rich.text import Text

from veeam_async.cli.render.last_answer import Looks, now_here
from veeam_async.cli.render.text import SEPARATOR
from veeam_async.cli.render.words import duration, time_of_day, why, zone

_SLACK = 1.5
"""So many intervals after the last answer a look that failed is no hiccup."""

GRACE_SECONDS = 5.0
"""How late an answer may be before it is missed, at most."""

AWAY = "red"
"""The style of what does not answer."""

_BACK_SECONDS = 15.0
"""How long it is told that the server answers again."""


class Contact:
    """Tells from *looks*, made every *interval* seconds, how it goes with the server.

    An answer that is *grace* seconds late is missed. *clock* tells the time that the
    looks are dated by.
    """

    def __init__(
        self,
        looks: Callable[[], Looks],
        *,
        interval: float,
        grace: float = GRACE_SECONDS,
        clock: Callable[[], datetime] = now_here,
    ) -> None:
        self._looks = looks
        self._interval = interval
        self._grace = min(grace, GRACE_SECONDS)
        self._clock = clock
        self._begun = clock()
        self._away_until: datetime | None = None
        self.is_away: bool = False
        self.lasting: str = ""
        """For how long there is no answer."""
        self.reason: str = ""
        """Why, where that is known; both may be cut off where there is no room."""

    def text(self, *, brief: bool = False) -> Text:
        """How it goes, in one sentence: a *brief* one for a line with more on it."""
        now, looks = self._clock(), self._looks()
        last = looks.last or self._begun
        silent = now - last
        self.is_away = self._is_away(looks, silent.total_seconds())
        self.lasting = self.reason = ""
        if self.is_away:
            self._away_until = now
            self.lasting, self.reason = f" ({duration(silent)})", why(looks.error)
            who = "no answer" if brief else "the server has not answered"
            return Text(f"{who} since {_at(last, has_zone=brief)}", style=AWAY)
        if looks.last is None:
            return Text("no answer yet", style="dim")
        text = Text(f"last look {_at(looks.last, has_zone=brief)}", style="dim")
        if not self._is_back(now):
            return text
        again = Text("the server answers again", style="green")
        return again if brief else again.append(SEPARATOR).append_text(text)

    def _is_away(self, looks: Looks, silent: float) -> bool:
        # 1. A look failed, and none after it worked.
        if looks.error is not None and silent > _SLACK * self._interval:
            return True
        # 2. One hangs, and no other is answered meanwhile.
        is_late = looks.behind > self._grace
        return is_late and silent > self._interval + self._grace

    def _is_back(self, now: datetime) -> bool:
        until = self._away_until
        return until is not None and (now - until).total_seconds() < _BACK_SECONDS


def _at(time: datetime, *, has_zone: bool) -> str:
    """The *time* of day, with its zone where it stands below no table that says it."""
    return f"{time_of_day(time)} {zone([time])}" if has_zone else time_of_day(time)
