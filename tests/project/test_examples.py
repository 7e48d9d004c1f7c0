"""The examples, each as a process of its own against a simulated server."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import sys
from pathlib import Path

import aiohttp

from tests.support.paths import EXAMPLES
from veeam_async.simulator import Simulator


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


async def test_no_text_of_a_nightly_report_is_a_formula(tmp_path: Path) -> None:
    """A job may be called so that a spreadsheet would reckon: it is shown a text."""
    path = tmp_path / "night.csv"
    async with Simulator(sessions=0, running=0, speed=0) as server:
        server.add_session(job_name="=1+1", script=(), result="Success")
        process = await start(server, "nightly_report.py", str(path), "24")
        _, err = await process.communicate()

    with path.open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert (process.returncode, err) == (0, b"")
    assert row["job"] == "'=1+1"


async def test_dependent_jobs_run_in_their_order() -> None:
    """The last one starts when both others have ended."""
    async with Simulator(sessions=10, running=0, speed=600) as server:
        jobs = [str(one) for one in server.job_ids[:3]]
        for one in server.job_ids[:3]:
            server.next_run(one, script=[("Working", 60)])
        process = await start(server, "dependent_jobs.py", *jobs, "0.1")
        out, err = await process.communicate()

    said = out.decode().split("\n")
    assert (process.returncode, err) == (0, b"")
    assert (
        sorted(each.split()[0] for each in said[:4]) == ["ended"] * 2 + ["started"] * 2
    )
    assert said[4:6] == [f"started {jobs[2]}", f"ended {jobs[2]}: Success"]


async def test_a_job_that_fails_ends_the_others_chain() -> None:
    """With its own words and exit code 1; what depends on it is not started."""
    async with Simulator(sessions=10, running=0, speed=600) as server:
        jobs = [str(one) for one in server.job_ids[:3]]
        server.next_run(
            server.job_ids[0],
            script=[("Working", 60)],
            result="Failed",
            failure_message="Disk full",
        )
        process = await start(server, "dependent_jobs.py", *jobs, "0.1")
        out, err = await process.communicate()

    assert process.returncode == 1
    assert "Disk full" in err.decode()
    assert "Traceback" not in err.decode()
    assert f"started {jobs[2]}" not in out.decode()


async def test_a_service_streams_the_progress_of_a_run() -> None:
    """Server-sent events from the session's beginning to its end."""
    async with Simulator(sessions=10, running=0, speed=600) as server:
        job = server.job_ids[0]
        server.next_run(job, script=[("Starting", 120), ("Working", 600)])
        process = await start(server, "job_service.py", "0", "0.1")
        assert process.stdout is not None
        url = (await process.stdout.readline()).decode().strip()
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"{url}/jobs/{job}/run") as answer,
        ):
            text = await answer.text()
        process.terminate()
        await process.communicate()

    events = [block.split("\n") for block in text.strip().split("\n\n")]
    kinds = [kind.removeprefix("event: ") for kind, _ in events]
    last = json.loads(events[-1][1].removeprefix("data: "))
    assert (kinds[0], kinds[-1]) == ("FOUND", "STOPPED")
    assert "PROGRESSED" in kinds
    assert (last["state"], last["result"]) == ("Stopped", "Success")
