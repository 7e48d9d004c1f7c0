"""Waiting shows life: what a line and a table tell while a server answers, and not."""

import asyncio
import io
from datetime import UTC, datetime, timedelta

import pytest
from rich.cells import cell_len

from tests.cli.command import PASSWORD, environment
from tests.cli.events import changed, dashboard_of, session
from tests.cli.terminal import Terminal, needs_terminal, on_terminal
from tests.support.bodies import JOB, PAGE, behind_logon, row, task, uuid_of
from tests.support.bodies import session as body_of
from tests.support.fault_server import Act, Answer, Asked, FaultServer, Reset, Stall
from tests.support.scripted import ScriptedServer
from veeam_async import (
    ConnectionFailed,
    EventKind,
    RequestDone,
    ServiceUnavailable,
    VeeamError,
)
from veeam_async.cli.render.console import PlainConsole
from veeam_async.cli.render.contact import Contact
from veeam_async.cli.render.dashboard import Dashboard
from veeam_async.cli.render.last_answer import Looks, Requests
from veeam_async.cli.render.life import LifeLine
from veeam_async.cli.render.live import Renderer, Surroundings
from veeam_async.cli.render.words import zone
from veeam_async.simulator import Simulator

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
REFUSED = ConnectionFailed("nothing listens at em.test:9398")


class Scene:
    """A time that a test sets, and the looks at a server that it makes up."""

    def __init__(self) -> None:
        self.now = NOON
        self.looks = Looks()

    def after(
        self,
        seconds: float,
        *,
        last: float | None = None,
        error: VeeamError | None = None,
        behind: float = 0.0,
    ) -> None:
        """Let it be so late; *last* is when a look was answered, in seconds as well."""
        self.now = NOON + timedelta(seconds=seconds)
        at = None if last is None else NOON + timedelta(seconds=last)
        self.looks = Looks(last=at, error=error, behind=behind)

    def contact(self, interval: float = 5.0, grace: float = 60.0) -> Contact:
        """A contact that goes by this."""
        return Contact(
            lambda: self.looks, interval=interval, grace=grace, clock=lambda: self.now
        )


def console(width: int) -> PlainConsole:
    """A console of so many columns."""
    return PlainConsole(io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), width=width)


def drawn(renderer: Renderer, width: int) -> list[str]:
    """The lines that *renderer* draws at some time."""
    with (shown := console(width)).capture() as capture:
        shown.print(renderer.render(now=100.0))
    return capture.get().splitlines()


# ---------------------------------------------------------------- who answers


def test_a_look_that_failed_is_told_within_two_intervals() -> None:
    """One that the next makes good is not: a screen would flicker."""
    scene = Scene()
    contact = scene.contact(interval=5)
    told = []
    for seconds in (5, 7, 8, 10):
        scene.after(seconds, last=0, error=REFUSED)
        told.append(contact.text().plain)

    assert told[:2] == [f"last look {NOON.astimezone():%H:%M:%S}"] * 2
    since = f"the server has not answered since {NOON.astimezone():%H:%M:%S}"
    assert told[2:] == [since] * 2
    assert (contact.lasting, contact.reason) == (" (10s)", f": {REFUSED}")
    # On a line of its own no heading of a table says the zone.
    at = f"{NOON.astimezone():%H:%M:%S} {zone([NOON])}"
    assert contact.text(brief=True).plain == f"no answer since {at}"


@pytest.mark.parametrize(("grace", "late"), [(2.0, 2.0), (60.0, 5.0)])
def test_a_server_that_hangs_is_told_in_time(grace: float, late: float) -> None:
    """After two intervals and a time-out, or five seconds where that is longer."""
    scene = Scene()
    contact = scene.contact(interval=5, grace=grace)
    away = []
    # The look at 5 hangs: it is behind from 10 on, when the next would be due.
    for behind in (late - 0.1, late + 0.1):
        scene.after(10 + behind, last=0, behind=behind)
        contact.text()
        away.append(contact.is_away)

    assert away == [False, True]


def test_a_slow_list_is_no_silence() -> None:
    """Where one look takes a minute and others are answered, the server is there."""
    scene = Scene()
    contact = scene.contact(interval=5)
    scene.after(60, last=58, behind=55)

    assert contact.text().plain.startswith("last look")
    assert not contact.is_away


def test_that_it_answers_again_is_told_for_a_while() -> None:
    """Then there is no more to tell than when the last look was."""
    scene = Scene()
    contact = scene.contact()
    said = []
    for seconds, last, error in ((20, 0, REFUSED), (21, 21, None), (40, 39, None)):
        scene.after(seconds, last=last, error=error)
        said.append(contact.text().plain)

    assert "has not answered" in said[0]
    assert said[1].startswith("the server answers again · last look ")
    assert said[2].startswith("last look ")


def test_a_server_that_never_answered_is_told_of() -> None:
    """Since the waiting began."""
    scene = Scene()
    contact = scene.contact()
    first = contact.text().plain
    scene.after(8, error=REFUSED)

    assert first == "no answer yet"
    assert f"since {NOON.astimezone():%H:%M:%S}" in contact.text().plain


