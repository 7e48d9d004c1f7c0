"""A job as the command lists it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import attrs


@attrs.frozen(kw_only=True)
class JobRow:
    """A job with what its sessions say.

    *kind* is `vm`, `agent` or `share`; *last_result* and *last_time* are of the session
    that ended last, None where none did; *running* is the state of the one that runs.
    """

    id: UUID
    uid: str
    name: str
    kind: str
    job_type: str
    platform: str | None
    schedule_configured: bool
    schedule_enabled: bool
    next_run: datetime | None
    last_result: str | None
    last_time: datetime | None
    last_session_id: UUID | None
    running: str | None
    progress: int | None

    @property
    def schedule(self) -> str:
        """On or off: does the job run by itself? Empty where it has no schedule."""
        if not self.schedule_configured:
            return ""
        return "on" if self.schedule_enabled else "off"

    @property
    def last(self) -> str:
        """How the last session ended, empty where there is none."""
        # A session may end without a result.
        return self.last_result or ("Stopped" if self.last_time else "")

    @property
    def now(self) -> str:
        """The state of the session that runs, with its progress."""
        if self.running is None:
            return ""
        return f"{self.running} {self.progress}%" if self.progress else self.running
