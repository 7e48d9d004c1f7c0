"""The transport on aiohttp's ClientSession; the one that can use a proxy."""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64encode
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from functools import partial
from math import isfinite
from typing import Any, TypeVar
from weakref import WeakSet

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http import HttpProcessingError
from yarl import URL

from veeam_async.errors import (
    BodyTooLarge,
    ConnectionFailed,
    VeeamError,
    never_sent,
)
from veeam_async.secret import Secret
from veeam_async.transport.bodies import Body, body_after, is_whole
from veeam_async.transport.exchange import (
    IDEMPOTENT,
    LEAST_STATUS,
    MAX_HEAD,
    MAX_HEADERS,
    Headers,
    Request,
    Response,
    Timeout,
    announced_size,
    arrivals,
)
from veeam_async.transport.failures import (
    broken,
    cut_short,
    no_answer_within,
    no_connection_within,
    no_tls,
    unintelligible,
    unreachable,
)
from veeam_async.transport.heads import HeadCheck, plain_head
from veeam_async.transport.tls import Trust, mismatch, untrusted

_NEVER_SENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ServerFingerprintMismatch,
)
B = TypeVar("B", bound=BaseException)

_SHOWABLE = (OSError, aiohttp.ServerFingerprintMismatch)
"""Errors fit to be a cause; the others of aiohttp's show headers or bodies."""
_PROXY_LOGON = 407
_NO_PROXY: Secret[str | None] = Secret(None)
_INNER = ("aiohttp", "asyncio")


class AiohttpTransport:
    """Exchanges over aiohttp. Make it in the loop that uses it.

    *origin* is scheme, host and port; *trust* None means plain HTTP; *proxy* the URL of
    an HTTP proxy; *max_body_size* is in bytes.
    """

    def __init__(
        self,
        origin: str,
        *,
        trust: Trust | None,
        timeout: Timeout,
        max_body_size: int,
        proxy: Secret[str | None] = _NO_PROXY,
    ) -> None:
        self._origin = origin
        self._trust = trust
        self._timeout = timeout
        self._max_body_size = max_body_size
        self._proxy, self._proxy_logon = proxy_of(proxy)
        self._ssl = _ssl(trust)
        self._session = _session(timeout)

    async def send(self, request: Request) -> Response:
        """Exchange *request* for a response (see `Transport.send`)."""
        guard = _RepeatGuard(is_tls=self._trust is not None)
        if request.method not in IDEMPOTENT:
            await arrivals()
        try:
            async with asyncio.timeout(self._timeout.request):
                return await self._exchange(request, guard)
        except (aiohttp.ClientError, OSError) as error:
            guard.drop_idle_after(error)
            failure, cause = self._translated(error, guard), _cause(error)
        except BaseException as error:
            # One that was cancelled too, by a time-out of the caller's own perhaps.
            _bare(error)
            guard.keep_what_came(request, error)
            raise
        # Raised out here, where aiohttp's error does not become the context by itself,
        # and is no variable any more: the repr of some shows headers.
        failed = failure or await self._untrusted(cause)
        guard.keep_what_came(request, failed)
        raise failed from cause

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    async def _exchange(self, request: Request, guard: _RepeatGuard) -> Response:
        async with self._session.request(
            request.method,
            URL(self._origin + request.target, encoded=True),
            headers=self._headers(request),
            allow_redirects=False,
            proxy=self._proxy,
            proxy_headers=self._proxy_logon or None,
            ssl=self._ssl,
            middlewares=(guard,),
        ) as answer:
            if answer.status == _PROXY_LOGON and self._proxy:
                raise _refused_by_proxy(answer.status)
            if answer.status < LEAST_STATUS:
                answer.close()
                raise unintelligible("its status is none")
            headers = Headers(answer.raw_headers)
            body = await self._body(answer)
            came_on = answer.came_on if isinstance(answer, _Answer) else None
            return Response(answer.status, headers, body, came_on)

    def _headers(self, request: Request) -> Mapping[str, str]:
        # Without TLS there is no tunnel: the proxy reads the request itself.
        if self._trust is not None or not self._proxy_logon:
            return request.headers
        return {**request.headers, **self._proxy_logon}

    async def _body(self, answer: aiohttp.ClientResponse) -> bytes:
        limit = self._max_body_size
        # What has come to its end is in memory already.
        if not answer.content.is_eof() and announced_size(answer.raw_headers) > limit:
            answer.close()
            raise BodyTooLarge(limit)
        parts, size = [], 0
        async for part in answer.content.iter_any():
            size += len(part)
            if size > limit:
                answer.close()
                raise BodyTooLarge(limit)
            parts.append(part)
        return b"".join(parts)

    async def _untrusted(self, error: object) -> ConnectionFailed:
        url = URL(self._origin)
        host, port = str(url.host), int(url.port or 0)
        return await untrusted(
            host,
            port,
            error=error,
            trust=self._trust,
            # Behind a proxy the server is out of reach for a second connection.
            limit=0 if self._proxy else self._timeout.connect,
        )

    def _translated(
        self, error: Exception, guard: _RepeatGuard
    ) -> ConnectionFailed | None:
        """The error for one of aiohttp's, None for that of a certificate."""
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            return None
        if guard.connecting and type(error) is TimeoutError:
            return no_connection_within(self._timeout.request)
        is_tls = self._trust is not None
        if isinstance(error, _NEVER_SENT):
            return _not_connected(error, self._timeout, is_tls=is_tls)
        return _not_answered(error, self._timeout, is_tls=is_tls)


