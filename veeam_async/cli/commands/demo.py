"""The demonstration: a simulated Enterprise Manager, and the library's main job."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
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
from veeam_async.cli.interrupts import run_async
from veeam_async.cli.render.called import as_called
from veeam_async.cli.render.console import PlainConsole, stdout_console
from veeam_async.cli.render.contact import Contact
from veeam_async.cli.render.events import show_table
from veeam_async.cli.render.last_answer import looks_of
from veeam_async.cli.render.live import Surroundings
from veeam_async.cli.render.progress import bar
from veeam_async.cli.render.text import summary
from veeam_async.cli.render.words import count, outcome, rate, seconds

if TYPE_CHECKING:
    from veeam_async.simulator import Simulator

# Without it the bar would be over before anybody sees it, and what fetching one after
# the other would have taken would say nothing of a server.
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

    Ends with lines to paste: how to go on with a server of yours, or a simulated one.

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
        faults=Faults(latency_seconds=_LATENCY),
    )
    return run_async(_Demo(stdout_console()).run(simulator))


@attrs.define
class _Demo:
    console: PlainConsole
    sessions: dict[UUID, BackupJobSession] = attrs.field(factory=dict)
    """Each session as it was last seen."""
    requests: int = 0

    async def run(self, simulator: Simulator) -> Exit:
        started = monotonic()
        async with simulator:
            self._print(
                f"A simulated Enterprise Manager listens at {simulator.url}; "
                f"every answer takes it {_LATENCY * 1000:.0f} ms."
            )
            async with EnterpriseManager(
                simulator.url,
                username=simulator.username,
                password=simulator.password,
                on_request=self._count_request,
            ) as em:
                await self._fetch(em)
                await self._watch(em)
        self._sum_up(monotonic() - started)
        self._show_next_steps(simulator)
        return Exit.DONE

    async def _fetch(self, em: EnterpriseManager) -> None:
        """Fetch every session that the server lists."""
        session_ids = [each.id for each in await em.backup_sessions.references()]
        started = monotonic()
        with bar("Fetching", len(session_ids)) as step:
            async for fetched in em.backup_sessions.fetch(session_ids):
                session = fetched.result()
                self.sessions[session.id] = session
                step()
        took = monotonic() - started
        number = len(self.sessions)
        self._print(
            f"Fetched {count(number, 'session')} in {seconds(took)} "
            f"({rate(number, took)}); one after the other they would have "
            f"taken {seconds(len(session_ids) * _LATENCY)}."
        )

    async def _watch(self, em: EnterpriseManager) -> None:
        """Watch those that run until each has stopped."""
        running = [each.id for each in self.sessions.values() if not each.is_stopped]
        self._print(f"Watching the {count(len(running), 'session')} that run now.")
        watch = em.backup_sessions.watch(running, interval=_INTERVAL, progress=True)
        surroundings = Surroundings(
            contact=Contact(looks_of(watch), interval=_INTERVAL),
            server_time=lambda: em.server_time,
        )
        await show_table(
            self._remembered(watch), self.console, surroundings=surroundings
        )

    async def _remembered(
        self, events: AsyncIterator[WatchEvent[BackupJobSession]]
    ) -> AsyncIterator[WatchEvent[BackupJobSession]]:
        """Pass *events* on, and remember the sessions in them."""
        async for event in events:
            if isinstance(event, SessionChanged):
                self.sessions[event.id] = event.session
            yield event

    def _sum_up(self, took: float) -> None:
        outcomes = summary(Counter(map(outcome, self.sessions.values())))
        self._print(
            Text(f"{count(len(self.sessions), 'session')}: ").append_text(outcomes),
            f"{count(self.requests, 'request')} in {seconds(took)}, logon and logout "
            "included.",
        )

    def _show_next_steps(self, simulator: Simulator) -> None:
        for sentence, commands in next_steps_of(simulator):
            self._print("", sentence)
            for command in commands:
                # Whole, however narrow the terminal is, so that it can be pasted.
                self.console.print(f"  {command}", soft_wrap=True)

    def _count_request(self, _done: RequestDone) -> None:
        self.requests += 1

    def _print(self, *lines: str | Text) -> None:
        # Sentences are wrapped between words on a terminal, and left alone elsewhere.
        for line in lines:
            self.console.print(line, soft_wrap=not self.console.is_terminal)


# ---------------------------------------------------------------- what comes next

_SIMULATED = "http://127.0.0.1:9398"
"""Where `simulate` listens unless told otherwise."""
_OWN = "https://em.example.com:9398"


def next_steps_of(simulator: Simulator) -> Iterator[tuple[str, Sequence[str]]]:
    """Sentences on what to do next, each with lines to be pasted into a shell."""
    yield (
        "Next, your own server: put its URL and your user here; it asks your password.",
        [
            *_settings(VEEAM_URL=_OWN, VEEAM_USERNAME=r"DOMAIN\you"),
            as_called("doctor"),
        ],
    )
    yield (
        "Or a simulated one to play with. It runs in a terminal of its own:",
        [as_called("simulate")],
    )
    name, password = simulator.username, simulator.password
    yield (
        "From another one it is watched:",
        [
            *_settings(
                VEEAM_URL=_SIMULATED, VEEAM_USERNAME=name, VEEAM_PASSWORD=password
            ),
            as_called("watch"),
        ],
    )


def _settings(
    *, is_windows: bool = sys.platform == "win32", **variables: str
) -> Iterator[str]:
    """The lines by which a shell sets *variables*: PowerShell on Windows, else sh."""
    for name, value in variables.items():
        if is_windows:
            yield f"$env:{name} = '{value}'"
        else:
            yield f"export {name}='{value}'"
