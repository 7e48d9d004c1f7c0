import asyncio
import json

import pytest

from tests.cli.command import Run
from veeam_async.simulator import Simulator


async def test_get_in_each_form(run: Run, simulator: Simulator) -> None:
    """A session is shown as a line, as JSON for reading, and as names and values."""
    session_id = str(simulator.session_ids[0])
    line, text, table = await asyncio.gather(
        run("get", session_id),
        run("get", session_id, "-o", "json"),
        run("get", session_id, "-o", "table"),
    )

    assert [line.code, text.code, table.code] == [0, 0, 0]
    assert line.rows == [json.loads(text.out)]
    assert line.rows[0]["uid"].endswith(session_id)
    assert list(line.rows[0])[-1] == "links"
    assert session_id in table.out
    assert "Stopped" in table.out
    assert line.err + text.err + table.err == ""


async def test_an_id_may_be_a_uid(quick: Run, simulator: Simulator) -> None:
    """What the command prints as uid it also takes."""
    session_id = simulator.session_ids[0]
    got = await quick("get", f"urn:veeam:BackupJobSession:{session_id}")

    assert got.code == 0


async def test_references_in_each_form(quick: Run) -> None:
    """References are listed up to a limit."""
    lines, array, table = await asyncio.gather(
        quick("references"),
        quick("references", "--limit", "2", "-o", "json"),
        quick("references", "--limit", "3", "-o", "table"),
    )

    assert len(lines.rows) == 12
    assert len(json.loads(array.out)) == 2
    assert len(table.out.splitlines()) == 4
    assert "\x1b" not in table.out


async def test_query_joins_filter_and_options(quick: Run, simulator: Simulator) -> None:
    """A filter's text and the options must all be met."""
    simulator.add_session(script=(), result="Failed", job_name='The "odd" job')
    simulator.add_session(script=(), result="Success", job_name='The "odd" job')
    failed = await quick(
        *("query", 'State=="Stopped",State=="Working"'),
        *("--result", "Failed", "--job", 'The "odd" job'),
    )

    assert [(row["result"], row["job_name"]) for row in failed.rows] == [
        ("Failed", 'The "odd" job')
    ]


async def test_query_orders_and_limits(quick: Run) -> None:
    """The newest come first where that is asked for."""
    newest, array, nothing = await asyncio.gather(
        quick("query", "--order-by", "-creation_time", "--limit", "3"),
        quick("query", "--limit", "1", "-o", "json"),
        quick("query", "--job", "no such job", "-o", "json"),
    )
    times = [row["creation_time"] for row in newest.rows]

    assert len(times) == 3
    assert sorted(times, reverse=True) == times
    assert len(json.loads(array.out)) == 1
    assert json.loads(nothing.out) == []
    assert nothing.err == "no session matches\n"


@pytest.mark.parametrize("resource", ["replica", "restore"])
async def test_the_other_kinds(quick: Run, simulator: Simulator, resource: str) -> None:
    """Replica and restore sessions are read by the same commands."""
    kind = "ReplicaJobSession" if resource == "replica" else "RestoreSession"
    session_id = str(simulator.add_session(script=(), kind=kind))  # type: ignore[arg-type]  # one of its literals
    option = ("--resource", resource)
    got, listed, found, table = await asyncio.gather(
        quick("get", session_id, *option),
        quick("references", *option),
        quick("query", *option),
        quick("fetch", session_id, *option, "-o", "table"),
    )

    assert session_id in got.out
    assert session_id in listed.out
    assert session_id in found.out
    assert session_id in table.out


async def test_task_sessions_in_each_form(quick: Run, simulator: Simulator) -> None:
    """A backup session's task sessions are listed."""
    session_id = str(simulator.session_ids[-1])
    lines, table = await asyncio.gather(
        quick("tasks", session_id), quick("tasks", session_id, "-o", "table")
    )

    assert lines.rows
    assert all(row["job_session_uid"].endswith(session_id) for row in lines.rows)
    assert "Machine" in table.out


async def test_xml_gives_the_same(quick: Run, simulator: Simulator) -> None:
    """Which format the server is asked for makes no difference to what is printed."""
    session_id = str(simulator.session_ids[0])
    json_, xml = await asyncio.gather(
        quick("get", session_id), quick("get", session_id, "--accept", "xml")
    )

    assert json_.out == xml.out
