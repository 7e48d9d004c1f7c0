"""A start in two steps: `em.jobs.prepare`, and what a kill at any moment leaves."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.bodies import JOB, LOST, NOON, error, row, uuid_of
from tests.support.clients import Time, clocked_em, talking
from tests.support.fault_server import Act, Asked, FaultServer, Reset
from tests.support.scripted import ScriptedServer
from tests.support.simulated import SOON
from veeam_async import PreparedRun, StartUnconfirmed

KILLED = """
import asyncio, json, os, signal, sys
from veeam_async import EnterpriseManager

async def main():
    url, job, path, when = sys.argv[1:]
    def at(step):
        if when == step:
            os.kill(os.getpid(), signal.SIGKILL)
    async with EnterpriseManager(url, username="u", password="p") as em:
        at("before")
        prepared = await em.jobs.prepare(job)
        at("prepared")
        with open(path + ".new", "w") as file:
            json.dump(prepared.to_dict(), file)
            at("saving")
        os.replace(path + ".new", path)
        at("saved")
        run = await em.jobs.start(prepared)
        at("started")
        with open(path, "w") as file:
            json.dump(run.to_dict(), file)
        at("again")

asyncio.run(main())
"""


def old_rows(count: int) -> list[dict[str, Any]]:
    """Sessions that were there before, an hour apart."""
    return [
        row(each, at=-3600 * each, state="Stopped", result="Success")
        for each in range(1, count + 1)
    ]


async def test_a_prepared_run_is_started_once() -> None:
    """Nothing acts before, and a second start is refused without a request."""
    script = ScriptedServer(rows=old_rows(25), fresh=[row(99, at=1)], date=NOON)
    async with talking(script) as (em, server):
        prepared = await em.jobs.prepare(JOB)
        before = server.count("POST", "/api/jobs")
        saved = prepared.to_dict()
        run = await em.jobs.start(prepared)
        session = await run.session(interval=SOON)
        asked = len(server.asked)
        with pytest.raises(RuntimeError, match="started already"):
            await em.jobs.start(prepared)

        assert len(server.asked) == asked
    assert isinstance(prepared, PreparedRun)
    assert (before, server.count("POST", "/api/jobs")) == (0, 1)
    assert prepared.job_id == run.job_id == JOB
    assert session.id == uuid_of(99)
    assert prepared.to_dict() == saved == json.loads(json.dumps(saved))
    assert saved["known"] == [str(uuid_of(each)) for each in range(1, 21)]
    assert str(JOB) in repr(prepared)


async def test_two_starts_of_one_prepared_run_at_once_are_one() -> None:
    """The second is refused while the first still looks."""
    script = ScriptedServer(fresh=[row(99, at=1)])
    async with talking(script) as (em, server):
        prepared = await em.jobs.prepare(JOB)
        both = [em.jobs.start(prepared) for _ in range(2)]
        told = await asyncio.gather(*both, return_exceptions=True)

    assert [type(each).__name__ for each in told] == ["JobRun", "RuntimeError"]
    assert server.count("POST", "/api/jobs") == 1


async def test_a_job_that_has_run_meanwhile_is_not_started() -> None:
    """Somebody else's run, or ours of an earlier attempt: the caller decides."""
    script = ScriptedServer(rows=old_rows(25))
    async with talking(script) as (em, server):
        prepared = await em.jobs.prepare(JOB)
        del script.rows[3]  # an older one comes into the twenty newest
        script.rows.append(row(98, at=-7200.5))  # of a clock that lags
        for _ in range(2):
            with pytest.raises(ValueError, match="has run since"):
                await em.jobs.start(prepared)
        del script.rows[-1]
        await em.jobs.start(prepared)

    assert server.count("POST", "/api/jobs") == 1


async def test_a_look_that_fails_leaves_a_prepared_run_as_it_was() -> None:
    """Nothing was sent: it can be started afterwards."""
    script = ScriptedServer(fresh=[row(99, at=1)])
    acts: list[Act] = []

    def act(asked: Asked) -> Act:
        return acts.pop() if acts else script(asked)

    async with talking(act) as (em, server):
        prepared = await em.jobs.prepare(JOB)
        acts.append(error(403, "no"))
        with pytest.raises(Exception, match="403"):
            await em.jobs.start(prepared)
        await em.jobs.start(prepared)

    assert server.count("POST", "/api/jobs") == 1


