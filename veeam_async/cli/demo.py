"""The demonstration: an Enterprise Manager of our own, and the library's main job."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from time import monotonic
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import attrs
from cyclopts import Parameter
from rich.text import Text

from veeam_async import (
    BackupJobSession,
    EnterpriseManager,
    RequestDone,
    SessionChanged,
    WatchEvent,
)
from veeam_async.cli.exits import Exit, Refusal
from veeam_async.cli.following import follow
from veeam_async.cli.progress import bar
from veeam_async.cli.screen import Screen, out
from veeam_async.cli.status import outcome, summary
from veeam_async.cli.words import count, rate, seconds

if TYPE_CHECKING:
    from veeam_async.simulator import Simulator

_LATENCY = 0.05
_INTERVAL = 0.4


def demo(
    *,
    sessions: int = 200,
    running: int = 20,
    speed: float = 60,
    seed: Annotated[int, Parameter(show=False)] = 7,
) -> Exit:
    """Show it all against a simulated server: fetch, watch, summary. Needs nothing.

    Example: `veeam-async demo`

    Args:
        sessions: How many sessions the simulated server has.
        running: How many of them run.
        speed: How many of its seconds pass in one of ours.
        seed: Another seed, another server.
    """
    if speed <= 0:
        raise Refusal("--speed is above 0: in a server that stands still nothing ends")
    # Here, since it loads a web server that no other command needs.
    from veeam_async.simulator import Faults, Simulator  # noqa: PLC0415

    simulator = Simulator(
        sessions=sessions,
        running=running,
        speed=speed,
        seed=seed,
        faults=Faults(latency=1, latency_seconds=_LATENCY),
    )
    return asyncio.run(_Demo(out()).run(simulator))


@attrs.define
class _Demo:
    screen: Screen
    known: dict[UUID, BackupJobSession] = attrs.field(factory=dict)
    requests: int = 0

    async def run(self, simulator: Simulator) -> Exit:
        started = monotonic()
        async with simulator:
            self._tell(
                f"A simulated Enterprise Manager listens at {simulator.url}; "
                f"every answer takes it {_LATENCY * 1000:.0f} ms."
            )
            async with EnterpriseManager(
                simulator.url,
                username=simulator.username,
                password=simulator.password,
                on_request=self._count,
            ) as em:
                await self._fetch(em)
                await self._watch(em)
        self._sum_up(monotonic() - started)
        return Exit.DONE

    async def _fetch(self, em: EnterpriseManager) -> None:
        """Fetch every session that the server lists."""
        ids = [reference.id for reference in await em.backup_sessions.references()]
        started = monotonic()
        with bar("Fetching", len(ids)) as advance:
            async for fetched in em.backup_sessions.fetch(ids):
                session = fetched.result()
                self.known[session.id] = session
                advance()
        took = monotonic() - started
        self._tell(
            f"Fetched {count(len(self.known), 'session')} in {seconds(took)} "
            f"({rate(len(self.known), took)}); one after the other they would have "
            f"taken {seconds(len(ids) * _LATENCY)}."
        )

    async def _watch(self, em: EnterpriseManager) -> None:
        """Watch those that run until each has stopped."""
        active = [one for one, each in self.known.items() if not each.is_stopped]
        self._tell(f"Watching the {count(len(active), 'session')} that run now.")
        watch = em.backup_sessions.watch(active, interval=_INTERVAL, progress=True)
        await follow(self._noted(watch), self.screen)

    async def _noted(
        self, events: AsyncIterator[WatchEvent[BackupJobSession]]
    ) -> AsyncIterator[WatchEvent[BackupJobSession]]:
        """Keep how each session was last seen."""
        async for event in events:
            if isinstance(event, SessionChanged):
                self.known[event.id] = event.session
            yield event

    def _sum_up(self, took: float) -> None:
        ended = summary(Counter(map(outcome, self.known.values())))
        self._tell(
            Text(f"{count(len(self.known), 'session')}: ").append_text(ended),
            f"{count(self.requests, 'request')} in {seconds(took)}, logon and logout "
            "included.",
        )

    def _count(self, _done: RequestDone) -> None:
        self.requests += 1

    def _tell(self, *lines: str | Text) -> None:
        for line in lines:
            self.screen.print(line, soft_wrap=not self.screen.is_terminal)
