"""Which columns show which kind of row, and in what order they give way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from veeam_async import BackupTaskSession, EntityRef
from veeam_async.cli.status import outcome, status, styled, title
from veeam_async.cli.table import Column
from veeam_async.cli.words import plain, size, span, when

_ID = Column("Id", lambda row: str(row.id))
_STARTED = Column("Started", lambda row: when(row.creation_time), rank=1)
_TOOK = Column("Took", lambda row: span(row.duration), rank=2, justify="right")

SESSIONS: Sequence[Column] = (
    _ID,
    Column("Status", status),
    _STARTED,
    _TOOK,
    Column("Type", lambda row: plain(str(row.job_type)), rank=3),
    Column("Job", title, least=24),
)

REFERENCES: Sequence[Column] = (
    _ID,
    Column("Name", lambda row: plain(row.name), least=12),
)

TASK_SESSIONS: Sequence[Column] = (
    Column("Machine", lambda row: plain(row.vm_display_name or row.name), least=12),
    Column("Status", lambda row: styled(outcome(row))),
    _STARTED,
    _TOOK,
    Column("Size", lambda row: size(row.total_size), rank=3, justify="right"),
    Column("Reason", lambda row: plain(row.reason), rank=4, least=16),
    Column("Id", lambda row: str(row.id), rank=5),
)


def columns_for(row: Any) -> Sequence[Column]:
    """Give the columns that suit *row*."""
    if isinstance(row, EntityRef):
        return REFERENCES
    return TASK_SESSIONS if isinstance(row, BackupTaskSession) else SESSIONS
