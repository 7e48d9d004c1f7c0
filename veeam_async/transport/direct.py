"""The transport on connections of our own, for speed: asyncio, httptools, no more.

It keeps a few keep-alive connections to the one host. The pool above bounds their
number; one watchdog for all of them bounds the time of each exchange.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Collection, Coroutine
from math import inf
from typing import Protocol
from urllib.parse import urlsplit

from aiohappyeyeballs import start_connection

from veeam_async.errors import ConnectionFailed, RequestTimeout, VeeamError
from veeam_async.transport.connection import Connection, HeadWriter, new_buffer
from veeam_async.transport.dns import Resolver
from veeam_async.transport.exchange import (
    IDEMPOTENT,
    FollowUp,
    Request,
    Response,
    Timeout,
    arrivals,
)
from veeam_async.transport.failures import (
    broken,
    never_opened,
    no_answer_within,
    no_connection_within,
    no_tls,
    unreachable,
)
from veeam_async.transport.known_heads import KnownHeads
from veeam_async.transport.tls import Trust, fingerprint_of, mismatch, untrusted
from veeam_async.transport.tls_stream import TlsStream

_ADDRESS_DELAY = 0.25
"""Seconds after which a host's next address is tried beside the first (RFC 8305)."""

_FRESH_SECONDS = 15.0
"""How long after its last exchange a connection is good for an action."""


class DirectTransport:
    """Exchanges over connections of its own. Make it in the loop that uses it.

    *origin* is scheme, host and port; *trust* None means plain HTTP; *max_body_size* is
    in bytes. Its `watchdog` ends what takes longer than `timeout.request`.
    """

    def __init__(
        self,
        origin: str,
        *,
        trust: Trust | None,
        timeout: Timeout,
        max_body_size: int,
    ) -> None:
        parts = urlsplit(origin)
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._trust = trust
        self._timeout = timeout
        self._max_body_size = max_body_size
        self._loop = asyncio.get_running_loop()
        self._resolver = Resolver(self._host, self._port)
        self._writer = HeadWriter(parts.netloc)
        self._known = KnownHeads()
        # TLS fills and empties it in one go, so that one serves all connections.
        self._plain = None if trust is None else new_buffer()
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()
        self._connecting: set[asyncio.Timeout] = set()
        self._is_closed = False
        self.watchdog: Watchdog = Watchdog(timeout.request, self._open)

    @property
    def open_connections(self) -> int:
        """Number of connections that are open, idle ones included."""
        return len(self._open)

    @property
    def connecting(self) -> int:
        """Number of connections that are being opened."""
        return len(self._connecting)

    def send(self, request: Request) -> Coroutine[None, None, Response]:
        """Exchange *request* for a response (see `Transport.send`)."""
        return self._send(request, None)

    def send_on(
        self, request: Request, follow_up: FollowUp
    ) -> Coroutine[None, None, Response]:
        """Exchange one after another (see `FollowingTransport.send_on`)."""
        return self._send(request, follow_up)

    async def _send(self, request: Request, follow_up: FollowUp | None) -> Response:
        # One coroutine from here to the response: each more would cost every request.
        self._writer.check(request)
        if self._idle and request.method not in IDEMPOTENT:
            await arrivals()
            self._drop_old()
        began = self._loop.time()
        reused = self._take_idle()
        connection = reused or await self._connect(began)
        while True:
            response = connection.begin(request, began, follow_up)
            if self.watchdog.timer is None:
                self.watchdog.wake()
            try:
                found = await response
            except BaseException as error:
                connection.abandon(response)
                # What followed another one went out on a kept connection.
                reused = connection if connection.has_followed else reused
                self._drop_idle_after(reused, error)
                if self._is_closed or not _may_repeat(request, reused, error):
                    raise
            else:
                if connection.finish():
                    self._idle.append(connection)
                else:
                    connection.abort()
                return found
            began, reused = connection.began, None
            connection = await self._connect(began)

    async def close(self) -> None:
        """Close every connection, and open none any more."""
        self._is_closed = True
        self.watchdog.sleep()
        closing = [connection.closed for connection in self._open]
        for connection in tuple(self._open):
            connection.abort()
        # What is being opened ends through its own time limit, which lies here now.
        for limit in self._connecting:
            if not limit.expired():
                limit.reschedule(self._loop.time())
        while self._connecting:  # noqa: ASYNC110 - a few turns of the loop
            await asyncio.sleep(0)
        await self._resolver.close()
        if closing:
            await asyncio.wait(closing)

    def _take_idle(self) -> Connection | None:
        """The idle connection that was used last, None where there is none."""
        # The last, so that those which are not needed reach the server's time-out.
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable and not connection.has_more:
                return connection
            connection.abort()
        return None

    def _drop_old(self) -> None:
        """Close the idle connections that an action must not take."""
        # What lies between may have forgotten them. A GET is sent again then, but of an
        # action nobody would know whether it was carried out.
        oldest = self._loop.time() - _FRESH_SECONDS
        for connection in [each for each in self._idle if each.began < oldest]:
            self._idle.remove(connection)
            connection.abort()

    def _drop_idle_after(self, reused: Connection | None, error: BaseException) -> None:
        """Close all idle connections where a *reused* one did not answer in time."""
        # A firewall forgets connections all at once and tells neither side: each of
        # them would cost one request its whole time.
        if reused and isinstance(error, RequestTimeout) and not reused.has_received:
            while self._idle:
                self._idle.pop().abort()

    async def _connect(self, began: float) -> Connection:
        """Open a connection for an exchange, and check whom it reaches.

        The exchange *began* at that time of the loop's clock.
        """
        if self._is_closed:
            raise RuntimeError("the transport is closed")
        limit = asyncio.timeout_at(self._connect_deadline(began))
        self._connecting.add(limit)
        try:
            async with limit:
                return self._verified(await self._open_connection())
        except OSError as error:
            failure = error
        finally:
            self._connecting.discard(limit)
        if limit.expired():
            raise self._not_in_time() from failure
        raise await self._explained(failure) from failure

    def _connect_deadline(self, began: float) -> float:
        now = self._loop.time()
        return min(now + self._timeout.connect, began + self._timeout.request)

    async def _open_connection(self) -> Connection:
        connection = Connection(
            writer=self._writer,
            seconds=self._timeout.request,
            max_body_size=self._max_body_size,
            on_lost=self._open.discard,
            is_tls=self._trust is not None,
            buffer=self._plain,
            known=self._known,
        )
        stream = None
        if self._trust is not None:
            host = self._host.rstrip(".")
            stream = TlsStream(connection, self._trust.context, host)
        addresses = await self._resolver.resolve()
        # asyncio's own race of addresses leaks sockets when it is cancelled.
        connected = await start_connection(
            addresses, happy_eyeballs_delay=_ADDRESS_DELAY
        )
        if stream is None:
            await self._loop.create_connection(lambda: connection, sock=connected)
        else:
            await stream.open(connected)
        return connection

    def _verified(self, connection: Connection) -> Connection:
        """The *connection*, which is still open and leads to whom it should.

        Raises ConnectionFailed, or CertificateError, where it does not.
        """
        if not connection.is_usable:
            connection.abort()
            raise broken(None, is_tls=self._trust is not None)
        self._open.add(connection)
        if self._trust is None or self._trust.fingerprint is None:
            return connection
        shown = connection.peer_certificate()
        seen = fingerprint_of(shown) if shown else "(none)"
        if seen != self._trust.fingerprint:
            connection.abort()
            raise mismatch(seen, self._trust.fingerprint)
        return connection

    def _not_in_time(self) -> ConnectionFailed:
        """The error where the time limit of `_connect` ended it."""
        if self._is_closed:
            return never_opened()
        return no_connection_within(min(self._timeout.connect, self._timeout.request))

    async def _explained(self, error: OSError) -> ConnectionFailed:
        """The error for the system's own that ended `_connect`."""
        if isinstance(error, ssl.SSLCertVerificationError):
            return await untrusted(
                self._host,
                self._port,
                error=error,
                trust=self._trust,
                limit=self._timeout.connect,
            )
        if isinstance(error, ssl.SSLError):
            return no_tls(self._host, self._port, error)
        is_tls = self._trust is not None
        return unreachable(self._host, self._port, error, is_tls=is_tls)


