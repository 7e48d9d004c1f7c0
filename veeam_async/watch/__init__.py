"""Watches: sessions followed by looking at them again and again, until each has ended.

What a watch promises:

*Exact.* Each watched session that is not discarded gives one FOUND before anything else
(unless it never appears) and one STOPPED or GONE after which nothing follows; only in a
watch of everything one that comes back after its GONE is told anew. A session is GONE
once it was unknown for `gone_after`, while the server knew something else. Events of
one session come in the order in which the server went through its states; the same
state twice is no event. Unless `stop` or closing ended it, the end of the iteration
means that every session is accounted for. A checkpoint holds what was told when it was
taken, no more and no less.

*At least once.* A watch that resumes from a checkpoint tells again what was handed out
after that checkpoint was taken.

*Can be missed.* A state that begins and ends between two looks: `skipped` says so where
it can be inferred, and `not_before` says how old a change can be. A listener that is
slower than the looks is told the newest state of a session, not each one before it. In
a watch of everything, a session that the server shows later than `lookback` seconds
after its end; and where the server refuses queries, one that began and ended between
two lists of references. When a backup server's clock is set back by more than
`lookback`, what begins and ends before the first look that shows one of its sessions
running.

*Whatever the clocks say.* Sessions are dated by their backup servers: what is asked for
follows the clock of each, and no single session that is dated ahead moves it.

*As long as anything works.* Where lists do not, GETs and references stand in for them
until a list works again, and HealthChanged of the scope "list" says so; where GETs fail
a list stands in for them, unless the strategy is "get". So no session is out of sight
for longer than `patience` and two intervals while any way to it works.

*Never.* A look that failed changes nothing that is known: errors that may pass are told
as HealthChanged once they last longer than `patience`, and end no watch. Nothing here
stops a backup.

How it is made: `options` makes a `Watch` (in `watch`), whose `loop` has the pure
`tracker` say when to look, hands `polling` a request and the tracker what was seen;
`persist` saves a tracker; `waits` read a watch for who wants only a state or an end.
"""

from importlib import import_module
from typing import TYPE_CHECKING

# Nothing is loaded before a session is watched: most programs and commands never do,
# and this is a third of all that there is to load.
if TYPE_CHECKING:
    from veeam_async.watch.options import WatchFactory, WatchOptions
    from veeam_async.watch.polling.request import Listing, PollSource
    from veeam_async.watch.polling.strategy import SharedPoller
    from veeam_async.watch.tracker.schedule import Rules
    from veeam_async.watch.waits import Goal, all_ended, failed, first_ended, reached

__all__ = [
    "Goal",
    "Listing",
    "PollSource",
    "Rules",
    "SharedPoller",
    "WatchFactory",
    "WatchOptions",
    "all_ended",
    "failed",
    "first_ended",
    "reached",
]

_NAMES_OF = {
    "options": "WatchFactory WatchOptions",
    "polling.request": "Listing PollSource",
    "polling.strategy": "SharedPoller",
    "tracker.schedule": "Rules",
    "waits": "Goal all_ended failed first_ended reached",
}
"""The names of `__all__`, by their modules."""

_MODULE_OF = {name: of for of, names in _NAMES_OF.items() for name in names.split()}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import what *name* stands for, at its first use (PEP 562)."""
        if name not in _MODULE_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
        globals()[name] = value
        return value
