"""Faults: which requests fail, by chance or by overload, and how they are broken."""

import asyncio
import random
import socket
import struct
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, Literal, TypeAlias

import attrs
from aiohttp import web

from veeam_async.simulator.refused import PREFIX, QUERY_FAULTS, QueryFault

Overload: TypeAlias = Literal["503", "stall"]

SHEDDING_BACKLOG = 0.1
"""How many seconds of work may wait before a shedding server turns away."""
SLOW_PIECES = 10
"""Into how many pieces a slow body is cut."""
_PIECE = 65_536

_NAMES = (
    *("unavailable", "server_error", "expired", "html"),
    *("reset", "reset_body", "truncated", "malformed", "slow", "close"),
)
"""Faults in the order in which they are drawn: the first that hits is it."""
_QUERY = "GET /query"
_SESSIONS = ("backupSessions", "replicaSessions", "restoreSessions")
_OWN: dict[str, set[str] | None] = {
    "bad_characters": None,
    "null_rows": None,
    "other_session": {f"GET /{path}/{{id}}" for path in _SESSIONS},
    "other_page": {_QUERY},
    "other_task": {"GET /tasks/{id}"},
}
"""Younger faults, and which requests they fit; None: all."""


# -------------------------------------------------------------- by chance


def _is_probability(
    _faults: "Faults", field: "attrs.Attribute[float]", value: float
) -> None:
    if not 0 <= value <= 1:
        raise ValueError(
            f"{field.name}={value!r}: it must be a probability, between 0 (never) and"
            f" 1 (always){_LENGTHS.get(field.name, '')}"
        )


def _is_time(_faults: "Faults", field: "attrs.Attribute[float]", value: float) -> None:
    if not value >= 0:
        raise ValueError(f"{field.name}={value!r}: it must be seconds, 0 or more")


def _is_switch(
    _faults: "Faults", field: "attrs.Attribute[bool]", value: object
) -> None:
    if not isinstance(value, bool):
        raise ValueError(  # noqa: TRY004 - as all that is wrong here
            f"{field.name}={value!r}: it must be True or False, which lets the other"
            " faults strike logging on and out too"
        )


_LENGTHS = {
    "latency": "; how long requests wait is latency_seconds",
    "slow": "; how long a slow body takes is slow_seconds",
}
"""What else may have been meant, by the names of probabilities."""


def _probability() -> Any:
    return attrs.field(default=0.0, validator=_is_probability)


def _seconds(default: float) -> Any:
    return attrs.field(default=default, validator=_is_time)


def _optional(validator: Any) -> Any:
    optional = attrs.validators.optional(validator)
    return attrs.field(default=None, validator=optional)


def _by_way(given: Mapping[QueryFault, float]) -> Mapping[QueryFault, float]:
    return dict(given)


@attrs.frozen(kw_only=True)
class Faults:
    """How often which fault strikes a request; all zero: never.

    A field that is named after a fault is the probability that it strikes a request,
    between 0 and 1; one whose name ends in `_seconds` is a time. At most one fault
    strikes a request (latency may come on top); they are drawn in the order in which
    the fields stand here. `unavailable`, `server_error`,
    `expired` and `html` come in place of the work, and so do most of `queries`;
    all others only spoil its answer: an action has then been carried out although
    nobody was told.

    `bad_characters` and what stands below are drawn after all others, from a
    stream of their own; what does not fit a request does not strike it.
    """

    latency_seconds: float | None = _optional(_is_time)
    """Every request waits so long before anything else, in real seconds."""
    latency: float | None = _optional(_is_probability)
    """Given beside `latency_seconds`: not all of them wait, this is how often.

    Alone it is refused: `latency=0.003` might be seconds as well.
    """
    unavailable: float = _probability()
    """503, for this request and the `unavailable_burst - 1` that follow."""
    unavailable_burst: int = attrs.field(default=1, validator=attrs.validators.ge(1))
    """How many requests in a row get a 503 once it strikes."""
    retry_after: float | None = _optional(_is_time)
    """Seconds for the Retry-After header of these; None: no such header."""
    server_error: float = _probability()
    """500 with Enterprise Manager's best known sentence."""
    expired: float = _probability()
    """401, and the token that was sent is dead from then on."""
    html: float = _probability()
    """200 with an HTML page, as a proxy or the wrong port gives."""
    reset: float = _probability()
    """The connection is reset before a byte of the answer."""
    reset_body: float = _probability()
    """The connection is reset in the middle of the body."""
    truncated: float = _probability()
    """The body is cut short of its Content-Length, then the connection is closed."""
    malformed: float = _probability()
    """The body ends in the middle of its grammar, with a fitting Content-Length."""
    slow: float = _probability()
    """The body comes in ten pieces over `slow_seconds`."""
    slow_seconds: float = _seconds(0.5)
    """How long a slow body takes, in real seconds."""
    close: float = _probability()
    """A whole answer, then the connection is closed without having said so."""
    bad_characters: float = _probability()
    """Names begin with half a surrogate, a control character, or what is no UTF-8."""
    null_rows: float = _probability()
    """A row of a list is null."""
    other_session: float = _probability()
    """A GET of a session is answered with another one of its kind."""
    other_page: float = _probability()
    """A query is answered with the page after the one that was asked for."""
    other_task: float = _probability()
    """A GET of a task is answered with another one."""
    queries: Mapping[QueryFault, float] = attrs.field(
        factory=dict,
        converter=_by_way,
        validator=attrs.validators.deep_mapping(
            attrs.validators.in_(QUERY_FAULTS),
            attrs.validators.and_(attrs.validators.ge(0), attrs.validators.le(1)),
        ),
        hash=False,
    )
    """How often queries fail in which way, such as `{"404": 1}`; all else works.

    A status; `html`, `empty` and `{}`, which are bodies of a 200; `reset`, before a
    byte of the answer; `stall`, by `stall_seconds`; `too_large`, by blanks.
    """
    stall_seconds: float = _seconds(60.0)
    """How late the answer to a stalled query is, in real seconds."""
    large_bytes: int = attrs.field(default=128 << 20, validator=attrs.validators.ge(0))
    """How large a body is that is too large, in bytes."""
    logon: bool = attrs.field(default=False, validator=_is_switch)
    """Whether logging on and logging out are struck too."""

    def __attrs_post_init__(self) -> None:
        if self.latency and self.latency_seconds is None:
            raise ValueError(
                f"latency={self.latency!r} does not say how long: for requests that all"
                f" wait so many seconds write latency_seconds={self.latency!r}; for a"
                f" part of them latency={self.latency!r}, latency_seconds=… (which was"
                " 0.1 in version 0.1.0)"
            )


