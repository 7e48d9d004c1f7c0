import io
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.cli.events import NOON, changed, dashboard_of, ended, gone, health, session
from veeam_async import EventKind, RestoreSession
from veeam_async.cli.render.console import PlainConsole
from veeam_async.cli.render.dashboard import Dashboard
from veeam_async.cli.render.live import Renderer
from veeam_async.cli.render.text import event_line

STATES = ("Starting", "Working", "Pausing", "Resuming", "Stopping", "Unheard-of state")


def _console(width: int, height: int = 20, encoding: str = "utf-8") -> PlainConsole:
    console = PlainConsole(
        io.TextIOWrapper(io.BytesIO(), encoding=encoding), width=width
    )
    console.height = height
    return console


def _drawn(dashboard: Dashboard, console: PlainConsole) -> list[str]:
    """The lines that a console shows of *dashboard*."""
    with console.capture() as capture:
        console.print(Renderer(dashboard, console).render(now=100.0))
    return capture.get().splitlines()


@pytest.mark.parametrize("width", [1, 20, 40, 60, 80, 120, 200])
def test_a_frame_fits_its_terminal(width: int) -> None:
    """No line is wider than the console, and there are no more lines than it has."""
    dashboard = dashboard_of(50)
    dashboard.update(health(EventKind.DEGRADED), now=0.0)
    drawn = _drawn(dashboard, _console(width))

    assert all(len(text) <= width for text in drawn)
    assert len(drawn) < 20
    assert ("50 Working" in "".join(drawn)) == (width > 1)


@given(
    name=st.text(),
    width=st.integers(20, 150),
    encoding=st.sampled_from(["utf-8", "ascii", "cp437"]),
)
def test_every_name_fits(name: str, width: int, encoding: str) -> None:
    """Wide, combined or unknown to the terminal: each row takes one line."""
    console = _console(width, encoding=encoding)
    dashboard = Dashboard()
    for number, state in enumerate(STATES):
        seen = session(number, state, job_name=name or "-", progress=50)
        dashboard.update(changed(EventKind.FOUND, seen), now=0.0)
    rows = _drawn(dashboard, console)[1 : 1 + len(STATES)]

    assert {cell_len(row) for row in rows} == {min(width, 140)}
    assert "".join(rows).encode(encoding)


def test_no_count_is_lost_on_a_narrow_screen() -> None:
    """Counts take another line where one does not hold them; none is broken."""
    dashboard = Dashboard()
    for number in range(1000):
        seen = session(number, STATES[number % 5])
        dashboard.update(changed(EventKind.FOUND, seen), now=0.0)
    for number, result in enumerate(("Success", "Warning", "Failed"), 1000):
        dashboard.update(ended(number, result), now=0.0)
    dashboard.update(gone(1003), now=0.0)
    drawn = _drawn(dashboard, _console(40))
    below = [text for text in drawn if " · " in text or "not shown" in text]

    assert len(drawn) < 20
    assert below == [
        "200 Pausing · 200 Resuming",
        "200 Starting · 200 Stopping",
        "200 Working · 1 Success · 1 Warning",
        "1 Failed · 1 Gone · (991 not shown)",
    ]


def test_a_terminal_without_unicode() -> None:
    """A character that it cannot show has a stand-in of the same width."""
    dashboard = Dashboard()
    name = "Zürich 東京 " + "x" * 40
    dashboard.update(
        changed(EventKind.FOUND, session(1, job_name=name, progress=50)), now=0.0
    )
    dashboard.update(ended(2), now=0.0)
    drawn = _drawn(dashboard, _console(60, encoding="ascii"))

    assert drawn[1].startswith("Z?rich ?? xxxxxxx~  ------")
    assert drawn[-1] == "1 Working | 1 Success"


def test_a_session_that_was_never_seen_is_its_id() -> None:
    """There is nothing else to show of it."""
    dashboard = Dashboard()
    dashboard.update(gone(7), now=0.0)

    assert _drawn(dashboard, _console(80))[1].split() == [
        f"{UUID(int=7)!s:.23}…",
        "Gone",
    ]