# ------------------------------------------------- what aiohttp leaves to be desired


class _OddBodyError(aiohttp.ClientPayloadError):
    """A body that is no HTTP, in the parser's words."""


class _Protocol(ResponseHandler):
    """aiohttp's end of a connection, closed by bytes that belong to no answer.

    A head that no other HTTP client need take is refused.
    """

    # aiohttp would keep such bytes while it is idle, and take them for the answer to
    # the next request; where they come together with an answer, it would refuse that.
    is_idle = False
    _is_asked = _is_over = False
    _heads: HeadCheck | None = None
    _body: Body | None = None

    @property
    def has_begun(self) -> bool:
        """Whether a byte of the answer under way has come."""
        return self._heads is not None

    @property
    def came(self) -> Response | None:
        """The head of the answer under way, None until its first line came."""
        heads = self._heads
        if heads is None or heads.status is None:
            return None
        return Response(heads.status, Headers(heads.headers), b"")

    def set_response_params(self, **settings: Any) -> None:
        """Begin with the answer to another request."""
        self._is_asked, self._is_over, self.is_idle = True, False, False
        self._heads = self._body = None
        super().set_response_params(**settings)

    def data_received(self, data: bytes) -> None:
        """Take what was read, where a request is under way."""
        if self._is_asked and self._heads is None and not self._is_over and data:
            # Nearly every answer comes in one read, for which no more is looked at.
            head = plain_head(data)
            if head is not None and is_whole(head, len(data) - len(head)):
                self._is_over = True
                super().data_received(data)
                return
        if data and self.is_idle:
            self.abort()
            return
        body = self._payload
        self._take(data)
        # aiohttp fails what waits for a head alone, so that a body would be waited for
        # until the time is up.
        fault = self.exception()
        if fault is not None and body is not None and not body.is_eof():
            body.set_exception(_OddBodyError(getattr(fault, "message", "")))

    def _take(self, data: bytes) -> None:
        # Without *data* it is aiohttp's own call, to go on with what it has.
        surplus, fault = self._checked(data) if data else (0, None)
        if fault is not None:
            self.abort()
            self.set_exception(HttpProcessingError(message=fault))
        elif surplus:
            self.force_close()  # once this answer is taken
            if own := data[:-surplus]:
                super().data_received(own)
        else:
            super().data_received(data)

    def abort(self) -> None:
        """Close at once."""
        try:
            super().abort()
        except AttributeError:
            # TLS that was closed twice has nothing to abort, and Python up to 3.11.2
            # does not look.
            self.transport = None

    def close(self) -> None:
        """Close at once."""
        # TLS would wait half a minute for a server that does not say goodbye, and keep
        # the socket of whatever was cancelled or took too long.
        self.abort()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Fail a body that was to end with the connection, where that broke."""
        # aiohttp takes whatever ended the connection for the body's end. After a RST
        # nobody knows how much of it was lost.
        body = self._payload
        if exc is not None and body is not None and not body.is_eof():
            body.set_exception(aiohttp.ClientPayloadError())
        super().connection_lost(exc)

    def _checked(self, data: bytes) -> tuple[int, str | None]:
        """How many bytes of *data* lie behind the answer, and what is wrong with it."""
        # What comes before a request is kept by aiohttp, and comes once more with it.
        if not self._is_asked or self._is_over:
            return len(data) if self._is_over else 0, None
        heads = self._heads = self._heads or HeadCheck()
        fault = heads.fault_in(data)
        if fault is not None or heads.final is None:
            return 0, fault
        if self._body is None:
            self._body = body_after(heads.final)
        return self._body.surplus(heads.rest), self._body.fault


class _Connector(aiohttp.TCPConnector):
    """aiohttp's connections, which know whether a request is under way on them."""

    # `_factory`, `_release`, `_create_connection` and `_wrap_create_connection` are
    # aiohttp's own: a test notices where they change.

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        make: Callable[..., ResponseHandler] = _Protocol
        self._factory = partial(make, loop=self._loop)
        self._idle: WeakSet[_Protocol] = WeakSet()

    def drop_idle(self) -> None:
        """Close all idle connections."""
        idle, self._idle = self._idle, WeakSet()
        for protocol in idle:
            protocol.abort()

    async def connect(
        self, req: aiohttp.ClientRequest, *args: Any, **settings: Any
    ) -> Connection:
        """Choose an idle connection for *req*, or open one."""
        found = await super().connect(req, *args, **settings)
        if isinstance(req, _Request) and isinstance(found.protocol, _Protocol):
            req.sent_on = found.protocol
            req.kept_by = self if found.protocol.is_idle else None
            self._idle.discard(found.protocol)
        return found

    async def _create_connection(
        self, req: aiohttp.ClientRequest, *args: Any, **settings: Any
    ) -> ResponseHandler:
        """Open a connection for *req*, which knows of it meanwhile."""
        assert isinstance(req, _Request)  # noqa: S101 - the session makes no other
        req.connecting = True
        made = await super()._create_connection(req, *args, **settings)
        req.connecting = False
        return made

    async def _wrap_create_connection(
        self, *args: Any, **settings: Any
    ) -> tuple[asyncio.Transport, ResponseHandler]:
        """Open a connection; one that is given up in its last moment closes at once."""
        factory, *others = args
        made: list[ResponseHandler] = []

        def make() -> ResponseHandler:
            made.append(factory())
            return made[-1]

        try:
            return await super()._wrap_create_connection(make, *others, **settings)
        except BaseException:
            for each in made:
                each.abort()
            raise

    def _release(
        self, key: Any, protocol: ResponseHandler, *, should_close: bool = False
    ) -> None:
        """Put a connection by, until the next request."""
        if isinstance(protocol, _Protocol):
            protocol.is_idle = True
            self._idle.add(protocol)
        super()._release(key, protocol, should_close=should_close)


