"""The life of a logon session: one token for everybody, renewed once for everybody.

Page "Authentication and Security" of the reference. The token, the id of the logon
session and its links are one secret and show up nowhere.
"""

from __future__ import annotations

import asyncio
import copy
import inspect
import re
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import TypeAlias, TypeGuard
from urllib.parse import quote

import attrs

from veeam_async import codec
from veeam_async.errors import (
    AuthenticationFailed,
    NotEnterpriseManager,
    PermissionDenied,
    VeeamError,
)
from veeam_async.models import LogonSession
from veeam_async.pool.endpoint import Endpoint
from veeam_async.pool.responses import check
from veeam_async.transport.exchange import Request, Response

Password: TypeAlias = str | Callable[[], str | Awaitable[str]]
"""A password, or a callable, plain or async, that returns one at each logon."""

TOKEN_HEADER = "X-RestSvcSessionId"  # noqa: S105 - a header's name

_MOST_UNPROVEN, _MOST_RENEWALS = 2, 10
"""Dead tokens that one request may meet: of those that never worked, and of all."""
_SHORTEST_SECRET = 8
"""Bytes: a shorter text may well stand in a body for another reason."""
_LOGOUT_SECONDS = 5.0
_LOGON_SECONDS = 2.0
"""How long `end` waits for a logon that is under way, so that it can log out of it."""
_HALF = re.compile("[\ud800-\udfff]")
"""A lone half of a UTF-16 pair, which UTF-8 cannot encode."""

Judge: TypeAlias = Callable[[Response], Response]
"""Passes a good answer through, and raises the error that any other one means."""

Send: TypeAlias = Callable[[Request, str, Judge], Awaitable[Response]]
"""Sends a request (with the template of its path) without slot and token."""


@attrs.define(eq=False)
class Token:
    """A token, told apart by identity.

    *headers* are those of a request that carries it; *delete* is the path that ends its
    logon session. *alive_at* is when the server last accepted it, in the pool's
    monotonic seconds (inf: not yet); *worked*: a request succeeded with it.
    """

    headers: Mapping[str, str] = attrs.field(repr=False)
    delete: str | None = attrs.field(repr=False)
    alive_at: float = float("inf")
    worked: bool = False

    def hidden_in(self, body: bytes) -> bytes:
        """The *body* without the token and its logon session's id.

        A server that repeats what it was sent must not get a secret into an error.
        """
        for secret in self._secrets():
            body = body.replace(secret, b"(hidden)")
        return body

    def _secrets(self) -> list[bytes]:
        """The token and the logon session's id, whose base64 the token is."""
        token = self.headers[TOKEN_HEADER].encode("latin-1")
        try:
            secrets = [token, b64decode(token, validate=True)]
        except ValueError:
            secrets = [token]
        return [secret for secret in secrets if len(secret) >= _SHORTEST_SECRET]


@attrs.define
class RenewalBudget:
    """How often one request may have its token renewed, and how often it was."""

    renewals: int = 0
    unproven: int = 0

    def allows(self, token: Token) -> bool:
        """Count a dead *token*; True where another one may be tried."""
        self.renewals += 1
        # A server that refuses fresh tokens will go on so; one whose tokens worked, and
        # died, deserves more tries.
        self.unproven += not token.worked
        return self.unproven <= _MOST_UNPROVEN and self.renewals <= _MOST_RENEWALS


