"""A look at everything: what it asks for, and what came of it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from uuid import UUID

import attrs

from veeam_async.clock import Moment
from veeam_async.errors import VeeamError
from veeam_async.tracker.watermark import Watermark

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""A time before any session's."""


@attrs.frozen(kw_only=True)
class Scope:
    """What to ask for: sessions that *where* selects and that run, or are of *since*.

    *since* None: the server's time is not known yet, take its newest session's less
    *lookback*.
    """

    where: str | None
    since: datetime | None
    lookback: timedelta

    def start(self, newest: datetime | None) -> datetime:
        """Give the time to ask from, where *newest* is the server's newest session."""
        return Watermark.at(newest).since(self.lookback) or EPOCH


@attrs.frozen(kw_only=True)
class Swept:
    """What came of a look at everything: all was seen, or an *error* ended it early.

    *listed* are the sessions that the server lists, where it has no query that would
    show them; *random* serves as an observation's.
    """

    asked_at: float
    at: Moment
    error: VeeamError | None = None
    random: float = 0.0
    listed: Collection[UUID] | None = None
