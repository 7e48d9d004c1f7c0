import asyncio
import json

import pytest

from tests.cli.command import Run
from veeam_async.simulator import Simulator


async def test_get_in_each_form(run: Run, simulator: Simulator) -> None:
    """A session is shown as a line, as JSON for reading, and as names and values."""
    one = str(simulator.session_ids[0])
    line, text, table = await asyncio.gather(
        run("get", one), run("get", one, "-o", "json"), run("get", one, "-o", "table")
    )

    assert [line.code, text.code, table.code] == [0, 0, 0]
    assert line.rows == [json.loads(text.out)]
    assert line.rows[0]["uid"].endswith(one)
    assert list(line.rows[0])[-1] == "links"
    assert one in table.out
    assert "Stopped" in table.out
    assert line.err + text.err + table.err == ""


async def test_an_id_may_be_a_uid(quick: Run, simulator: Simulator) -> None:
    """What the command prints as uid it also takes."""
    one = simulator.session_ids[0]
    got = await quick("get", f"urn:veeam:BackupJobSession:{one}")

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
    one = str(simulator.add_session(script=(), kind=kind))  # type: ignore[arg-type]  # one of its literals
    option = ("--resource", resource)
    got, listed, found, table = await asyncio.gather(
        quick("get", one, *option),
        quick("references", *option),
        quick("query", *option),
        quick("fetch", one, *option, "-o", "table"),
    )

    assert one in got.out
    assert one in listed.out
    assert one in found.out
    assert one in table.out


async def test_task_sessions_in_each_form(quick: Run, simulator: Simulator) -> None:
    """A backup session's task sessions are listed."""
    one = str(simulator.session_ids[-1])
    lines, table = await asyncio.gather(
        quick("tasks", one), quick("tasks", one, "-o", "table")
    )

    assert lines.rows
    assert all(row["job_session_uid"].endswith(one) for row in lines.rows)
    assert "Machine" in table.out


async def test_xml_gives_the_same(quick: Run, simulator: Simulator) -> None:
    """What the server is asked for makes no difference to what is printed."""
    one = str(simulator.session_ids[0])
    json_, xml = await asyncio.gather(
        quick("get", one), quick("get", one, "--accept", "xml")
    )

    assert json_.out == xml.out
