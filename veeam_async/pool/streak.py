"""Requests that follow one another on one connection while nothing is unusual.

An answer wakes the coroutine that waits for it, through some turns of the loop. Where
thousands are asked for, the next request can go out before that, from the callback that
has read the answer. Whatever is unusual ends the streak: an answer that is not plainly
good, somebody who waits for a slot, a token that is given up. It is left to the
coroutine then, as every answer to a single request is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias

from veeam_async.pool.limiter import Limiter, Slot
from veeam_async.pool.silence import Silence
from veeam_async.pool.token import Token
from veeam_async.transport.exchange import FollowingTransport, Request, Response

Belongs: TypeAlias = Callable[[Response], bool | Awaitable[bool]]
"""Whether a good answer is about what was asked for; a large one takes a thread."""

_OK = 200


class Questions(Protocol):
    """What is asked, one after another: `path` is that of the question at hand.

    A good answer that holds `mark` is an answer to it; of others `belongs` tells.
    """

    path: str
    mark: bytes

    def may_move_on(self) -> bool:
        """False where the next question must wait, whatever the answer to this one."""
        ...

    def belongs(self, answer: Response) -> bool | Awaitable[bool]:
        """False where *answer* is about something else than what was asked for."""
        ...

    def move_on(self, answer: Response) -> bool:
        """Keep *answer*, and turn to the next question; False where nothing is kept.

        It is asked for only where it may.
        """
        ...


class Streak:
    """The follow-ups to a *request*, which is made the next one each time.

    *slot* and *token* are its own, *root* is the path of the API. `slot` is that of the
    request under way, `length` is how many have followed the first.
    """

    __slots__ = (
        "_hide",
        "_limiter",
        "_monotonic",
        "_questions",
        "_request",
        "_root",
        "_silence",
        "_token",
        "_transport",
        "length",
        "slot",
    )

    def __init__(
        self,
        transport: FollowingTransport,
        questions: Questions,
        request: Request,
        *,
        slot: Slot,
        token: Token,
        root: str,
        limiter: Limiter,
        silence: Silence,
        monotonic: Callable[[], float],
        hide: Callable[[bytes], bytes],
    ) -> None:
        self._transport = transport
        self._questions = questions
        self._request = request
        self.slot: Slot = slot
        self._token = token
        self._root = root
        self._limiter = limiter
        self._silence = silence
        self._monotonic = monotonic
        self._hide = hide
        self.length: int = 0

    def send(self) -> Awaitable[Response]:
        """Send the request, and what follows it; the answer is that to the last one."""
        return self._transport.send_on(self._request, self._follow_up)

    def _follow_up(self, answer: Response) -> bool:
        """Ask the next question, once *answer* is kept; False ends the streak."""
        token, questions, body = self._token, self._questions, answer.body
        # What takes no time comes first: where this ends here, the body is searched
        # once more by who takes it up.
        if (
            answer.status != _OK
            or token.given_up
            or not self._limiter.is_settled
            or not questions.may_move_on()
            # Not by `in`, which tries bytes as a number first, and that costs more.
            or (body.find(token.rare) >= 0 and body.find(token.text) >= 0)
            or body.find(questions.mark) < 0
        ):
            return False
        answer.hide = self._hide
        if not questions.move_on(answer):
            return False
        self.slot = self._limiter.renew()
        self.length += 1
        token.worked = True
        token.alive_at = self._silence.answered_at = self._monotonic()
        self._request.target = self._root + questions.path
        return True
