"""The command that measures how fast a server gives sessions."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle, islice
from time import monotonic
from typing import Annotated

import attrs
from cyclopts import Parameter

from veeam_async import EnterpriseManager, RequestDone, Retry
from veeam_async.cli.connection import Connection, Server
from veeam_async.cli.exits import Exit, Refusal
from veeam_async.cli.histogram import Bucket, buckets, picture
from veeam_async.cli.output import put_json
from veeam_async.cli.percentiles import Percentiles, percentiles
from veeam_async.cli.progress import bar
from veeam_async.cli.screen import out, say
from veeam_async.cli.words import count, rate, seconds

_NO_CONNECTION = Connection()
_NO_ANSWER = "no answer"
_ONCE = Retry(attempts=1)
"""A request that fails is an error of the server, and not asked again: a slow server
gets no more requests than were announced.
"""


def bench(
    *,
    count: Annotated[int, Parameter(name=["--count", "-n"])] = 500,
    connections: Annotated[int, Parameter(name=["--connections", "-c"])] = 4,
    json: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    connection: Connection = _NO_CONNECTION,
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
    figures = asyncio.run(_Bench(count, connections).run(server))
    if json:
        put_json(figures)
    else:
        _show(figures)
    return Exit.ERROR if figures.failed else Exit.DONE


@attrs.frozen(kw_only=True)
class Figures:
    """What a bench measured; times in seconds, *answers* by their HTTP status.

    *settled* is how many requests at once the server was left to serve at the end.
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
    """One measurement: *many* sessions over *connections*."""

    def __init__(self, many: int, connections: int) -> None:
        self._many = many
        self._connections = connections
        self._done: list[RequestDone] = []
        self._errors: Counter[str] = Counter()

    async def run(self, server: Server) -> Figures:
        async with server.connect(
            max_connections=self._connections,
            retry=_ONCE,
            on_request=self._done.append,
        ) as em:
            ids = await self._ids(em)
            say(
                f"Fetching {count(self._many, 'session')} of {server.url} over "
                f"{count(self._connections, 'connection')}, {len(ids):,} different "
                "ones. Nothing is changed there, and what fails is not tried again."
            )
            self._done.clear()  # logon and list are not what is measured
            started = monotonic()
            await self._fetch(em, ids)
            took = monotonic() - started
            return self._figures(took, _settled(em))

    async def _ids(self, em: EnterpriseManager) -> list[str]:
        found = await em.backup_sessions.references()
        if not found:
            raise Refusal("the server has no session to fetch", Exit.ERROR)
        return [reference.uid for reference in found[: self._many]]

    async def _fetch(self, em: EnterpriseManager, ids: list[str]) -> None:
        chosen = islice(cycle(ids), self._many)
        with bar("Fetching", self._many) as advance:
            async for fetched in em.backup_sessions.fetch(chosen):
                advance()
                if fetched.error is not None:
                    self._errors[type(fetched.error).__name__] += 1

    def _figures(self, took: float, settled: int) -> Figures:
        done = list(self._done)
        times = [each.seconds for each in done]
        return Figures(
            sessions=self._many,
            connections=self._connections,
            settled=settled,
            requests=len(done),
            failed=self._errors.total(),
            seconds=round(took, 6),
            per_second=round(self._many / took, 3),
            bytes=sum(each.bytes for each in done),
            latency=percentiles(times),
            histogram=buckets(times),
            answers=dict(Counter(str(each.status or _NO_ANSWER) for each in done)),
            errors=dict(self._errors),
        )


def _settled(em: EnterpriseManager) -> int:
    return em.concurrency


def _show(figures: Figures) -> None:
    """Print the figures, a line for each kind, and the picture of the times."""
    screen = out()
    for line in _lines(figures):
        screen.print(line, soft_wrap=True)
    if figures.latency is not None:
        screen.print()
        is_plain = not _can_draw(sys.stdout.encoding)
        for row in picture(
            figures.histogram, figures.latency, width=screen.width, is_plain=is_plain
        ):
            screen.print(row, soft_wrap=True)


def _can_draw(encoding: str | None) -> bool:
    """Tell whether a stream can show the blocks that bars are made of."""
    return (encoding or "").lower().startswith("utf")


def _lines(figures: Figures) -> Iterator[str]:
    per_second = rate(figures.sessions, figures.seconds)
    sessions = count(figures.sessions, "session")
    yield f"Rate      {per_second} ({sessions} in {seconds(figures.seconds)})"
    if (latency := figures.latency) is not None:
        yield (
            f"Latency   p50 {_ms(latency.p50)}  p90 {_ms(latency.p90)}  "
            f"p99 {_ms(latency.p99)}  max {_ms(latency.max)}"
        )
    most = count(figures.connections, "request")
    yield f"Settled   {figures.settled:,} of {most} at once"
    yield f"Answers   {_counted(figures.answers)}"
    yield f"Errors    {_counted(figures.errors) or 'none'}"


def _ms(length: float) -> str:
    return f"{length * 1000:,.1f} ms"


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name}: {many:,}" for name, many in sorted(counts.items()))
