"""What both servers do alike: a process of prepared answers, and what they write.

They parse no more of a request than its first line: their ceiling must lie far above
any client's. On a second port, always plain HTTP, they tell of themselves.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import attrs

from benchmarks.process import SERVER_CORE, beside

BASE = "https://em.lab.internal:9398/api"
"""The server's own idea of where it is; nobody can reach it there."""

MARK = "00000000-0000-4000-8000-000000000000"
"""Stands for the id asked for in a prepared body."""

_BODIES = Path(__file__).with_name("bodies.json")
XML = Path(__file__).with_name("session.xml").read_bytes().strip()
"""The session `MARK` as XML."""

BODIES: dict[str, Any] = json.loads(_BODIES.read_text(encoding="utf-8"))
"""A session that is called `MARK`, one of which all is open, a logon, an empty page."""
TOKEN = b64encode(BODIES["logon"]["sessionId"].encode()).decode()

Answer: TypeAlias = Callable[[bytes], bytes]
Figures: TypeAlias = dict[str, float]
"""What was measured, by name."""


@attrs.frozen(kw_only=True)
class Place:
    """A server under way: where it answers, and the port where it tells of itself."""

    url: str
    control: int
    ca_file: str | None

    def told(self, what: str) -> bytes:
        """Ask it for *what*, which counts as no request; this blocks."""
        from http.client import HTTPConnection  # noqa: PLC0415 - see cold.py

        connection = HTTPConnection("127.0.0.1", self.control, timeout=30)
        with closing(connection):
            connection.request("GET", f"/bench/{what}")
            return connection.getresponse().read()

    def json(self, what: str) -> Any:
        """Ask it for *what* that it tells as JSON."""
        return json.loads(self.told(what))


def write_certificate(folder: Path) -> Path:
    """Write `server.pem` for the loopback address and `ca.pem`; give the former."""
    import trustme  # noqa: PLC0415 - no server or client needs it

    authority, pem = trustme.CA(), folder / "server.pem"
    issued = authority.issue_cert("127.0.0.1", "localhost")
    issued.private_key_and_cert_chain_pem.write_to_path(str(pem))
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    return pem


@contextmanager
def running(
    function: Callable[..., None],
    *,
    certificate: Path | None = None,
    core: int | None = SERVER_CORE,
    **setting: Any,
) -> Iterator[Place]:
    """Let *function* serve in a process of its own, as long as this lasts.

    It speaks TLS with a *certificate*: a PEM that holds the key too.
    """
    with beside(core, function, certificate=certificate, **setting) as printed:
        port, control = (int(printed.readline()) for _ in range(2))
        yield Place(
            url=f"{'https' if certificate else 'http'}://127.0.0.1:{port}",
            control=control,
            ca_file=str(certificate.with_name("ca.pem")) if certificate else None,
        )


# ------------------------------------------------------------ in the server's process


def fastest() -> asyncio.AbstractEventLoop:
    """Make the fastest loop that there is."""
    try:
        import uvloop  # noqa: PLC0415 - its memory is not a client's
    except ImportError:  # there is none for Windows
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


async def serve(answer: Answer, certificate: Path | None, latency: float = 0.0) -> None:
    """Serve until the standard input is closed; prints both ports.

    *answer* is given the head of a request; no request has a body.
    """
    context = None
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    loop = asyncio.get_running_loop()
    for tls, late in ((context, latency), (None, 0.0)):
        made = partial(_Answering, answer, late)
        server = await loop.create_server(made, "127.0.0.1", 0, ssl=tls)
        print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


class _Answering(asyncio.Protocol):
    """Answers each request at once, or *latency* seconds later."""

    def __init__(self, answer: Answer, latency: float) -> None:
        self._answer = answer
        self._latency = latency
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # a socket's

    def data_received(self, data: bytes) -> None:
        """Answer every whole head in *data*."""
        *heads, self._rest = (self._rest + data).split(b"\r\n\r\n")
        for head in heads:
            answer = self._answer(head)
            if self._latency:
                loop = asyncio.get_running_loop()
                loop.call_later(self._latency, self._transport.write, answer)
            else:
                self._transport.write(answer)


def respond(
    body: bytes,
    status: str = "200 OK",
    media_type: str = "application/json; charset=utf-8",
    more: str = "",
) -> bytes:
    """Write an answer, *more* lines in its head included."""
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nServer: bench\r\n"
        f"Content-Length: {len(body)}\r\n{more}\r\n"
    )
    return head.encode() + body


def link(
    rel: str, path: str, name: str | None = None, kind: str | None = None
) -> dict[str, str | None]:
    """Give a link as EM 13 spells it."""
    return {"rel": rel, "href": f"{BASE}/{path}", "name": name, "type": kind}


def camel(size: int) -> bytes:
    """Write the session as EM 13 does, in *size* bytes or a few more."""
    return json.dumps(_sized(size)).encode()


def pascal(size: int) -> bytes:
    """Write the same as those before do."""
    return json.dumps(renamed(_sized(size))).encode()


def _sized(size: int) -> dict[str, Any]:
    """Repeat the last of the six links until the *size* is reached."""
    links = list(BODIES["session"]["links"])
    body = {**BODIES["session"], "links": links}
    while len(json.dumps(body)) < size:
        links.append(links[-1])
    return body


def renamed(value: Any) -> Any:
    """Spell all names as versions before EM 13 do."""
    if isinstance(value, dict):
        return {
            "UID" if name == "uid" else name[0].upper() + name[1:]: renamed(each)
            for name, each in value.items()
        }
    return [renamed(each) for each in value] if isinstance(value, list) else value


LOGON = respond(
    json.dumps(renamed(BODIES["logon"])).encode(),
    "201 Created",
    more=f"X-RestSvcSessionId: {TOKEN}\r\n",
)
LOGOUT = respond(b"", "204 No Content")
