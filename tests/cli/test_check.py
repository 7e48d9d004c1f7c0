"""`check`, as a monitoring system runs it."""

import asyncio
import errno
import math
import os
import re
import signal
import sys
from collections.abc import AsyncIterator

import pytest

from tests.cli.command import (
    COMMAND,
    PASSWORD,
    Ended,
    Invoke,
    Run,
    end,
    environment,
    start,
)
from tests.cli.test_refusals import NOWHERE
from veeam_async.cli import plugin
from veeam_async.cli.exits import Exit
from veeam_async.cli.plugin import State
from veeam_async.cli.thresholds import Limits, Range, performance
from veeam_async.simulator import Simulator

HOUR = 3600.0


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    """A server whose jobs have not run yet."""
    async with Simulator(sessions=0, speed=0, password=PASSWORD) as simulator:
        yield simulator


def ran(
    simulator: Simulator,
    name: str,
    result: str = "Success",
    *,
    hours_ago: float = 1,
    runs: bool = False,
    message: str | None = None,
    is_retry: bool = False,
) -> None:
    """Let a job of this *name* have run, or run still."""
    places = [*simulator.job_ids]
    simulator.add_session(
        script=[("Working", math.inf)] if runs else (),
        result=result,
        created_in=-hours_ago * HOUR,
        job_id=places[sum(map(ord, name)) % len(places)],
        job_name=name,
        failure_message=message,
        is_retry=is_retry,
    )


def first_line(ended: Ended) -> str:
    """The line that a monitoring system shows; nothing is beside it."""
    assert ended.err == ""
    return ended.out.partition("\n")[0]


async def test_all_is_well(quick: Run, simulator: Simulator) -> None:
    """One line with the state and performance data, and exit code 0."""
    ran(simulator, "Mail")
    ran(simulator, "SAP", hours_ago=2, runs=True)
    ended = await quick("check")

    assert ended.code == 0
    assert len(ended.out.splitlines()) == 1
    summary, data = first_line(ended).split(" | ")
    assert re.fullmatch(
        r"VEEAM OK - 2 jobs ran since [-0-9]+ [0-9:]+ UTC\S*, 1 of them now", summary
    )
    assert re.fullmatch(
        r"jobs=2;;;0 failed=0;;0;0 warned=0;0;;0 missing=0;0;;0 running=1;;;0 "
        r"longest_run=7(199|2\d\d)(\.\d+)?s;86400;;0",
        data,
    )


async def test_what_failed_is_critical(quick: Run, simulator: Simulator) -> None:
    """With its reason below the line; a warning alone is one."""
    ran(simulator, "Mail", "Warning", message="3 GB left")
    warned = await quick("check")
    ran(simulator, "SAP", "Failed", message="no space | left\non D:")
    failed = await quick("check")

    assert warned.code == 1
    assert first_line(warned).startswith(
        "VEEAM WARNING - 1 ended with a warning: Mail; 1 job ran since "
    )
    assert failed.code == 2
    assert first_line(failed).startswith(
        "VEEAM CRITICAL - 1 failed: SAP; 1 ended with a warning: Mail; 2 jobs ran "
    )
    assert " failed=1;;0;0 warned=1;0;;0 " in failed.out
    sap, mail = failed.out.splitlines()[1:]
    assert re.match(r"\[CRITICAL\] SAP: Failed at .*: no space ¦ left on D:$", sap)
    assert re.match(r"\[WARNING\] Mail: Warning at .*: 3 GB left$", mail)


async def test_a_name_cannot_forge_the_data(quick: Run, simulator: Simulator) -> None:
    """A bar or a line feed in a job's name begins neither data nor another line."""
    ran(simulator, "A | failed=0\nVEEAM OK - fine\x1b[2J", "Failed")
    ended = await quick("check")

    line, *details = ended.out.splitlines()
    assert line.count("|") == 1
    assert "1 failed: A ¦ failed=0 VEEAM OK - fine�[2J; " in line
    assert [each[:12] for each in details] == ["[CRITICAL] A"]
    assert "|" not in details[0]


