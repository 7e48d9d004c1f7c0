"""The pool, which sends every request: slot, token, exchange, status, retry."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from math import inf
from typing import TypeAlias, TypeVar

from veeam_async.clock import Clock
from veeam_async.deadlines import finished
from veeam_async.errors import (
    AuthenticationFailed,
    ConnectionFailed,
    PermissionDenied,
    VeeamError,
    never_sent,
)
from veeam_async.loops import Home, running_loop
from veeam_async.pool.endpoint import Endpoint
from veeam_async.pool.instrumentation import LOG, Exchange, Instrumentation
from veeam_async.pool.limiter import Limiter, Slot
from veeam_async.pool.logon import TOKEN_HEADER, Judge, Logon, Send
from veeam_async.pool.responses import date_in, error_of, is_success
from veeam_async.pool.silence import Silence
from veeam_async.pool.streak import Belongs, Questions, Streak
from veeam_async.pool.token import RenewalBudget, Token
from veeam_async.retry import NEVER, Retry
from veeam_async.secret import Secrets
from veeam_async.transport.exchange import (
    IDEMPOTENT,
    FollowingTransport,
    Request,
    Response,
    Transport,
)
from veeam_async.transport.failures import mismatched

E = TypeVar("E", bound=VeeamError)

# Asked for each request, which would pay for looking them up.
_DEBUG, _is_logged = logging.DEBUG, LOG.isEnabledFor

_GET = "GET"
_OK = 200
_REDIRECT = 300
"""The first status of an answer that is no success."""

_MOST_REFUSING = 1000
"""Paths remembered that answer 401 while others work."""

_IDLE_SECONDS = 14 * 60.0
"""Seconds: tokens die after 15 idle minutes, which some servers answer with 403."""

_GRACE = 1.0
"""Seconds that a logout still has, once whoever waits for it is cancelled."""

POOL_CLOCK = Clock(monotonic=time.monotonic)
"""Measures as asyncio does, without a look-up of the running loop each time."""

Outcome: TypeAlias = Response | VeeamError
"""The result of an exchange; an error is a value until it is known to be final."""


class Pool:
    """Requests to one server: open it, ask, close it.

    *connect* makes the transport, in the loop that opens the pool. *log_on* makes the
    logon; it is handed the function by which that sends its own requests. *timeout* is
    that of a request, in seconds. *secrets* are hidden in whatever error it raises.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        connect: Callable[[], Transport],
        log_on: Callable[[Send], Logon],
        *,
        max_connections: int = 16,
        retry: Retry | None = None,
        instrumentation: Instrumentation,
        clock: Clock = POOL_CLOCK,
        timeout: float = inf,
        secrets: Secrets,
    ) -> None:
        self.endpoint = endpoint
        self._root = endpoint.root
        self.limiter: Limiter = Limiter(max_connections)
        self._connect = connect
        self._log_on = log_on
        self._retry = retry or Retry()
        self._instrumentation = instrumentation
        self._has_listener = instrumentation.has_listener
        self._clock = clock
        # Read for each request: one look-up less.
        self._monotonic = clock.monotonic
        self._silence = Silence(endpoint.origin, timeout, clock)
        self._secrets = secrets
        self._hide = secrets.hide
        self._open: tuple[Transport, Logon] | None = None
        self._following: FollowingTransport | None = None
        self._home = Home()
        # What answers 401 to tokens that are alive.
        self._refusing: set[str] = set()
        self._dated: tuple[Mapping[str, str], float] = ({}, 0.0)

    @property
    def is_open(self) -> bool:
        """Whether requests can be made."""
        return self._open is not None

    @property
    def proven(self) -> bool:
        """Whether a logon has ever succeeded since the pool was opened."""
        return self._open is not None and self._open[1].proven

    @property
    def logons(self) -> int:
        """How many logon sessions there have been since the pool was opened.

        A task belongs to the logon session that began it: once this number has grown,
        the same id means another task.
        """
        return 0 if self._open is None else self._open[1].count

    def server_time(self) -> datetime | None:
        """The server's clock now, by its last good answer; None where none told it."""
        headers, at = self._dated
        told = date_in(headers)
        return told and told + timedelta(seconds=self._monotonic() - at)

    async def open(self, *, log_on: bool) -> None:
        """Connect and, with *log_on*, log on; a failure leaves the pool closed."""
        if self._open is not None:
            self._home.check()
            raise RuntimeError("it is open already: make a second EnterpriseManager")
        loop = running_loop()
        transport = self._connect()
        self._open = (transport, self._log_on(self._send))
        self._home.settle(loop)
        # Where a listener is told of each exchange, each is one by itself.
        if isinstance(transport, FollowingTransport) and not self._has_listener:
            self._following = transport
        if not log_on:
            return
        try:
            token = await self._open[1].token()
            token.alive_at = self._monotonic()
        except BaseException:
            await self.close()
            raise

    @property
    def follows_up(self) -> bool:
        """Whether `requests` may ask more than one question at a time, as it is now."""
        return self._following is not None and self.limiter.is_settled

    def check_loop(self) -> None:
        """RuntimeError where the pool is open, but not in the loop that runs here."""
        if self._open is not None:
            self._home.check()

    def check_open(self) -> None:
        """RuntimeError, with what to do, where no request can be made."""
        self._home.check()

    async def close(self) -> None:
        """Log out and close every connection, also where this is cancelled."""
        if self._open is not None:
            await finished(self._close(*self._open), grace=_GRACE)

    async def _close(self, transport: Transport, logon: Logon) -> None:
        try:
            await logon.end()
        finally:
            self._open = self._following = None
            self._home.leave()
            self.limiter.rest()
            await transport.close()

    async def request(
        self,
        method: str,
        path: str,
        *,
        route: str,
        once: bool = False,
        mark: bytes | None = None,
        belongs: Belongs | None = None,
        questions: Questions | None = None,
        resource: str | None = None,
    ) -> Response:
        """Send a request and give its successful answer.

        *path* lies below the API's root, *route* is its template; *resource* is told in
        its place to who listens, where a server wrote it. With *once* there is
        one attempt, for a caller that decides itself when to ask again. An answer that
        does not belong to the question is a fault of its connection, which is closed; a
        GET is asked again. One that holds *mark* belongs, of others *belongs* tells.
        Where this is the first of many *questions*, the others may be asked with it
        (see `Streak`): the answer is that to the question at which they stand then.
        Raises ApiError, ConnectionFailed, BodyTooLarge, what the logon raises, and
        RuntimeError where the pool is not open, or open elsewhere.
        """
        self._home.check()
        retry = NEVER if once else self._retry
        is_told = self._has_listener or _is_logged(_DEBUG)
        exchange, budget = 0, None
        while True:
            exchange += 1
            # An exchange stands here in one piece: as coroutines of their own its steps
            # would cost every request more than all that they do; so do calls.
            slot = self.limiter.take() or await self.limiter.acquire()
            outcome: Outcome | None = None
            streak: Streak | None = None
            try:
                transport, logon = self._open or self._opened()
                token = logon.current or await logon.token()
                path = path if questions is None else questions.path
                asked = Request(
                    method,
                    self._root + path,
                    # Into no variable: some tools show those, and here is the token.
                    token.headers if method == _GET else _headers(method, token),
                )
                token.carried += 1
                streak = (
                    None
                    if questions is None or is_told
                    else self._streak(questions, asked, slot, token)
                )
                try:
                    answer = await (
                        self._measured(
                            transport, asked, route, exchange, resource=resource
                        )
                        if is_told
                        else transport.send(asked)
                        if streak is None
                        else streak.send()
                    )
                    answer.hide = self._hide
                    outcome = (  # without a call for nearly every one
                        answer
                        if answer.status == _OK and answer.body.find(token.rare) < 0
                        else self._checked(answer, asked, token)
                    )
                    its_own = (
                        (mark is not None and answer.body.find(mark) >= 0)
                        or belongs is None
                        or belongs(answer)
                    )
                    # Told already, mostly, which costs no turn of the loop.
                    if its_own is not True and not (its_own and await its_own):
                        outcome = self._mismatched(answer, asked)
                except VeeamError as error:
                    outcome = self._meant(error, asked)
                finally:
                    token.carried -= 1
                    if token.given_up:
                        logon.put_down(token)
            finally:
                self.limiter.release(streak.slot if streak else slot, outcome)
            if isinstance(outcome, Response):
                token.worked = True
                token.alive_at = self._silence.answered_at = self._monotonic()
                self._dated = (outcome.headers, token.alive_at)
                if self._refusing:
                    self._refusing.discard(asked.resource)
                return outcome
            # What was asked before the last of a streak has been answered well.
            exchange, budget = (
                (1, None) if streak and streak.length else (exchange, budget)
            )
            budget = budget or RenewalBudget()
            attempt = exchange - budget.renewals
            # 1. The token died: a fresh one, at once and on nobody's account.
            if self._is_dead(token, outcome) and await self._renews(
                logon, token, asked.resource, budget
            ):
                continue
            # 2. Anything else: wait for the next attempt, or raise.
            again = retry if _may_repeat(method, outcome) else NEVER
            await self._pause(again, method, route, outcome, attempt)

    def requests(self, questions: Questions, *, route: str) -> Awaitable[Response]:
        """GET what *questions* ask for, as `request` does; no coroutine of its own."""
        return self.request(
            _GET,
            questions.path,
            route=route,
            belongs=questions.belongs,
            questions=questions,
        )

    def _streak(
        self, questions: Questions, asked: Request, slot: Slot, token: Token
    ) -> Streak | None:
        if self._following is None or self._refusing:
            return None
        return Streak(
            self._following,
            questions,
            asked,
            slot=slot,
            token=token,
            root=self._root,
            limiter=self.limiter,
            silence=self._silence,
            monotonic=self._monotonic,
            hide=self._hide,
        )

    async def pause(self, attempt: int) -> bool:
        """Wait as after failed *attempt* of a request; False where it was the last.

        It is for whoever learns only by reading an answer that it is not good enough.
        """
        wait = self._retry.wait(ConnectionFailed(""), attempt, self._clock.random)
        if wait is not None:
            await self._clock.sleep(wait)
        return wait is not None

    def clean(self, error: E) -> E:
        """Take the secrets of this client out of an *error* that models were put into.

        Whoever raises one of its own does so where no variable holds the models.
        """
        return self._secrets.clean(error)

    def shown(self, path: str) -> str:
        """A *path* that a server wrote into a link, without query and secrets."""
        return self._secrets.hide_text(path.partition("?")[0])

    def mismatched(self, answer: Response, method: str, path: str) -> VeeamError:
        """Close the connection of an *answer* to another question, and give the error.

        It is for whoever learns only by reading the answer what that is about.
        """
        return self._mismatched(answer, Request(method, self._root + path))

    def _mismatched(self, answer: Response, asked: Request) -> VeeamError:
        answer.hang_up()
        self._silence.answered()  # whoever answers so is not silent
        return mismatched(f"{asked.method} {self.endpoint.origin}{asked.target}")

    def _checked(self, answer: Response, asked: Request, token: Token) -> Response:
        # What comes of a good answer is shown too, a session that failed for example.
        if token.text in answer.body:
            answer.body = answer.hide(answer.body)
        else:
            token.look_for_another(answer.body)
        if is_success(answer):
            return answer
        raise error_of(answer, asked.method, self.endpoint.origin + asked.target)

    def _meant(self, error: VeeamError, asked: Request) -> VeeamError:
        """What *error* comes to: the status counts, also where that alone came."""
        came = asked.came
        if came is None or came.status < _REDIRECT:
            return error
        came.hide = self._hide
        meant = error_of(came, asked.method, self.endpoint.origin + asked.target)
        meant.answered, meant.__cause__ = came.status, error
        return meant

    def _is_dead(self, token: Token, outcome: VeeamError) -> bool:
        """Whether *outcome* says that *token* is dead."""
        if isinstance(outcome, PermissionDenied):
            return self._monotonic() - token.alive_at > _IDLE_SECONDS
        return isinstance(outcome, AuthenticationFailed)

    async def _renews(
        self, logon: Logon, token: Token, resource: str, budget: RenewalBudget
    ) -> bool:
        """Whether a request to *resource* that met a 401 goes again with another token.

        What answers so to a fresh one too may do so to every one, while others work:
        the server is asked about the token itself then.
        """
        if not budget.allows(token):
            return False
        is_odd = budget.renewals > 1 or resource in self._refusing
        if is_odd and logon.current is token and await logon.is_alive(token):
            token.alive_at, token.worked = self._monotonic(), True
            if len(self._refusing) >= _MOST_REFUSING:
                self._refusing.clear()
            self._refusing.add(resource)
            return False
        return logon.forget(token)

    async def _send(self, request: Request, route: str, judge: Judge) -> Response:
        """Send for the logon: no slot, no token, and a POST that may be repeated."""
        attempt = 1
        while True:
            try:
                transport, _ = self._opened()
                answer = await _told_or_raise(
                    self._exchange(transport, request, route, attempt), request
                )
                answer.hide = self._hide
                self._silence.answered()
                return judge(answer)
            except VeeamError as error:
                failure = error
            await self._pause(self._retry, request.method, route, failure, attempt)
            attempt += 1

    def _exchange(
        self, transport: Transport, request: Request, route: str, exchange: int
    ) -> Awaitable[Response]:
        """Exchange once, measured if somebody listens; no coroutine, for speed."""
        if not self._instrumentation.is_on:
            return transport.send(request)
        # The path of a logon session holds its id, which is secret.
        return self._measured(transport, request, route, exchange, resource=route)

    async def _measured(
        self,
        transport: Transport,
        request: Request,
        route: str,
        exchange: int,
        *,
        resource: str | None = None,
    ) -> Response:
        told = Exchange(
            method=request.method,
            route=route,
            resource=resource or request.resource.removeprefix(self._root),
            attempt=exchange,
            started=self._clock.moment(),
        )
        try:
            answer = await transport.send(request)
        except BaseException as error:
            came = _telling(request)
            self._instrumentation.tell(told, came, self._named(error, request))
            raise
        self._instrumentation.tell(told, answer, self._refused(answer))
        return answer

    def _refused(self, answer: Response) -> str | None:
        """The class of the error that *answer* means, None for a good one."""
        if is_success(answer):
            return None
        # A copy: what is hidden in a body changes its size, which is told too.
        judged = Response(answer.status, answer.headers, answer.body)
        return type(error_of(judged, "", "", hide=self._hide)).__name__

    def _named(self, error: BaseException, asked: Request) -> str:
        """The class of what a failed exchange comes to."""
        meant = self._meant(error, asked) if isinstance(error, VeeamError) else error
        return type(meant).__name__

    async def _pause(
        self, retry: Retry, method: str, route: str, error: VeeamError, attempt: int
    ) -> None:
        """Wait until the next attempt, or raise *error* where there is none."""
        if isinstance(error, ConnectionFailed):
            self._end_silence(error)
        else:
            self._silence.answered()
        wait = retry.wait(error, attempt, self._clock.random)
        if wait is None:
            raise self._secrets.clean(error)
        LOG.info(
            "%s %s failed (%s): attempt %d in %.1f s",
            method,
            route,
            type(error).__name__,
            attempt + 1,
            wait,
        )
        await self._clock.sleep(wait)

    def _end_silence(self, error: ConnectionFailed) -> None:
        """Raise for all who wait, where nothing has been answered for too long."""
        silent = self._silence.after(error) if error.passing else None
        if silent is not None:
            self.limiter.refuse(silent)
            raise silent from self._secrets.clean(error)

    def _opened(self) -> tuple[Transport, Logon]:
        if self._open is None:
            raise RuntimeError(self._home.fault())
        return self._open


def _headers(method: str, token: Token) -> Mapping[str, str]:
    if method != "POST":
        return token.headers
    return {**token.headers, "Content-Length": "0"}


def _may_repeat(method: str, error: VeeamError) -> bool:
    """Whether repeating is safe: an action that was perhaps carried out is not."""
    return method in IDEMPOTENT or never_sent(error)


async def _told_or_raise(exchange: Awaitable[Response], request: Request) -> Response:
    """The answer to a *request* of the logon, be it a head alone that tells enough."""
    # Sent again, a wrong password would bring its account nearer the lock, and one that
    # was taken would begin another logon session.
    request.came = None
    try:
        return await exchange
    except VeeamError:
        if (told := _telling(request)) is None:
            raise
        return told


def _telling(request: Request) -> Response | None:
    """What came where the exchange failed, None unless that tells enough by itself."""
    came = request.came
    if came is None:
        return None
    is_enough = came.status >= _REDIRECT or TOKEN_HEADER.lower() in came.headers
    return came if is_enough else None
