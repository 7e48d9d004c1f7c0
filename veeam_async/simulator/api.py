"""A method, a target and headers in, an answer out: the server without a socket."""

from collections.abc import Mapping

import attrs

from veeam_async.simulator.actions import Actions
from veeam_async.simulator.answer import Answer, refused
from veeam_async.simulator.call import Call, Target
from veeam_async.simulator.entrance import Entrance
from veeam_async.simulator.logons import Logons
from veeam_async.simulator.presenter import Presenter
from veeam_async.simulator.refusals import RefusalError
from veeam_async.simulator.routes import Match, Routes
from veeam_async.simulator.wire import Product
from veeam_async.simulator.world import World


@attrs.frozen
class Asked:
    """A request as far as the interface cares."""

    method: str
    target: Target
    headers: Mapping[str, str]
    token: str | None


class Api:
    """Answers requests about one world."""

    def __init__(
        self, world: World, logons: Logons, *, base: str, product: Product
    ) -> None:
        self._world = world
        self._logons = logons
        self._base = base
        self._product: Product = product
        self._routes = Routes(Entrance(logons), Actions())

    def match(self, target: Target) -> Match | None:
        """Find the route that a request takes."""
        return self._routes.match(target.parts) if target.is_api else None

    def answer(self, asked: Asked, match: Match | None) -> Answer:
        """Answer a request whose route is *match*."""
        try:
            return self._answer(asked, match)
        except RefusalError as refusal:
            return refused(refusal)

    def _answer(self, asked: Asked, match: Match | None) -> Answer:
        if match is None or match.route.is_public:
            return self._public(asked, match)
        logon = self._logons.authorise(asked.token)
        route = match.route
        route.check(asked.method)
        call = self._call(asked, match)
        if asked.method in route.orders:
            return route.orders[asked.method](call, logon.tasks)
        return route.handlers[asked.method](call)

    def _public(self, asked: Asked, match: Match | None) -> Answer:
        if match is None:
            raise RefusalError(404, "Resource not found.")
        match.route.check(asked.method)
        return match.route.handlers[asked.method](self._call(asked, match))

    def _call(self, asked: Asked, match: Match) -> Call:
        return Call(
            params=asked.target.params,
            ids=match.ids,
            headers=asked.headers,
            world=self._world,
            presenter=Presenter(self._base, self._product, self._world.clock.now()),
        )
