"""Listening sockets: both loopback addresses, TLS where asked, closed at once."""

import contextlib
import ssl
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from aiohttp import web

HttpHandler: TypeAlias = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

INSTALL_HINT = (
    "The simulator's TLS needs the package cryptography:"
    " pip install 'veeam-async[simulator]'"
)

# http.sys takes some 16 KB; aiohttp's own limit of 8 KB would be hit before.
_LONGEST_LINE = 32_768
_CLOSING_SECONDS = 1.0
_LOOPBACK = {"127.0.0.1", "localhost"}


class Listener:
    """Address that a simulator listens on.

    Args:
        host: The address to listen on.
        port: The port; 0 takes a free one, and `port` tells it from then on.
        tls: False, True for a certificate of its own, or a server's context.
    """

    def __init__(self, *, host: str, port: int, tls: bool | ssl.SSLContext) -> None:
        self.port: int = port
        self.certificate: str | None = None
        self.fingerprint: str | None = None
        self._host = host
        self._tls = tls
        self._server: web.Server
        self._runner: web.ServerRunner | None = None

    @property
    def url(self) -> str:
        """Scheme, address and port, without a path."""
        scheme = "https" if self._tls else "http"
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{scheme}://{host}:{self.port}"

    @property
    def is_listening(self) -> bool:
        """Whether it has been opened and not closed."""
        return self._runner is not None

    async def open(self, handler: HttpHandler) -> None:
        """Listen, and let `handler` answer every request.

        Raises:
            RuntimeError: TLS is asked for and cryptography is not installed.
        """
        context = self._context()
        self._server = web.Server(handler, access_log=None, max_line_size=_LONGEST_LINE)
        self._runner = web.ServerRunner(self._server, shutdown_timeout=_CLOSING_SECONDS)
        await self._runner.setup()
        await self._listen(self._runner, context)

    async def _listen(
        self, runner: web.ServerRunner, context: ssl.SSLContext | None
    ) -> None:
        is_loopback = self._host in _LOOPBACK
        host = "127.0.0.1" if is_loopback else self._host
        first = web.TCPSite(runner, host, self.port, ssl_context=context, backlog=1024)
        await first.start()
        self.port = runner.addresses[0][1]
        if is_loopback:
            # The name localhost leads to both families, the other one often first.
            second = web.TCPSite(runner, "::1", self.port, ssl_context=context)
            # A machine without IPv6 is served on the one address.
            with contextlib.suppress(OSError):
                await second.start()

    async def close(self) -> None:
        """Stop listening, and cut every connection."""
        if self._runner is None:
            return
        # aiohttp would wait for answers that nobody takes, and leave the tasks of
        # those whose client has gone.
        for connection in self._server.connections:
            if connection.transport is not None:
                connection.transport.abort()
        await self._runner.cleanup()
        self._runner = None

    def _context(self) -> ssl.SSLContext | None:
        if isinstance(self._tls, ssl.SSLContext):
            return self._tls
        if not self._tls:
            return None
        try:
            # Not before it is needed, because cryptography is an extra.
            from veeam_async.simulator import certificate  # noqa: PLC0415
        except ImportError as error:
            raise RuntimeError(INSTALL_HINT) from error
        own = certificate.make_certificate()
        self.certificate, self.fingerprint = own.pem, own.fingerprint
        return own.context()
