"""Heads of answers that came before: the same bytes mean the same again.

The heads of one server differ by the second of their Date and the length of the body,
hardly in anything else. The parser calls for the message, each header, the body and the
end, a dozen times in all, so what it made of one head is kept.
Nothing here reads HTTP: an answer is known only if the parser has read one of the same
head, which came in one piece with a body of the same length.

To keep a head costs what two answers save that have it, so that a server which gives
each answer a head of its own is left in peace for a while.
"""

from __future__ import annotations

from collections.abc import Mapping

from veeam_async.transport.exchange import Response

LARGEST = 16 * 1024
"""Bytes of an answer above which nothing is gained."""

_MOST = 512
"""Heads that are kept; a new second brings new ones."""

_REST = 16 * _MOST
"""Answers that are passed over where fewer heads came again than were new."""

_LONGEST = 2048
"""Bytes of the longest that is kept."""

GOOD = 200
"""The status of every answer that is known."""

END_OF_HEAD = b"\r\n\r\n"


class KnownHeads:
    """The heads of good answers to GETs, on all connections of a transport.

    Of so many answers as `rest` says none is looked up; whoever passes one over counts
    it down.
    """

    __slots__ = ("_found", "_known", "rest")

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[int, Mapping[str, str]]] = {}
        self._found = 0
        self.rest: int = 0

    def headers(self, head: bytes, body: bytes) -> Mapping[str, str] | None:
        """The headers of an answer of *head* and *body*, None where it is not known."""
        known = self._known.get(head)
        if known is None or known[0] != len(body):
            return None
        self._found += 1
        return known[1]

    def learn(self, head: bytes, body: bytes, answer: Response) -> None:
        """Keep what the parser has made of *head* and *body*: an *answer*, no more.

        The connection may be used again after it.
        """
        # Where the body is what came behind the head, to the byte, its length was told:
        # chunks have sizes between them, and nothing else ends with its last byte.
        is_whole = answer.status == GOOD and answer.body == body
        if is_whole and len(head) <= _LONGEST:
            if len(self._known) >= _MOST:
                self._begin_anew()
            self._known[head] = len(body), answer.headers

    def _begin_anew(self) -> None:
        self.rest = _REST if self._found < len(self._known) else 0
        self._known.clear()
        self._found = 0
