"""How looking goes, at one session or at the server: since when it fails, who knows."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import attrs

from veeam_async.clock import Moment
from veeam_async.errors import VeeamError
from veeam_async.events import EventKind, HealthChanged


@attrs.define
class Health:
    """Looks that fail. *failing_since* is None while they work.

    *degraded*: they have been failing for longer than anybody's patience. *told* is
    since when, as the listener was told, None while it believes all is well.
    """

    failing_since: Moment | None = None
    error: VeeamError | None = None
    degraded: bool = False
    changed_at: datetime | None = None
    told: datetime | None = None

    def fail(self, at: Moment, error: VeeamError) -> float:
        """Take in a failed look; give for how many seconds they have been failing."""
        self.failing_since = self.failing_since or at
        self.error = error
        return at.monotonic - self.failing_since.monotonic

    def degrade(self, since: Moment, at: Moment, error: VeeamError) -> None:
        """Take looking for degraded *since* then."""
        self.failing_since = self.failing_since or since
        self.error = error
        if not self.degraded:
            self.degraded, self.changed_at = True, at.wall

    def recover(self, at: Moment) -> None:
        """Take in that a look worked."""
        self.failing_since = None
        if self.degraded:
            self.degraded, self.changed_at = False, at.wall

    @property
    def has_news(self) -> bool:
        """Whether the listener does not know how it goes."""
        return self.changed_at is not None and self.degraded != (self.told is not None)

    def event(self, id: UUID | None, sequence: int) -> HealthChanged | None:  # noqa: A002 - the field's term
        """Give what is to be told, once; None where the listener knows all."""
        if self.changed_at is None or not self.has_news:
            return None
        kind, since = EventKind.RECOVERED, self.told
        if self.failing_since is not None and self.degraded:
            kind, since = EventKind.DEGRADED, self.failing_since.wall
        self.told = since if self.degraded else None
        return HealthChanged(
            kind=kind,
            id=id,
            error=self.error,
            since=since or self.changed_at,
            observed_at=self.changed_at,
            sequence=sequence,
        )