@pytest.mark.parametrize("is_taken", [True, False])
async def test_a_start_without_an_answer_is_looked_into(
    is_taken: bool,  # noqa: FBT001 - a parameter
) -> None:
    """From the prepared run and from the error alike; it is never sent again."""
    fresh = [row(99, at=1)] if is_taken else []
    script = ScriptedServer(rows=old_rows(3), fresh=fresh, started=Reset(), date=NOON)
    async with (
        FaultServer(script) as server,
        clocked_em(server, Time().clock) as em,
    ):
        prepared = await em.jobs.prepare(JOB)
        with pytest.raises(StartUnconfirmed) as lost:
            await em.jobs.start(prepared)
        with pytest.raises(RuntimeError):
            await em.jobs.start(prepared)
        for saved in (prepared.to_dict(), lost.value.checkpoint):
            run = em.jobs.resume(saved)
            if is_taken:
                assert (await run.session(interval=5)).id == uuid_of(99)
            else:
                with pytest.raises(StartUnconfirmed) as again:
                    await run.session(interval=5)
                assert again.value.checkpoint == run.to_dict()

    assert server.count("POST", "/api/jobs") == 1


# ---------------------------------------------------------------- SIGKILL


async def killed(server: FaultServer, path: Path, when: str) -> int | None:
    """Start the job in a process of its own that is killed at a step."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-c", KILLED, server.url),
        *(str(JOB), str(path), when),
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    return await process.wait()


def left_in(path: Path) -> str | None:
    """Read what was saved, where that was done whole."""
    return path.read_text("utf-8") if path.exists() else None


async def goes_on(server: FaultServer, saved: str) -> Any:
    """Take up in this process what the killed one left: the session, or None."""
    async with clocked_em(server, Time().clock) as em:
        run = em.jobs.resume(json.loads(saved))
        try:
            return (await run.session(interval=5)).id
        except StartUnconfirmed:
            return None


@pytest.mark.parametrize(
    ("when", "posts"),
    [
        *(("before", 0), ("prepared", 0), ("saving", 0), ("saved", 0)),
        *(("started", 1), ("again", 1)),
    ],
)
async def test_a_process_that_is_killed_at_a_step_loses_no_run(
    tmp_path: Path, when: str, posts: int
) -> None:
    """One POST at most, and where there was one its run is found."""
    script = ScriptedServer(
        rows=old_rows(25), fresh=[row(99, at=1)], tasks=[LOST], date=NOON
    )
    path = tmp_path / "run.json"
    async with FaultServer(script) as server:
        assert await killed(server, path, when) == -9
        found = await goes_on(server, saved) if (saved := left_in(path)) else None

        assert server.count("POST", "/api/jobs") == posts
    assert found == (uuid_of(99) if posts else None)
    assert path.exists() == (when not in {"before", "prepared", "saving"})


@pytest.mark.parametrize("number", range(12))
async def test_a_process_that_is_killed_within_a_request_loses_no_run(
    tmp_path: Path, number: int
) -> None:
    """Before any answer, the start's too: the server kills it as it is asked."""
    script = ScriptedServer(
        rows=old_rows(25), fresh=[row(99, at=1)], tasks=[LOST], date=NOON
    )
    path = tmp_path / "run.json"
    process: list[asyncio.subprocess.Process] = []
    count = 0

    def act(asked: Asked) -> Act:
        nonlocal count
        count += 1
        answer = script(asked)
        if count == number + 1 and process and process[0].returncode is None:
            process[0].kill()
            return Reset()
        return answer

    async with FaultServer(act) as server:
        process.append(
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-W", "error", "-c", KILLED, server.url),
                *(str(JOB), str(path), "never"),
            )
        )
        await process[0].wait()
        posts = server.count("POST", "/api/jobs")
        found = await goes_on(server, saved) if (saved := left_in(path)) else None

        assert server.count("POST", "/api/jobs") == posts <= 1
    assert found == (uuid_of(99) if posts else None)
