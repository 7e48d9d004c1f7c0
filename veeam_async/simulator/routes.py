"""Routes of the API: which handler serves which method of which path.

A request is matched by three dictionary look-ups at most, where a router that tries
one pattern after the other would be most of its cost.
"""

from collections.abc import Iterator, Mapping

import attrs

from veeam_async.simulator import actions, auth, handlers, reports
from veeam_async.simulator.handlers import Handler
from veeam_async.simulator.query import query
from veeam_async.simulator.request import RefusalError
from veeam_async.simulator.resources import AGENT_JOBS, EMPTY, JOBS, NAS_JOBS, SERVED


@attrs.frozen
class Route:
    """Path of the API and a handler for each method."""

    name: str
    """Path as the reference spells it; requests are counted under it."""
    handlers: Mapping[str, Handler] = attrs.field(factory=dict)
    is_public: bool = False
    """Whether it is served without a token."""
    is_logon: bool = False
    """Whether it opens or ends a logon session."""

    def handler(self, method: str) -> Handler:
        """The handler of `method`.

        Raises:
            RefusalError: 404 where nothing is there, 405 where the method is not.
        """
        if not self.handlers:
            raise RefusalError(404, "Resource not found.")
        if method not in self.handlers:
            raise RefusalError(405, f"Method {method} is not allowed for {self.name}.")
        return self.handlers[method]


# Public, so that its 404 comes before the 401 of a missing token.
UNKNOWN = Route("/?", is_public=True)
"""Route of all requests that match no other."""


class Routes:
    """Table of all routes; `logon` holds the handlers of the logon sessions."""

    def __init__(self, logon: auth.LogonHandlers) -> None:
        self._table: dict[tuple[str, ...], Route] = {}
        for route in (*_logon_routes(logon), *_ACTION_ROUTES, *_read_routes()):
            path = tuple(word.lower() for word in route.name.split("/") if word)
            known = self._table.get(path)
            self._table[path] = _merged(known, route) if known else route

    def match(self, segments: tuple[str, ...] | None) -> tuple[Route, tuple[str, ...]]:
        """Route of a path, in whatever case, and what stands for its `{id}`."""
        if segments is None:
            return UNKNOWN, ()
        lowered = tuple(segment.lower() for segment in segments)
        route = self._table.get(lowered)
        if route is not None:
            return route, ()
        for place in range(1, len(segments)):
            template = (*lowered[:place], "{id}", *lowered[place + 1 :])
            route = self._table.get(template)
            if route is not None:
                return route, (segments[place],)
        return UNKNOWN, ()


def _merged(known: Route, route: Route) -> Route:
    # What is ordered and what is read under one path come from two lists.
    return attrs.evolve(known, handlers={**known.handlers, **route.handlers})


def _logon_routes(logon: auth.LogonHandlers) -> list[Route]:
    return [
        Route("/", {"GET": auth.root}, is_public=True),
        Route("/sessionMngr", {"POST": logon.log_on}, is_public=True, is_logon=True),
        Route("/logonSessions", {"GET": logon.index}),
        Route(
            "/logonSessions/{id}",
            {"GET": logon.show, "DELETE": logon.log_out},
            is_logon=True,
        ),
    ]


_ACTION_ROUTES = (
    Route("/backupSessions/{id}", {"POST": actions.post_to_session}),
    Route("/jobs/{id}", {"POST": actions.post_to_job}),
    Route("/agents/jobs/{id}", {"POST": actions.post_to_agent_job}),
    # Of file shares' jobs the path says what is to be done, not a parameter.
    *(
        Route(f"/nas/jobs/{{id}}/{name}", {"POST": actions.nas_action(name)})
        for name in actions.NAS_ACTIONS
    ),
    Route("/tasks", {"GET": actions.show_tasks}),
    Route("/tasks/{id}", {"GET": actions.show_task, "DELETE": actions.delete_task}),
)


def _read_routes() -> Iterator[Route]:
    for path, resource in SERVED.items():
        yield Route(f"/{path}", {"GET": handlers.collection_of(resource)})
        yield Route(f"/{path}/{{id}}", {"GET": handlers.single_of(resource)})
    for path, plural in EMPTY.items():
        yield Route(f"/{path}", {"GET": handlers.empty_collection(plural)})
    for path, handler in _OTHER_READS.items():
        yield Route(path, {"GET": handler})


_OTHER_READS: Mapping[str, Handler] = {
    "/backupSessions/{id}/taskSessions": handlers.task_sessions,
    # The server's links have the misspelt path, its reference the other.
    "/replicaSessions/{id}/repicaTaskSessions": handlers.replica_task_sessions,
    "/replicaSessions/{id}/replicaTaskSessions": handlers.replica_task_sessions,
    "/backupSessions/{id}/agentManagementSessions": handlers.machine_sessions,
    "/jobs/{id}/backupSessions": handlers.sessions_of_job(JOBS),
    "/jobs/{id}/replicaSessions": handlers.sessions_of_job(JOBS),
    "/nas/backupSessions": handlers.sessions_of_types("NasBackup"),
    "/nas/jobs/{id}/backupSessions": handlers.sessions_of_job(NAS_JOBS),
    "/agents/backupSessions": handlers.sessions_of_types(
        "AgentBackup", "AgentManagement"
    ),
    "/agents/jobs/{id}/backupSessions": handlers.sessions_of_job(AGENT_JOBS),
    "/backupServers/{id}/jobs": handlers.jobs_of_server,
    "/backupServers/{id}/repositories": handlers.repos_of_server,
    "/query": query,
    "/querySvc": handlers.query_service,
    "/agents": handlers.agents_service,
    "/nas": handlers.nas_service,
    "/reports/summary": reports.index,
    "/reports/summary/overview": reports.overview,
    "/reports/summary/job_statistics": reports.job_statistics,
    "/reports/summary/vms_overview": reports.vms_overview,
    "/reports/summary/processed_vms": reports.processed_vms,
    "/reports/summary/repository": reports.repositories,
}
