import asyncio
from pathlib import Path

from tests.cli.command import PASSWORD, Invoke, Run, after_lists
from tests.support.paths import RECORDINGS
from veeam_async.simulator import Simulator

RECORDING = RECORDINGS / "everything.rec"


async def test_a_replay_prints_what_the_watch_printed(
    run: Run, simulator: Simulator, tmp_path: Path
) -> None:
    """The same rows, the same words, the same exit code; and no secret in the file."""
    simulator.add_session(script=[("Working", 36_000)])
    simulator.add_session(script=(), created_in=40_000, result="Failed")
    path = tmp_path / "watch.rec"
    command = ("watch", "--interval", "0.1", "--progress", "--until-failed")
    watched, _ = await asyncio.gather(
        run(*command, "--record", str(path)), after_lists(simulator, 36_000, 36_000)
    )
    again = await run("replay", str(path))

    assert watched == again
    assert again.code == 3
    assert len(again.rows) >= 4
    assert PASSWORD not in path.read_text("utf-8")


def test_a_recording_that_was_cut_off(invoke: Invoke, tmp_path: Path) -> None:
    """Whatever a killed watch has left is shown as far as it goes."""
    path = tmp_path / "cut.rec"
    whole = invoke("replay", str(RECORDING))
    path.write_bytes(RECORDING.read_bytes()[:-3_000])
    cut = invoke("replay", str(path))

    assert 0 < len(cut.rows) <= len(whole.rows)
    assert cut.rows == whole.rows[: len(cut.rows)]


def test_a_replay_as_lines(invoke: Invoke) -> None:
    """A table is a line for each event."""
    rows = invoke("replay", str(RECORDING)).rows
    shown = invoke("replay", str(RECORDING), "-o", "table")

    assert len(shown.out.splitlines()) == len(rows)


def test_what_is_no_recording(invoke: Invoke, tmp_path: Path) -> None:
    """One line says so; a file that is missing is told as such."""
    path = tmp_path / "other"
    path.write_text('{"line": "told"}\n')
    deep = tmp_path / "deep"
    deep.write_text("[" * 5000 + "\n")
    other, missing, nested = (
        invoke("replay", str(path)),
        invoke("replay", str(tmp_path / "none")),
        invoke("replay", str(deep)),
    )

    assert (other.code, other.out) == (2, "")
    assert "line 1 of the recording" in other.err
    assert (missing.code, missing.out) == (1, "")
    assert (nested.code, nested.out) == (2, "")
    assert "line 1 of" in nested.err