def test_what_nobody_sees_changes_no_frame() -> None:
    """Progress in a row that is hidden, or the same once more, is not drawn again."""
    dashboard = dashboard_of(100)
    renderer = Renderer(dashboard, _console(80))
    before = renderer.render(now=1.0)
    dashboard.update(changed(EventKind.PROGRESSED, session(99, progress=40)), now=1.0)
    dashboard.update(changed(EventKind.PROGRESSED, session(0, progress=0)), now=1.0)
    same = renderer.render(now=1.0)
    dashboard.update(changed(EventKind.PROGRESSED, session(0, progress=40)), now=1.0)
    other = renderer.render(now=1.0)

    assert same == before
    assert other != before
    assert sum(a is not b for a, b in zip(same.lines, other.lines, strict=True)) <= 3


def test_a_terminal_may_change_its_size() -> None:
    """The next frame is as wide and as high as the terminal is then."""
    console = _console(120)
    renderer = Renderer(dashboard_of(50), console)
    wide = renderer.render(now=1.0)
    console.width, console.height = 50, 10
    narrow = renderer.render(now=1.0)

    assert "Took" in str(wide.lines[0])
    assert "Took" not in str(narrow.lines[0])
    assert len(narrow.lines) < 10


def test_bad_health_is_shown_until_it_is_over() -> None:
    """While the server does not answer, a line says since when."""
    dashboard = dashboard_of(1)
    degraded, recovered = health(EventKind.DEGRADED), health(EventKind.RECOVERED)
    dashboard.update(degraded, now=1.0)
    during = _drawn(dashboard, _console(80))
    dashboard.update(recovered, now=2.0)

    assert "the server has not answered since" in during[-1]
    assert "not answered" not in "".join(_drawn(dashboard, _console(80)))
    assert "the server has not answered since" in event_line(degraded).plain
    assert "the server answers again" in event_line(recovered).plain


@pytest.mark.parametrize(("encoding", "mark"), [("utf-8", "…"), ("ascii", "~")])
def test_a_sentence_that_is_cut_says_so(encoding: str, mark: str) -> None:
    """At each width: half of a port would be read as another port."""
    dashboard = dashboard_of(1)
    dashboard.update(health(EventKind.DEGRADED), now=1.0)
    whole = _drawn(dashboard, _console(200, encoding=encoding))[-1]
    for width in range(1, cell_len(whole) + 1):
        shown = _drawn(dashboard, _console(width, encoding=encoding))[-1]
        assert cell_len(shown) == width
        assert shown.endswith(mark) == (width < cell_len(whole))


def test_the_bad_health_of_some_sessions_is_one_line() -> None:
    """The server's comes before theirs; one that has ended is left out of it."""
    dashboard = dashboard_of(5)
    last = []
    for event in (
        health(EventKind.DEGRADED, 1),
        health(EventKind.DEGRADED, 2),
        health(EventKind.DEGRADED),
        health(EventKind.RECOVERED),
        gone(2),
        health(EventKind.RECOVERED, 1),
    ):
        dashboard.update(event, now=1.0)
        last.append(_drawn(dashboard, _console(80))[-1])

    assert f": {UUID(int=1)}" in last[0]
    assert [text.split(" not")[0] for text in last] == [
        "1 session has",
        "2 sessions have",
        "the server has",
        "2 sessions have",
        "1 session has",
        "4 Working · 1 Gone",
    ]


def test_a_restore_is_called_by_its_machine() -> None:
    """It belongs to no job; control characters in a name are not passed on."""
    restored = RestoreSession(
        uid=f"urn:veeam:RestoreSession:{UUID(int=1)}",
        name="x",
        vm_display_name="sql\x1b[31m01",
        job_type="RestoreVm",
        creation_time=NOON,
        end_time=NOON + timedelta(minutes=2),
        state="Stopped",
    )
    text = event_line(changed(EventKind.STOPPED, restored)).plain

    assert "sql�[31m01" in text
    assert "STOPPED     Stopped" in text  # ended without a result
    assert "\x1b" not in text
