"""The life of a logon session: one token for everybody, renewed once for everybody.

Page "Authentication and Security" of the reference. The token, the id of the logon
session and its links are one secret and show up nowhere.
"""

from __future__ import annotations

import asyncio
import copy
import inspect
import re
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, TypeAlias, TypeGuard
from urllib.parse import quote

from veeam_async import codec
from veeam_async.clock import Clock
from veeam_async.errors import (
    DecodeError,
    NotEnterpriseManager,
    PasswordUnavailable,
    VeeamError,
    is_passing,
)
from veeam_async.models import LogonSession
from veeam_async.pool.caution import Caution
from veeam_async.pool.endpoint import Endpoint
from veeam_async.pool.responses import (
    check,
    error_of,
    is_success,
    redirect_target,
)
from veeam_async.pool.token import Token
from veeam_async.secret import Secret, Secrets
from veeam_async.transport.exchange import Headers, Request, Response

Password: TypeAlias = str | Callable[[], str | Awaitable[str]]
"""A password, or a callable, plain or async, that returns one at each logon."""

TOKEN_HEADER = "X-RestSvcSessionId"  # noqa: S105 - a header's name

_MOST_USELESS, _USELESS_SECONDS = 2, 60.0
"""Renewals in so many seconds of tokens that no request was ever answered with."""
_REFUSALS = (401, 403)
_CREATED, _UNAUTHORIZED = 201, 401
_REPEAT_SECONDS = 1.0
"""How long at most until a renewal that met something odd is sent once more."""
_LOGOUT_SECONDS = 5.0
_LOGON_SECONDS = 2.0
"""How long the end waits for a logon that is under way, to log out of it."""

_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"')
_BASIC = re.compile(r"(?:^|,)\s*basic(?:\s|,|$)", re.IGNORECASE)
_HALF = re.compile("[\ud800-\udfff]")
"""A lone half of a UTF-16 pair, which UTF-8 cannot encode."""

Judge: TypeAlias = Callable[[Response], Response]
"""Passes a good answer through, and raises the error that any other one means."""

Send: TypeAlias = Callable[[Request, str, Judge], Awaitable[Response]]
"""Sends a request (with the template of its path) without slot and token."""


