import asyncio
import io
import time
from collections.abc import Iterator
from csv import reader
from datetime import UTC, datetime, timedelta

import pytest
from rich.cells import cell_len

from tests.cli.command import PASSWORD, Invoke, Run, environment
from tests.cli.terminal import Terminal, needs_terminal, on_terminal
from tests.support.paths import RECORDINGS
from veeam_async import BackupJobSession
from veeam_async.cli.render.output import row_writer
from veeam_async.cli.render.words import zone
from veeam_async.simulator import Simulator

REASON = "Processing of SQL01 failed: the network path was not found; " * 3
NAME = "Mail servers of the north and of the south, every night"
RECORDING = RECORDINGS / "everything.rec"
WIDTHS = (60, 80, 200)
ASCII = {"PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}


async def at_each_width(
    simulator: Simulator, *arguments: str, **variables: str
) -> list[Terminal]:
    """What a command shows on a narrow, a common and a wide terminal."""
    env = environment(simulator, TZ="Europe/Berlin", **variables)
    return await asyncio.gather(
        *(on_terminal(*arguments, env=env, columns=columns) for columns in WIDTHS)
    )


@needs_terminal
async def test_a_table_answers_when_and_how_long(simulator: Simulator) -> None:
    """At each width, with ids that commands take, and the zone in the heading."""
    running = str(simulator.add_session(script=[("Working", 36_000)], job_name=NAME))
    narrow, common, wide = await at_each_width(simulator, "query")
    for shown, width in zip((narrow, common, wide), WIDTHS, strict=True):
        heading = shown.lines[0]
        row = next(line for line in shown.lines if "Working" in line)

        assert shown.code == 0
        assert max(map(cell_len, shown.lines)) <= width
        assert [word for word in ("Id", "Status", "Took", "Job") if word in heading]
        assert row.split()[0] in (running[:8], running)
        assert NAME[:14] in row
        assert any(row.split()[at].endswith("s") for at in (4, 5, 6))
    assert "Start UTC+" in narrow.lines[0]
    assert "Started (UTC+" in common.lines[0]
    assert running in "".join(wide.lines)
    assert NAME in "".join(wide.lines)


@needs_terminal
@pytest.mark.parametrize("variables", [ASCII, {"TERM": "dumb"}], ids=["ascii", "dumb"])
async def test_a_table_fits_a_terminal_that_can_do_less(
    simulator: Simulator, variables: dict[str, str]
) -> None:
    """Escapes count with their widths, and a dumb one need not have 80 columns."""
    simulator.add_session(script=(), result="Success", job_name="Büro … 夜間 " * 4)
    for arguments in (["query"], ["query", "--columns", "id,job_name,end_time"]):
        shown = await at_each_width(simulator, *arguments, **variables)
        for each, width in zip(shown, WIDTHS, strict=True):
            assert each.code == 0
            assert max(map(cell_len, each.lines)) <= width
            assert ("B\\xfcro" in each.raw) == (variables is ASCII)
            assert "\\u2026" not in each.raw  # our own sign of what was cut


async def test_how_long_it_runs_is_counted_by_the_servers_clock(quick: Run) -> None:
    """That of a simulator runs ahead, and a backup server's may be hours off."""
    async with Simulator(sessions=1, running=0, password=PASSWORD) as simulator:
        simulator.advance(50_000)
        running = str(simulator.add_session(script=[("Working", 36_000)]))
        simulator.advance(7_500)
        table = await quick("query", "-o", "table", VEEAM_URL=simulator.url)
        got = await quick("get", running, "-o", "table", VEEAM_URL=simulator.url)

    assert "2h 05m" in next(
        line for line in table.out.splitlines() if line.startswith(running)
    )
    assert "2h 05m so far" in got.out


@needs_terminal
async def test_no_reason_is_cut(simulator: Simulator) -> None:
    """It goes below its row where there is no room beside the others."""
    session_id = simulator.add_session(
        script=(), result="Failed", failure_message=REASON
    )
    for shown in await at_each_width(simulator, "tasks", str(session_id)):
        assert REASON.strip() in " ".join("".join(shown.lines).split()), shown.lines
        assert "Took" in shown.lines[0]


async def test_a_pipe_gets_everything_on_one_line(
    quick: Run, simulator: Simulator
) -> None:
    """Whole ids, whole reasons, a line for each row."""
    session_id = str(
        simulator.add_session(script=(), result="Failed", failure_message=REASON)
    )
    tasks = await quick("tasks", session_id, "-o", "table")
    rows = await quick("query", "-o", "table", COLUMNS="60")

    assert len(rows.out.splitlines()) == 1 + len(simulator.session_ids)
    assert session_id in rows.out
    assert all(line.count("SQL01") == 3 for line in tasks.out.splitlines()[1:])


async def test_columns_are_chosen_by_any_of_their_names(
    quick: Run, simulator: Simulator
) -> None:
    """The model's, EM's own in any case, a heading's; in their order, in each form."""
    columns = ("--columns", "Job, status,CREATIONTIMEUTC,JobUid,id")
    names = ["job_name", "status", "creation_time", "job_uid", "id"]
    lines = await quick("query", *columns)
    csv = await quick("query", *columns, "-o", "csv")
    table = await quick("fetch", *columns, "-o", "table")

    assert [list(row) for row in lines.rows] == [names] * len(simulator.session_ids)
    assert csv.out.splitlines()[0] == ",".join(names)
    assert len(csv.out.splitlines()) == 1 + len(lines.rows)
    assert [word in table.out.splitlines()[0] for word in names] == [True] * 5


async def test_csv_without_rows_has_its_heading(quick: Run) -> None:
    """The one that rows would have, and what reads ids finds none below it."""
    for command, none in (
        ("query", ("--job", "nothing")),
        ("query", ("--resource", "restore", "--since", "now")),
        ("fetch", ("--job", "nothing")),
        ("references", ("--limit", "0")),
        ("jobs", ("nothing",)),
    ):
        full = await quick(command, *none[:-2], "-o", "csv")
        empty = await quick(command, *none, "-o", "csv")
        chosen = await quick(command, *none, "-o", "csv", "--columns", "uid,id")
        read = await quick("fetch", "-", text=empty.out)

        assert empty.out.splitlines() == full.out.splitlines()[:1]
        assert (empty.code, chosen.out) == (0, "uid,id\n")
        assert (read.code, read.out) == (0, "")


@pytest.mark.parametrize("command", ["get x", "query", "references", "tasks x"])
def test_a_column_that_is_not_there(invoke: Invoke, command: str) -> None:
    """Exit code 2 and the columns that there are, before anybody is asked."""
    ended = invoke(*command.replace("x", "0" * 8).split(), "--columns", "nonsense")

    assert ended.code == 2
    assert "there is no column 'nonsense', only id, " in ended.err


def test_the_columns_of_events(invoke: Invoke) -> None:
    """Of the event and of its session, on one line; a table of events has its own."""
    recording = str(RECORDING)
    columns = ("--columns", "kind,observed_at,id,job_name,status")
    csv = invoke("replay", recording, "-o", "csv", *columns)
    lines = invoke("replay", recording, *columns)
    plain = invoke("replay", recording, "-o", "csv")
    table = invoke("replay", recording, "-o", "table", *columns)

    rows = [",".join(value or "" for value in row.values()) for row in lines.rows]
    assert csv.out.splitlines() == [columns[1], *rows]
    assert plain.out.startswith("sequence,observed_at,kind,id,name,job_name,state,")
    assert (table.code, table.out) == (2, "")
    assert "--columns needs --output csv, json or ndjson here" in table.err


def test_csv_says_in_its_words_what_json_says(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing for null, true and false, quotes around what needs them."""
    with row_writer("csv", ["job_name", "is_retry", "end_time"]) as write:
        write(_session(job_name='a,"b"', is_retry=True))

    assert capsys.readouterr().out == 'job_name,is_retry,end_time\n"a,""b""",true,\n'


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r"])
def test_no_text_of_a_cell_is_a_formula(
    begin: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An apostrophe stands before it, and before nothing else; a number is one."""
    row = _session(job_name=f"{begin}cmd", name=f"a{begin}", progress=-1)
    with row_writer("csv", ["name", "progress", "job_name"]) as write:
        write(row)

    (_, cells) = reader(io.StringIO(capsys.readouterr().out, newline=""))
    assert cells == [f"a{begin}", "-1", f"'{begin}cmd"]


@pytest.fixture
def _berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if not hasattr(time, "tzset"):
        pytest.skip("a process cannot change its zone here")
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("_berlin")
def test_both_zones_are_told_where_clocks_were_put_back() -> None:
    """A table of a month can hold times of both."""
    summer = datetime(2026, 10, 1, tzinfo=UTC)
    winter = summer + timedelta(days=60)

    assert zone([winter, None]) == "UTC+1"
    assert zone([winter, summer]) == "UTC+1/+2"


def _session(**fields: object) -> BackupJobSession:
    return BackupJobSession(
        uid="urn:veeam:BackupJobSession:3f6a8c1e-52d7-4b90-a1c4-7d0e9b2f6a35",
        job_type="Backup",
        creation_time=datetime(2026, 3, 1, tzinfo=UTC),
        state="Stopped",
        **fields,  # type: ignore[arg-type]  # as its fields are
    )
