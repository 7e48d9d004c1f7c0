import asyncio
import json
import os
import uuid
from pathlib import Path

from tests.cli.command import Run, end, environment, start
from veeam_async.simulator import Simulator


async def test_everything_is_fetched_unless_told_otherwise(
    run: Run, simulator: Simulator
) -> None:
    """Without ids the sessions of the last 30 days come, and a rate is told."""
    fetched = await run("fetch")

    assert fetched.code == 0
    assert {str(session_id) for session_id in simulator.session_ids} == {
        row["uid"][-36:] for row in fetched.rows
    }
    assert fetched.err.startswith("12 sessions in ")
    assert fetched.err.endswith("/s), 0 failed\n")


async def test_ids_come_from_arguments_files_and_standard_input(
    run: Run, simulator: Simulator, tmp_path: Path
) -> None:
    """All three are taken; files of PowerShell and this command's own lines too."""
    a, b, c, d = (str(session_id) for session_id in simulator.session_ids[:4])
    file = tmp_path / "ids.txt"
    file.write_bytes(b"\xff\xfe" + f"# ids\r\n{b}\r\n\r\n".encode("utf-16-le"))
    text = f'{c}\n{{"uid": "urn:veeam:BackupJobSession:{d}"}}\n'
    fetched = await run("fetch", a, "-", "--file", str(file), text=text)

    assert {a, b, c, d} == {row["uid"][-36:] for row in fetched.rows}


async def test_failed_ids_are_told_and_cost_no_other(
    quick: Run, simulator: Simulator
) -> None:
    """A malformed id and an unknown one are told on standard error; exit code 1."""
    known, unknown = str(simulator.session_ids[0]), str(uuid.uuid4())
    lines, array = await asyncio.gather(
        quick("fetch", "urn:nonsense", unknown, known, "no job"),
        quick("fetch", unknown, known, "-o", "json"),
    )

    assert [lines.code, array.code] == [1, 1]
    assert [known] == [row["uid"][-36:] for row in lines.rows]
    assert len(json.loads(array.out)) == 1
    assert "veeam-async: urn:nonsense: 'urn:nonsense' is not an id" in lines.err
    assert "veeam-async: no job: the server shows no session of a job" in lines.err
    assert f"veeam-async: {unknown}: " in lines.err
    assert ", 3 failed\n" in lines.err


async def test_a_table_comes_whole(quick: Run, simulator: Simulator) -> None:
    """In a pipe a table has its full width, whatever the terminal's is."""
    name = "A job with a name that is far longer than any terminal of eighty columns is"
    simulator.add_session(script=(), job_name=name)
    fetched = await quick("fetch", "--output", "table", COLUMNS="40")

    assert len(fetched.out.splitlines()) == 14
    assert name in fetched.out


async def test_a_closed_pipe_ends_it_quietly(simulator: Simulator) -> None:
    """Whoever reads may stop reading; the session is logged out all the same."""
    for form in ("ndjson", "json", "table"):
        reading, writing = os.pipe()
        process = await start(
            "fetch", "-o", form, env=environment(simulator), stdout=writing
        )
        os.close(writing)
        os.close(reading)
        ended = await end(process)

        assert ended.code == 141
        assert all("sessions in" in line for line in ended.err.splitlines())
        assert simulator.stats.tokens_alive == 0


async def test_an_unknown_option_is_no_id(quick: Run) -> None:
    """An argument that looks like an option is never sent as an id."""
    fetched = await quick("fetch", "--concurency=5")

    assert (fetched.code, fetched.out) == (2, "")
    assert fetched.err == "veeam-async: unknown option --concurency (see --help)\n"


async def test_what_is_no_id_in_a_file_is_told_by_its_line(run: Run) -> None:
    """A broken line is named before anything is sent."""
    no_json, no_id, deep = await asyncio.gather(
        run("fetch", "-", text="\n{nonsense\n"),
        run("fetch", "-", text="{}"),
        run("fetch", "-", text='{"id":' + "[" * 5000),
    )

    assert (no_json.code, no_id.code, deep.code) == (2, 2, 2)
    assert "line 1 of standard input is neither an id nor JSON" in deep.err
    assert "line 2 of standard input is neither an id nor JSON" in no_json.err
    assert "line 1 of standard input has neither uid nor id" in no_id.err
