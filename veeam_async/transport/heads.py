"""What the head of an answer may hold, for the transport whose parser takes more.

aiohttp takes lines that end in LF alone, headers that are folded over lines (RFC 9112,
section 5.2), spaces before a colon and control characters in values. Whoever stands
between may read such a head otherwise, and so see another answer than we do.
"""

from __future__ import annotations

import re

from veeam_async.transport.exchange import MAX_HEAD, RawHeaders

_ODD_END = re.compile(rb"(?<!\r)\n|\r[^\n]|\n[ \t]")
_LINE = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\0-\x08\n-\x1f\x7f]*"
_LINES = rb"[^\r\n]*\r\n(?:%b\r\n)*" % _LINE
_HEADER = re.compile(_LINE)
_HEADERS = re.compile(_LINES)
"""A head without its last line; RFC 9110, section 5."""

_PLAIN = re.compile(rb"HTTP/1\.1 200%b\r\n" % _LINES)
"""The head that nearly every answer has."""

_END = b"\r\n\r\n"
_FINAL_STATUS = re.compile(rb"HTTP/\d\.\d ([2-9]\d\d)[ \r\n]")
_INTERIM = re.compile(rb"HTTP/\d\.\d 1(?!01)\d\d\b")


class HeadCheck:
    """A check of the heads of one answer, of interim ones as well.

    `final` is the head without its last line, None until it is whole and good; `rest`
    is what of the last data came behind it; `status` the final one, once its line came.
    """

    def __init__(self) -> None:
        self._head = self._last = bytearray()
        self.final: bytes | None = None
        self.rest: bytes = b""
        self.status: int | None = None

    @property
    def headers(self) -> RawHeaders:
        """The headers that came, be it that others are none, or that no end came."""
        # What stands in the first line is a status, and behind the last CRLF no line.
        lines = bytes(self._last).split(b"\r\n")[1:-1]
        pairs = [each.partition(b":") for each in lines if _HEADER.fullmatch(each)]
        return [(name, value) for name, _, value in pairs]

    def fault_in(self, data: bytes) -> str | None:
        """What is wrong with the head, *data* being what came next of the answer."""
        while data and self.final is None:
            data, fault = self._next(data)
            if fault is not None:
                return fault
        self.rest = data
        return None

    def _next(self, data: bytes) -> tuple[bytes, str | None]:
        """Look at *data* up to a head's end; what follows that, and the fault."""
        head = self._last = self._head
        if not head:
            data = data.lstrip(b"\r\n")
        before = len(head)
        # What stands on the border of two reads is looked at with the later one.
        seen = max(0, before - len(_END))
        head += data[: MAX_HEAD + len(_END)]
        if (line := _FINAL_STATUS.match(head)) is not None:
            self.status = int(line[1])
        end = head.find(_END, seen)
        if end < 0:
            return b"", _fault_of_lines(head, seen)
        rest = data[end + len(_END) - before :]
        del head[end + 2 :]
        self._head = bytearray()
        fault = _fault_of_lines(head, seen)
        if fault is None and not _HEADERS.fullmatch(head):
            fault = "a line of its head is no header"
        if fault is None and not _INTERIM.match(head):
            self.final = bytes(head)
        return rest, fault


def plain_head(data: bytes) -> bytes | None:
    """The head that *data* begins with, None unless it is a good one of status 200."""
    head = _PLAIN.match(data)
    return None if head is None or head.end() > MAX_HEAD else head[0]


def _fault_of_lines(head: bytearray, seen: int) -> str | None:
    """What is wrong with the lines of a *head*, as far as it has come.

    So much was *seen* before. aiohttp takes two LF alone for the end of a head.
    """
    if len(head) > MAX_HEAD:
        return "its head is over 64 KiB"
    if _ODD_END.search(head, seen):
        return "a line of its head is folded, or does not end with CR and LF"
    return None
