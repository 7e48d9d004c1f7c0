"""The way to a server: its URL, name, port, certificate, and what answers there."""

from __future__ import annotations

import asyncio
import socket
import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import attrs

from veeam_async import CertificateError, DecodeError, VeeamError, codec
from veeam_async.cli.diagnosis.steps import Fault, Found
from veeam_async.cli.exits import Refusal, explain, how_to_trust
from veeam_async.cli.options import Connection
from veeam_async.cli.render.words import duration, one_line, zoned
from veeam_async.models import ApiRoot
from veeam_async.pool.endpoint import Endpoint
from veeam_async.pool.logon import stranger
from veeam_async.pool.responses import sent_at
from veeam_async.secret import Secret
from veeam_async.transport.certificate import read_certificate
from veeam_async.transport.exchange import Request, Response, Transport
from veeam_async.transport.tls import (
    Trust,
    fingerprint_of,
    shown_certificate,
    trust_of,
)

_WHERE = (
    "Enterprise Manager's API listens at port 9398 of the machine it is installed on, "
    "unless that was changed: --url https://HOST:9398"
)
_OK = 200
_FAULTS = 500
_LARGEST = 1024 * 1024
_CLOSE = timedelta(seconds=60)
"""How far clocks may differ: a server's times are believed up to there."""
_SOON = timedelta(days=30)

_MEDIA_TYPES = {"json": "application/json", "xml": "application/xml"}
_PRODUCTS = {"v1_7": "12 or 13", "v1_6": "11", "v1_5": "10"}
"""The versions of Enterprise Manager by the newest version of the API that they have
(page "REST API Versions" of the reference)."""


