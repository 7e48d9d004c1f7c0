"""How following sessions ended: in words, and as an exit code."""

from __future__ import annotations

from veeam_async import DeadlineExceeded, EventKind, SessionChanged, SessionResult
from veeam_async.cli.board import Board, Event
from veeam_async.cli.exits import Exit, Refusal
from veeam_async.cli.screen import say
from veeam_async.cli.status import GONE, AnySession, summary
from veeam_async.cli.words import count, one_line

_NAMED = 3


def failed_by(event: Event) -> AnySession | None:
    """Give the session that ended as Failed by *event*, None where none did."""
    if not isinstance(event, SessionChanged) or event.kind is not EventKind.STOPPED:
        return None
    session: AnySession = event.session
    return session if session.result == SessionResult.FAILED else None


def reason(failed: AnySession) -> str:
    """Say on one line why a session failed."""
    return one_line(failed.failure_message or "no reason given")


def late(error: DeadlineExceeded, total: int) -> Refusal:
    """Give the end of a command whose *total* sessions had not all ended in time."""
    named = ", ".join(str(one) for one in error.active[:_NAMED])
    more = ", …" if error.active[_NAMED:] else ""
    return Refusal(
        f"the time is up: {len(error.active):,} of {count(total, 'session')} had not "
        f"ended: {named}{more}",
        Exit.DEADLINE,
    )


def verdict(board: Board) -> Exit:
    """Say how it ended, and give the exit code that tells the worst of it."""
    if not board.total:
        say("no session was seen")
        return Exit.DONE
    say(f"{count(board.total, 'session')}: {summary(board.counts)}")
    if SessionResult.FAILED in board.counts:
        return Exit.SESSION_FAILED
    return Exit.ERROR if GONE in board.counts else Exit.DONE