class _Answer(aiohttp.ClientResponse):
    """aiohttp's response, which knows the connection also after giving it back."""

    came_on: ResponseHandler | None = None

    def start(
        self, connection: Connection
    ) -> Coroutine[Any, Any, aiohttp.ClientResponse]:
        """Read the head."""
        self.came_on = connection.protocol
        return super().start(connection)


class _Request(aiohttp.ClientRequest):
    """aiohttp's request, which knows how far its connection has come.

    That is `connecting` while it is being opened, `kept_by` tells who had it before,
    if it was there, and `sent_on` is it then.
    """

    connecting = False
    kept_by: _Connector | None = None
    sent_on: ResponseHandler | None = None


class _RepeatGuard:
    """A middleware that lets aiohttp repeat a request only on a reused connection.

    It also notes if the exchange ended while its connection was being opened.
    """

    # aiohttp repeats every idempotent request once on its own. On a fresh connection
    # that attempt would go uncounted above, so the failure is renamed before aiohttp
    # sees it. RFC 9112, section 9.3.1, speaks of kept connections only.

    def __init__(self, *, is_tls: bool) -> None:
        self.connecting = False
        self._sent_on: ResponseHandler | None = None
        self._kept_by: _Connector | None = None
        self._is_tls = is_tls

    def drop_idle_after(self, error: BaseException) -> None:
        """Close all idle connections where a reused one did not answer in time."""
        # A firewall forgets connections all at once and tells neither side: each of
        # them would cost one request its whole time.
        if isinstance(error, TimeoutError) and not self._has_begun:
            self._drop_idle()

    @property
    def _has_begun(self) -> bool:
        """Whether a byte of the answer has come."""
        return isinstance(self._sent_on, _Protocol) and self._sent_on.has_begun

    def keep_what_came(self, request: Request, error: BaseException) -> None:
        """Tell on the *request*, and with *error*, what came of the answer."""
        ours = error if isinstance(error, VeeamError) else None
        # A proxy's own refusal is no answer of the server.
        if isinstance(self._sent_on, _Protocol) and not (ours and never_sent(ours)):
            request.came = self._sent_on.came
        if ours is not None and request.came is not None:
            ours.answered = request.came.status

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        assert isinstance(request, _Request)  # noqa: S101 - the session makes no other
        try:
            return await handler(request)
        except _NEVER_SENT:
            raise
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
            self._note(request)
            # An answer that has begun shows that the request was seen.
            if self._kept_by is not None and not self._has_begun:
                # aiohttp repeats it once only, which must not meet another dead one.
                self._drop_idle()
                raise
            failure = error
        finally:
            self._note(request)
        raise broken(failure, is_tls=self._is_tls) from _cause(failure)

    def _note(self, request: _Request) -> None:
        """Keep how far the connection of *request* has come."""
        self.connecting, self._sent_on = request.connecting, request.sent_on
        self._kept_by = request.kept_by

    def _drop_idle(self) -> None:
        if self._kept_by is not None:
            self._kept_by.drop_idle()


