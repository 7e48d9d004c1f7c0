"""When whoever asks was answered last: a watch, a run, the requests of a logon."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from veeam_async import JobRun, RequestDone, VeeamError, Watch

_FAULT = 500
"""The first status that is the server's fault."""


def now_here() -> datetime:
    """This machine's time, aware."""
    return datetime.now(UTC)


@attrs.frozen(kw_only=True)
class Looks:
    """The looks so far, of whoever makes them.

    *last* is when one was answered last, None where none was. *error* is what the
    newest met, None where it was answered. The oldest under way is *behind* its
    interval by so many seconds.
    """

    last: datetime | None = None
    error: VeeamError | str | None = None
    behind: float = 0.0


def looks_of(watch: Watch[Any]) -> Callable[[], Looks]:
    """The looks of a watch."""

    def looks() -> Looks:
        stats = watch.stats
        return Looks(last=stats.last_look, error=stats.last_error, behind=stats.behind)

    return looks


def looks_of_run(run: JobRun) -> Callable[[], Looks]:
    """The looks for a run's session, and then at it."""
    return lambda: Looks(last=run.last_look, error=run.last_error, behind=run.behind)


class Requests:
    """The requests of a manager, which calls this after each, as looks."""

    def __init__(self, clock: Callable[[], datetime] = now_here) -> None:
        self._clock = clock
        self._asked = clock()
        self._last: datetime | None = None
        self._error: str | None = None

    def __call__(self, done: RequestDone) -> None:
        """Note a request that has ended."""
        if done.status is None:
            self._error = "no connection, or none that lasted"
        elif done.status >= _FAULT:
            self._error = f"HTTP {done.status}"
        else:
            self.answered()

    def answered(self) -> None:
        """Note that an answer came."""
        self._last, self._error = self._clock(), None

    def looks(self) -> Looks:
        """The requests so far: one is always under way."""
        last = self._last or self._asked
        behind = (self._clock() - last).total_seconds()
        return Looks(last=self._last, error=self._error, behind=behind)
