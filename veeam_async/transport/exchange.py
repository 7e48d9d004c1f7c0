"""What goes into an exchange, what comes out of it, and what a transport must do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Protocol

import attrs

IDEMPOTENT = ("GET", "DELETE")
"""What may be sent again, even if it was carried out (RFC 9110, section 9.2.2)."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


@attrs.define(eq=False)
class Request:
    """A request to the one host of a transport.

    Like a response not frozen: there is one for each exchange, and it takes a third of
    the time to make.

    *target* is path and query, percent-encoded. *headers* hold secrets and are not
    shown.
    """

    method: str
    target: str = attrs.field(repr=False)
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)


@attrs.define(eq=False)
class Response:
    """An answer with its whole body; the names of *headers* are in lower case."""

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)


def _seconds(_timeout: object, field: attrs.Attribute[float], value: object) -> None:
    if not isinstance(value, int | float) or not value > 0:
        raise ValueError(f"{field.name} is a number of seconds above 0")


@attrs.frozen(kw_only=True)
class Timeout:
    """How many seconds an exchange may take.

    *connect* bounds opening a connection, TLS included; *request* the whole exchange.
    The wait for a free connection counts in neither.
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
        if not _SHA256.fullmatch(value):
            raise ValueError("a fingerprint is the SHA-256 in 64 hexadecimal digits")


class Transport(Protocol):
    """Connections to one host. Opened in the loop that uses it, closed once."""

    async def send(self, request: Request) -> Response:
        """Exchange one request for one response.

        Raises ConnectionFailed (CertificateError, RequestTimeout) where no usable
        answer came, and BodyTooLarge. Follows no redirect, keeps no cookie, tries
        again only where a kept connection turns out to be closed.
        """
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...
