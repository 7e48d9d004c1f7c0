"""A server of prepared answers: what clients are timed against.

It answers a logon, a logout, and each GET of a session with an entity that holds the id
asked for, so that a client can verify what it got.
"""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.process import in_loop
from benchmarks.serving import LOGON, LOGOUT, MARK, XML, fastest, pascal, respond, serve

_KEPT = 20_000
_DATE = "Date: Mon, 02 Mar 2026 21:00:00 GMT\r\n"


@in_loop(fastest)
async def serve_prepared(
    *, certificate: Path | None, size: int = 1400, latency: float = 0.0
) -> None:
    """Serve JSON of *size* bytes, and XML as it is, each after *latency* seconds.

    `busy` tells the seconds of processor that the server has used.
    """
    await serve(_Answers(size).answer, certificate, latency)


class _Answers:
    """Answers made from two templates, by what a request accepts."""

    def __init__(self, size: int) -> None:
        self._json = respond(pascal(size), media_type="application/json", more=_DATE)
        self._xml = respond(XML, media_type="application/xml", more=_DATE)
        self._made: dict[bytes, bytes] = {}

    def answer(self, head: bytes) -> bytes:
        """Give the answer to the head of a request."""
        if head.startswith(b"POST"):
            return LOGON
        if head.startswith(b"DELETE"):
            return LOGOUT
        start = head.find(b"/backupSessions/") + 16
        session_id = head[start : start + 36]
        is_xml = b"application/xml" in head
        key = session_id + b"x" if is_xml else session_id
        made = self._made.get(key)
        if made is not None:
            return made
        if head.startswith(b"GET /bench/busy"):
            return respond(str(time.process_time()).encode())
        template = self._xml if is_xml else self._json
        made = template.replace(MARK.encode(), session_id)
        if len(self._made) < _KEPT:
            self._made[key] = made
        return made
