"""Where the body of an answer ends, for the transport whose parser does not say.

aiohttp fails an answer that is followed by other bytes in the same read, although it is
whole. Cut off there it is taken, and its connection is closed behind it. Nor does its
parser hold to the grammar of chunks, so that others may see another body.
"""

from __future__ import annotations

import re
from math import inf
from typing import Protocol

from veeam_async.transport.exchange import MAX_HEAD, size_of

_EMPTY = re.compile(rb"http/\d\.\d (?:204|304)\b")
_LENGTH = b"\r\ncontent-length:"
_CODINGS = b"\r\ntransfer-encoding:"
_CHUNK_SIZE = re.compile(
    rb"([0-9a-f]{1,16}|0{16,}[0-9a-f]{1,16})(?:;.*)?", re.IGNORECASE
)
_ODD_CHUNK = "a line of its chunks is odd, or does not end with CR and LF"
_TOO_LONG = "a line of its chunks is over 64 KiB"


class Body(Protocol):
    """A body that is under way; `fault` is what is wrong with it, None for nothing."""

    fault: str | None

    def surplus(self, data: bytes) -> int:
        """How many bytes at the end of *data*, its next part, are not the body's."""
        ...


def body_after(head: bytes) -> Body:
    """The body that follows a *head*, which is no interim one (RFC 9112, section 6.3).

    Of a head that the parser refuses anyhow any body will do.
    """
    head = head.lower()
    if _EMPTY.match(head):
        return _Sized(0)
    if _CODINGS in head:
        codings = head.rpartition(_CODINGS)[2].partition(b"\r")[0]
        is_chunked = codings.rpartition(b",")[2].strip() == b"chunked"
        return _Chunked() if is_chunked else _Sized(inf)
    length = head.partition(_LENGTH)[2].partition(b"\r")[0].strip()
    return _Sized(size_of(length) if length.isdigit() else inf)


def is_whole(head: bytes, size: int) -> bool:
    """Whether a body of *size* bytes is all that follows *head*, of status 200."""
    head = head.lower()
    length = head.partition(_LENGTH)[2].partition(b"\r")[0].strip()
    return _CODINGS not in head and length == b"%d" % size


class _Sized:
    """A body of so many bytes; infinity is one that ends with the connection."""

    fault: str | None = None

    def __init__(self, size: float) -> None:
        self._left = size

    def surplus(self, data: bytes) -> int:
        """Bytes beyond the size."""
        own = min(len(data), self._left)
        self._left -= own
        return len(data) - int(own)


class _Chunked:
    """A body in chunks (RFC 9112, section 7.1)."""

    def __init__(self) -> None:
        self.fault: str | None = None
        self._left = 0
        self._line = b""
        self._take = self._take_size
        self._is_over = False

    def surplus(self, data: bytes) -> int:
        """Bytes behind the last chunk and its trailers."""
        at = 0
        while at < len(data) and not self._is_over and self.fault is None:
            at = self._skip(data, at) if self._left else self._after_line(data, at)
        return len(data) - at

    def _skip(self, data: bytes, at: int) -> int:
        """Pass over a chunk."""
        own = min(len(data) - at, self._left)
        self._left -= own
        return at + own

    def _after_line(self, data: bytes, at: int) -> int:
        """Pass over a line, and see what it is, once it is whole."""
        end = data.find(b"\n", at)
        self._line += data[at : len(data) if end < 0 else end]
        if len(self._line) > MAX_HEAD:
            self.fault = _TOO_LONG
        if end < 0:
            return len(data)
        line, self._line = self._line, b""
        if line.endswith(b"\r"):
            self._take(line[:-1])
        else:
            self.fault = _ODD_CHUNK
        return end + 1

    def _take_size(self, line: bytes) -> None:
        """Begin a chunk, or the trailers behind the last one."""
        size = _CHUNK_SIZE.fullmatch(line)
        if size is None:
            self.fault = _ODD_CHUNK
            return
        self._left = int(size[1], 16)
        self._take = self._take_end if self._left else self._take_trailer

    def _take_end(self, line: bytes) -> None:
        """See that a chunk ends where it should."""
        self.fault = _ODD_CHUNK if line else None
        self._take = self._take_size

    def _take_trailer(self, line: bytes) -> None:
        """Pass over a trailer; an empty line is the end."""
        self._is_over = not line
