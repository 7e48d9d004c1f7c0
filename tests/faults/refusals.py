"""Faults of refusals: a 401 or 403 of which no more comes than the beginning.

The account of a wrong password that is sent again because of them locks.
"""

from __future__ import annotations

from tests.faults.acts import BODY_LIMIT, Begun, End
from tests.faults.table import Fault, Nature

_CUT = b"Content-Length: 500\r\n\r\nshort"
_RESTS: tuple[tuple[str, str, bytes, End], ...] = (
    ("cut", "whose body is cut", _CUT, "close"),
    ("reset", "whose body is cut by a reset", _CUT, "reset"),
    ("stall", "whose body stalls", _CUT, "stall"),
    ("head-cut", "whose head is cut", b"X-Note: o", "close"),
    ("head-stall", "whose head stalls", b"X-Note: o", "stall"),
    (
        "chunk",
        "whose first chunk has no size",
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\nshort",
        "close",
    ),
    (
        "digits",
        "with a length of 4,301 digits",
        b"Content-Length: " + b"9" * 4301 + b"\r\n\r\nshort",
        "close",
    ),
    ("line", "with a line that is no header", b"X Odd\r\n\r\n", "close"),
    (
        "large",
        "that is larger than the client takes",
        b"Content-Length: %d\r\n\r\nshort" % (BODY_LIMIT + 1),
        "close",
    ),
)


def _refusal(status: int, rest: tuple[str, str, bytes, End]) -> Fault:
    name, says, data, end = rest
    is_token = status == 401
    head = b"HTTP/1.1 %d X\r\nWWW-Authenticate: Basic\r\n" % status
    return Fault(
        name=f"{status}-{name}",
        kind="logon",
        says=f"{status} comes {says}",
        nature=Nature.UNAUTHORIZED if is_token else Nature.STATUS,
        status=status,
        error="AuthenticationFailed" if is_token else "PermissionDenied",
        act=Begun(head + data, end),
    )


HALF_REFUSALS: tuple[Fault, ...] = tuple(
    _refusal(status, rest) for status in (401, 403) for rest in _RESTS
)
