"""How sessions stand, as words with a colour."""

from __future__ import annotations

from collections.abc import Mapping

from rich.text import Text

from veeam_async import (
    BackupJobSession,
    BackupTaskSession,
    ReplicaJobSession,
    RestoreSession,
)
from veeam_async.cli.words import plain

AnySession = BackupJobSession | ReplicaJobSession | RestoreSession

GONE = "Gone"
"""The word for a session that the server does not know (any more)."""

_STYLES = {
    "Success": "green",
    "Warning": "yellow",
    "Failed": "bold red",
    "Working": "cyan",
    "InProgress": "cyan",
    GONE: "magenta",
}
_ORDER = ("Success", "Warning", "Failed", GONE)
SEPARATOR = " · "
"""What stands between two counts."""


def outcome(session: AnySession | BackupTaskSession) -> str:
    """Give the result of a session that has ended, else its state."""
    is_over = (
        session.is_completed
        if isinstance(session, BackupTaskSession)
        else session.is_stopped
    )
    return plain(str((session.result if is_over else None) or session.state))


def styled(word: str) -> Text:
    """Give a state or a result in its colour."""
    return Text(word, style=_STYLES.get(word, ""))


def status(session: AnySession) -> Text:
    """Give the outcome, and the progress of a session that works."""
    text = styled(outcome(session))
    if not session.is_stopped and session.progress:
        text.append(f" {session.progress}%")
    return text


def title(session: AnySession) -> str:
    """Give what people call the session: its job, or the machine that is restored."""
    if isinstance(session, RestoreSession):
        return plain(session.vm_display_name or session.name)
    return plain(session.job_name or session.name)


def tally(counts: Mapping[str, int]) -> list[Text]:
    """Say how many of each: what runs first, then how the others ended."""
    ended = [word for word in _ORDER if counts.get(word)]
    others = sorted(word for word in counts if word not in _ORDER)
    return [
        Text(f"{counts[word]:,} ").append_text(styled(word))
        for word in (*others, *ended)
    ]


def summary(counts: Mapping[str, int]) -> Text:
    """Say how many of each, on one line."""
    return Text(SEPARATOR).join(tally(counts))