async def test_the_newest_session_of_a_job_counts(
    quick: Run, simulator: Simulator
) -> None:
    """A failure that was repaired is none, nor one that the server is repeating."""
    ran(simulator, "Repaired", "Failed", hours_ago=3)
    ran(simulator, "Repaired", hours_ago=2)
    ran(simulator, "Repeated", "Failed", hours_ago=3)
    ran(simulator, "Repeated", hours_ago=2, runs=True, is_retry=True)
    fine = await quick("check")
    ran(simulator, "Again", "Failed", hours_ago=3)
    ran(simulator, "Again", hours_ago=2, runs=True)
    failed = await quick("check")

    assert (fine.code, failed.code) == (0, 2)
    assert "1 failed: Again;" in first_line(failed)


async def test_only_the_jobs_that_are_meant(quick: Run, simulator: Simulator) -> None:
    """By names and patterns in any case; one that means no job that ran is told."""
    ran(simulator, "Mail 1", "Failed")
    ran(simulator, "SAP")
    ran(simulator, "Old", hours_ago=48)
    mail, sap, old, absent = [
        await quick("check", *options)
        for options in (
            ("--job", "mail*"),
            ("--job", "sap"),
            ("--job", "old", "--job", "SAP", "--since", "3d"),
            ("--job", "SAP", "--job", "Typo", "--critical-missing", "0"),
        )
    ]

    assert [each.code for each in (mail, sap, old, absent)] == [2, 0, 0, 2]
    assert "1 failed: Mail 1; 1 job ran" in mail.out
    assert "2 jobs ran" in old.out
    assert "1 did not run: Typo; 1 job ran" in absent.out
    assert "--since looks further back" in absent.out


async def test_where_nothing_ran(quick: Run) -> None:
    """It is a warning: a night without a backup is no good one."""
    ended = await quick("check")

    assert ended.code == 1
    assert first_line(ended).startswith(
        "VEEAM WARNING - 1 did not run: any job; 0 jobs ran since"
    )


async def test_thresholds(quick: Run, simulator: Simulator) -> None:
    """They are the plugins' ranges, and decide; a time has a unit."""
    ran(simulator, "Mail", "Failed")
    ran(simulator, "SAP", hours_ago=30.1, runs=True)
    ran(simulator, "Web", hours_ago=5)
    some = await quick("check", "--critical-failed", "1", "--warning-running", "~:")
    long = await quick("check", "--critical-failed", "~:", "--critical-running", "26h")

    assert (some.code, long.code) == (0, 2)
    assert "VEEAM OK - 1 failed: Mail; 3 jobs ran" in some.out
    assert "[OK] Mail: Failed" in some.out
    assert "1 failed: Mail; 1 run for too long: SAP; " in long.out
    assert "[CRITICAL] SAP: running for 1d 06h" in long.out
    assert ";86400;93600;0" in long.out


async def test_a_server_whose_clock_is_ahead(quick: Run, simulator: Simulator) -> None:
    """Times are counted by its clock; none is below 0, which no threshold allows."""
    simulator.advance(3 * HOUR)
    ran(simulator, "Mail", hours_ago=2, runs=True)
    ran(simulator, "SAP", hours_ago=-1, runs=True)
    ran(simulator, "Web", hours_ago=-1)
    limits = ("--warning-running", "1h", "--warning-age", "1h")
    ended = await quick("check", "--job", "*", *limits, "--job", "Web")
    fine = await quick("check")

    assert (ended.code, fine.code) == (1, 0)
    assert "1 run for too long: Mail;" in ended.out
    assert re.search(r" longest_run=7\d{3}(\.\d+)?s;86400;;0", fine.out)


async def test_how_long_ago_the_last_success_is(
    quick: Run, simulator: Simulator
) -> None:
    """Of each job with a schedule, one that no longer runs too; never is the worst."""
    ran(simulator, "Old", hours_ago=50)
    ran(simulator, "Old", "Failed")
    asked = ("check", "--job", "Old", "--critical-failed", "~:")
    old = await quick(*asked, "--warning-age", "26h", "--critical-age", "3d")
    young = await quick(*asked, "--critical-age", "3d")
    never = await quick("check", "--critical-failed", "~:", "--critical-age", "3d")

    assert (old.code, young.code, never.code) == (1, 0, 2)
    assert "1 had no success for too long: Old; 1 job ran" in old.out
    assert re.search(
        r"\[WARNING\] Old: the last success was at [-0-9]+ [0-9:]+ ", old.out
    )
    assert re.search(r" success_age=1(79|80)\d{3}(\.\d+)?s;93600;259200;0\n", old.out)
    assert " success_age=U;;259200;0\n" in never.out
    assert "never a success, as far back as the server remembers" in never.out