class Logon:
    """Hold the token: log on when there is none, log out at the end.

    *send* sends with retries but without a token; *headers* go with every request. What
    it sends and gets that is secret is added to *secrets*.
    """

    def __init__(
        self,
        send: Send,
        endpoint: Endpoint,
        *,
        username: str,
        password: Secret[Password],
        api_version: str,
        headers: Mapping[str, str],
        clock: Clock,
        secrets: Secrets,
    ) -> None:
        self._send = send
        self._endpoint = endpoint
        self._username = username
        self._password = password
        self._path = f"/sessionMngr/?v={quote(api_version, safe='')}"
        self._headers = dict(headers)
        self.current: Token | None = None
        """The token, or None: then `token()` logs on."""
        self._renewal: asyncio.Task[Token] | None = None
        self._clock = clock
        self._caution = Caution(clock)
        self._secrets = secrets
        self._useless_at: list[float] = []
        self._is_refused = False
        self._given_up: set[Token] = set()
        self._logouts: set[asyncio.Task[None]] = set()
        self._is_ending = False
        self.proven: bool = False
        self.count: int = 0
        """How many logon sessions there have been."""

    async def token(self) -> Token:
        """The current token, else that of one logon for all who wait."""
        if self.current is not None:
            return self.current
        if self._is_ending:
            raise _closed()  # a logon now would outlive the logout
        if self._renewal is None:
            self._renewal = asyncio.create_task(self._renew())
            self._renewal.add_done_callback(_retrieved)
        token = await self._waited_for(self._renewal)
        if self._is_ending:
            raise _closed()
        return token

    async def _waited_for(self, renewal: asyncio.Task[Token]) -> Token:
        try:
            # The caller that began it may be cancelled; the others still need it.
            return await asyncio.shield(renewal)
        except VeeamError as error:
            failure = error
        except asyncio.CancelledError:
            if not renewal.cancelled():
                raise
            raise _closed() from None
        # Each waiter raises its own: a shared one would gather all their tracebacks.
        raise copy.copy(failure) from failure.__cause__

    def forget(self, token: Token) -> bool:
        """Drop a dead *token*; False where that has been of no use lately.

        Of no effect where a newer one is there already.
        """
        if self.current is not token:
            return True
        if token.worked:
            self._useless_at.clear()
        elif not self._may_be_useless():
            return False
        self.current, token.given_up = None, True
        self._given_up.add(token)
        self.put_down(token)
        return True

    def _may_be_useless(self) -> bool:
        """Whether one more token that never worked may be replaced; counts it."""
        now = self._clock.monotonic()
        recent = [at for at in self._useless_at if now - at < _USELESS_SECONDS]
        self._useless_at = recent
        if len(recent) >= _MOST_USELESS:
            return False
        recent.append(now)
        return True

    def put_down(self, token: Token) -> None:
        """Log out of a *token* that was given up, once no request carries it."""
        if not token.carried and token in self._given_up:
            self._given_up.discard(token)
            self._end_session(token)

    def _end_session(self, token: Token) -> None:
        """Log out of *token* meanwhile, where it is known how."""
        if token.delete is None:
            return
        logout = asyncio.create_task(self._log_out(token))
        self._logouts.add(logout)
        logout.add_done_callback(self._logouts.discard)

    async def is_alive(self, token: Token) -> bool:
        """Ask for the logon session of *token* itself, to see whether that still is."""
        if token.delete is None:
            return True
        request = Request("GET", self._endpoint.target(token.delete), token.headers)
        try:
            answer = await self._send(request, "/logonSessions/{id}", _any)
        except VeeamError:
            return False
        return answer.status != _UNAUTHORIZED

    async def end(self) -> None:
        """Log out through the session's own Delete link; errors are ignored.

        `token` raises RuntimeError from then on.
        """
        self._is_ending = True
        if (renewal := self._renewal) is not None:
            # Cancelled at once, a logon that the server has seen would stay open until
            # it idles out.
            try:
                await asyncio.wait([renewal], timeout=_LOGON_SECONDS)
            finally:
                renewal.cancel()
                await asyncio.wait([renewal])
        if self.current is not None:
            self._given_up.add(self.current)
            self.current = None
        while self._given_up:
            self._end_session(self._given_up.pop())
        if logouts := set(self._logouts):
            try:
                await asyncio.wait(logouts, timeout=_LOGOUT_SECONDS)
            finally:
                for task in logouts:
                    task.cancel()
                await asyncio.wait(logouts)

    async def _renew(self) -> Token:
        try:
            self.current = await self._log_on()
            self.proven = True
            self.count += 1
            return self.current
        finally:
            self._renewal = None

    async def _log_on(self) -> Token:
        """Log on, once more after what a server shows while it starts."""
        password = await self._given_password()
        self._caution.before_sending(password)
        try:
            return await self._try(password)
        except VeeamError as error:
            if not self.proven or self._is_refused or is_passing(error):
                raise
        await self._clock.sleep(self._clock.random() * _REPEAT_SECONDS)
        self._caution.before_sending(password)
        return await self._try(password)

    def _request(self, password: Secret[str]) -> Request:
        """The logon with *password*, which is hidden from now on wherever it shows."""
        given = password.reveal()
        credentials = b64encode(f"{self._username}:{given}".encode()).decode()
        self._secrets.add((given, credentials))
        headers = self._headers | {
            "Authorization": f"Basic {credentials}",
            "Content-Length": "0",
        }
        return Request("POST", self._endpoint.target(self._path), headers)

    async def _try(self, password: Secret[str]) -> Token:
        request = self._request(password)
        self._is_refused = False
        try:
            answer = await self._send(request, "/sessionMngr", self._judge)
        except VeeamError as error:
            failure = self._caution.failed(password, error, refused=self._is_refused)
        except asyncio.CancelledError:
            self._give_up_what_came(request)
            raise
        else:
            self._caution.succeeded(password)
            return self._read(answer)
        raise failure from failure.__cause__

    def _give_up_what_came(self, request: Request) -> None:
        """Have the end log out of the session whose token came in an answer's head."""
        if request.came is not None and _gives_token(request.came):
            self._given_up.add(self._read(request.came))

    async def _given_password(self) -> Secret[str]:
        if (password := _text_in(self._password)) is not None:
            return password
        self._caution.before_asking()
        password = _text_in(await _asked_for(self._password))
        if password is None:
            # The server would count it as one more wrong password.
            raise ValueError("the password callable gave no text")
        return password

    def _judge(self, answer: Response) -> Response:
        """Pass a good logon through; raise NotEnterpriseManager or a refusal."""
        url = self._endpoint.url(self._path)
        self._is_refused = answer.status in _REFUSALS
        # A server that has logged this user on is the right one, whatever stands
        # before it now.
        is_known = self.proven and self._is_refused
        if not is_known and (found := self._not_ours(answer)):
            raise NotEnterpriseManager(url=url, found=found)
        return check(answer, "POST", url)

    def _not_ours(self, answer: Response) -> str | None:
        """What answered a logon, in words without the secrets that it repeats."""
        if not _gives_token(answer):
            answer.body = answer.hide(answer.body)
        found = _foreign(answer)
        return None if found is None else self._secrets.hide_text(found)

    def _read(self, answer: Response) -> Token:
        given = {TOKEN_HEADER: answer.headers[TOKEN_HEADER.lower()]}
        token = Token(given[TOKEN_HEADER].encode("latin-1"), self._headers | given)
        self._secrets.add(token.secrets())
        media_type = answer.headers.get("content-type")
        try:
            session = codec.decode(answer.body, media_type, LogonSession)
        except DecodeError:
            # The session is there all the same; nobody else has this token.
            token.delete = token.path()
        else:
            token.delete = self._delete_path(session)
        return token

    def _delete_path(self, session: LogonSession) -> str | None:
        """The path that ends *session*, None where it names none."""
        link = session.link("Delete")
        try:
            return None if link is None else self._endpoint.rebase(link.href)
        except ValueError:
            return None

    async def _log_out(self, token: Token) -> None:
        """End the session of *token*; nothing that fails matters, it idles out."""
        target = self._endpoint.target
        request = Request("DELETE", target(token.delete or ""), token.headers)
        with suppress(VeeamError, TimeoutError):
            async with asyncio.timeout(_LOGOUT_SECONDS):
                await self._send(request, "/logonSessions/{id}", _final)


