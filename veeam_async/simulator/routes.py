"""A method and a path in, the handler and the route's name out.

Three dictionary look-ups at most, where a router that matches one pattern
after the other would be most of a request's cost. Paths are matched without
regard to case.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import attrs

from veeam_async.simulator import actions, entrance, reading, reports
from veeam_async.simulator.answer import Answer
from veeam_async.simulator.call import Call
from veeam_async.simulator.refusals import RefusalError
from veeam_async.simulator.resources import EMPTY, SERVED
from veeam_async.simulator.tasks import Tasks

Handler: TypeAlias = Callable[[Call], Answer]
TaskHandler: TypeAlias = Callable[[Call, Tasks], Answer]

UNKNOWN = "/?"
"""The name under which requests that match no route are counted."""


@attrs.frozen
class Route:
    """One resource with its methods; a handler of *orders* also gets the tasks."""

    name: str
    handlers: Mapping[str, Handler] = attrs.field(factory=dict)
    orders: Mapping[str, TaskHandler] = attrs.field(factory=dict)
    is_public: bool = False
    is_logon: bool = False
    """Whether it opens or ends a logon session."""

    def check(self, method: str) -> None:
        """Refuse, with 405, a method that it does not have."""
        if method not in self.handlers and method not in self.orders:
            raise RefusalError(405, f"Method {method} is not allowed for {self.name}.")


@attrs.frozen
class Match:
    """A route and what stood for its ids."""

    route: Route
    ids: tuple[str, ...] = ()


class Routes:
    """All routes of the interface."""

    def __init__(self, gate: entrance.Entrance, doer: actions.Actions) -> None:
        self._table: dict[tuple[str, ...], Route] = {}
        for route in (*_doors(gate), *_orders(doer), *_readings()):
            parts = tuple(part.lower() for part in route.name.split("/") if part)
            known = self._table.get(parts)
            self._table[parts] = _merged(known, route) if known else route

    def match(self, parts: tuple[str, ...]) -> Match | None:
        """Find the route of the path's *parts*."""
        lowered = tuple(part.lower() for part in parts)
        route = self._table.get(lowered)
        if route is not None:
            return Match(route)
        for place in range(1, len(parts)):
            template = (*lowered[:place], "{id}", *lowered[place + 1 :])
            route = self._table.get(template)
            if route is not None:
                return Match(route, (parts[place],))
        return None


def _merged(one: Route, other: Route) -> Route:
    return attrs.evolve(
        one,
        handlers={**one.handlers, **other.handlers},
        orders={**one.orders, **other.orders},
    )


def _doors(gate: entrance.Entrance) -> list[Route]:
    return [
        Route("/", {"GET": entrance.root}, is_public=True),
        Route("/sessionMngr", {"POST": gate.log_on}, is_public=True, is_logon=True),
        Route("/logonSessions", {"GET": gate.show_all}),
        Route(
            "/logonSessions/{id}",
            {"GET": gate.show, "DELETE": gate.log_out},
            is_logon=True,
        ),
    ]


def _orders(doer: actions.Actions) -> list[Route]:
    delete = actions.delete_task
    return [
        Route("/backupSessions/{id}", orders={"POST": doer.on_session}),
        Route("/jobs/{id}", orders={"POST": doer.on_job}),
        Route("/nas/jobs/{id}", orders={"POST": doer.on_job}),
        Route("/agents/jobs/{id}", orders={"POST": doer.on_job}),
        Route("/tasks", orders={"GET": actions.show_tasks}),
        Route("/tasks/{id}", orders={"GET": actions.show_task, "DELETE": delete}),
    ]


def _readings() -> list[Route]:
    collections = [
        Route(f"/{path}", {"GET": reading.collection_of(resource)})
        for path, resource in SERVED.items()
    ]
    singles = [
        Route(f"/{path}/{{id}}", {"GET": reading.single_of(resource)})
        for path, resource in SERVED.items()
    ]
    empties = [
        Route(f"/{path}", {"GET": reading.empty_of(plural)})
        for path, plural in EMPTY.items()
    ]
    others = [Route(path, {"GET": handler}) for path, handler in _OTHERS.items()]
    return [*collections, *singles, *empties, *others]


_OTHERS: Mapping[str, Handler] = {
    "/backupSessions/{id}/taskSessions": reading.task_sessions,
    "/replicaSessions/{id}/repicaTaskSessions": reading.replica_task_sessions,
    "/replicaSessions/{id}/replicaTaskSessions": reading.replica_task_sessions,
    "/jobs/{id}/backupSessions": reading.job_sessions,
    "/jobs/{id}/replicaSessions": reading.job_sessions,
    "/nas/backupSessions": reading.sessions_of_type("NasBackup"),
    "/nas/jobs": reading.jobs_of_type("NasBackup"),
    "/nas/jobs/{id}": reading.single_of(SERVED["jobs"]),
    "/nas/jobs/{id}/backupSessions": reading.job_sessions,
    "/agents/backupSessions": reading.sessions_of_type("AgentBackup"),
    "/agents/jobs": reading.jobs_of_type("AgentBackup"),
    "/agents/jobs/{id}": reading.single_of(SERVED["jobs"]),
    "/agents/jobs/{id}/backupSessions": reading.job_sessions,
    "/backupServers/{id}/jobs": reading.server_jobs,
    "/backupServers/{id}/repositories": reading.server_repos,
    "/query": reading.run_query,
    "/querySvc": reading.query_service,
    "/reports/summary/overview": reports.overview,
    "/reports/summary/job_statistics": reports.job_statistics,
    "/reports/summary/vms_overview": reports.vms_overview,
}
