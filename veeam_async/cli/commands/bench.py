"""Measure how fast a server gives sessions."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle, islice
from time import monotonic
from typing import Annotated

import attrs
from cyclopts import Parameter

from veeam_async import EnterpriseManager, RequestDone, Retry
from veeam_async.cli.exits import Exit, Refusal
from veeam_async.cli.interrupts import run_async
from veeam_async.cli.options import NO_CONNECTION, Connection, Server
from veeam_async.cli.render.console import stdout_console
from veeam_async.cli.render.histogram import (
    Bucket,
    Percentiles,
    buckets,
    histogram,
    percentiles,
)
from veeam_async.cli.render.output import write_json
from veeam_async.cli.render.progress import bar
from veeam_async.cli.render.streams import is_utf8, say
from veeam_async.cli.render.words import count as counted
from veeam_async.cli.render.words import rate, seconds

_NO_ANSWER = "no answer"
# A failed request is an error of the server, and not sent again: a server that is slow
# already gets no more requests than were announced.
_NO_RETRY = Retry(attempts=1)


def bench(
    *,
    count: Annotated[int, Parameter(name=["--count", "-n"])] = 500,
    connections: Annotated[int, Parameter(name=["--connections", "-c"])] = 4,
    json: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    connection: Connection = NO_CONNECTION,
) -> Exit:
    """Measure how fast the server gives backup sessions: rate, times, errors.

    Only reads, and nothing that fails is tried again; says what it will do before it
    does it. --connections stands in for --max-connections here.

    Example: `veeam-async bench --count 1000 --connections 8`

    Args:
        count: How many sessions to fetch; the same ones again where there are fewer.
        connections: How many requests at once.
        json: Print the figures as JSON.
        connection: How to reach the server.
    """
    if count < 1 or connections < 1:
        raise Refusal("--count and --connections are at least 1")
    server = connection.server()
    figures = run_async(_Bench(count, connections).run(server))
    if json:
        write_json(figures)
    else:
        _print(figures)
    return Exit.ERROR if figures.failed else Exit.DONE


@attrs.frozen(kw_only=True)
class Figures:
    """What a bench measured; times in seconds, *answers* by their HTTP status.

    *settled* is the limit of requests in flight at the end: below *connections* where
    the server had shown that it can serve no more at once.
    """

    sessions: int
    connections: int
    settled: int
    requests: int
    failed: int
    seconds: float
    per_second: float
    bytes: int
    latency: Percentiles | None
    histogram: Sequence[Bucket]
    answers: Mapping[str, int]
    errors: Mapping[str, int]


class _Bench:
    """One measurement: so many sessions over so many connections."""

    def __init__(self, sessions: int, connections: int) -> None:
        self._sessions = sessions
        self._connections = connections
        self._requests: list[RequestDone] = []
        self._errors: Counter[str] = Counter()

    async def run(self, server: Server) -> Figures:
        async with server.connect(
            max_connections=self._connections,
            retry=_NO_RETRY,
            on_request=self._requests.append,
        ) as em:
            session_ids = await self._session_ids(em)
            say(
                f"Fetching {counted(self._sessions, 'session')} of {server.url} over "
                f"{counted(self._connections, 'connection')}, {len(session_ids):,} "
                "different ones. Nothing is changed there, and what fails is not tried "
                "again."
            )
            self._requests.clear()  # logon and list are not what is measured
            started = monotonic()
            await self._fetch(em, session_ids)
            took = monotonic() - started
            # Before the logout, which would count as a request.
            return self._figures(took, em.concurrency)

    async def _session_ids(self, em: EnterpriseManager) -> list[str]:
        found = await em.backup_sessions.references()
        if not found:
            raise Refusal("the server has no session to fetch", Exit.ERROR)
        return [reference.uid for reference in found[: self._sessions]]

    async def _fetch(self, em: EnterpriseManager, session_ids: list[str]) -> None:
        repeated = islice(cycle(session_ids), self._sessions)
        with bar("Fetching", self._sessions) as step:
            async for fetched in em.backup_sessions.fetch(repeated):
                step()
                if fetched.error is not None:
                    self._errors[type(fetched.error).__name__] += 1

    def _figures(self, took: float, settled: int) -> Figures:
        done = list(self._requests)
        times = [each.seconds for each in done]
        return Figures(
            sessions=self._sessions,
            connections=self._connections,
            settled=settled,
            requests=len(done),
            failed=self._errors.total(),
            seconds=round(took, 6),
            per_second=round(self._sessions / took, 3),
            bytes=sum(each.bytes for each in done),
            latency=percentiles(times),
            histogram=buckets(times),
            answers=dict(Counter(str(each.status or _NO_ANSWER) for each in done)),
            errors=dict(self._errors),
        )


def _print(figures: Figures) -> None:
    """Print a line for each kind of figure, and the histogram of the times."""
    console = stdout_console()
    for line in _lines(figures):
        console.print(line, soft_wrap=True)
    if figures.latency is not None:
        console.print()
        for row in histogram(
            figures.histogram,
            figures.latency,
            width=console.width,
            ascii_only=not is_utf8(sys.stdout.encoding),
        ):
            console.print(row, soft_wrap=True)


def _lines(figures: Figures) -> Iterator[str]:
    per_second = rate(figures.sessions, figures.seconds)
    sessions = counted(figures.sessions, "session")
    yield f"Rate      {per_second} ({sessions} in {seconds(figures.seconds)})"
    if (latency := figures.latency) is not None:
        yield (
            f"Latency   p50 {_ms(latency.p50)}  p90 {_ms(latency.p90)}  "
            f"p99 {_ms(latency.p99)}  max {_ms(latency.max)}"
        )
    most = counted(figures.connections, "request")
    yield f"Settled   {figures.settled:,} of {most} at once"
    yield f"Answers   {_by_name(figures.answers)}"
    yield f"Errors    {_by_name(figures.errors) or 'none'}"


def _ms(length: float) -> str:
    return f"{length * 1000:,.1f} ms"


def _by_name(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name}: {number:,}" for name, number in sorted(counts.items()))
