"""The transport on connections of our own, for speed: asyncio, httptools, no more.

A few keep-alive connections to the one host. What bounds their number are the pool's
slots; what bounds an exchange is one watchdog for all.
"""

from __future__ import annotations

import asyncio
import ssl
from urllib.parse import urlsplit

from aiohappyeyeballs import start_connection

from veeam_async.errors import ConnectionFailed, RequestTimeout
from veeam_async.transport.addresses import Addresses
from veeam_async.transport.connection import Connection
from veeam_async.transport.exchange import IDEMPOTENT, Request, Response, Timeout
from veeam_async.transport.failures import (
    broken,
    never_opened,
    no_connection_within,
    no_tls,
    unreachable,
)
from veeam_async.transport.head import Heads
from veeam_async.transport.tls import Trust, fingerprint_of, mismatch, untrusted
from veeam_async.transport.watchdog import Watchdog

_ADDRESS_DELAY = 0.25
"""Seconds after which a host's next address is tried beside the first (RFC 8305)."""


class DirectTransport:
    """Exchanges over own connections. Make it in the loop that uses it.

    *origin* is scheme, host and port; *trust* None means plain HTTP; *max_body_size* is
    in bytes.
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
        self._addresses = Addresses(self._host, self._port)
        self._heads = Heads(parts.netloc)
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()
        self._watchdog = Watchdog(timeout.request, self._open)
        self._connecting: set[asyncio.Timeout] = set()
        self._is_closed = False

    async def send(self, request: Request) -> Response:
        """Exchange *request* for a response (see `Transport.send`).

        One coroutine from here to the answer: each more would cost every request.
        """
        head = self._heads.write(request)
        began = self._loop.time()
        kept = self._kept()
        connection = kept or await self._connect(began)
        while True:
            answer = connection.ask(head, began + self._timeout.request)
            if not self._watchdog.is_awake:
                self._watchdog.wake()
            try:
                response = await answer
            except BaseException as error:
                connection.leave(answer)
                if kept and isinstance(error, RequestTimeout) and not kept.has_answered:
                    self._forget_idle()
                if self._is_closed or not _may_repeat(request, kept, error):
                    raise
            else:
                if connection.take():
                    self._idle.append(connection)
                else:
                    connection.abort()
                return response
            kept, connection = None, await self._connect(began)

    async def close(self) -> None:
        """Close every connection, and open none any more."""
        self._is_closed = True
        self._watchdog.sleep()
        closing = [connection.closed for connection in self._open]
        for connection in tuple(self._open):
            connection.abort()
        for limit in self._connecting:
            if not limit.expired():
                limit.reschedule(self._loop.time())
        while self._connecting:  # noqa: ASYNC110 - a few turns of the loop
            await asyncio.sleep(0)
        await self._addresses.close()
        if closing:
            await asyncio.wait(closing)

    def _kept(self) -> Connection | None:
        """Give the connection that was used last: the others may time out."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable:
                return connection
        return None

    def _forget_idle(self) -> None:
        """Close what is not in use: where one kept connection was dead, all may be."""
        while self._idle:
            self._idle.pop().abort()

    async def _connect(self, began: float) -> Connection:
        """Open a connection, and see whom it leads to before anything is sent."""
        if self._is_closed:
            raise RuntimeError("the transport is closed")
        limit = asyncio.timeout_at(self._latest(began))
        self._connecting.add(limit)
        try:
            async with limit:
                return self._checked(await self._opened())
        except OSError as error:
            failure = error
        finally:
            self._connecting.discard(limit)
        if limit.expired():
            raise self._late() from failure
        raise await self._translated(failure) from failure

    def _latest(self, began: float) -> float:
        now = self._loop.time()
        return min(now + self._timeout.connect, began + self._timeout.request)

    async def _opened(self) -> Connection:
        context = None if self._trust is None else self._trust.context
        addresses = await self._addresses.get()
        # asyncio's own race of addresses leaks sockets when it is cancelled.
        connected = await start_connection(
            addresses, happy_eyeballs_delay=_ADDRESS_DELAY
        )
        _, connection = await self._loop.create_connection(
            lambda: Connection(
                max_body_size=self._max_body_size,
                on_lost=self._open.discard,
                is_tls=context is not None,
            ),
            sock=connected,
            ssl=context,
            server_hostname=self._host.rstrip(".") if context is not None else None,
        )
        return connection

    def _checked(self, connection: Connection) -> Connection:
        """Give *connection* where it leads to whom it should, and still does."""
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

    def _late(self) -> ConnectionFailed:
        """Say that there was no connection in time."""
        if self._is_closed:
            return never_opened()
        return no_connection_within(min(self._timeout.connect, self._timeout.request))

    async def _translated(self, error: OSError) -> ConnectionFailed:
        """Say why there is no connection."""
        if isinstance(error, ssl.SSLCertVerificationError):
            reason, limit = error.verify_message, self._timeout.connect
            return await untrusted(self._host, self._port, reason=reason, limit=limit)
        if isinstance(error, ssl.SSLError):
            return no_tls(self._host, self._port, error)
        return unreachable(self._host, self._port, error)


def _may_repeat(
    request: Request, kept: Connection | None, error: BaseException
) -> bool:
    """Tell whether the server closed a *kept* connection before it saw *request*.

    RFC 9112, section 9.3.1: such a request may be repeated, where that is harmless.
    """
    if kept is None or kept.has_answered or request.method not in IDEMPOTENT:
        return False
    return isinstance(error, ConnectionFailed) and not isinstance(error, RequestTimeout)
