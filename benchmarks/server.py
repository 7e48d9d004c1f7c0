"""A server of prepared answers in its own process: what clients are timed against.

It answers a logon, a logout, and each GET of a session with an entity that holds the id
asked for, so that a client can verify what it got. It parses no more of a request than
its first line: its own ceiling must lie far above any client's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
import sys
import time
from base64 import b64encode
from pathlib import Path
from uuid import UUID

try:
    import uvloop
except ImportError:  # there is none for Windows
    uvloop = None

SESSION = "5f1d0c2e-6f0a-4a35-9d5c-2f3f6a8f0b11"
TOKEN = b64encode(SESSION.encode())
MARK = "00000000-0000-4000-8000-000000000000"
"""Stands for the id asked for in a prepared body."""

_LINKS = (
    ("Up", "BackupServerReference", "backupServers", "vbr01.lab.internal"),
    ("Up", "JobReference", "jobs", "Mail servers"),
    ("Alternate", "BackupJobSessionReference", "backupSessions", "Mail servers@now"),
    ("Down", "BackupTaskSessionReferenceList", "taskSessions", None),
    ("Stop", None, "stop", None),
    ("Related", "RestorePointReference", "restorePoints", "Mar  2 2026 10:41PM"),
)


def entity_json(size: int) -> bytes:
    """Write an entity of at least *size* bytes, with six links or more."""
    base = "https://em.lab.internal:9398/api"
    links = [
        {"Rel": rel, "Href": f"{base}/{path}/{UUID(int=n)}", "Name": name, "Type": kind}
        for n, (rel, kind, path, name) in enumerate(_LINKS)
    ]
    body = {
        "IsRetry": False,
        "JobUid": f"urn:veeam:Job:{UUID(int=7)}",
        "JobName": "Mail servers",
        "JobType": "Backup",
        "CreationTimeUTC": "2026-03-02T21:00:04.31Z",
        "EndTimeUTC": "2026-03-02T21:41:09.117Z",
        "State": "Stopped",
        "Result": "Success",
        "Progress": 100,
        "FailureMessage": None,
        "Name": "Mail servers@2026-03-02 21:00:04",
        "UID": f"urn:veeam:BackupJobSession:{MARK}",
        "Links": links,
        "Href": f"{base}/backupSessions/{MARK}?format=Entity",
        "Type": "BackupJobSession",
    }
    while len(json.dumps(body)) < size:
        links.append(links[-1])
    return json.dumps(body).encode()


def entity_xml(size: int) -> bytes:
    """Write the same entity as XML."""
    body = json.loads(entity_json(size))
    links = "".join(
        "<Link {} />".format(" ".join(f'{k}="{v}"' for k, v in link.items() if v))
        for link in body["Links"]
    )
    names = "JobUid JobName JobType CreationTimeUTC EndTimeUTC State Result Progress"
    fields = "".join(f"<{n}>{body[n]}</{n}>" for n in names.split())
    fields += "<IsRetry>false</IsRetry>"
    attributes = " ".join(f'{n}="{body[n]}"' for n in ("UID", "Name", "Href", "Type"))
    return (
        '<?xml version="1.0" encoding="utf-8"?><BackupJobSession '
        f'xmlns="http://www.veeam.com/ent/v1.0" {attributes}>'
        f"<Links>{links}</Links>{fields}</BackupJobSession>"
    ).encode()


def _answer(status: bytes, body: bytes, media_type: bytes, more: bytes = b"") -> bytes:
    return (
        b"HTTP/1.1 " + status + b"\r\nContent-Type: " + media_type + b"\r\n"
        b"Server: bench\r\nContent-Length: " + str(len(body)).encode() + b"\r\n"
        b"Date: Mon, 02 Mar 2026 21:00:00 GMT\r\n" + more + b"\r\n" + body
    )


def _logon() -> bytes:
    href = f"https://em.lab.internal:9398/api/logonSessions/{SESSION}"
    body = json.dumps(
        {
            "UserName": "bench",
            "SessionId": SESSION,
            "Links": [{"Rel": "Delete", "Href": href, "Name": None, "Type": None}],
            "Href": href,
            "Type": "LogonSession",
        }
    ).encode()
    token = b"X-RestSvcSessionId: " + TOKEN + b"\r\n"
    return _answer(b"201 Created", body, b"application/json", token)


class Prepared:
    """Answers made from two templates, by what a request accepts."""

    def __init__(self, size: int) -> None:
        self.logon = _logon()
        self.gone = _answer(b"204 No Content", b"", b"application/json")
        self._json = _answer(b"200 OK", entity_json(size), b"application/json")
        self._xml = _answer(b"200 OK", entity_xml(size), b"application/xml")
        self._made: dict[bytes, bytes] = {}

    def answer(self, request: bytes) -> bytes:
        """Give the answer to the head of a request."""
        if request.startswith(b"POST"):
            return self.logon
        if request.startswith(b"DELETE"):
            return self.gone
        start = request.find(b"/backupSessions/") + 16
        one = request[start : start + 36]
        is_xml = b"application/xml" in request
        key = one + b"x" if is_xml else one
        made = self._made.get(key)
        if made is None:
            made = (self._xml if is_xml else self._json).replace(MARK.encode(), one)
            if len(self._made) < 20_000:
                self._made[key] = made
        return made


class Answering(asyncio.Protocol):
    """Answer each request at once, or *latency* seconds later."""

    def __init__(self, prepared: Prepared, latency: float) -> None:
        self._prepared = prepared
        self._latency = latency
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # a socket's

    def data_received(self, data: bytes) -> None:
        """Answer every whole head in *data*; no request has a body."""
        *heads, self._rest = (self._rest + data).split(b"\r\n\r\n")
        for request in heads:
            answer = self._prepared.answer(request)
            if self._latency:
                loop = asyncio.get_running_loop()
                loop.call_later(self._latency, self._write, answer)
            else:
                self._transport.write(answer)

    def _write(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)


async def serve(size: int, latency: float, certificate: Path | None) -> None:
    """Serve until the standard input is closed.

    Prints two ports: of the answers, and of the connections that are told how busy the
    server has been.
    """
    context = None
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    prepared = Prepared(size)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Answering(prepared, latency), "127.0.0.1", 0, ssl=context
    )
    control = await asyncio.start_server(_tell, "127.0.0.1", 0)
    for listening in (server, control):
        print(listening.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()
    control.close()


async def _tell(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Tell how many seconds of processor this process has used."""
    writer.write(str(time.process_time()).encode())
    writer.close()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1400, help="bytes of an entity")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds")
    parser.add_argument("--certificate", type=Path, help="PEM with certificate and key")
    options = parser.parse_args()
    serving = serve(options.size, options.latency, options.certificate)
    (uvloop or asyncio).run(serving)


if __name__ == "__main__":
    main()
