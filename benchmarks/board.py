"""What the live table of `veeam-async watch` costs: `python -m benchmarks.board`.

On a terminal of 120 columns and 40 lines that nobody sees: in five seconds each session
makes progress once, and two in a hundred change their state. The share is that of one
core, of this process; the time that making the events takes is not in it.
"""

from __future__ import annotations

import asyncio
import io
import os
import random
import time
from collections.abc import Iterator

import attrs

from tests.cli.events import changed, session
from veeam_async import BackupJobSession, EventKind, SessionChanged
from veeam_async.cli.render.console import PlainConsole
from veeam_async.cli.render.dashboard import Dashboard
from veeam_async.cli.render.live import live_dashboard

SESSIONS = (100, 1_000, 10_000)
SECONDS = 10.0
ROUND_SECONDS = 5.0
STEP_SECONDS = 0.1
CHANGED = 0.02

Change = SessionChanged[BackupJobSession]


class Terminal(io.StringIO):
    """A terminal that counts what it is sent, and forgets it."""

    sent = 0

    def isatty(self) -> bool:
        """Say that it is one."""
        return True

    def write(self, text: str) -> int:
        """Count it."""
        self.sent += len(text)
        return len(text)


@attrs.frozen
class Cost:
    """What a number of sessions cost."""

    sessions: int
    found_seconds: float
    share: float
    sent: int

    def __str__(self) -> str:
        return (
            f"{self.sessions:>8,}  {self.found_seconds * 1000:>9.1f} ms  "
            f"{self.share:>13.1%}  {self.sent / SECONDS / 1024:>6.1f} KB/s"
        )


def change(
    kind: EventKind, number: int, state: str = "Working", progress: int = 0
) -> Change:
    """Give the event that tells of a session in a state."""
    result = "Success" if state == "Stopped" else None
    name = f"Backup of department {number}"
    return changed(
        kind, session(number, state, result, progress=progress, job_name=name)
    )


def steps(many: int) -> Iterator[list[Change]]:
    """Give the events of each step: half of the changes are ends."""
    dice = random.Random(7)  # noqa: S311 - it makes up sessions
    running = list(range(many))
    each = round(many * STEP_SECONDS / ROUND_SECONDS)
    for step in range(round(SECONDS / STEP_SECONDS)):
        progress = step * 100 // round(SECONDS / STEP_SECONDS)
        events = [
            change(EventKind.PROGRESSED, running[at % len(running)], progress=progress)
            for at in range(step * each, (step + 1) * each)
        ]
        for _ in range(sum(dice.random() < CHANGED for _ in range(each))):
            number = dice.choice(running)
            if dice.random() < 0.5:
                running.remove(number)
                events.append(change(EventKind.STOPPED, number, "Stopped"))
            else:
                events.append(change(EventKind.CHANGED, number, "Stopping"))
        yield events


async def measure(many: int) -> Cost:
    """Let *many* sessions run before a terminal for a while."""
    terminal = Terminal()
    console = PlainConsole(terminal, width=120)
    console.height = 40
    dashboard = Dashboard()
    found = [change(EventKind.FOUND, number) for number in range(many)]
    work = list(steps(many))
    async with live_dashboard(dashboard, console):
        began = time.process_time()
        for event in found:
            dashboard.update(event, time.monotonic())
        found_seconds = time.process_time() - began
        await asyncio.sleep(1.0)
        terminal.sent = 0
        began, start = time.process_time(), time.monotonic()
        for number, events in enumerate(work, 1):
            for event in events:
                dashboard.update(event, time.monotonic())
            await asyncio.sleep(start + number * STEP_SECONDS - time.monotonic())
        share = (time.process_time() - began) / (time.monotonic() - start)
    return Cost(many, found_seconds, share, terminal.sent)


def main() -> None:
    """Print a line for each number of sessions."""
    os.environ["TERM"] = "xterm-256color"
    print("sessions  found at once  share of a core  sent to the terminal")
    for many in SESSIONS:
        print(asyncio.run(measure(many)), flush=True)


if __name__ == "__main__":
    main()
