"""From where a watch sets out: from ids, from everything, or from a checkpoint."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeVar, get_args

import attrs

from veeam_async.clock import Moment
from veeam_async.errors import Json
from veeam_async.filters import Condition
from veeam_async.ids import Id, check_many, parse_id
from veeam_async.models import Session
from veeam_async.tracker.census import Census, span
from veeam_async.tracker.rules import Rules
from veeam_async.tracker.snapshot import restore
from veeam_async.tracker.tracker import Tracker
from veeam_async.watch.ask import Strategy

S = TypeVar("S", bound=Session)

_CHANGING = ("state", "result", "end_time")
_QUOTED = re.compile(r'"(?:[^"]|"")*"')
_NAMES_CHANGING = re.compile(r"\b(?:state|result|endtime)\s*[=!<>]", re.IGNORECASE)


def _strategy(_outset: object, _field: object, value: object) -> None:
    if value not in get_args(Strategy):
        raise ValueError('strategy is "auto", "get" or "query"')


@attrs.frozen(kw_only=True)
class Outset:
    """What a watch was asked for: *ids*, or everything that *where* selects.

    Either of them may come from *resume*, a checkpoint. *lookback* is in seconds.
    """

    ids: Iterable[Id] | None
    where: Condition | str | None
    lookback: float
    resume: Json
    strategy: Strategy = attrs.field(validator=_strategy)

    def tracker(
        self,
        kind: type[S],
        load: Callable[[Json], S],
        rules: Rules,
        moment: Callable[[], Moment],
    ) -> tuple[Tracker[S], datetime | None]:
        """Give the tracker, and the deadline that a checkpoint brings.

        Raises InvalidId, and ValueError for what contradicts itself.
        """
        if self.resume is None:
            tracker, deadline = self._begun(kind, rules), None
        elif self.ids is None and self.where is None:
            name, now = kind.__name__, moment()
            tracker, deadline = restore(self.resume, load, rules, now=now, kind=name)
        else:
            raise ValueError("a checkpoint knows what it watches: give nothing else")
        census = tracker.census
        if self.strategy == "get" and census is not None and census.where is not None:
            raise ValueError('only a query can select by where: strategy is not "get"')
        return tracker, deadline

    def _begun(self, kind: type[S], rules: Rules) -> Tracker[S]:
        """Give the tracker of a watch that begins anew."""
        if self.ids is None:
            return Tracker((), rules, census=self._census(kind))
        if self.where is not None:
            raise ValueError("where narrows a watch of everything: give no ids with it")
        check_many(self.ids)
        return Tracker([parse_id(one) for one in self.ids], rules)

    def _census(self, kind: type[Session]) -> Census:
        lookback = span(self.lookback)
        where = None if self.where is None else narrowing(self.where, kind)
        return Census(where=where, lookback=lookback)


def narrowing(where: Condition | str, kind: type[Session]) -> str:
    """Give the filter's text of *where*; ValueError where it names what changes.

    A session that runs would be lost from sight as soon as it changes.
    """
    if isinstance(where, Condition):
        changes = not where.fields.isdisjoint(_CHANGING)
        text = where.render(kind)
    elif isinstance(where, str):
        text = where
        changes = _NAMES_CHANGING.search(_QUOTED.sub('""', text)) is not None
    else:
        raise ValueError("where is a condition made with F, or a text")  # noqa: TRY004 - misuse is ValueError throughout
    if changes:
        raise ValueError(
            "where selects sessions by what they are, not by State, Result or EndTime, "
            "which change while they are watched"
        )
    return text
