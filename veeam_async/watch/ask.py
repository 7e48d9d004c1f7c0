"""What a watch asks of whoever looks, and what it hears of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, Literal, TypeAlias, TypeVar
from uuid import UUID

import attrs

from veeam_async.models import Session
from veeam_async.tracker.observation import Observation
from veeam_async.tracker.scope import Scope, Swept

S = TypeVar("S", bound=Session)

Strategy: TypeAlias = Literal["auto", "get", "query"]
"""How to look: what costs less, by a GET for each session, or by a query for all."""


@attrs.define
class Tally:
    """What the looks of a watch have cost: requests that were sent, rows that came.

    A request that served several watches counts for each of them.
    """

    polls: int = 0
    requests: int = 0
    rows: int = 0


@attrs.frozen(kw_only=True, eq=False)
class Ask(Generic[S]):
    """One look of a watch: at *ids*, and with a *scope* at everything.

    Those *in_doubt* are looked at by themselves. *deliver* is called with observations
    as they come, one for each id, and with every row where there is a scope; *sweep*
    after all of those.
    """

    strategy: Strategy
    ids: Sequence[UUID]
    in_doubt: Sequence[UUID]
    scope: Scope | None
    deliver: Callable[[Sequence[Observation[S]]], None]
    sweep: Callable[[Swept], None]
    tally: Tally

    @property
    def where(self) -> str | None:
        """The filter of a look at everything, None where it has none."""
        return None if self.scope is None else self.scope.where


Observe: TypeAlias = Callable[[Ask[S]], Awaitable[None]]
"""Looks, and returns when all has been delivered; raises what ends a watch."""
