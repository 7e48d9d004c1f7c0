"""The hook for metrics and traces: the caller's listener is told each exchange."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import attrs

from veeam_async.transport.exchange import Response

_LOG = logging.getLogger(__name__)


@attrs.frozen
class RequestDone:
    """What happened to one exchange, for metrics and traces; it holds no secret.

    *route* is the template of the path, *status* None where none came to go by (an
    error's counts though its body is cut), *seconds* the time of the exchange,
    *attempt* counts the exchanges of one request from 1, *bytes* is the size of the
    answer's body.
    """

    method: str
    route: str
    status: int | None
    seconds: float
    attempt: int
    bytes: int


class Instrumentation:
    """Tell *listener* of each exchange, if there is one."""

    def __init__(
        self,
        listener: Callable[[RequestDone], object] | None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._listener = listener
        self.monotonic = monotonic
        self.is_on: bool = listener is not None

    def tell(
        self,
        method: str,
        route: str,
        attempt: int,
        started: float,
        answer: Response | None,
    ) -> None:
        """Report an exchange that has just ended; *started* is in monotonic seconds."""
        if self._listener is None:
            return
        done = RequestDone(
            method=method,
            route=route,
            status=None if answer is None else answer.status,
            seconds=self.monotonic() - started,
            attempt=attempt,
            bytes=0 if answer is None else len(answer.body),
        )
        # A request keeps its answer, whatever the listener raises.
        try:
            self._listener(done)
        except Exception:  # noqa: BLE001 - somebody else's code, and of no matter to the request
            _LOG.exception("on_request raised an exception; the request goes on")
