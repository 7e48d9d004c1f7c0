"""What is told of each exchange: to the caller's listener, and to a logger.

`veeam_async.requests` is the name of the logger, which stays: at DEBUG it has a line
for each exchange, at INFO one for each that is tried again. Neither holds a secret.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from datetime import UTC, datetime

import attrs

from veeam_async.clock import Clock, Moment
from veeam_async.transport.exchange import Response

LOG = logging.getLogger("veeam_async.requests")
"""Its name is told to users, and does not follow the module's."""

_NO_TIME = datetime.fromtimestamp(0, UTC)


@attrs.frozen
class RequestDone:
    """What happened to one exchange, for metrics and traces; it holds no secret.

    *route* is the template of the path, *status* None where none came to go by (an
    error's counts though its body is cut), *seconds* the time of the exchange,
    *attempt* counts the exchanges of one request from 1, *bytes* is the size of the
    answer's body. *resource* is the path that was asked for, without its query, as in
    `/backupSessions/3f6a8c1e-…` (of a logon session, whose id is secret, the route
    again); *started_at* an aware time in UTC; *error* the name of the class of what
    the exchange came to, `ServiceUnavailable` or `RequestTimeout` for example
    (`CancelledError` where the caller gave up), None where it went well.
    """

    method: str
    route: str
    status: int | None
    seconds: float
    attempt: int
    bytes: int
    resource: str = ""
    started_at: datetime = _NO_TIME
    error: str | None = None


@attrs.frozen(kw_only=True)
class Exchange:
    """An exchange that has begun."""

    method: str
    route: str
    resource: str
    attempt: int
    started: Moment


class Instrumentation:
    """Tell *listener*, if there is one, and the logger of each exchange."""

    def __init__(
        self, listener: Callable[[RequestDone], object] | None, clock: Clock
    ) -> None:
        self._listener = listener
        self._clock = clock
        self.has_listener: bool = listener is not None

    @property
    def is_on(self) -> bool:
        """Whether anybody is to be told; the logger may begin to listen at any time."""
        return self.has_listener or LOG.isEnabledFor(logging.DEBUG)

    def tell(
        self, exchange: Exchange, answer: Response | None, error: str | None
    ) -> None:
        """Report an *exchange* that has just ended, with the class of its *error*."""
        done = RequestDone(
            method=exchange.method,
            route=exchange.route,
            status=None if answer is None else answer.status,
            seconds=self._clock.monotonic() - exchange.started.monotonic,
            attempt=exchange.attempt,
            bytes=0 if answer is None else len(answer.body),
            resource=exchange.resource,
            started_at=exchange.started.wall,
            error=error,
        )
        if LOG.isEnabledFor(logging.DEBUG):
            LOG.debug("%s", _line(done))
        if self._listener is not None:
            _call(self._listener, done)


def _line(done: RequestDone) -> str:
    outcome = [str(done.status)] if done.status is not None else []
    outcome += [done.error] if done.error else []
    again = f", attempt {done.attempt}" if done.attempt > 1 else ""
    return (
        f"{done.method} {done.resource}: {' '.join(outcome)}, {done.bytes:,} bytes in "
        f"{done.seconds:.3f} s{again}"
    )


def _call(listener: Callable[[RequestDone], object], done: RequestDone) -> None:
    # A request keeps its answer, whatever the listener raises.
    try:
        came = listener(done)
    except Exception:
        LOG.exception("on_request raised an exception; the request goes on")
        return
    # Of a lambda nobody knows before what it gives.
    if inspect.iscoroutine(came):
        came.close()
        LOG.error("on_request gave a coroutine, which nothing awaits: %s", NOT_AWAITED)


NOT_AWAITED = (
    "give a plain function, which may put what it is told into a queue, or hand it to "
    "asyncio.create_task"
)


def is_async(listener: object) -> bool:
    """Whether calling *listener* only makes a coroutine or an async generator."""
    called = (listener, getattr(listener, "__call__", None))  # noqa: B004 - it is looked into, not called
    return any(
        inspect.iscoroutinefunction(each) or inspect.isasyncgenfunction(each)
        for each in called
    )
