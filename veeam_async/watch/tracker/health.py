"""The health of the looks at a session or at the server, and what was told of it."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from uuid import UUID

import attrs

from veeam_async.clock import Moment
from veeam_async.errors import NotFound, VeeamError
from veeam_async.events import EventKind, HealthChanged

_MANY, _MANY_OF = 3, 10
"""So many sessions, and one of so many, that are missing at once are an outage."""


@attrs.define
class Health:
    """The state of the looks at one session, or at the server.

    *looked*: one was made; *missing*: the last answered 404, and it was seen before.
    *failures* counts those that failed in a row, and
    *failing_since* is None while they work. *degraded*: they have failed for longer
    than `patience`; *changed_at* is when that last changed. *told* is what the listener
    knows: since when they fail, None where it was told that they work. *scope* says
    what is out of sight, as in `HealthChanged`.
    """

    looked: bool = False
    missing: bool = False
    failures: int = 0
    failing_since: Moment | None = None
    error: VeeamError | None = None
    degraded: bool = False
    changed_at: datetime | None = None
    told: datetime | None = None
    scope: str = "session"

    def fail(self, at: Moment, error: VeeamError) -> None:
        """Count a failed look."""
        self.failures += 1
        self.failing_since = self.failing_since or at
        self.error = error

    def fails_since(self, monotonic: float) -> bool:
        """True where all looks since that time have failed."""
        since = self.failing_since
        return since is not None and since.monotonic <= monotonic

    def degrade(self, since: Moment, at: Moment, error: VeeamError) -> None:
        """Note that looks have failed since then, which is too long."""
        self.failing_since = self.failing_since or since
        self.error = error
        if not self.degraded:
            self.degraded, self.changed_at = True, at.wall

    def recover(self, at: Moment) -> None:
        """Note that a look worked."""
        self.failures = 0
        self.failing_since = None
        if self.degraded:
            self.degraded, self.changed_at = False, at.wall

    @property
    def has_news(self) -> bool:
        """Whether the listener was told another state than this."""
        return self.changed_at is not None and self.degraded != (self.told is not None)

    def event(self, session_id: UUID | None, sequence: int) -> HealthChanged | None:
        """What is to be told, once; None where the listener knows all."""
        if self.changed_at is None or not self.has_news:
            return None
        # An outage that ended before it was told has no news, and never comes here.
        kind, since = EventKind.RECOVERED, self.told
        if self.failing_since is not None and self.degraded:
            kind, since = EventKind.DEGRADED, self.failing_since.wall
        self.told = since if self.degraded else None
        return HealthChanged(
            kind=kind,
            id=session_id,
            error=self.error,
            since=since or self.changed_at,
            observed_at=self.changed_at,
            sequence=sequence,
            scope=self.scope,
        )


@attrs.frozen(kw_only=True)
class ListResult:
    """Whether lists work: not where GETs stand in for them because of an *error*."""

    at: Moment
    error: VeeamError | None = None


def _many_missing(number: int) -> NotFound:
    return NotFound(
        status=HTTPStatus.NOT_FOUND,
        message=f"{number} sessions that it knew are unknown to the server: it may be "
        "restarting",
        method="GET",
        url="…/{ID}",
    )


def _is_after(proven: Moment | None, since: Moment) -> bool:
    return proven is not None and proven.monotonic >= since.monotonic


class ServerHealth:
    """Blame the server where all looks fail, else the session whose looks fail.

    It keeps count of the sessions that were looked at and of those whose looks fail.
    Call `discount` before a session's health changes and `count` after; this changes
    both totals. *discovery* is the health of the looks for new sessions, None in a
    watch of given ids; *patience* is in seconds.
    """

    def __init__(self, patience: float, discovery: Health | None) -> None:
        self.health: Health = Health(scope="server")
        self._patience = patience
        self._discovery = discovery
        self._looked = 0
        self._failing = 0
        self._missing = 0
        self._is_blind = False

    @property
    def has_failing(self) -> bool:
        """True while the looks at any session fail."""
        return self._failing > 0

    def count(self, health: Health) -> None:
        """Add a session to the totals."""
        self._looked += health.looked
        self._failing += health.failing_since is not None
        self._missing += health.missing

    def discount(self, health: Health) -> None:
        """Take a session out of the totals."""
        self._looked -= health.looked
        self._failing -= health.failing_since is not None
        self._missing -= health.missing

    def session_failed(
        self, health: Health, at: Moment, error: VeeamError, proven: Moment | None
    ) -> None:
        """Blame the server or the session, once its looks have failed for too long.

        *proven* is when the newest good answer was asked for.
        """
        since = health.failing_since
        if since is None or not self._is_long(since, at):
            return
        if self._all_fail() and not _is_after(proven, since):
            self._degrade(since, at, error)
        # An outage is told once, not again for each session that it hides.
        elif not self.health.degraded:
            health.degrade(since, at, error)

    def session_answered(self, at: Moment) -> None:
        """End the outage, unless new sessions are out of sight, or many are missing.

        So many at once are no sessions that were deleted one by one: their server
        restarts, or has lost them.
        """
        if self._are_many_missing():
            self._degrade(at, at, _many_missing(self._missing))
        elif not self._is_blind:
            self.health.recover(at)

    def discovery_failed(
        self, health: Health, at: Moment, error: VeeamError, proven: Moment | None
    ) -> None:
        """Degrade the server once new sessions have been out of sight for too long.

        *proven* is as in `session_failed`.
        """
        since = health.failing_since
        if since is not None and self._is_long(since, at):
            # Known sessions that answer do not show the new ones: no look at them may
            # end this outage.
            is_away = self._all_fail() and not _is_after(proven, since)
            self._is_blind = self._is_blind or not is_away
            self._degrade(since, at, error, "discovery" if self._is_blind else "server")

    def discovery_recovered(self, at: Moment) -> None:
        """End the outage: a look at everything worked."""
        self._is_blind = False
        if not self._are_many_missing():
            self.health.recover(at)

    def _degrade(
        self, since: Moment, at: Moment, error: VeeamError, scope: str = "server"
    ) -> None:
        # What an outage is about is said once, by the event that tells of it.
        if not self.health.degraded:
            self.health.scope = scope
        self.health.degrade(since, at, error)

    def _are_many_missing(self) -> bool:
        many = self._missing >= _MANY
        return many and self._missing * _MANY_OF >= self._looked

    def _is_long(self, since: Moment, now: Moment) -> bool:
        return now.monotonic - since.monotonic >= self._patience

    def _all_fail(self) -> bool:
        discovery = self._discovery
        is_failing = discovery is None or discovery.failing_since is not None
        return is_failing and self._failing >= self._looked
