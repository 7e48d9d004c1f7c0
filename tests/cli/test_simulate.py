import asyncio
import re
import signal
import sys
from datetime import UTC, datetime, timedelta

import pytest

from tests.cli.command import end, environment, start
from veeam_async import EnterpriseManager


async def _instructions(process: asyncio.subprocess.Process) -> str:
    """Read what the simulator says until it serves."""
    assert process.stdout is not None
    said = await process.stdout.readuntil(b"Ctrl-C ends it.\n")
    return said.decode()


def _exported(text: str) -> dict[str, str]:
    """Read the lines for sh."""
    words = (line.split() for line in text.splitlines())
    pairs = (word[1].split("=", 1) for word in words if word[:1] == ["export"])
    return {name: value.strip("'") for name, value in pairs}


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT is sent as POSIX does")
async def test_it_says_how_to_reach_it_and_serves() -> None:
    """The lines for a shell are all that another command needs; Ctrl-C gives 130."""
    options = ("--port", "0", "--tls", "--sessions", "5", "--running", "1")
    simulator = await start("simulate", *options, env=environment())
    text = await _instructions(simulator)
    given = _exported(text)
    listed = await end(await start("references", env=environment(**given)))
    simulator.send_signal(signal.SIGINT)
    ended = await end(simulator)

    names = ("VEEAM_URL", "VEEAM_USERNAME", "VEEAM_PASSWORD", "VEEAM_FINGERPRINT")
    assert set(names) == set(given)
    assert all(f"  $env:{name} = '{given[name]}'" in text for name in names)
    assert given["VEEAM_URL"].startswith("https://127.0.0.1:")
    assert len(listed.rows) == 5
    assert (ended.code, ended.err) == (130, "")


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT is sent as POSIX does")
async def test_it_never_runs_dry() -> None:
    """Long after the first sessions new ones run; SIGTERM ends it while it is asked."""
    speed = 20_000
    options = ("--port", "0", "--running", "5", "--speed", str(speed))
    simulator = await start("simulate", *options, env=environment())
    text = await _instructions(simulator)
    given = _exported(text)
    async with EnterpriseManager(
        given["VEEAM_URL"],
        username=given["VEEAM_USERNAME"],
        password=given["VEEAM_PASSWORD"],
    ) as em:
        first = {row.id async for row in em.backup_sessions.query(limit=250)}
        newest = first
        while newest & first:
            rows = em.backup_sessions.query(order_by="-creation_time", limit=40)
            newest = {row.id async for row in rows}
        simulator.send_signal(signal.SIGTERM)
        ended = await end(simulator)

    assert f"which runs {speed} times as fast as yours\n" in text
    assert re.search(
        r"\d+, of which \d+ run; each job starts once an hour of its clock\n", text
    )
    assert (ended.code, ended.err) == (143, "")


@pytest.mark.parametrize(
    ("speed", "said"), [("1", "keeps up with yours"), ("0", "stands still")]
)
@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT is sent as POSIX does")
async def test_it_says_how_its_clock_runs(speed: str, said: str) -> None:
    """In words where it is no faster, beside the time that it shows."""
    options = ("--port", "0", "--speed", speed)
    simulator = await start("simulate", *options, env=environment())
    text = await _instructions(simulator)
    simulator.send_signal(signal.SIGINT)
    await end(simulator)

    assert re.search(rf"Clock +\d{{4}}-\d\d-\d\d [\d:]+ UTC, which {said}\n", text)
    assert ("each job starts" in text) == (speed == "1")


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT is sent as POSIX does")
async def test_clocks_of_its_backup_servers() -> None:
    """With both a year ahead the newest session lies in the future."""
    year = str(365 * 86_400)
    offsets = ("--clock-offset", year, "--clock-offset", year)
    simulator = await start("simulate", "--port", "0", *offsets, env=environment())
    given = _exported(await _instructions(simulator))
    listed = await end(await start("query", env=environment(**given)))
    simulator.send_signal(signal.SIGINT)
    await end(simulator)
    newest = max(row["creation_time"] for row in listed.rows)

    assert datetime.fromisoformat(newest) > datetime.now(UTC) + timedelta(days=300)


async def test_a_port_that_is_taken() -> None:
    """Another server on the port is told in one line."""
    server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0)
    async with server:
        port = str(server.sockets[0].getsockname()[1])
        ended = await end(await start("simulate", "--port", port, env=environment()))

    assert (ended.code, ended.out) == (1, "")
    assert len(ended.err.splitlines()) == 1
    assert port in ended.err