async def test_a_user_who_may_not_list_jobs(simulator: Simulator, quick: Run) -> None:
    """The jobs that ran are judged all the same, and what is not seen is told."""
    async with Simulator(
        sessions=0, speed=0, password=PASSWORD, role="Portal User"
    ) as server:
        ran(server, "Mail")
        ended = await quick("check", "--critical-age", "26h", VEEAM_URL=server.url)

    assert ended.code == 0
    assert ended.out.splitlines()[1].startswith("this user may not list jobs: ")


async def test_what_is_not_known_is_unknown(run: Run, quick: Run) -> None:
    """Exit code 3 with one line on standard output, whatever the reason is."""
    endings = [
        await run("check", VEEAM_PASSWORD="wrong"),
        await quick("check", VEEAM_URL=NOWHERE),
        await quick("check", "--nonsense"),
        await quick("--nonsense", "check"),
        await quick("check", "--since", "yesteryear"),
        await quick("check", "--critical-failed", "many"),
        await quick("check", "--critical-failed", "1h"),
        await quick("check", "--warning-age", "5:1"),
        await quick("check", "--timeout", "0"),
        await quick("check", "--password", "x"),
        await quick("check", VEEAM_USERNAME=""),
    ]

    for ended in endings:
        assert (ended.code, ended.err) == (3, "")
        assert ended.out.startswith("VEEAM UNKNOWN - ")
        assert len(ended.out.splitlines()) == 1
    assert "401" in endings[0].out


