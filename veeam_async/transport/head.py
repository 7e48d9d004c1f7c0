"""The bytes of a request, of which nearly all are the same for every request."""

from __future__ import annotations

from collections.abc import Mapping

from veeam_async.transport.exchange import Request


class Heads:
    """Write requests to *host*, the value of their Host header.

    The block of headers is written once for a mapping and kept while the same mapping
    comes again, as it does until a token is renewed.
    """

    def __init__(self, host: str) -> None:
        self._host = host
        self._headers: Mapping[str, str] | None = None
        self._block = b""

    def write(self, request: Request) -> bytes:
        """Give the bytes of *request*; ValueError where it would be two."""
        target = request.target
        if " " in target or not (target.isascii() and target.isprintable()):
            raise ValueError("a request target is percent-encoded")
        if request.headers is not self._headers:
            self._block = self._written(request.headers)
            self._headers = request.headers
        return b"%b %b%b" % (request.method.encode(), target.encode(), self._block)

    def _written(self, headers: Mapping[str, str]) -> bytes:
        lines = [f"Host: {self._host}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if not all(line.isprintable() for line in lines):
            raise ValueError("a header holds a character that no header may")
        return " HTTP/1.1\r\n{}\r\n\r\n".format("\r\n".join(lines)).encode("latin-1")
