"""The examples, each as a process of its own against a simulated server."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import sys
from pathlib import Path

from veeam_async.simulator import Simulator

EXAMPLES = Path(__file__).parent.parent / "examples"


async def start(
    server: Simulator, name: str, *arguments: str
) -> asyncio.subprocess.Process:
    """Start an example."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        str(EXAMPLES / name),
        *arguments,
        env={
            **os.environ,
            "VEEAM_URL": server.url,
            "VEEAM_USERNAME": server.username,
            "VEEAM_PASSWORD": server.password,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def line(process: asyncio.subprocess.Process) -> dict[str, str]:
    """Give the next line that an example printed."""
    assert process.stdout is not None
    told: dict[str, str] = json.loads(await process.stdout.readline())
    return told


async def test_a_watcher_goes_on_after_it_was_killed(tmp_path: Path) -> None:
    """No end is lost, also of what started and ended while nobody watched."""
    state = str(tmp_path / "state.json")
    async with Simulator(sessions=30, running=0, speed=0) as server:
        first = server.add_session(script=[("Working", 10)])
        process = await start(server, "resuming_watcher.py", state, "0.05")
        while not Path(state).exists():  # noqa: ASYNC240 - a local disk; FOUND writes it
            await asyncio.sleep(0.02)
        server.advance(20)
        told = [await line(process)]
        process.kill()
        await process.communicate()
        second = server.add_session(script=[("Working", 10)])
        server.advance(20)
        process = await start(server, "resuming_watcher.py", state, "0.05")
        while str(second) not in {each["id"] for each in told}:
            told.append(await line(process))
        process.kill()
        await process.communicate()

    assert {each["id"] for each in told} == {str(first), str(second)}


async def test_a_nightly_report_tells_what_failed(tmp_path: Path) -> None:
    """A row for each session of the night, and a reason for each failure."""
    path = tmp_path / "night.csv"
    async with Simulator(sessions=60, running=2, speed=0) as server:
        server.add_session(script=(), result="Failed", failure_message="Disk full")
        process = await start(server, "nightly_report.py", str(path), "24")
        out, err = await process.communicate()

    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    failed = [row for row in rows if row["result"] == "Failed"]
    assert (process.returncode, err) == (1, b"")
    assert failed
    assert all(row["reason"] for row in failed)
    assert out.decode().startswith(f"{len(failed)} failed")