class Way:
    """Looks at the way to the server of a *connection*, one step after the other."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._timeout = connection.timeout()
        self._endpoint = Endpoint("", "")
        self._host, self._port = "", 0
        self._trust: Trust | None = None
        self._asked: _Asked | None = None

    async def url(self) -> Found:
        """Read the URL."""
        if not self._connection.url:
            raise Fault(
                "no server is given", "set VEEAM_URL, or give --url https://HOST:9398"
            )
        try:
            self._endpoint = Endpoint.parse(self._connection.url or "")
        except ValueError as error:
            raise Fault(str(error), _WHERE) from error
        parts = urlsplit(self._endpoint.origin)
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if self._endpoint.is_tls else 80)
        shown = f"{self._endpoint.origin}{self._endpoint.root}"
        at = f", at port {self._port}" if parts.port is None else ""
        return Found(f"{shown}{at}")

    async def name(self) -> Found:
        """Resolve the name of the host."""
        if (proxy := self._proxy_host()) is not None:
            return Found(f"left to the proxy at {proxy}")
        loop = asyncio.get_running_loop()
        try:
            found = await asyncio.wait_for(
                loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM),
                self._timeout.connect,
            )
        except (OSError, UnicodeError) as error:  # a time-out is an OSError
            raise Fault(
                f"nobody knows the name {self._host} ({_said(error)})",
                "check its spelling, and whether this machine's name server knows it "
                "(a VPN?); an address will do too",
            ) from error
        addresses = ", ".join(dict.fromkeys(str(each[4][0]) for each in found))
        if addresses == self._host:
            return Found(f"{self._host} is an address")
        return Found(f"{self._host} is {addresses}")

    async def port(self) -> Found:
        """Connect, and send nothing."""
        if (proxy := self._proxy_host()) is not None:
            return Found(f"left to the proxy at {proxy}")
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout.connect):
                _, writer = await asyncio.open_connection(self._host, self._port)
        except TimeoutError as error:
            raise Fault(
                f"no connection to port {self._port} within "
                f"{self._timeout.connect:g} s",
                "see whether a firewall lies between; " + _WHERE,
            ) from error
        except OSError as error:
            raise Fault(
                f"no connection to port {self._port} ({_said(error)})",
                "see whether Enterprise Manager's service runs; " + _WHERE,
            ) from error
        took = time.monotonic() - began
        writer.transport.abort()
        return Found(f"port {self._port} takes connections, after {took * 1000:.0f} ms")

    async def tls(self) -> Found:
        """Look at the certificate, and whether it is trusted."""
        if not self._endpoint.is_tls:
            if _is_here(self._host):
                return Found("http, within this machine")
            return Found(
                "http: whoever is on the way can read the password",
                "give a URL with https, at port 9398 rather than 9399",
            )
        try:
            self._trust = trust_of(self._connection.tls())
        except (Refusal, ValueError) as error:
            do = "give one --ca-file, --fingerprint or --insecure that is right"
            raise Fault(str(error), do) from error
        der = None
        if self._proxy_host() is None:
            limit = self._timeout.connect
            der = await shown_certificate(self._host, self._port, limit)
        asked = await self._ask()
        if isinstance(asked.error, CertificateError):
            reason = one_line(asked.error.reason)
            raise Fault(reason, how_to_trust(asked.error.fingerprint))
        if der is None and asked.error is not None:
            raise Fault(explain(asked.error), _WHERE)
        return self._trusted(der)

    def _trusted(self, der: bytes | None) -> Found:
        trusted = f"trusted by {self._by()}"
        if der is None:
            return Found(trusted)
        fingerprint = fingerprint_of(der)
        shown = read_certificate(der)
        text = f"fingerprint {fingerprint}, {trusted}"
        if shown is not None:
            ends = zoned(shown.ends)
            text = f"certificate of {one_line(shown.subject)!r} until {ends}, {text}"
        if self._connection.insecure:
            return Found(text, how_to_trust(fingerprint) + ", not by --insecure")
        if shown is not None and shown.ends - datetime.now(UTC) < _SOON:
            return Found(text, "renew the certificate: it ends soon, or has ended")
        return Found(text)

    def _by(self) -> str:
        if self._connection.insecure:
            return "--insecure, as any other would be"
        if self._connection.fingerprint:
            return "--fingerprint"
        if self._connection.ca_file:
            return f"--ca-file {self._connection.ca_file}"
        return "this machine's authorities"

    async def product(self) -> Found:
        """Find out what answers there, without a password."""
        asked = await self._ask()
        if asked.answer is None:
            raise Fault(explain(asked.error or VeeamError()), _WHERE)
        answer = asked.answer
        if (other := stranger(answer)) is not None:
            raise Fault(f"no Enterprise Manager: {one_line(other)}", _WHERE)
        if answer.status >= _FAULTS:
            raise Fault(
                f"it answers {answer.status}: its service begins, ends or fails",
                "wait a minute; then look at the service and its log",
            )
        if answer.status != _OK:
            raise Fault(f"no Enterprise Manager: it answers {answer.status}", _WHERE)
        try:
            media_type = answer.headers.get("content-type")
            root = codec.decode(answer.body, media_type, ApiRoot)
        except DecodeError as error:
            what = one_line(str(error))
            raise Fault(f"no Enterprise Manager: {what}", _WHERE) from error
        return Found(_product(root, answer))

    async def clock(self) -> Found:
        """Compare the server's clock with this machine's."""
        asked = await self._ask()
        at = None if asked.answer is None else sent_at(asked.answer)
        if at is None:
            return Found("the server does not tell its time")
        # The server's time has no fractions of a second.
        ahead = at - asked.at.replace(microsecond=0)
        if abs(ahead) <= _CLOSE:
            return Found("the server's clock and this machine's agree")
        side = "ahead of" if ahead > timedelta() else "behind"
        return Found(
            f"the server's clock is {duration(abs(ahead))} {side} this machine's",
            "set the wrong one right: `--since` and the times of a watch go by both",
        )

    async def _ask(self) -> _Asked:
        """Ask for the root of the API, once."""
        if self._asked is None:
            self._asked = await self._exchange()
        return self._asked

    async def _exchange(self) -> _Asked:
        headers = {
            "Accept": _MEDIA_TYPES[self._connection.accept],
            "Accept-Encoding": "identity",
        }
        request = Request("GET", self._endpoint.target("/"), headers)
        transport = self._transport()
        try:
            answer = await transport.send(request)
        except VeeamError as error:
            return _Asked(at=datetime.now(UTC), error=error)
        finally:
            await transport.close()
        return _Asked(at=datetime.now(UTC), answer=answer)

    def _transport(self) -> Transport:
        given: dict[str, Any] = {
            "trust": self._trust,
            "timeout": self._timeout,
            "max_body_size": _LARGEST,
        }
        # Each is loaded where it is needed: aiohttp takes long, and few have a proxy.
        if self._connection.proxy is not None:
            from veeam_async.transport.aiohttp import AiohttpTransport  # noqa: PLC0415

            proxy: Secret[str | None] = Secret(self._connection.proxy)
            return AiohttpTransport(self._endpoint.origin, **given, proxy=proxy)
        from veeam_async.transport.direct import DirectTransport  # noqa: PLC0415

        return DirectTransport(self._endpoint.origin, **given)

    def _proxy_host(self) -> str | None:
        """The host of the proxy, which may be shown; None where there is no proxy."""
        proxy = self._connection.proxy
        return None if proxy is None else urlsplit(proxy).hostname or "a place unknown"


@attrs.frozen(kw_only=True)
class _Asked:
    """An answer or an error, and when it came."""

    at: datetime
    answer: Response | None = None
    error: VeeamError | None = None


def _said(error: Exception) -> str:
    """The system's own words for an *error*."""
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return one_line(said)


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _product(root: ApiRoot, answer: Response) -> str:
    versions = sorted(version.name for version in root.supported_versions)
    newest = versions[-1] if versions else ""
    product = _PRODUCTS.get(newest, "of an unknown version")
    if b'"supportedVersions"' in answer.body:
        # Enterprise Manager 13 alone spells the names of its JSON so.
        product = "13"
    told = f", API {', '.join(map(one_line, versions))}" if versions else ""
    return f"Enterprise Manager {product}{told}"
