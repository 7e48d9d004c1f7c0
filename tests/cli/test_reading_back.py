import asyncio
import codecs
import json
from pathlib import Path

import pytest

from tests.cli.command import Run
from veeam_async.cli.exits import Refusal
from veeam_async.cli.inputs import ids_in
from veeam_async.simulator import Simulator

A = "3f6a8c1e-52d7-4b90-a1c4-7d0e9b2f6a35"
B = "0a6a8c1e-52d7-4b90-a1c4-7d0e9b2f6a36"
FORMS = ("json", "ndjson", "csv")
ENCODINGS = {
    "plain": (b"", "utf-8"),
    "BOM": (codecs.BOM_UTF8, "utf-8"),
    "PowerShell": (codecs.BOM_UTF16_LE, "utf-16-le"),
    "UTF-16": (b"", "utf-16-le"),
}


def ids_of(rows: list[dict[str, str]]) -> set[str]:
    """The ids of rows that a command has printed."""
    return {row["id"] for row in rows}


@pytest.mark.parametrize("form", FORMS)
async def test_what_query_prints_is_fetched(
    quick: Run, simulator: Simulator, tmp_path: Path, form: str
) -> None:
    """In each form and encoding, from a file as PowerShell writes it too."""
    name = 'A "job", or 夌;\na second line'
    simulator.add_session(script=(), job_name=name, failure_message=name)
    printed = (await quick("query", "-o", form)).out
    wanted = {str(session_id) for session_id in simulator.session_ids}
    for mark, encoding in ENCODINGS.values():
        file = tmp_path / "rows"
        file.write_bytes(mark + printed.replace("\n", "\r\n").encode(encoding))
        fetched = await quick("fetch", "--file", str(file))

        assert (fetched.code, ids_of(fetched.rows)) == (0, wanted)


async def test_a_pipe_from_command_to_command(run: Run, quick: Run) -> None:
    """Rows go on to `fetch -`, to `wait -` and to `watch -`, and events to each."""
    array, rows, table = (await quick("query", "-o", "json"),) * 1 + (
        await quick("references", "-o", "csv"),
        await quick("references", "-o", "table"),
    )
    waited, watched, refused = await asyncio.gather(
        run("wait", "-", text=array.out),
        run("watch", "-", "--interval", "0.1", "-o", "csv", text=rows.out),
        run("fetch", "-", text=table.out),
    )

    assert ids_of(waited.rows) == ids_of(json.loads(array.out))
    assert set(ids_in(watched.out, "it")) == ids_of(waited.rows)
    assert (refused.code, refused.out) == (2, "")
    assert len(refused.err.splitlines()) == 1
    assert "standard input holds a table" in refused.err


@pytest.mark.parametrize(
    "text",
    [
        f"{A}\n# one\n\n{B}\n{A}",
        f'["{A}", "{B}"]',
        f'[{{"uid": "urn:veeam:BackupJobSession:{A}", "links": []}}, {{"id": "{B}"}}]',
        f'{{"id": "{A}"}}\n{{"id": null, "kind": "DEGRADED"}}\n{{"id": "{B}"}}',
        f'{{\n  "job_session_uid": "{A}",\n  "uid": "x"\n}}',
        f"name,id\na job,{A}\n\nanother,{B}",
        f'#TYPE X\n"Name";"Id"\n"a;b";"{A}"\n"c\nd";"{B}"',
        f"sep=;\nname;id\na job;{A}",
        f"id\n{A}\n{B}",
        f"kind,id\nFOUND,{A}\nDEGRADED,\nSTOPPED,{B}",
    ],
)
def test_ids_are_found_in_what_commands_and_people_write(text: str) -> None:
    """Lists, arrays, events, task sessions; CSV of Excel too; each id once."""
    found = [each.rpartition(":")[2] for each in ids_in(text, "a file")]

    assert found == [A, B][: len(found)]
    assert found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,state\nx,Stopped", "row 1 of a file has neither uid nor id"),
        ('[{"id": "x"}, {"name": "y"}]', "row 2 of a file has neither uid nor id"),
        ('[\n {"id": "x"},', "a file is no whole JSON"),
        (f"Id        Status\n{A[:8]}  Success", "a file holds a table"),
        (f"12:00:00  FOUND       Working       {A}  Mail", "a file holds a table"),
        (f"id    {A}\nname  Mail", "a file holds a table"),
    ],
)
def test_what_holds_no_ids_is_told_in_a_sentence(text: str, said: str) -> None:
    """With its place; a table once, not row by row."""
    with pytest.raises(Refusal, match=said):
        ids_in(text, "a file")


async def test_every_row_has_its_id_its_job_and_its_duration(
    quick: Run, simulator: Simulator
) -> None:
    """In each form; a restore has no job, and what runs no duration."""
    running = simulator.add_session(script=[("Working", 36_000)])
    rows = (await quick("query")).rows
    got = (await quick("get", str(running))).rows[0]
    tasks = (await quick("tasks", str(simulator.session_ids[0]))).rows
    ended = next(row for row in rows if row["state"] == "Stopped")

    assert all(row["uid"].endswith(row["id"]) for row in (*rows, *tasks))
    assert all(row["job_uid"].endswith(row["job_id"]) for row in rows)
    assert isinstance(ended["duration"], float)
    assert (got["id"], got["duration"]) == (str(running), None)