def _ssl(trust: Trust | None) -> aiohttp.Fingerprint | ssl.SSLContext | bool:
    """Translate *trust* into aiohttp's terms, once for all requests."""
    # aiohttp uses a kept connection again only for the very same object.
    if trust is None:
        return True
    if trust.fingerprint is not None:
        return aiohttp.Fingerprint(bytes.fromhex(trust.fingerprint))
    return trust.context


def _session(timeout: Timeout) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        # The pool bounds the connections: a wait for one must count in no time-out.
        connector=_Connector(limit=0),
        request_class=_Request,
        response_class=_Answer,
        # The server prefers a cookie to the header, so a jar would bring back an old
        # token after each renewal (to a host name, that is, not to an IP address).
        cookie_jar=aiohttp.DummyCookieJar(),
        # An infinite one aiohttp would round up to a whole number.
        timeout=aiohttp.ClientTimeout(
            total=None,
            sock_connect=timeout.connect if isfinite(timeout.connect) else None,
        ),
        auto_decompress=False,
        max_line_size=MAX_HEAD,
        max_field_size=MAX_HEAD,
        max_headers=MAX_HEADERS,
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
    )


def proxy_of(given: Secret[str | None]) -> tuple[URL | None, dict[str, str]]:
    """The URL of a proxy without user and password, and the header that holds them.

    Raises ValueError where *given* is no such URL.
    """
    if (found := _parsed(given)) is None:
        # The URL is not shown: it may hold a password.
        raise ValueError("the proxy is a URL such as http://proxy.example.com:3128")
    return found


def secrets_of(given: Secret[str | None]) -> list[str]:
    """The secret parts of the URL of a proxy, in each way in which they are written."""
    url = given.reveal()
    if url is None or (password := URL(url).raw_password) is None:
        return []
    _, header = proxy_of(given)
    basic = header["Proxy-Authorization"].partition(" ")[2]
    return [basic, password, URL(url).password or ""]


