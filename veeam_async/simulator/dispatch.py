"""The way of every request: counted, delayed, hit by a fault, served, sent.

From aiohttp's request to aiohttp's response; the handlers below know no socket.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable

import attrs
from aiohttp import web

from veeam_async.simulator import roles
from veeam_async.simulator.auth import LogonHandlers, LogonRegistry, token_of
from veeam_async.simulator.builder import EntityBuilder
from veeam_async.simulator.faults import (
    SLOW_PIECES,
    Capacity,
    FaultInjector,
    RenderedResponse,
    send,
)
from veeam_async.simulator.refused import PREFIX, refused
from veeam_async.simulator.render import render
from veeam_async.simulator.request import (
    Page,
    RefusalError,
    Request,
    Response,
    parse_target,
)
from veeam_async.simulator.roles import Role
from veeam_async.simulator.routes import Route, Routes
from veeam_async.simulator.spoiled import mixed_up, with_bad_characters, with_null_row
from veeam_async.simulator.substitutes import Outage
from veeam_async.simulator.wire import Product
from veeam_async.simulator.world import World

_SERVER = "Microsoft-HTTPAPI/2.0"
_HTML_PAGE = RenderedResponse(
    200,
    b"<!DOCTYPE html>\n<html><head><title>Veeam Backup</title></head>"
    b"<body><p>Please enable JavaScript.</body></html>",
    {"Content-Type": "text/html; charset=utf-8"},
)
_NULL_REFERENCE = "Object reference not set to an instance of an object."


class Dispatcher:
    """Serves the requests of one simulator.

    Args:
        world: What the responses show.
        logons: Who is logged on.
        injector: Which requests fail by chance.
        capacity: Which of them fail by overload.
        base: Start of every Href, up to and with `/api`.
        product: Version whose spelling is imitated.
        role: What its users may do.
        time: The real clock, in seconds.
    """

    def __init__(
        self,
        *,
        world: World,
        logons: LogonRegistry,
        injector: FaultInjector,
        capacity: Capacity,
        base: str,
        product: Product,
        role: Role,
        time: Callable[[], float],
    ) -> None:
        self.by_route: Counter[str] = Counter()
        self.by_fault: Counter[str] = Counter()
        self.shed: int = 0
        self.outage: Outage = Outage(time)
        self._world = world
        self._logons = logons
        self._injector = injector
        self._capacity = capacity
        self._base = base
        self._product: Product = product
        self._role: Role = role
        self._time = time
        self._routes = Routes(LogonHandlers(logons))
        self._closing = asyncio.Event()

    def close(self) -> None:
        """Cut all waits short, those to come too: none holds up the end."""
        self._closing.set()

    async def serve(self, http: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        # 1. Counted before all else: what is turned away below was a request too.
        segments, params = parse_target(http.raw_path)
        route, ids = self._routes.match(segments)
        asked = f"{http.method} {route.name}"
        self.by_route[asked] += 1
        # 2. No handler wants a body; it is read so that the connection can live on.
        if http.can_read_body:
            await http.read()
        # 3. Drawn whether or not there is capacity, or a service: the overload of one
        #    run must not move where the faults of the next requests hit.
        drawn, latency = self._injector.draw(asked, is_logon=route.is_logon)
        absent = self.outage.response()
        fault = "restart" if absent else drawn
        if fault:
            self.by_fault[fault] += 1
        # 4. Nobody there, turned away, or late, before any work is done.
        turned_away = absent or await self._turned_away(latency)
        if turned_away:
            return self._rendered(http, turned_away).whole()
        # 5. The page of a proxy, which has none of the server's headers.
        if fault == "html":
            return _HTML_PAGE.whole()
        # 6. The work, unless the fault comes in its place; then the response is sent,
        #    perhaps broken: what was ordered has happened all the same.
        response = self._fault_response(fault, http) or self._respond(
            http, route, ids, params, fault
        )
        rendered = await self._spoiled(self._rendered(http, response), fault)
        return await send(http, rendered, fault, self._pause)

    async def _spoiled(
        self, rendered: RenderedResponse, fault: str | None
    ) -> RenderedResponse:
        faults = self._injector.faults
        if fault == f"{PREFIX}stall":
            await self._sleep(faults.stall_seconds)
        if fault == "bad_characters":
            body = with_bad_characters(rendered.body, self._injector.choices)
            return attrs.evolve(rendered, body=body)
        if fault == f"{PREFIX}too_large":
            padding = max(0, faults.large_bytes - len(rendered.body))
            return attrs.evolve(rendered, padding=padding)
        return rendered

    async def _turned_away(self, latency: float) -> Response | None:
        wait = self._capacity.admit(self._time())
        if wait is None:
            self.shed += 1
            return RefusalError(503, "The server is busy.").response()
        if wait + latency > 0:
            await self._sleep(wait + latency)
        return None

    async def _sleep(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closing.wait()

    async def _pause(self) -> None:
        await self._sleep(self._injector.faults.slow_seconds / SLOW_PIECES)

    def _fault_response(
        self, fault: str | None, http: web.BaseRequest
    ) -> Response | None:
        """What comes in place of the work; None where `fault` lets it be done."""
        if fault == "unavailable":
            seconds = self._injector.faults.retry_after
            headers = None if seconds is None else {"Retry-After": f"{seconds:g}"}
            return RefusalError(503, "Service is unavailable.").response(headers)
        if fault == "server_error":
            return RefusalError(500, _NULL_REFERENCE).response()
        if fault == "expired":
            self._logons.expire(token_of(http.headers, http.cookies) or "")
            return RefusalError(401, "The logon session has expired.").response()
        return refused(fault or "")

    def _respond(
        self,
        http: web.BaseRequest,
        route: Route,
        ids: tuple[str, ...],
        params: dict[str, str],
        fault: str | None,
    ) -> Response:
        """Authenticate, then let the route's handler answer."""
        try:
            tasks = {}
            if not route.is_public:
                token = token_of(http.headers, http.cookies)
                tasks = self._logons.authenticate(token).tasks
            handler = route.handler(http.method)
            if not route.is_public:
                roles.check(self._role, http.method, route.name, _typed(params))
            now = self._world.now()
            request = Request(
                params=params,
                headers=http.headers,
                ids=ids,
                world=self._world,
                builder=EntityBuilder(self._base, self._product, now),
                tasks=tasks,
            )
            rng = self._injector.choices
            response = handler(mixed_up(request, fault, rng))
            return with_null_row(response, fault, rng)
        except RefusalError as refusal:
            return refusal.response()

    def _rendered(self, http: web.BaseRequest, response: Response) -> RenderedResponse:
        date = self._world.clock.http_date()
        headers = {"Server": _SERVER, "Date": date, **response.headers}
        if response.document is None:
            return RenderedResponse(response.status, b"", headers)
        if isinstance(response.document, Page):
            headers["Content-Type"] = response.document.media
            return RenderedResponse(response.status, response.document.body, headers)
        # Recorded: JSON where Accept names it anywhere, in whatever order and however
        # weighted; else XML.
        accept = ",".join(http.headers.getall("Accept", ())).lower()
        is_json = "application/json" in accept
        body = render(response.document, "json" if is_json else "xml", self._product)
        media = "json" if is_json else "xml"
        headers["Content-Type"] = f"application/{media}; charset=utf-8"
        return RenderedResponse(response.status, body, headers)


def _typed(params: dict[str, str]) -> str | None:
    """Type that a query asks for."""
    return next((text for name, text in params.items() if name.lower() == "type"), None)
