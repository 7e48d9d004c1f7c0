"""Faults of connections, of HTTP's bytes, and of TLS."""

from __future__ import annotations

from tests.faults.acts import (
    BODY_LIMIT,
    AfterHandshake,
    BadRecord,
    Certified,
    Cut,
    CutHandshake,
    CutRecords,
    Dripped,
    End,
    Flood,
    Notified,
    Point,
    Refused,
    Sent,
    Shown,
    Spoken,
    Trailed,
)
from tests.faults.proxy import Act, Answer, ConnectAct
from tests.faults.table import Fault, Nature

_ENDS: dict[End, str] = {
    "close": "is closed",
    "reset": "is reset",
    "half-close": "is closed in the server's direction alone",
    "stall": "stalls",
}
_POINTS: dict[Point, str] = {
    "unasked": "before the server has seen the request",
    "before": "after the request was served, before the first byte of the answer",
    "head": "in the middle of the answer's head",
    "after head": "between head and body",
    "body": "in the middle of the body",
}


_LOGONS = ("open", "renew")
_HALF = dict.fromkeys(_LOGONS, Nature.HALF)
_PART_OF_HEAD = dict.fromkeys(_LOGONS, Nature.PART_OF_HEAD)
_AT_A_LOGON: dict[Point, dict[str, Nature]] = {
    "head": _PART_OF_HEAD,
    "after head": _HALF,
    "body": _HALF,
}
"""What a cut is to a logon, whose answer has its token in the head."""

_NO_HEAD = ("garbage", "other-protocol", "line-feeds")
"""Faults of bytes by which no line of a head comes."""


def _cuts() -> list[Fault]:
    return [
        Fault(
            name=f"{end}-{point.replace(' ', '-')}",
            kind="cut",
            says=f"the connection {ended} {when}",
            nature=Nature.SILENT if end == "stall" else Nature.BROKEN,
            natures=_AT_A_LOGON.get(point, {}),
            act=Cut(point, end),
        )
        for end, ended in _ENDS.items()
        for point, when in _POINTS.items()
    ]


# ------------------------------------------------------------- the bytes of HTTP


def _head(answer: Answer, *lines: bytes, length: str = "") -> bytes:
    """The head of *answer*, with more *lines*."""
    head = answer.head(length=length)[:-2]
    return head + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def _chunked(answer: Answer, size: int = 50, end: bytes = b"0\r\n\r\n") -> bytes:
    body = answer.body
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    chunks = [b"%x;ext=1\r\n%b\r\n" % (len(piece), piece) for piece in pieces]
    return _head(answer, b"Transfer-Encoding: chunked") + b"".join(chunks) + end


def _interim(answer: Answer, *heads: bytes) -> bytes:
    return b"".join(head + b"\r\n\r\n" for head in heads) + answer.wire()


def _has_body(answer: Answer) -> Answer:
    """Where there is no body, as after a logout, there is one of a space."""
    return answer if answer.body else _with_body(answer)


def _with_body(answer: Answer) -> Answer:
    return Answer(
        status=200, reason="OK", headers=answer.headers, body=answer.body or b" "
    )


_STRAY = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
)