class FaultInjector:
    """Draws what goes wrong with each request, from a seed.

    `faults` may be replaced between any two requests.
    """

    def __init__(self, seed: int, faults: Faults) -> None:
        self.faults = faults
        # Not the population's stream: the same seed is the same world with faults
        # and without.
        self._rng = random.Random(f"{seed} faults")
        # A stream of their own: the older faults hit where they always did.
        self.choices: random.Random = random.Random(f"{seed} choices of faults")
        """Decides which of several things a fault strikes."""
        self._own_rng = random.Random(f"{seed} faults of some requests")
        self._burst = 0

    def draw(self, asked: str, *, is_logon: bool) -> tuple[str | None, float]:
        """Fault of the next request, or None, and its latency in real seconds.

        `asked` is its method and its route.
        """
        faults = self.faults
        if is_logon and not faults.logon:
            return None, 0.0
        late = faults.latency_seconds or 0.0
        chance = 1.0 if faults.latency is None else faults.latency
        latency = late if late and self._hits(chance) else 0.0
        return self._draw_fault(faults) or self._draw_own(faults, asked), latency

    def _draw_fault(self, faults: Faults) -> str | None:
        if self._burst:
            self._burst -= 1
            return "unavailable"
        for name in _NAMES:
            if self._hits(getattr(faults, name)):
                if name == "unavailable":
                    self._burst = faults.unavailable_burst - 1
                return name
        return None

    def _draw_own(self, faults: Faults, asked: str) -> str | None:
        for name, chance in _own_chances(faults, asked):
            if chance > 0 and self._own_rng.random() < chance:
                return name
        return None

    def _hits(self, probability: float) -> bool:
        # Nothing is drawn for a fault that is off: one that is added to the list later
        # does not move where the others hit.
        return probability > 0 and self._rng.random() < probability


def _own_chances(faults: Faults, asked: str) -> Iterator[tuple[str, float]]:
    """Probabilities of the younger faults that fit what is asked, as they are drawn."""
    for name, fitting in _OWN.items():
        if fitting is None or asked in fitting:
            yield name, getattr(faults, name)
    if asked == _QUERY:
        for way in QUERY_FAULTS:
            yield f"{PREFIX}{way}", faults.queries.get(way, 0.0)


# ------------------------------------------------------------ by overload


class Capacity:
    """How many requests a second can be served, and what happens to the rest.

    A queue in time: each request takes its share of a second, and what comes while
    the server is still busy waits, or is turned away.

    Args:
        per_second: None: any number.
        overload: `503` turns away what would wait for longer than
            `SHEDDING_BACKLOG`, `stall` lets everything wait for its turn.

    Raises:
        ValueError: `per_second` is not above zero.
    """

    def __init__(self, per_second: float | None, overload: Overload) -> None:
        if per_second is not None and not per_second > 0:
            raise ValueError(f"capacity must be above zero: {per_second}")
        self._per_second = per_second
        self._overload = overload
        self._free_at = 0.0

    def admit(self, now: float) -> float | None:
        """Seconds that a request arriving at `now` waits; None: it is turned away."""
        if self._per_second is None:
            return 0.0
        start = max(now, self._free_at)
        # Turned away at no cost: a shed request takes no share of the second.
        if self._overload == "503" and start - now > SHEDDING_BACKLOG:
            return None
        self._free_at = start + 1 / self._per_second
        return start - now


