"""Take the steps of a diagnosis in turn."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TypeAlias

import attrs

from veeam_async import VeeamError
from veeam_async.cli.diagnosis.access import Access
from veeam_async.cli.diagnosis.steps import Fault, Found, Status, Step
from veeam_async.cli.diagnosis.way import Way
from veeam_async.cli.exits import Refusal, explain
from veeam_async.cli.options import Connection, Server
from veeam_async.cli.render.words import one_line

Look: TypeAlias = Callable[[], Awaitable[Found]]


@attrs.frozen
class _Planned:
    """A step to be taken where all that it *needs* went well."""

    name: str
    look: Look
    needs: tuple[str, ...] = ()


async def diagnose(
    connection: Connection, server: Server | Refusal
) -> AsyncGenerator[Step]:
    """Take every step towards the server, and tell how each went as soon as it did.

    *server* is the one of *connection*, or what keeps that from being complete.
    """
    failed: set[str] = set()
    async with AsyncExitStack() as stack:
        for planned in _plan(Way(connection), Access(server, stack)):
            step = await _taken(planned, failed)
            if step.status in (Status.FAILED, Status.NOT_TRIED):
                failed.add(planned.name)
            yield step


def _plan(way: Way, access: Access) -> list[_Planned]:
    return [
        _Planned("url", way.url),
        _Planned("name", way.name, ("url",)),
        _Planned("port", way.port, ("name",)),
        _Planned("tls", way.tls, ("port",)),
        _Planned("product", way.product, ("tls",)),
        _Planned("clock", way.clock, ("product",)),
        _Planned("user", access.user, ("url",)),
        _Planned("logon", access.logon, ("product", "user")),
        _Planned("sessions", access.sessions, ("logon",)),
        _Planned("jobs", access.jobs, ("logon",)),
        _Planned("role", access.role, ("sessions", "jobs")),
        _Planned("agents", access.agents, ("logon",)),
        _Planned("shares", access.shares, ("logon",)),
    ]


async def _taken(planned: _Planned, failed: set[str]) -> Step:
    """Take a step, unless one of those that it needs has *failed*."""
    if lacking := [name for name in planned.needs if name in failed]:
        return Step(
            step=planned.name,
            status=Status.NOT_TRIED,
            found=f"it needs {' and '.join(lacking)}",
        )
    try:
        found = await planned.look()
    except Fault as fault:
        return _failed(planned.name, str(fault), fault.do)
    except VeeamError as error:
        return _failed(planned.name, explain(error), "try again")
    status = Status.OK if found.do is None else Status.WARNING
    return Step(step=planned.name, status=status, found=found.text, do=found.do)


def _failed(name: str, found: str, do: str) -> Step:
    return Step(step=name, status=Status.FAILED, found=one_line(found), do=one_line(do))
