"""What one look at a session saw."""

from __future__ import annotations

from typing import Generic, TypeVar
from uuid import UUID

import attrs

from veeam_async.clock import Moment
from veeam_async.errors import VeeamError
from veeam_async.models import Session

S = TypeVar("S", bound=Session)


@attrs.define(kw_only=True)
class Observation(Generic[S]):
    """What one look at a session saw.

    The *session*, or an *error*, or neither of the two: it is missing. *asked_at* is in
    monotonic seconds, *at* the moment of the answer. *random*, in [0, 1), spreads the
    next look where this one failed. *stray*: the session was in no row of a list, so
    that it was looked at by itself.
    """

    id: UUID
    asked_at: float
    at: Moment
    session: S | None = None
    error: VeeamError | None = None
    random: float = 0.0
    stray: bool = False
