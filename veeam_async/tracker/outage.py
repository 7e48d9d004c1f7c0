"""Whose fault it is that looks fail: the server's where all do, else a session's."""

from __future__ import annotations

from typing import Generic, TypeVar

from veeam_async.clock import Moment
from veeam_async.errors import VeeamError
from veeam_async.models import Session
from veeam_async.tracker.backoff import Backoff
from veeam_async.tracker.census import Census
from veeam_async.tracker.health import Health
from veeam_async.tracker.observation import Observation
from veeam_async.tracker.rules import Rules
from veeam_async.tracker.scope import Swept
from veeam_async.tracker.tracked import Tracked

S = TypeVar("S", bound=Session)


class Outage(Generic[S]):
    """Count the sessions that were looked at, and those whose looks fail.

    *health* is the server's; *census* is looked at too, where there is one.
    """

    def __init__(self, rules: Rules, census: Census | None) -> None:
        self.health = Health()
        self._rules = rules
        self._census = census
        self._backoff = Backoff()
        self._looked = 0
        self._failing = 0
        self._blind = False  # for new sessions, while those that are known are seen

    def count(self, tracked: Tracked[S]) -> None:
        """Count a session in."""
        self._looked += tracked.looked
        self._failing += tracked.health.failing_since is not None

    def discount(self, tracked: Tracked[S]) -> None:
        """Count a session out."""
        self._looked -= tracked.looked
        self._failing -= tracked.health.failing_since is not None

    def fail(
        self, tracked: Tracked[S], seen: Observation[S], error: VeeamError
    ) -> None:
        """Take in that a look at a session failed; count it out and in around this."""
        due = self._backoff.next(seen.at, tracked.failures, seen.random, error)
        if seen.stray:
            # Any sooner it would ask for a list of its own.
            due = max(due, self._rules.next_look(seen.asked_at, seen.at.monotonic))
        tracked.fail(seen.at, error, due)

    def blame(
        self, tracked: Tracked[S], seen: Observation[S], error: VeeamError
    ) -> None:
        """Find who is to blame, once looks have failed for too long."""
        since = tracked.health.failing_since
        if since is None or not self._is_long(since.monotonic, seen.at.monotonic):
            return
        if self._all_fail():
            self.health.degrade(since, seen.at, error)
        elif not self.health.degraded:
            tracked.health.degrade(since, seen.at, error)

    def recover(self, at: Moment) -> None:
        """Take in that a look at a session worked: it does not show the new ones."""
        if not self._blind:
            self.health.recover(at)

    def recover_census(self, census: Census, at: Moment) -> None:
        """Take in that a look at everything worked."""
        self._blind = False
        census.health.recover(at)
        self.health.recover(at)

    def fail_census(self, census: Census, swept: Swept, error: VeeamError) -> None:
        """Take in that a look at everything failed."""
        census.due = self._backoff.next(swept.at, census.failures, swept.random, error)
        census.failures += 1
        census.health.fail(swept.at, error)
        since = census.health.failing_since
        if since is not None and self._is_long(since.monotonic, swept.at.monotonic):
            self._blind = self._blind or not self._all_fail()
            self.health.degrade(since, swept.at, error)

    def _is_long(self, since: float, now: float) -> bool:
        return now - since >= self._rules.patience

    def _all_fail(self) -> bool:
        census = self._census
        is_failing = census is None or census.health.failing_since is not None
        return is_failing and self._failing >= self._looked