def _may_repeat(
    request: Request, reused: Connection | None, error: BaseException
) -> bool:
    """Whether the server closed a *reused* connection before it saw *request*."""
    # RFC 9112, section 9.3.1: such a request may be repeated, where that is harmless.
    if reused is None or reused.has_received or request.method not in IDEMPOTENT:
        return False
    return isinstance(error, ConnectionFailed) and not isinstance(error, RequestTimeout)


# ---------------------------------------------------------------- the time of exchanges


class Watched(Protocol):
    """An exchange that can run out of time."""

    @property
    def deadline(self) -> float:
        """When its time is over by the loop's clock, infinity while nothing runs."""
        ...

    def fail(self, error: VeeamError) -> None:
        """End what is under way with *error*."""
        ...


class Watchdog:
    """One timer that ends what takes longer than *seconds*, among all the *watched*.

    `timer` is None while it sleeps, which it does while nothing is under way; whoever
    begins something wakes it.
    """

    # Setting and cancelling a timer for each request would cost every request. Eight
    # checks within the span cost next to nothing, and make a time-out late by an
    # eighth of it at most.

    def __init__(self, seconds: float, watched: Collection[Watched]) -> None:
        self._seconds = seconds
        self._watched = watched
        self._tick = min(0.5, seconds / 8)
        self._loop = asyncio.get_running_loop()
        self.timer: asyncio.TimerHandle | None = None

    def wake(self) -> None:
        """Check from now on, until nothing is under way."""
        self.timer = self._loop.call_later(self._tick, self._check)

    def sleep(self) -> None:
        """Stop checking, until it is woken again."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def _check(self) -> None:
        now = self._loop.time()
        for late in [each for each in self._watched if each.deadline <= now]:
            late.fail(no_answer_within(self._seconds))
        if any(now < each.deadline < inf for each in self._watched):
            self.wake()
        else:
            self.sleep()