class Logon:
    """Hold the token: log on when there is none, log out at the end.

    *send* sends with retries but without a token; *headers* go with every request.
    """

    def __init__(
        self,
        send: Send,
        endpoint: Endpoint,
        *,
        username: str,
        password: Password,
        api_version: str,
        headers: Mapping[str, str],
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
        self._refusal: tuple[str, VeeamError] | None = None
        self._is_ending = False
        self.proven = False
        self.count = 0
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

    def forget(self, token: Token) -> None:
        """Drop a dead *token*, unless a newer one has replaced it already."""
        if self.current is token:
            self.current = None

    async def end(self) -> None:
        """Log out through the session's own Delete link; errors are ignored.

        `token` raises RuntimeError from then on.
        """
        self._is_ending = True
        if (renewal := self._renewal) is not None:
            # Cancelled at once, a logon that the server has seen would stay open until
            # it idles out.
            await asyncio.wait([renewal], timeout=_LOGON_SECONDS)
            renewal.cancel()
            await asyncio.wait([renewal])
        token, self.current = self.current, None
        if token is None or token.delete is None:
            return
        with suppress(VeeamError, TimeoutError):
            async with asyncio.timeout(_LOGOUT_SECONDS):
                await self._log_out(token)

    async def _renew(self) -> Token:
        try:
            self.current = await self._log_on()
            self.proven = True
            self.count += 1
            return self.current
        finally:
            self._renewal = None

    async def _log_on(self) -> Token:
        password = await self._given_password()
        # A second try with the same password would bring the account nearer its lock.
        if self._refusal is not None and self._refusal[0] == password:
            raise copy.copy(self._refusal[1])
        credentials = b64encode(f"{self._username}:{password}".encode()).decode()
        headers = self._headers | {
            "Authorization": f"Basic {credentials}",
            "Content-Length": "0",
        }
        request = Request("POST", self._endpoint.target(self._path), headers)
        try:
            answer = await self._send(request, "/sessionMngr", self._judge)
        except (AuthenticationFailed, PermissionDenied) as error:
            self._refusal = (password, error)
            raise
        return self._read(answer)

    async def _given_password(self) -> str:
        given = self._password if isinstance(self._password, str) else self._password()
        if inspect.isawaitable(given):
            given = await given
        if not is_text(given):
            # The server would count it as one more wrong password.
            raise ValueError("the password callable gave no text")
        return given

    def _judge(self, answer: Response) -> Response:
        """Pass a good logon through; raise NotEnterpriseManager or a refusal."""
        url = self._endpoint.url(self._path)
        if found := _foreign(answer):
            raise NotEnterpriseManager(url=url, found=found)
        return check(answer, "POST", url)

    def _read(self, answer: Response) -> Token:
        media_type = answer.headers.get("content-type")
        session = codec.decode(answer.body, media_type, LogonSession)
        token = answer.headers[TOKEN_HEADER.lower()]
        headers = self._headers | {TOKEN_HEADER: token}
        return Token(headers, self._delete_path(session))

    def _delete_path(self, session: LogonSession) -> str | None:
        """The path that ends *session*, None where it names none."""
        link = session.link("Delete")
        try:
            return None if link is None else self._endpoint.rebase(link.href)
        except ValueError:
            return None

    async def _log_out(self, token: Token) -> None:
        target = self._endpoint.target(token.delete or "")
        request = Request("DELETE", target, token.headers)
        await self._send(request, "/logonSessions/{id}", lambda answer: answer)


def _closed() -> RuntimeError:
    return RuntimeError("the EnterpriseManager was closed meanwhile")


def is_text(given: object) -> TypeGuard[str]:
    """Whether *given* is a text that can be sent as UTF-8."""
    # An environment variable in another encoding cannot, and the error of the attempt
    # would quote all of it, even a password.
    return isinstance(given, str) and _HALF.search(given) is None


def _foreign(answer: Response) -> str | None:
    """What answered a logon, in words; None where it may be Enterprise Manager."""
    status, start = answer.status, answer.body[:4096].lower()
    # 1. It is failing or overloaded, which any server can be, the right one too.
    if status >= 500 or status == 429:  # noqa: PLR2004 - RFC 9110, section 15.6
        return None
    # 2. It judged the credentials, as only the right server does.
    if _refuses(answer):
        return None
    # 3. Something else that is known by its answers.
    if b'"errorcode"' in start:
        return (
            "the REST API of another Veeam product answered, Backup & Replication's "
            "(port 9419) for example"
        )
    if b"<html" in start or b"<!doctype html" in start:
        return f"an HTML page answered ({status}), of a web interface for example"
    if 300 <= status < 400:  # noqa: PLR2004 - RFC 9110, section 15.4
        place = answer.headers.get("location", "nowhere").partition("?")[0]
        return f"it redirects ({status}) to {place}"
    # 4. An answer that Enterprise Manager never gives to a logon.
    return _not_its_way(answer)


def _refuses(answer: Response) -> bool:
    """Whether the server judged the credentials, whatever body comes with that."""
    challenge = answer.headers.get("www-authenticate", "").lower()
    return answer.status == 401 and "basic" in challenge  # noqa: PLR2004


def _not_its_way(answer: Response) -> str | None:
    """How an answer differs from any that a logon is known to give, in words."""
    status = answer.status
    challenge = answer.headers.get("www-authenticate", "Basic")
    if status == 401 and "basic" not in challenge.lower():  # noqa: PLR2004
        return f"it asks for {challenge.partition(' ')[0]} credentials, not for Basic"
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