def test_the_requests_of_a_logon_are_looks() -> None:
    """One that fails is told at once, with its status where there is one."""
    requests = Requests(lambda: NOON)
    found = []
    for status in (None, 503, 201):
        requests(
            RequestDone(
                method="POST",
                route="/sessionMngr/",
                status=status,
                seconds=0.1,
                attempt=1,
                bytes=0,
            )
        )
        found.append(requests.looks())

    assert [each.error is None for each in found] == [False, False, True]
    assert "503" in str(found[1].error)
    assert found[2].last == NOON


# ---------------------------------------------------------------- one line


def line_of(scene: Scene, name: str = "Mail servers of the north") -> LifeLine:
    """A line that has seen a session, which began an hour before noon."""
    life = LifeLine(f"Waiting for {uuid_of(1)}", clock=lambda: scene.now)
    life.follow(lambda: scene.looks, 5.0, lambda: NOON + timedelta(hours=1), 60.0)
    life.saw(session(1, progress=45, job_name=name))
    return life


@pytest.mark.parametrize("width", [57, 77, 197])
def test_a_line_tells_all_that_is_asked(width: int) -> None:
    """Job, state, progress, time so far, and how it goes with the server."""
    scene = Scene()
    life = line_of(scene)
    scene.after(2, last=2)
    good = life.text(width).plain
    scene.after(62, last=2, error=REFUSED)
    bad = life.text(width).plain

    assert good.startswith("Mail")
    for said in ("Working 45%", "1h 00m"):
        assert said in good
        assert said in bad
    assert "last look" in good
    assert "no answer since" in bad[:width]
    assert ("(1m 00s)" in bad[:width]) == (width > 57)
    assert cell_len(good) <= width


def test_a_line_says_what_it_waits_for_until_a_session_is_seen() -> None:
    """And for how long, so that it does not stand still."""
    scene = Scene()
    life = LifeLine("Waiting for x", clock=lambda: scene.now)
    scene.after(3)
    at_first = life.text(77).plain
    life.doing("asking the server to start it")

    assert at_first == "Waiting for x · 3s · logging on"
    assert life.text(77).plain == "Waiting for x · 3s · asking the server to start it"
    scene.after(9)
    assert "no answer since" in life.text(77).plain


def test_a_line_of_several_counts_them() -> None:
    """One session after another would only flicker."""
    scene = Scene()
    life = LifeLine("Waiting for 12 sessions", clock=lambda: scene.now)
    life.follow(lambda: scene.looks, 5.0, lambda: NOON, 60.0)
    life.ended(3, 12)
    scene.after(61, last=60)
    said = life.text(77).plain

    assert said.startswith("Waiting for 12 sessions · 3 of 12 ended · 1m 01s · last ")


# ---------------------------------------------------------------- a table


def test_an_empty_table_says_what_it_waits_for() -> None:
    """Without a heading; in the end nothing of it is left."""
    scene = Scene()
    scene.after(1, last=1)
    surroundings = Surroundings(
        contact=scene.contact(), waiting_for=lambda: "nothing runs now"
    )
    renderer = Renderer(Dashboard(), console(80), surroundings)
    waiting = drawn(renderer, 80)
    renderer.is_over = True

    assert waiting[0] == "nothing runs now"
    assert waiting[1].startswith("last look ")
    assert drawn(renderer, 80) == []


def test_the_foot_tells_how_it_goes_with_the_server() -> None:
    """A last picture has no foot, unless the server is away."""
    scene = Scene()
    renderer = Renderer(
        dashboard_of(1), console(80), Surroundings(contact=scene.contact())
    )
    scene.after(1, last=1)
    good = drawn(renderer, 80)
    scene.after(
        99,
        last=1,
        error=ServiceUnavailable(
            status=503, message="restarting", method="GET", url="https://em.test/api"
        ),
    )
    bad = drawn(renderer, 80)
    renderer.is_over = True

    assert good[-1].startswith("last look ")
    assert bad[-1].endswith("(1m 38s): HTTP 503, restarting")
    assert drawn(renderer, 80) == bad
    scene.after(100, last=100)
    assert drawn(renderer, 80)[-1] == "1 Working"


def test_what_runs_took_the_time_so_far() -> None:
    """By the server's clock; a row is drawn anew where that changes it."""
    scene = Scene()
    seen = session(1)
    dashboard = Dashboard()
    dashboard.update(changed(EventKind.FOUND, seen), now=0.0)
    surroundings = Surroundings(server_time=lambda: scene.now)
    renderer = Renderer(dashboard, console(80), surroundings)
    scene.now = seen.creation_time + timedelta(minutes=65)
    first = drawn(renderer, 80)[1]
    scene.now += timedelta(minutes=1)

    assert "1h 05m" in first
    assert "1h 06m" in drawn(renderer, 80)[1]


# ---------------------------------------------------------------- real terminals


