"""Raw HTTP in the tests of the simulator: no part of the client is used here."""

import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

import aiohttp
import attrs
import pytest
import yarl

from veeam_async.simulator import Simulator

HEADER = "X-RestSvcSessionId"
JSON = "application/json"
XML = "application/xml"


@attrs.frozen
class Reply:
    """A whole answer."""

    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        """The body as plain JSON types."""
        return json.loads(self.body)

    @property
    def xml(self) -> ET.Element:
        """The body as an element."""
        return ET.fromstring(self.body)  # noqa: S314 - our own bytes


@attrs.define
class Caller:
    """Sends requests to one simulator, with the token it has."""

    http: aiohttp.ClientSession
    simulator: Simulator
    accept: str | None = JSON
    token: str | None = None

    async def send(
        self, method: str, path: str, *, accept: str | None = "", **headers: str
    ) -> Reply:
        """Send one request; *path* is raw and lies below /api."""
        accepted = self.accept if accept == "" else accept
        given = {HEADER: self.token, "Accept": accepted, **headers}
        url = yarl.URL(f"{self.simulator.url}/api{path}", encoded=True)
        async with self.http.request(
            method,
            url,
            headers={name: value for name, value in given.items() if value},
            # aiohttp would add */* by itself.
            skip_auto_headers=["Accept"] if accepted is None else [],
        ) as answer:
            return Reply(answer.status, answer.headers, await answer.read())

    async def get(self, path: str, *, accept: str | None = "") -> Reply:
        """Send a GET."""
        return await self.send("GET", path, accept=accept)

    async def post(self, path: str) -> Reply:
        """Send a POST without a body."""
        return await self.send("POST", path)

    async def log_on(
        self, *, user: str | None = None, password: str | None = None, path: str = ""
    ) -> Reply:
        """Log on and keep the token."""
        pair = f"{user or self.simulator.username}:"
        pair += self.simulator.password if password is None else password
        basic = base64.b64encode(pair.encode()).decode()
        reply = await self.send(
            "POST", path or "/sessionMngr/?v=latest", Authorization=f"Basic {basic}"
        )
        self.token = reply.headers.get(HEADER)
        return reply

    async def query(self, filter_: str, **params: str) -> list[Any]:
        """Query all backup sessions that a filter lets pass."""
        given = {"type": "BackupJobSession", "format": "Entities", "pageSize": "9999"}
        pairs = {**given, **params, "filter": filter_}
        text = "&".join(f"{name}={quote(value)}" for name, value in pairs.items())
        found = (await self.get(f"/query?{text}")).json["entities"]
        rows: list[Any] = found["backupJobSessions"]["backupJobSessions"]
        return rows


Connect = Callable[..., Awaitable[Caller]]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """A function that makes callers, logged on unless told otherwise."""
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(
        cookie_jar=jar, connector=aiohttp.TCPConnector(ssl=False)
    ) as http:

        async def make(
            simulator: Simulator,
            *,
            accept: str | None = JSON,
            is_logged_on: bool = True,
        ) -> Caller:
            caller = Caller(http, simulator, accept)
            if is_logged_on:
                await caller.log_on()
            return caller

        yield make


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    """A simulator with its defaults, in which time passes by `advance` alone."""
    async with Simulator(speed=0) as simulator:
        yield simulator


@pytest.fixture
async def caller(simulator: Simulator, connect: Connect) -> Caller:
    """A caller that is logged on and asks for JSON."""
    return await connect(simulator)