def _bytes() -> list[Fault]:
    good, broken = Nature.HARMLESS, Nature.BROKEN
    return [
        _of("drip", "the answer comes a byte at a time", good, Dripped()),
        _of("pieces", "the answer comes in pieces of random sizes", good, Dripped(40)),
        _of(
            "chunked",
            "the body comes in chunks with extensions",
            good,
            Sent(lambda each: _chunked(_has_body(each)), keep=True),
        ),
        _of(
            "trailers",
            "the body comes in chunks, with trailers behind them",
            good,
            Sent(
                lambda each: _chunked(_has_body(each), end=b"0\r\nX-Sum: 1\r\n\r\n"),
                keep=True,
            ),
        ),
        _of(
            "interim",
            "100 and 103 come before the answer",
            good,
            Sent(
                lambda each: _interim(
                    each,
                    b"HTTP/1.1 100 Continue",
                    b"HTTP/1.1 103 Early Hints\r\nLink: </x>",
                ),
                keep=True,
            ),
        ),
        _of(
            "until-close",
            "the body has no length and ends with the connection",
            good,
            Sent(lambda each: _head(_has_body(each)) + _has_body(each).body),
        ),
        _of(
            "http-1.0",
            "the answer is one of HTTP/1.0",
            good,
            Sent(lambda each: each.wire().replace(b"HTTP/1.1", b"HTTP/1.0", 1)),
        ),
        _of(
            "zeros",
            "the length has a thousand zeros before it",
            good,
            Sent(
                lambda each: (
                    each.head(length="0" * 1000 + str(len(each.body))) + each.body
                ),
                keep=True,
            ),
        ),
        _of(
            "hundred-headers",
            "the head has a hundred headers more",
            good,
            Sent(
                lambda each: (
                    _head(
                        each,
                        *(b"X-%d: y" % n for n in range(100)),
                        length=str(len(each.body)),
                    )
                    + each.body
                ),
                keep=True,
            ),
        ),
        _of(
            "length-long",
            "the length says more than comes before the end",
            broken,
            Sent(lambda each: each.head(length=str(len(each.body) + 7)) + each.body),
        ),
        _of(
            "length-negative",
            "the length is negative",
            broken,
            Sent(lambda each: each.head(length="-5") + each.body),
        ),
        _of(
            "length-word",
            "the length is no number",
            broken,
            Sent(lambda each: each.head(length="many") + each.body),
        ),
        _of(
            "length-two",
            "there are two lengths, which differ",
            broken,
            Sent(
                lambda each: (
                    _head(each, b"Content-Length: 1", length=str(len(each.body) + 3))
                    + each.body
                    + b"   "
                )
            ),
        ),
        _of(
            "length-none",
            "the body has no length, and no end comes",
            Nature.SILENT,
            Sent(lambda each: _head(_has_body(each)) + each.body, end="stall"),
        ),
        _of(
            "chunk-size",
            "the size of a chunk is no number",
            broken,
            Sent(
                lambda each: (
                    _head(each, b"Transfer-Encoding: chunked")
                    + b"zz\r\n"
                    + each.body
                    + b"\r\n0\r\n\r\n"
                )
            ),
        ),
        _of(
            "chunk-end",
            "the last chunk is missing",
            broken,
            Sent(lambda each: _chunked(_has_body(each), end=b"")),
        ),
        _of(
            "garbage",
            "random bytes come instead of HTTP",
            broken,
            Sent(lambda _: bytes(range(128, 256)) * 3),
        ),
        _of(
            "other-protocol",
            "another protocol's greeting comes",
            broken,
            Sent(lambda _: b"220 mail.example ESMTP ready\r\n"),
        ),
        _of(
            "line-feeds",
            "the lines of the head end in LF alone",
            broken,
            Sent(lambda each: each.head().replace(b"\r\n", b"\n") + each.body),
        ),
        _of(
            "folded",
            "a header is folded over two lines",
            broken,
            Sent(
                lambda each: (
                    _head(each, b"X-Note: a", b" b", length=str(len(each.body)))
                    + each.body
                )
            ),
        ),
        _of(
            "control",
            "a header holds a control character",
            broken,
            Sent(
                lambda each: (
                    _head(each, b"X-Note: a\x01b", length=str(len(each.body)))
                    + each.body
                )
            ),
        ),
        _of(
            "head-giant",
            "the head is larger than 64 KiB",
            broken,
            Sent(
                lambda each: (
                    _head(each, b"X-Note: " + b"a" * 70_000, length=str(len(each.body)))
                    + each.body
                )
            ),
        ),
        _of(
            "head-crowded",
            "the head has five hundred headers",
            broken,
            Sent(
                lambda each: (
                    _head(
                        each,
                        *(b"X-%d: y" % n for n in range(500)),
                        length=str(len(each.body)),
                    )
                    + each.body
                )
            ),
        ),
        _of(
            "head-endless",
            "the head never ends",
            broken,
            Flood(lambda each: each.head()[:-2], b"X-Note: y\r\n" * 1000),
        ),
        _of(
            "body-endless",
            "chunks come without an end",
            Nature.TOO_LARGE,
            Flood(
                lambda each: _head(_has_body(each), b"Transfer-Encoding: chunked"),
                b"4000\r\n" + b" " * 0x4000 + b"\r\n",
            ),
        ),
        _of(
            "body-announced",
            "the length is larger than the client takes",
            Nature.TOO_LARGE,
            Sent(
                lambda each: (
                    _has_body(each).head(length=str(BODY_LIMIT + 1)) + each.body
                )
            ),
        ),
        _of(
            "length-huge",
            "the length has five thousand digits",
            broken,
            Sent(lambda each: _has_body(each).head(length="9" * 5000) + each.body),
        ),
        _of(
            "stray",
            "another answer comes at once behind the right one",
            good,
            Trailed(_STRAY),
        ),
        Fault(
            name="stray-idle",
            kind="bytes",
            says="another answer comes on a connection that is idle",
            nature=good,
            idle=_STRAY,
        ),
        Fault(
            name="garbage-idle",
            kind="bytes",
            says="garbage comes on a connection that is idle",
            nature=good,
            idle=b"\x00garbage",
        ),
        Fault(
            name="extra-bytes",
            kind="bytes",
            says="garbage comes at once behind the answer",
            nature=good,
            act=Trailed(b"\x00garbage"),
        ),
        _of(
            "close-after", "the connection is closed after the answer", good, Notified()
        ),
    ]


