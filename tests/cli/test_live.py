import asyncio
import io
from itertools import count

import pytest

from tests.cli.events import changed, dashboard_of, session
from veeam_async import EventKind
from veeam_async.cli.render.console import PlainConsole
from veeam_async.cli.render.dashboard import Dashboard, Row
from veeam_async.cli.render.live import live_dashboard

pytestmark = pytest.mark.looptime


class _Terminal(io.StringIO):
    """A terminal that keeps what it is sent."""

    def isatty(self) -> bool:
        return True


class _Counted(Dashboard):
    """A dashboard that counts how often somebody looked at it."""

    reads = 0

    def rows(self, limit: int, now: float) -> list[Row]:
        self.reads += 1
        return super().rows(limit, now)


async def test_nothing_is_drawn_while_nothing_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A terminal is sent what changes on it, a moment after the event."""
    monkeypatch.setenv("TERM", "xterm")
    dashboard, stream = dashboard_of(3), _Terminal()
    async with live_dashboard(dashboard, PlainConsole(stream, width=80)):
        await asyncio.sleep(1)
        first = stream.getvalue()
        await asyncio.sleep(60)
        later = stream.getvalue()
        dashboard.update(
            changed(EventKind.PROGRESSED, session(0, progress=47)), now=0.0
        )
        await asyncio.sleep(1)

        assert "100%" not in first
        assert later == first
        assert "47%" in stream.getvalue()[len(later) :]


@pytest.mark.parametrize(("took", "reads"), [(0.04, 500), (3600.0, 200)])
async def test_a_slow_terminal_is_drawn_to_less_often(took: float, reads: int) -> None:
    """Drawing takes one part in fifty of the time, but the table never stands still."""
    times = count(step=took)  # read before and after each drawing
    dashboard = _Counted()
    dashboard.update(changed(EventKind.FOUND, session(0)), now=0.0)
    console = PlainConsole(io.StringIO(), width=80)
    async with live_dashboard(dashboard, console, clock=lambda: next(times)):
        await asyncio.sleep(1000)
        seen = dashboard.reads

    assert seen == pytest.approx(reads, rel=0.1)