async def shows(terminal: Terminal, *words: str) -> None:
    """Wait until one of *words* was written to the terminal."""
    while not any(word in terminal.raw for word in words):
        await asyncio.sleep(0.02)


@needs_terminal
@pytest.mark.parametrize(
    ("command", "away", "columns"),
    [("wait", Stall(), 80), ("watch", PAGE, 60), ("run", Reset(), 200)],
    ids=["wait", "watch", "run"],
)
@pytest.mark.timeout(60)
async def test_a_server_that_dies_is_seen(
    command: str, away: Act, columns: int
) -> None:
    """And that it answers again; of a run already before its session was shown."""
    dead: list[Act] = []
    started = ScriptedServer(fresh=[row(1, at=1)], tasks=[task("Running")])
    known = behind_logon(lambda _: Answer(body=body_of(1, state="Working")))

    def act(asked: Asked) -> Act:
        if dead and asked.method == "GET":
            return dead[0]
        answer = (started if command == "run" else known)(asked)
        if command == "run" and asked.method == "POST" and "/jobs" in asked.target:
            dead.append(away)
        return answer

    what = str(JOB if command == "run" else uuid_of(1))
    options = ("--interval", "0.2", "--request-timeout", "0.5")
    terminal = Terminal()
    async with FaultServer(act) as server:
        env = environment(VEEAM_URL=server.url, VEEAM_USERNAME="u", VEEAM_PASSWORD="p")
        running = asyncio.create_task(
            on_terminal(
                *(command, what, *options),
                env=env,
                columns=columns,
                terminal=terminal,
                answer=("answers again", "\x03"),
            )
        )
        if command != "run":
            await shows(terminal, "last look")
            dead.append(away)
        await shows(terminal, "not answered since", "no answer since")
        dead.clear()
        started.tasks = [task(session=1)]
        ended = await running

    assert ended.code == 130
    assert max(cell_len(line) for line in ended.lines) <= columns
    assert not any("not answered" in line for line in ended.screen)


@needs_terminal
@pytest.mark.parametrize("command", [("query",), ("wait", str(uuid_of(1)))])
async def test_a_logon_that_takes_its_time_is_seen(command: tuple[str, ...]) -> None:
    """Before there is anything else to show; nothing of it is left."""
    said = {"query": "Logging on to http://", "wait": "logging on"}[command[0]]
    async with FaultServer([Stall()]) as server:
        env = environment(VEEAM_URL=server.url, VEEAM_USERNAME="u", VEEAM_PASSWORD="p")
        shown = await on_terminal(*command, env=env, answer=(said, "\x03"))

    assert shown.code == 130
    assert "".join(shown.screen) == ""


@needs_terminal
@pytest.mark.parametrize(
    "command", ["query", "references", "fetch", "get x", "tasks x"]
)
async def test_a_server_that_hangs_after_the_logon_is_seen(command: str) -> None:
    """What is read is told of, and for how long; nothing of it is left."""
    words = command.replace("x", str(uuid_of(1))).split()
    async with FaultServer(behind_logon(lambda _: Stall())) as server:
        env = environment(VEEAM_URL=server.url, VEEAM_USERNAME="u", VEEAM_PASSWORD="p")
        said = "Reading from http://"
        shown = await on_terminal(*words, env=env, answer=(said, "\x03"))

    assert shown.code == 130
    assert "".join(shown.screen) == ""


def test_a_row_is_an_answer() -> None:
    """A list that takes minutes, page by page, is no silence."""
    scene = Scene()
    line = LifeLine("Reading", clock=lambda: scene.now)
    line.doing("")
    said = []
    for seconds, is_row in ((9, True), (13, False), (15, False)):
        scene.after(seconds)
        if is_row:
            line.answered()
        said.append(line.text(80).plain)

    assert said[:2] == ["Reading · 9s", "Reading · 13s"]
    assert "no answer since" in said[2]


@needs_terminal
async def test_an_empty_watch_leaves_a_clean_screen() -> None:
    """After Ctrl-C nothing of it is left, be the terminal as narrow as its lines."""
    async with Simulator(sessions=0, running=0, password=PASSWORD) as simulator:
        shown = await on_terminal(
            *("watch", "--interval", "0.2"),
            env=environment(simulator),
            columns=47,
            answer=("nothing runs now", "\x03"),
        )

    assert shown.code == 130
    assert "".join(shown.screen) == ""
    assert "Progress" not in shown.raw


@needs_terminal
async def test_a_table_is_left_once_after_ctrl_c() -> None:
    """The picture that was drawn last, without what it was waiting for."""
    async with Simulator(sessions=0, running=0, password=PASSWORD) as simulator:
        simulator.add_session(script=[("Working", 36_000)])
        shown = await on_terminal(
            *("watch", "--interval", "0.2"),
            env=environment(simulator),
            answer=("1 \x1b[36mWorking", "\x03"),
        )
    left = [line for line in shown.screen if line]

    assert shown.code == 130
    assert [line.split()[0] for line in left] == ["Job", left[1].split()[0], "1"]