async def test_no_answer_in_time_is_unknown(quick: Run) -> None:
    """Before the monitoring system ends the command."""
    held: list[asyncio.StreamWriter] = []

    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        ended = await quick("check", "--timeout", "0.2", VEEAM_URL=url)
        for writer in held:
            writer.close()

    assert (ended.code, ended.err) == (3, "")
    assert "no whole answer within 0.2 s: --timeout gives it more" in ended.out


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
async def test_ctrl_c_is_unknown() -> None:
    """So is SIGTERM, by which a monitoring system ends what takes too long."""
    asked = asyncio.Event()

    async def silent(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.read(1)
        asked.set()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        env = environment(
            VEEAM_URL=f"http://127.0.0.1:{port}",
            VEEAM_USERNAME="me",
            VEEAM_PASSWORD=PASSWORD,
        )
        process = await start("check", env=env)
        await asked.wait()
        process.send_signal(signal.SIGTERM)
        ended = await end(process)

    assert (ended.code, ended.err) == (3, "")
    assert ended.out == "VEEAM UNKNOWN - interrupted\n"


async def test_a_warning_is_below_the_line(simulator: Simulator, quick: Run) -> None:
    """Icinga shows both streams as one, and would take it for the answer."""
    async with Simulator(sessions=0, speed=0, password=PASSWORD, tls=True) as server:
        ran(server, "Mail")
        ended = await quick("check", "--insecure", VEEAM_URL=server.url)

    assert (ended.code, ended.err) == (0, "")
    line, note = ended.out.splitlines()
    assert line.startswith("VEEAM OK - ")
    assert note.startswith("TLS verification is off")


async def test_without_its_extra() -> None:
    """Where cyclopts is missing it is unknown too, and how to install it is told."""
    code = (
        "import sys; sys.modules['cyclopts'] = None; sys.argv[1:] = ['check'];"
        "from veeam_async.__main__ import main; sys.exit(main())"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code),
        env=environment(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    ended = await end(process)

    assert (ended.code, ended.err) == (3, "")
    assert 'pip install "veeam-async[cli]"' in ended.out
    assert ended.out.startswith("VEEAM UNKNOWN - ")


async def test_an_answer_that_nobody_reads_is_unknown(simulator: Simulator) -> None:
    """A traceback would end with 1, which is a warning, and so would an error."""
    reading, writing = os.pipe()
    process = await start("check", env=environment(simulator), stdout=writing)
    os.close(writing)
    os.close(reading)
    ended = await end(process)

    assert ended.code == State.UNKNOWN
    assert ended.err == (
        f"veeam-async: the answer could not be written: {os.strerror(errno.EPIPE)}\n"
    )
    assert simulator.stats.tokens_alive == 0


@pytest.mark.skipif(sys.platform == "win32", reason="closes streams by a POSIX shell")
@pytest.mark.parametrize(
    ("command", "closed", "code", "told"),
    [
        ("check", "2>&-", State.OK, "VEEAM OK - "),
        ("query", "2>&-", Exit.DONE, "{"),
        ("check", ">&-", State.UNKNOWN, "veeam-async: the answer could not be written"),
        ("query", ">&-", Exit.ERROR, "veeam-async: standard output is closed"),
        ("check", ">&- 2>&-", State.UNKNOWN, ""),
        ("check", "<&- 2>&-", State.OK, "VEEAM OK - "),
        ("fetch -", "<&-", Exit.USAGE, "veeam-async: standard input is closed"),
    ],
)
async def test_a_stream_that_is_closed(
    simulator: Simulator, command: str, closed: str, code: int, told: str
) -> None:
    """What is left of them is used; without an answer nothing is known."""
    ran(simulator, "Mail")
    process = await asyncio.create_subprocess_exec(
        *("sh", "-c", f'exec "$@" {closed}', "sh", *COMMAND, *command.split()),
        env=environment(simulator),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    ended = await end(process)

    assert ended.code == code
    assert (ended.out + ended.err).startswith(told)


def test_a_fault_is_unknown(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """A traceback alone would be a warning: Python ends with 1."""

    def broken(_: object) -> None:
        raise LookupError("nobody thought of it")

    monkeypatch.setattr("veeam_async.cli.app.refuse_passwords", broken)
    ended = invoke("check")

    assert ended.code == 3
    assert ended.out.startswith("VEEAM UNKNOWN - a fault of this command: LookupError")
    assert "Traceback" in ended.err
    with pytest.raises(LookupError):
        invoke("demo")


@pytest.mark.parametrize(
    ("arguments", "called"),
    [
        ("check", True),
        ("--url https://em check --job x", True),
        ("--insecure check", True),
        ("get check", False),
        ("-o json get check", False),
        ("query", False),
    ],
)
def test_when_the_plugin_is_called(arguments: str, *, called: bool) -> None:
    """Options may stand before its name, which may be another command's argument."""
    assert plugin.is_called(arguments.split()) is called


# ---------------------------------------------------------------- thresholds


@pytest.mark.parametrize(
    ("text", "fine", "alerting", "shown"),
    [
        ("10", (0, 10), (-1, 10.5), "10"),
        ("0", (0,), (1,), "0"),
        ("10:", (10, 1e9), (9.9,), "10:"),
        ("~:10", (-1e9, 10), (11,), "~:10"),
        ("10:20", (10, 20), (9, 21), "10:20"),
        ("@10:20", (9, 21), (10, 20), "@10:20"),
        ("@5", (-1, 6), (0, 5), "@5"),
        ("~:", (-1e9, 1e9), (), "~:"),
        (":7", (0, 7), (8,), "7"),
        ("1.5", (1.5,), (1.6,), "1.5"),
        ("26h", (93_600,), (93_601,), "93600"),
        ("30m:2d", (1800, 172_800), (1799,), "1800:172800"),
    ],
)
def test_ranges(
    text: str, fine: tuple[float, ...], alerting: tuple[float, ...], shown: str
) -> None:
    """They mean what the guidelines of the Monitoring Plugins say."""
    found = Range.parse(text, "--x", of_time=True)

    assert not any(map(found.alerts, fine))
    assert all(map(found.alerts, alerting))
    assert str(found) == shown


@pytest.mark.parametrize(
    "text", ["", "@", "x", "1:2:3", "5:1", "1h", "10y", "~", "nan"]
)
def test_what_is_no_range(text: str) -> None:
    """It is refused, in words that name the option."""
    with pytest.raises(ValueError, match="--critical-failed"):
        Range.parse(text, "--critical-failed")


def test_performance_data() -> None:
    """A value that is not known is U, and numbers have neither exponent nor zeros."""
    limits = Limits(warning=Range.parse("10:", "-w"), critical=None)

    assert performance("a", None, limits, "s") == "a=U;10:;;0"
    assert performance("a", 1e7) == "a=10000000;;;0"
    assert performance("a", 0.25, limits, "s") == "a=0.25s;10:;;0"
    assert limits.state(9) is State.WARNING