# -------------------------------------------------------- broken responses


@attrs.frozen
class RenderedResponse:
    """Status, body and headers as they go out."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    padding: int = 0
    """So many blanks follow the body, which no grammar minds."""

    def whole(self) -> web.Response:
        """Response that nothing is wrong with."""
        return web.Response(
            status=self.status, body=self.body or None, headers=self.headers
        )

    def stream(self) -> web.StreamResponse:
        """Response whose body is still to be written, its length promised."""
        response = web.StreamResponse(status=self.status, headers=self.headers)
        response.content_length = len(self.body) + self.padding
        return response


Pause: TypeAlias = Callable[[], Awaitable[None]]
"""Awaited before each piece of a slow body."""
Sender: TypeAlias = Callable[
    [web.BaseRequest, RenderedResponse, Pause], Awaitable[web.StreamResponse]
]


async def send(
    request: web.BaseRequest,
    rendered: RenderedResponse,
    fault: str | None,
    pause: Pause,
) -> web.StreamResponse:
    """Answer `request` with `rendered`, broken as `fault` says.

    Faults that do not break a response leave it whole, and so do all but `reset`
    where there is no body to break.
    """
    sender = _SENDERS.get(fault or "")
    if sender is None or (sender is not _reset and not rendered.body):
        return rendered.whole()
    try:
        return await sender(request, rendered, pause)
    except ConnectionError:
        # The client did not wait for the end: there is nobody left to tell. Where it
        # reset the connection, that is aiohttp's plain ConnectionError.
        return web.Response(status=rendered.status)


async def _reset(
    request: web.BaseRequest, rendered: RenderedResponse, _pause: Pause
) -> web.StreamResponse:
    _abort(request)
    return web.Response(status=rendered.status)


async def _reset_body(
    request: web.BaseRequest, rendered: RenderedResponse, _pause: Pause
) -> web.StreamResponse:
    response = await _half_sent(request, rendered)
    # What lies in the kernel is lost with a reset, so give it the time to go.
    await asyncio.sleep(0.01)
    _abort(request)
    return response


async def _truncated(
    request: web.BaseRequest, rendered: RenderedResponse, _pause: Pause
) -> web.StreamResponse:
    response = await _half_sent(request, rendered)
    _close(request)
    return response


async def _malformed(
    _request: web.BaseRequest, rendered: RenderedResponse, _pause: Pause
) -> web.StreamResponse:
    half = rendered.body[: len(rendered.body) // 2]
    return attrs.evolve(rendered, body=half).whole()


async def _slow(
    request: web.BaseRequest, rendered: RenderedResponse, pause: Pause
) -> web.StreamResponse:
    response = rendered.stream()
    await response.prepare(request)
    size = max(1, -(-len(rendered.body) // SLOW_PIECES))
    for start in range(0, len(rendered.body), size):
        await pause()
        await response.write(rendered.body[start : start + size])
    return response


async def _closed(
    request: web.BaseRequest, rendered: RenderedResponse, _pause: Pause
) -> web.StreamResponse:
    response = rendered.stream()
    await response.prepare(request)
    await response.write(rendered.body)
    await response.write_eof()
    _close(request)
    return response


async def _padded(
    request: web.BaseRequest, rendered: RenderedResponse, _pause: Pause
) -> web.StreamResponse:
    response = rendered.stream()
    await response.prepare(request)
    await response.write(rendered.body)
    for start in range(0, rendered.padding, _PIECE):
        await response.write(b" " * min(_PIECE, rendered.padding - start))
    return response


_SENDERS: dict[str, Sender] = {
    "reset": _reset,
    f"{PREFIX}reset": _reset,
    f"{PREFIX}too_large": _padded,
    "reset_body": _reset_body,
    "truncated": _truncated,
    "malformed": _malformed,
    "slow": _slow,
    "close": _closed,
}


async def _half_sent(
    request: web.BaseRequest, rendered: RenderedResponse
) -> web.StreamResponse:
    response = rendered.stream()
    await response.prepare(request)
    await response.write(rendered.body[: len(rendered.body) // 2])
    return response


def _close(request: web.BaseRequest) -> None:
    # None: the client has gone already.
    if request.transport is not None:
        request.transport.close()


def _abort(request: web.BaseRequest) -> None:
    transport = request.transport
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    # To linger for no time makes the kernel send a reset instead of an end.
    numbers = "hh" if sys.platform == "win32" else "ii"
    linger = struct.pack(numbers, 1, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()