def _any(answer: Response) -> Response:
    return answer


def _final(answer: Response) -> Response:
    """Pass *answer* through, unless the same request may succeed later."""
    # Neither method nor address is shown: the latter holds the logon session's id.
    if not is_success(answer) and is_passing(error := error_of(answer, "", "")):
        raise error
    return answer


async def _asked_for(password: Secret[Any]) -> Secret[object]:
    """What the password callable gives, or PasswordUnavailable."""
    try:
        given = Secret(password.reveal()())
        if inspect.isawaitable(given.reveal()):
            given = Secret(await given.reveal())
    except PasswordUnavailable:
        raise  # it says itself what is wrong
    except Exception as error:
        raise PasswordUnavailable(type(error).__name__) from error
    return given


def _text_in(given: Secret[Any]) -> Secret[str] | None:
    """The text itself, None where *given* is something else."""
    return given if is_text(given.reveal()) else None


def _closed() -> RuntimeError:
    return RuntimeError("the EnterpriseManager was closed meanwhile")


def is_text(given: object) -> TypeGuard[str]:
    """Whether *given* is a text that can be sent as UTF-8."""
    # An environment variable in another encoding cannot, and the error of the attempt
    # would quote all of it, even a password.
    return isinstance(given, str) and _HALF.search(given) is None


def _foreign(answer: Response) -> str | None:
    """What answered a logon, in words; None where it may be Enterprise Manager."""
    status = answer.status
    # 1. It is failing or overloaded, which any server can be, the right one too.
    if status >= 500 or status in (408, 425, 429):  # noqa: PLR2004 - RFC 9110, 15.6
        return None
    # 2. It judged the credentials, as only the right server does.
    if _refuses(answer) or _gives_token(answer):
        return None
    # 3. Something else that is known by its answers.
    if (other := stranger(answer)) is not None:
        return other
    # 4. An answer that Enterprise Manager never gives to a logon.
    return _not_its_way(answer)


def stranger(answer: Response) -> str | None:
    """What else than Enterprise Manager is known by such an *answer*, in words."""
    status, start = answer.status, answer.body[:4096].lower()
    if b'"errorcode"' in start:
        return (
            "the REST API of another Veeam product answered, Backup & Replication's "
            "(port 9419) for example"
        )
    if 300 <= status < 400:  # noqa: PLR2004 - RFC 9110, section 15.4
        return f"it redirects ({status}) to {redirect_target(answer) or 'nowhere'}"
    if b"<html" in start or b"<!doctype html" in start:
        title = codec.title_of(answer.body)
        named = f' titled "{title}"' if title else ""
        return (
            f"an HTML page{named} answered ({status}), of a web interface for example"
        )
    return None


def _refuses(answer: Response) -> bool:
    """Whether the credentials were judged, whatever page comes with that."""
    if answer.status != _UNAUTHORIZED:
        return False
    return _asks_for_basic(_challenges(answer))


def _gives_token(answer: Response) -> bool:
    """Whether it is a logon, whatever body comes with the token."""
    token = answer.headers.get(TOKEN_HEADER.lower(), "")
    return answer.status == _CREATED and token != "" and token.isprintable()


def _challenges(answer: Response) -> list[str]:
    """What each `WWW-Authenticate` asks for; several schemes can stand in one."""
    # A proxy, or Windows, may put its own before the server's.
    headers, name = answer.headers, "www-authenticate"
    if isinstance(headers, Headers):
        return headers.every(name)
    return [headers[name]] if name in headers else []


def _asks_for_basic(challenges: list[str]) -> bool:
    return any(_BASIC.search(_QUOTED.sub("", each)) for each in challenges)


def _not_its_way(answer: Response) -> str | None:
    """How an answer differs from any that a logon is known to give, in words."""
    status = answer.status
    challenges = _challenges(answer)
    if status == _UNAUTHORIZED and challenges and not _asks_for_basic(challenges):
        return (
            f"it asks for {challenges[0].partition(' ')[0]} credentials, not for Basic"
        )
    if status < 300 and TOKEN_HEADER.lower() not in answer.headers:  # noqa: PLR2004
        return f"its answer ({status}) to a logon holds no token"
    if not answer.headers.get(TOKEN_HEADER.lower(), "").isprintable():
        return "its token is no text"
    if status in (404, 405, 501):
        return f"it knows no logon ({status})"
    return None


def _retrieved(task: asyncio.Task[Token]) -> None:
    """Retrieve the outcome: where nobody waits for it, asyncio would warn."""
    if not task.cancelled():
        task.exception()
