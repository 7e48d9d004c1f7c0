"""The arguments of a watch, and the factory that makes a watch of them."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import Generic, TypeVar, get_args

import attrs

from veeam_async.clock import Clock
from veeam_async.deadlines import check_limit
from veeam_async.errors import Json, VeeamError
from veeam_async.filters import Condition, filter_text
from veeam_async.ids import Id, check_many, parse_own
from veeam_async.models import Session
from veeam_async.watch.persist.checkpoint import restore
from veeam_async.watch.persist.recording import Recorder
from veeam_async.watch.polling.request import PollRequest, Strategy
from veeam_async.watch.tracker.discovery import Discovery, lookback_of
from veeam_async.watch.tracker.schedule import Rules
from veeam_async.watch.tracker.tracker import Tracker
from veeam_async.watch.watch import Watch

S = TypeVar("S", bound=Session)

_CHANGING = ("state", "result", "end_time")
_VALUE = re.compile(r'([=!<>])\s*(?:"(?:[^"]|"")*"|\'(?:[^\']|\'\')*\')')
_NAMES_CHANGING = re.compile(
    r"""\b(?:state|result|endtime(?:utc)?)["'\])\s]*[=!<>]""", re.IGNORECASE
)
"""A field, in quotes or not, before an operator; what stands behind one is a value."""


def _strategy(_options: object, _field: object, value: object) -> None:
    if value not in get_args(Strategy):
        raise ValueError('strategy is "auto", "get" or "query"')


@attrs.frozen(kw_only=True)
class WatchOptions:
    """The arguments of `JobSessions.watch`; ValueError for those that make no sense.

    *ids*, *where* and *lookback* may come from *resume*, a checkpoint, instead.
    """

    rules: Rules = attrs.field(factory=Rules)
    ids: Iterable[Id] | None = None
    where: Condition | str | None = None
    strategy: Strategy = attrs.field(default="auto", validator=_strategy)
    lookback: float = 900.0
    timeout: float | None = None
    deadline: datetime | None = None
    resume: Json = None
    record: Callable[[Json], object] | None = None


def _as_it_is(error: VeeamError) -> VeeamError:
    return error


@attrs.frozen(kw_only=True)
class WatchFactory(Generic[S]):
    """The one place where the parts of a `Watch` are put together.

    *kind* is the class of the sessions, *load* and *dump* read and write one as plain
    JSON types, *poll* answers its requests, *clean* takes secrets out of an error that
    tells of sessions, and *clock* is the watch's.
    """

    kind: type[S]
    poll: Callable[[PollRequest[S]], Awaitable[None]]
    load: Callable[[Json], S]
    dump: Callable[[S], Json]
    clean: Callable[[VeeamError], object] = _as_it_is
    clock: Clock = attrs.field(factory=Clock)

    def watch(self, options: WatchOptions) -> Watch[S]:
        """A new watch, which begins to look when it is iterated.

        Raises InvalidId, and ValueError for options that contradict each other.
        """
        tracker, deadline = self._tracker(options)
        return self.of(tracker, options, deadline)

    def of(
        self,
        tracker: Tracker[S],
        options: WatchOptions,
        deadline: datetime | None = None,
    ) -> Watch[S]:
        """A watch of an existing tracker; *deadline* is its checkpoint's, if any."""
        narrowed = tracker.discovery is not None and tracker.discovery.where is not None
        if options.strategy == "get" and narrowed:
            raise ValueError('only a query can select by where: strategy is not "get"')
        check_limit(options.timeout, options.deadline)
        own = options.timeout is not None or options.deadline is not None
        name, record = self.kind.__name__, options.record
        return Watch(
            self.poll,
            tracker,
            kind=name,
            dump=self.dump,
            clean=self.clean,
            strategy=options.strategy,
            timeout=options.timeout,
            deadline=options.deadline if own else deadline,
            clock=self.clock,
            recorder=None if record is None else Recorder(record, self.dump, name),
        )

    def _tracker(self, options: WatchOptions) -> tuple[Tracker[S], datetime | None]:
        """The tracker, and the deadline that a checkpoint brings."""
        # 1. A watch that goes on.
        if options.resume is not None:
            if options.ids is not None or options.where is not None:
                raise ValueError(
                    "a checkpoint knows what it watches: give nothing else"
                )
            name, now = self.kind.__name__, self.clock.moment()
            return restore(options.resume, self.load, options.rules, now=now, kind=name)
        # 2. A new one of everything.
        if options.ids is None:
            return Tracker((), options.rules, discovery=self._discovery(options)), None
        # 3. A new one of given ids.
        if options.where is not None:
            raise ValueError("where narrows a watch of everything: give no ids with it")
        check_many(options.ids)
        name = self.kind.__name__
        session_ids = [parse_own(given, name) for given in options.ids]
        return Tracker(session_ids, options.rules), None

    def _discovery(self, options: WatchOptions) -> Discovery:
        where = options.where
        return Discovery(
            where=None if where is None else narrowing(where, self.kind),
            lookback=lookback_of(options.lookback),
        )


def narrowing(where: Condition | str, kind: type[Session]) -> str:
    """The filter's text of *where*; ValueError for a field that changes.

    Such a filter would no longer select a session once that has changed.
    """
    text = filter_text(where, kind)
    if isinstance(where, Condition):
        changes = not where.fields.isdisjoint(_CHANGING)
    else:
        changes = _NAMES_CHANGING.search(_VALUE.sub(r'\1""', text)) is not None
    if changes:
        raise ValueError(
            "where selects sessions by what they are, not by State, Result or EndTime, "
            "which change while they are watched"
        )
    return text