def _of(name: str, says: str, nature: Nature, act: Act) -> Fault:
    is_half = nature is not Nature.HARMLESS and name not in _NO_HEAD
    return Fault(
        name=name,
        kind="bytes",
        says=says,
        nature=nature,
        natures=_HALF if is_half else {},
        act=act,
    )


# ------------------------------------------------------------- connections and TLS


def _connects() -> list[Fault]:
    unsent, broken, good = Nature.UNSENT, Nature.BROKEN, Nature.HARMLESS
    slow = Nature.SLOW_TO_CONNECT
    rows: list[tuple[str, str, Nature, Nature, ConnectAct]] = [
        (
            "connect-close",
            "a new connection is closed at once",
            unsent,
            broken,
            Refused("close"),
        ),
        (
            "connect-reset",
            "a new connection is reset at once",
            unsent,
            broken,
            Refused("reset"),
        ),
        (
            "connect-stall",
            "a new connection is accepted, and nothing more",
            slow,
            Nature.SILENT,
            Refused("stall"),
        ),
        (
            "tls-cut-close",
            "the handshake of TLS is cut anywhere and closed",
            unsent,
            good,
            CutHandshake(0, 0.99, "close"),
        ),
        (
            "tls-cut-reset",
            "the handshake of TLS is cut anywhere and reset",
            unsent,
            good,
            CutHandshake(0, 0.99, "reset"),
        ),
        (
            "tls-cut-stall",
            "the handshake of TLS stalls anywhere",
            slow,
            good,
            CutHandshake(0, 0.99, "stall"),
        ),
        (
            "tls-after-close",
            "the connection is closed right after the handshake",
            broken,
            good,
            AfterHandshake("close"),
        ),
        (
            "tls-after-reset",
            "the connection is reset right after the handshake",
            broken,
            good,
            AfterHandshake("reset"),
        ),
        (
            "tls-after-stall",
            "nothing comes after the handshake",
            Nature.SILENT,
            good,
            AfterHandshake("stall"),
        ),
        (
            "tls-none",
            "HTTP comes instead of TLS",
            unsent,
            good,
            Spoken(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
        ),
        (
            "tls-alert",
            "an alert comes instead of the handshake",
            unsent,
            good,
            Spoken(b"\x15\x03\x03\x00\x02\x02\x28"),
        ),
    ]
    return (
        [
            Fault(
                name=name,
                kind="connection" if name.startswith("connect") else "TLS",
                says=says,
                nature=nature,
                plain=plain,
                connect=act,
            )
            for name, says, nature, plain, act in rows
        ]
        + [
            Fault(
                name="connect-again",
                kind="connection",
                says="the idle connections are closed",
                nature=good,
                connect=Shown(),
            )
        ]
        + [
            Fault(
                name=f"certificate-{name}",
                kind="TLS",
                says=f"another certificate is shown: {says}",
                nature=Nature.CERTIFICATE,
                plain=good,
                connect=Certified(name),
            )
            for name, says in (
                ("stranger", "of an authority that is not trusted"),
                ("expired", "one that has expired"),
                ("name", "one for another host"),
            )
        ]
    )


def _records() -> list[Fault]:
    rows: list[tuple[str, str, Nature, Act]] = [
        (
            "tls-between-close",
            "TLS is closed between two records, without a word",
            Nature.BROKEN,
            CutRecords(0, "close"),
        ),
        (
            "tls-inside-close",
            "TLS is closed inside a record",
            Nature.BROKEN,
            CutRecords(0.5, "close"),
        ),
        (
            "tls-inside-reset",
            "TLS is reset inside a record",
            Nature.BROKEN,
            CutRecords(0.5, "reset"),
        ),
        (
            "tls-inside-stall",
            "TLS stalls inside a record",
            Nature.SILENT,
            CutRecords(0.5, "stall"),
        ),
        (
            "tls-bad-record",
            "a bit of a record of TLS is turned",
            Nature.BROKEN,
            BadRecord(),
        ),
    ]
    return [
        Fault(
            name=name,
            kind="TLS",
            says=says,
            nature=nature,
            natures=_PART_OF_HEAD,
            plain=Nature.HARMLESS,
            act=act,
        )
        for name, says, nature, act in rows
    ] + [
        Fault(
            name="tls-until-close",
            kind="TLS",
            says="the body has no length, and TLS says goodbye behind it",
            nature=Nature.HARMLESS,
            act=Sent(
                lambda each: _head(_has_body(each)) + _has_body(each).body,
                says_so=True,
            ),
        )
    ]


CONNECTION_FAULTS: tuple[Fault, ...] = (*_cuts(), *_bytes(), *_connects(), *_records())
