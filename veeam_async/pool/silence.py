"""A server that answers nothing has an end: what waits for it fails together.

Without that a fetch would pay its attempts and time-outs for each id in turn: a
thousand ids at the defaults would take days.
"""

from __future__ import annotations

from datetime import timedelta
from math import inf

from veeam_async.clock import Clock
from veeam_async.errors import ConnectionFailed, RequestTimeout, ServerSilent

TIMEOUTS = 3
"""After how many request time-outs without any answer a server counts as silent."""


class Silence:
    """Judge failed requests to *origin*: has any been answered lately?

    *timeout* is that of a request, in seconds. The silence counts from the last answer,
    or from when the first request was sent that got none, whichever is later.
    """

    def __init__(self, origin: str, timeout: float, clock: Clock) -> None:
        self._origin = origin
        self._timeout = timeout
        self._clock = clock
        self._since = -inf
        self._failed_at = -inf
        self.answered_at: float = -inf
        """When the last answer came, of whatever status; monotonic seconds."""

    def answered(self) -> None:
        """Note an answer."""
        self.answered_at = self._clock.monotonic()

    def after(self, error: ConnectionFailed) -> ServerSilent | None:
        """The error for all who wait, None while the silence is not long enough."""
        now, longest = self._clock.monotonic(), TIMEOUTS * self._timeout
        waited = self._timeout if isinstance(error, RequestTimeout) else 0.0
        # A failure long after the one before it begins a silence of its own: nobody
        # asked in between.
        is_first = self._since == -inf or now - self._failed_at > longest
        if is_first or self.answered_at > self._since:
            self._since = max(self.answered_at, now - waited)
        self._failed_at = now
        silent = now - self._since
        if silent < longest:
            return None
        since = self._clock.wall() - timedelta(seconds=silent)
        return ServerSilent(self._origin, since=since, seconds=silent)