def _parsed(given: Secret[str | None]) -> tuple[URL | None, dict[str, str]] | None:
    url = given.reveal()
    if url is None:
        return None, {}
    with suppress(ValueError):
        proxy = URL(url)
        if proxy.scheme in ("http", "https") and proxy.host:
            return _without_user(proxy)  # what cannot be sent is refused here too
    return None


def _without_user(proxy: URL) -> tuple[URL, dict[str, str]]:
    """The URL of a proxy without user and password, and the header that holds them.

    Raises ValueError, which may show them, where no header can.
    """
    # aiohttp would keep what stands in the URL, or in its own type for this, in the key
    # of each connection, which its errors hold and show.
    if proxy.raw_user is None:
        return proxy, {}
    if ":" in (proxy.user or ""):
        raise ValueError("a user name holds no colon (RFC 7617)")
    logon = f"{proxy.user or ''}:{proxy.password or ''}"
    try:
        data = logon.encode("latin-1")
    except UnicodeEncodeError:
        data = logon.encode()
    header = f"Basic {b64encode(data).decode()}"
    return proxy.with_user(None), {"Proxy-Authorization": header}


def _cause(error: Exception) -> BaseException | None:
    """The cause to show of the error that stands for *error*."""
    # aiohttp's own may show a proxy's password.
    is_its_own = isinstance(error, aiohttp.ClientConnectorError)
    met = error.__cause__ if is_its_own else error
    return _bare(met) if isinstance(met, _SHOWABLE) else None


def _bare(error: B) -> B:
    """The *error* without aiohttp's frames and errors, which hold and show headers."""
    met = error.__context__
    while met is not None and _is_inner(met):
        met = met.__context__
    error.__context__ = met
    if not isinstance(error, VeeamError):
        error.__cause__ = None
    return error.with_traceback(None)


def _is_inner(error: BaseException) -> bool:
    """Whether *error* was caught below this transport, not by a caller of it."""
    frames = error.__traceback__
    name = frames.tb_frame.f_globals.get("__name__", "") if frames else ""
    return name.partition(".")[0] in _INNER or name == __name__


def _not_connected(
    error: Exception, timeout: Timeout, *, is_tls: bool
) -> ConnectionFailed:
    """The error where no connection came about, so that nothing was sent."""
    match error:
        case aiohttp.ServerFingerprintMismatch():
            return mismatch(error.got.hex(), error.expected.hex())
        case aiohttp.ClientConnectorSSLError():
            return no_tls(error.host, error.port or 0, error.os_error)
        case aiohttp.ClientConnectorError():
            is_proxy = isinstance(error, aiohttp.ClientProxyConnectionError)
            return unreachable(
                error.host,
                error.port or 0,
                error.os_error,
                is_proxy=is_proxy,
                is_tls=is_tls and not is_proxy,
            )
    return no_connection_within(timeout.connect)


def _not_answered(
    error: Exception, timeout: Timeout, *, is_tls: bool
) -> ConnectionFailed:
    """The error where a connection was there, and no usable answer came."""
    match error:
        case aiohttp.ClientHttpProxyError():
            return _refused_by_proxy(error.status)
        # What follows the colon is what the parser read: a token, perhaps.
        case aiohttp.ClientResponseError():
            return unintelligible(error.message.partition(":")[0])
        case _OddBodyError():
            return unintelligible(str(error).partition(":")[0])
        case aiohttp.ClientPayloadError():
            return cut_short(error)
        case TimeoutError():
            return no_answer_within(timeout.request)
    return broken(error, is_tls=is_tls)


def _refused_by_proxy(status: int) -> ConnectionFailed:
    how = "; give it user and password in its URL" if status == _PROXY_LOGON else ""
    # Asked again and again, a proxy locks the account as a server does.
    again = status != _PROXY_LOGON
    return ConnectionFailed(
        f"the proxy refused with {status}{how}", sent=False, passing=again
    )
