import io
import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from tests.support.bodies import uuid_of
from veeam_async import (
    BackupJobSession,
    CertificateError,
    EntityRef,
    RequestTimeout,
    Task,
    from_dict,
)
from veeam_async.cli.exits import Exit, exit_code_of, explain
from veeam_async.cli.render.output import (
    row_writer,
    write_json,
    write_line,
    write_one,
)
from veeam_async.cli.render.streams import say
from veeam_async.cli.render.words import printable


def test_json_is_ascii_where_the_stream_is_not_utf8(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A pipe of Windows has an old code page; JSON has escapes for it."""
    for encoding, expected in (("cp1252", "\\u590c"), ("utf-8", "夌")):
        raw = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
        write_line(Task(task_id="task-1", state="Running", operation="夌"))
        text = raw.getvalue().decode(encoding)

        assert expected in text
        assert json.loads(text)["operation"] == "夌"


def test_errors_are_told_in_the_terms_of_the_command() -> None:
    """The library's parameters become the command's options."""
    unseen = CertificateError("x is not trusted", fingerprint=None, advice="…")
    slow = RequestTimeout("no answer in 60 s.")

    assert explain(unseen) == "x is not trusted; trust it by --ca-file FILE"
    assert explain(slow) == "no answer in 60 s; --request-timeout gives it more time"
    assert exit_code_of(slow) == Exit.ERROR
    assert exit_code_of(RuntimeError("no cryptography")) == Exit.ERROR
    assert exit_code_of(ValueError("bad")) == Exit.USAGE


HOSTILE = "a\x9b2Jb\x7f\u202ec\u200bd\ufeffe\u2028f\u3164g\U000e0041h\x1b[0m büro 夌 🎉"


class _Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("write", [write_line, write_json])
def test_json_on_a_terminal_steers_and_hides_nothing(
    monkeypatch: pytest.MonkeyPatch, write: Callable[[Task], None]
) -> None:
    """What is no plain character is escaped there, and only there: the data is one."""
    task = Task(task_id="task-1", state="Running", operation=HOSTILE)
    terminal, pipe = _Terminal(), io.StringIO()
    for stream in (terminal, pipe):
        monkeypatch.setattr(sys, "stdout", stream)
        write(task)
    shown = terminal.getvalue()

    assert json.loads(shown) == json.loads(pipe.getvalue())
    assert json.loads(shown)["operation"] == HOSTILE
    assert shown.replace("\n", "").isprintable()
    assert "\u3164" not in shown
    assert r"\u009b2Jb\u007f\u202ec\u200bd\ufeffe\u2028f\u3164g\udb40\udc41h" in shown
    assert "büro 夌 🎉" in shown


def test_messages_steer_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever forgets to make a text harmless, `say` does not."""
    say(f"name: {HOSTILE}")

    assert capsys.readouterr().err.rstrip("\n").isprintable()


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (EntityRef(uid="urn:veeam:Vm:vm-12"), "urn:veeam:Vm:vm-12"),
        (EntityRef(uid="\x9b2J", name="\u202eeman"), "\ufffd2J  \ufffdeman"),
        (EntityRef(uid="x", name=None), "x"),  # type: ignore[arg-type]  # as odd as can be
        (EntityRef(uid="", name="only a name"), "only a name"),
    ],
)
def test_one_odd_row_costs_no_table(
    capsys: pytest.CaptureFixture[str], row: EntityRef, expected: str
) -> None:
    """It is shown as well as it can be, and the others as ever."""
    good = EntityRef(uid=f"urn:veeam:Job:{uuid_of(1)}", name="Mail servers")
    with row_writer("table") as write:
        for each in (good, row, good):
            write(each)
    lines = capsys.readouterr().out.splitlines()

    assert [line.split()[0] for line in lines[1::2]] == [str(uuid_of(1))] * 2
    assert " ".join(expected.split()) in " ".join(lines[2].split())
    write_one(row, "table")
    assert row.uid == "" or printable(row.uid) in capsys.readouterr().out


def test_a_time_at_the_edge_of_the_calendar_costs_no_table(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no such time in a zone further east or west."""
    last = datetime.max.replace(tzinfo=UTC)
    first = datetime.min.replace(tzinfo=UTC)
    for zone in ("UTC-14", "UTC+12"):
        monkeypatch.setenv("TZ", zone)
        if hasattr(time, "tzset"):
            time.tzset()
        for at in (first, last):
            made = from_dict(
                BackupJobSession, {**PLAIN, "creation_time": at.isoformat()}
            )
            with row_writer("table") as write:
                write(made)
            write_one(made, "table")
            assert str(uuid_of(1)) in capsys.readouterr().out
    monkeypatch.undo()
    if hasattr(time, "tzset"):
        time.tzset()


PLAIN = {
    "uid": f"urn:veeam:BackupJobSession:{uuid_of(1)}",
    "job_type": "Backup",
    "state": "Stopped",
}
