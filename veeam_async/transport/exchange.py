"""What goes into an exchange, what comes out of it, and what a transport must do."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol, TypeAlias, runtime_checkable

import attrs

IDEMPOTENT = ("GET", "DELETE")
"""Methods that may be sent again even if carried out (RFC 9110, section 9.2.2)."""

RawHeaders: TypeAlias = Sequence[tuple[bytes, bytes]]
"""Names and values as they came."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


MAX_HEAD = 64 * 1024
"""Bytes of status line and headers above which a response is refused."""

MAX_HEADERS = 128
"""Headers above which it is: no server has reason for so many."""

LEAST_STATUS = 100
"""The smallest status of HTTP."""

_MOST_DIGITS = 20
"""Of a length: no real one has more, and Python reads no number of thousands."""


def _as_it_is(data: bytes) -> bytes:
    """Hide nothing: a response to a request without secrets."""
    return data


# Neither a request nor a response is frozen: there is one of each for every exchange,
# and they take a third of the time to make so.


@attrs.define(eq=False)
class Request:
    """A request to the one host of a transport.

    *target* is path and query, percent-encoded. *headers* hold secrets and are not
    shown. *came* is what came of an answer where the exchange failed, without a body;
    the transport sets it.
    """

    method: str
    target: str = attrs.field(repr=False)
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    came: Response | None = attrs.field(default=None, init=False, repr=False)

    @property
    def resource(self) -> str:
        """The path, which names a resource, whatever is asked of it."""
        return self.target.partition("?")[0]


class Abortable(Protocol):
    """A connection, for who cannot trust it any more."""

    def abort(self) -> None:
        """Close at once."""
        ...


@attrs.define(eq=False)
class Response:
    """An answer with its whole body; the names of *headers* are in lower case.

    *came_on* is the connection that it came on. *hide* takes secrets out of what is
    shown of it; whoever has sent the request sets it.
    """

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)
    came_on: Abortable | None = attrs.field(default=None, repr=False)
    hide: Callable[[bytes], bytes] = attrs.field(default=_as_it_is, repr=False)

    def hang_up(self) -> None:
        """Close its connection, as whoever finds that it answers another question."""
        if self.came_on is not None:
            self.came_on.abort()


FollowUp: TypeAlias = Callable[[Response], bool]
"""Takes a response in the very callback that read it, and makes the request another
one, which is sent on its connection at once: its headers are as they were, and its
target is made of nothing but what was checked. False leaves the response to whoever
called `send_on`; what is raised is raised there.
"""


async def arrivals() -> None:
    """Let the loop read what has arrived on idle connections, which closes them.

    What an action is answered cannot be told from the answer to another one, so that
    none is sent where bytes that nobody has asked for lie in the socket unread.
    """
    # In the first turn the loop learns of them, in the second it reads them.
    await asyncio.sleep(0)
    await asyncio.sleep(0)


class Headers(Mapping[str, str]):
    """The headers of a response, by their names in lower case.

    Of equal names the first counts.
    """

    # A response has half a dozen headers of which one is ever looked at, so none is
    # decoded before it is asked for.
    __slots__ = ("_raw",)

    def __init__(self, raw: RawHeaders) -> None:
        self._raw = raw

    def __getitem__(self, name: str) -> str:
        wanted = name.encode("latin-1")
        for key, value in self._raw:
            if len(key) == len(wanted) and key.lower() == wanted:
                return value.strip(b" \t").decode("latin-1")
        raise KeyError(name)

    def every(self, name: str) -> list[str]:
        """Every value of *name*, in the order in which they came."""
        wanted = name.encode("latin-1")
        return [
            value.strip(b" \t").decode("latin-1")
            for key, value in self._raw
            if key.lower() == wanted
        ]

    def __iter__(self) -> Iterator[str]:
        return iter({key.lower().decode("latin-1"): None for key, _ in self._raw})

    def __len__(self) -> int:
        return len({key.lower() for key, _ in self._raw})


def announced_size(raw: RawHeaders) -> int:
    """The size that a body is said to have, 0 where none is said."""
    return size_of((last_value(raw, b"content-length") or b"").strip())


def size_of(length: bytes) -> int:
    """The size that digits say."""
    # Zeros in front are allowed, and a hostile server sends thousands of them.
    return int(length.lstrip(b"0")[:_MOST_DIGITS] or 0)


def last_value(raw: RawHeaders, wanted: bytes) -> bytes | None:
    """The last value of a header, whose name is *wanted* in lower case; or None."""
    for name, value in reversed(raw):
        if name.lower() == wanted:
            return value
    return None


def _seconds(_timeout: object, field: attrs.Attribute[float], value: object) -> None:
    if not isinstance(value, int | float) or not value > 0:
        raise ValueError(f"{field.name} is a number of seconds above 0")


@attrs.frozen(kw_only=True)
class Timeout:
    """How many seconds an exchange may take.

    *connect* (10) bounds opening a connection, TLS included; *request* (60) the whole
    exchange. The wait for a free connection counts in neither. What is no number above
    0 is a ValueError.
    """

    connect: float = attrs.field(default=10.0, validator=_seconds)
    request: float = attrs.field(default=60.0, validator=_seconds)


def _bare_hex(text: object) -> str:
    return str(text).replace(":", "").strip().lower()


@attrs.frozen
class Fingerprint:
    """The SHA-256 of the one certificate to trust: 64 hexadecimal digits.

    Colons and upper case are accepted, as `openssl x509 -fingerprint` prints them;
    anything else is a ValueError.
    """

    sha256: str = attrs.field(converter=_bare_hex)

    @sha256.validator
    def _check(self, _attribute: object, value: str) -> None:
        # A SHA-1, or one that was cut while it was copied, would be no check at all.
        if not _SHA256.fullmatch(value):
            raise ValueError("a fingerprint is the SHA-256 in 64 hexadecimal digits")


class Transport(Protocol):
    """Connections to one host. Opened in the loop that uses it, closed once."""

    async def send(self, request: Request) -> Response:
        """Exchange one request for one response.

        Raises ConnectionFailed (CertificateError, RequestTimeout) where no usable
        answer came, and BodyTooLarge. The package says what else is promised.
        """
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...


@runtime_checkable
class FollowingTransport(Transport, Protocol):
    """A transport that can send one request after another from its own callbacks."""

    async def send_on(self, request: Request, follow_up: FollowUp) -> Response:
        """Exchange *request*, and what *follow_up* makes of it, for one response.

        It is asked only where the connection is free for another request. The response
        is that to the last one, and so is what is raised; else it is as `send`.
        """
        ...
