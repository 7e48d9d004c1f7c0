"""One HTTP request in, its answer out: counted, delayed, struck, served."""

from aiohttp import web

from veeam_async.simulator.answer import Answer, refused
from veeam_async.simulator.api import Api, Asked
from veeam_async.simulator.call import target_of
from veeam_async.simulator.capacity import Capacity
from veeam_async.simulator.clock import Clock
from veeam_async.simulator.delivery import (
    DRIPS,
    PAGE,
    SERVER,
    Parcel,
    deliver,
)
from veeam_async.simulator.faults import Dice, Faults, Strike
from veeam_async.simulator.logons import Logons, token_of
from veeam_async.simulator.pauses import Pauses
from veeam_async.simulator.refusals import RefusalError
from veeam_async.simulator.render import render
from veeam_async.simulator.routes import UNKNOWN, Match
from veeam_async.simulator.stats import Tally
from veeam_async.simulator.wire import Product

_NULL_REFERENCE = "Object reference not set to an instance of an object."


class Exchange:
    """Serves requests; *faults* may be replaced between any two of them."""

    def __init__(
        self,
        *,
        api: Api,
        logons: Logons,
        dice: Dice,
        capacity: Capacity,
        product: Product,
        clock: Clock,
        faults: Faults,
    ) -> None:
        self.faults = faults
        self.tally = Tally()
        self._api = api
        self._logons = logons
        self._dice = dice
        self._capacity = capacity
        self._product: Product = product
        self._clock = clock
        self._pauses = Pauses()

    def close(self) -> None:
        """Let every request that waits come to its end at once."""
        self._pauses.end()

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        target = target_of(request.raw_path)
        match = self._api.match(target)
        self._count(request.method, match)
        if request.can_read_body:
            await request.read()
        strike = self._strike(match)
        if not await self._admitted(strike.latency):
            return await self._send(request, _unavailable("The server is busy.", None))
        token = token_of(request.headers, request.cookies)
        asked = Asked(request.method, target, request.headers, token)
        if strike.kind == "html":
            page = Parcel(200, PAGE, {"Content-Type": "text/html; charset=utf-8"})
            return await deliver(request, page, None, self._drip)
        answer = self._instead(strike.kind, token) or self._api.answer(asked, match)
        return await self._send(request, answer, strike.kind)

    def _count(self, method: str, match: Match | None) -> None:
        route = match.route.name if match else UNKNOWN
        self.tally.by_route[f"{method} {route}"] += 1

    def _strike(self, match: Match | None) -> Strike:
        is_logon = match is not None and match.route.is_logon
        strike = self._dice.roll(self.faults, is_logon=is_logon)
        if strike.kind:
            self.tally.faults[strike.kind] += 1
        return strike

    async def _admitted(self, latency: float) -> bool:
        wait = self._capacity.admit()
        if wait is None:
            self.tally.shed += 1
            return False
        if wait + latency > 0:
            await self._pauses.wait(wait + latency)
        return True

    def _instead(self, kind: str | None, token: str | None) -> Answer | None:
        if kind == "unavailable":
            return _unavailable("Service is unavailable.", self.faults.retry_after)
        if kind == "server_error":
            return refused(RefusalError(500, _NULL_REFERENCE))
        if kind == "expired":
            self._logons.expire(token or "")
            return refused(RefusalError(401, "The logon session has expired."))
        return None

    async def _send(
        self, request: web.BaseRequest, answer: Answer, kind: str | None = None
    ) -> web.StreamResponse:
        parcel = self._parcel(request, answer)
        return await deliver(request, parcel, kind, self._drip)

    async def _drip(self) -> None:
        await self._pauses.wait(self.faults.slow_seconds / DRIPS)

    def _parcel(self, request: web.BaseRequest, answer: Answer) -> Parcel:
        date = self._clock.http_date()
        headers = {"Server": SERVER, "Date": date, **answer.headers}
        if answer.document is None:
            return Parcel(answer.status, b"", headers)
        # Anywhere in Accept, in whatever order: the recorded rule.
        accept = ",".join(request.headers.getall("Accept", ())).lower()
        media = "json" if "application/json" in accept else "xml"
        headers["Content-Type"] = f"application/{media}; charset=utf-8"
        body = render(
            answer.document, "json" if media == "json" else "xml", self._product
        )
        return Parcel(answer.status, body, headers)


def _unavailable(message: str, retry_after: float | None) -> Answer:
    answer = refused(RefusalError(503, message))
    if retry_after is None:
        return answer
    return Answer(503, answer.document, {"Retry-After": f"{retry_after:g}"})
