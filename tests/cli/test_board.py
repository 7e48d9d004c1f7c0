from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from rich.console import Console

from veeam_async import (
    BackupJobSession,
    ConnectionFailed,
    EventKind,
    HealthChanged,
    RestoreSession,
    SessionChanged,
    SessionGone,
)
from veeam_async.cli.board import Board
from veeam_async.cli.live import line

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _session(
    number: int, state: str = "Working", result: str | None = None
) -> BackupJobSession:
    return BackupJobSession(
        uid=f"urn:veeam:BackupJobSession:{UUID(int=number)}",
        name=f"Job {number}@now",
        job_name=f"Job {number}",
        job_type="Backup",
        creation_time=NOON,
        state=state,
        result=result,
    )


def _told(
    kind: EventKind, session: BackupJobSession
) -> SessionChanged[BackupJobSession]:
    return SessionChanged(
        kind=kind,
        id=session.id,
        session=session,
        previous=None,
        observed_at=NOON,
        not_before=None,
        skipped=False,
        sequence=1,
    )


def _found(many: int) -> Board:
    board = Board()
    for number in range(many):
        board.note(_told(EventKind.FOUND, _session(number)), now=0.0)
    return board


def _numbers(board: Board, most: int, now: float) -> list[int]:
    return [row.id.int for row in board.rows(most, now)]


def test_rows_stand_still_while_all_fit() -> None:
    """Only an end moves a row: below those that run, the latest end first."""
    board = _found(5)
    for number, now in ((1, 10.0), (3, 20.0)):
        stopped = _session(number, "Stopped", result="Success")
        board.note(_told(EventKind.STOPPED, stopped), now)
    board.note(_told(EventKind.CHANGED, _session(4, "Stopping")), now=30.0)

    assert _numbers(board, most=5, now=30.0) == [0, 2, 4, 3, 1]


def test_what_just_changed_comes_first_where_not_all_fit() -> None:
    """For a moment; then what runs comes first again."""
    board = _found(5)
    stopped = _session(4, "Stopped", result="Failed")
    board.note(_told(EventKind.STOPPED, stopped), now=10.0)

    assert _numbers(board, most=3, now=11.0) == [4, 0, 1]
    assert _numbers(board, most=3, now=20.0) == [0, 1, 2]


def test_progress_is_no_change() -> None:
    """A row that only progressed stays where it is."""
    board = _found(4)
    board.note(_told(EventKind.PROGRESSED, _session(3)), now=10.0)

    assert _numbers(board, most=2, now=10.0) == [0, 1]


def test_a_session_that_is_gone_counts_as_gone() -> None:
    """Also one that was never seen: its row is its id."""
    board = _found(1)
    for number, session in ((0, _session(0)), (7, None)):
        gone = SessionGone(
            id=UUID(int=number), session=session, observed_at=NOON, sequence=2
        )
        board.note(gone, now=1.0)

    assert list(board.outcomes) == ["Gone", "Gone"]
    assert str(UUID(int=7)) in _drawn(board, width=120, height=24)


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_the_board_fits(width: int) -> None:
    """No line is wider than the screen, and there are no more lines than it has."""
    board = _found(50)
    drawn = _drawn(board, width=width, height=20)

    assert all(len(text) <= width for text in drawn.splitlines())
    assert len(drawn.splitlines()) <= 20
    assert "50 Working (34 not shown)" in drawn


def test_trouble_is_shown_until_it_is_over() -> None:
    """While the server does not answer the board says since when."""
    board = _found(1)
    kinds = (EventKind.DEGRADED, EventKind.RECOVERED)
    degraded, recovered = (
        HealthChanged(
            kind=kind,
            id=None,
            error=ConnectionFailed("no"),
            since=NOON,
            observed_at=NOON,
            sequence=3,
        )
        for kind in kinds
    )
    board.note(degraded, now=1.0)
    during = _drawn(board, width=80, height=24)
    board.note(recovered, now=2.0)

    assert "the server has not answered since" in during
    assert "has not answered" not in _drawn(board, width=80, height=24)
    assert "the server has not answered since" in line(degraded).plain
    assert "the server answers again" in line(recovered).plain


def test_a_restore_is_called_by_its_machine() -> None:
    """It belongs to no job; control characters in a name are not passed on."""
    session = RestoreSession(
        uid=f"urn:veeam:RestoreSession:{UUID(int=1)}",
        name="x",
        vm_display_name="sql\x1b[31m01",
        job_type="RestoreVm",
        creation_time=NOON,
        end_time=NOON + timedelta(minutes=2),
        state="Stopped",
    )
    event = SessionChanged(
        kind=EventKind.STOPPED,
        id=session.id,
        session=session,
        previous=None,
        observed_at=NOON,
        not_before=None,
        skipped=False,
        sequence=1,
    )
    text = line(event).plain

    assert "sql�[31m01" in text
    assert "STOPPED     Stopped" in text  # ended without a result
    assert "\x1b" not in text


def _drawn(board: Board, *, width: int, height: int) -> str:
    console = Console(width=width, height=height, color_system=None)
    with console.capture() as capture:
        console.print(board.render(width, height, now=100.0))
    return capture.get()
