"""The page about a soak, under `docs/development/`."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from tests.soak.judge import PROMISES
from tests.soak.measure import MIB
from tests.soak.play import Report
from tests.soak.stage import LANES, Lane

_HEAD = """\
# Soaking

`make soak` wrote this page. It runs four clients for some minutes, each over a way of
its own to a simulated Enterprise Manager, and has them do everything at once that
services do: fetch, watch ids and everything with each strategy, wait, start jobs,
prepare them, take runs up again. Meanwhile everything goes wrong at the servers, by a
weather that follows from a seed: connections are reset, bodies cut, late, unreadable or
about something else; gateways answer in the server's place; tokens die; lists fail in
each way; services restart, once with a minute of 404. Sessions begin all the time, many
of them over before anybody looks twice; some are deleted; the two backup servers'
clocks are a minute to a day off, unless `--one-clock` is given. Every minute or so all
managers are left, in the middle of whatever is under way, and watches go on from
checkpoints in files, runs from what was saved.

What happened is known to the servers, in a process of their own, and compared with what
was told, which is written to a journal line by line. The last minutes are calm, so that
what is owed can come.

- A turn of the loop is one callback or one step of a task, measured in CPU time of the
  loop's thread (`time.thread_time`): wall time would be that of other work on the
  machine. That is done in the first half of the run, its first shift left out, in which
  much is done for the first time. The garbage collector's part is told by itself: it
  goes through all that the process holds.
- Memory is what `tracemalloc` counts in the second half, once all managers were left
  and the garbage is gone, after the last shift beside the first one of that half.
  Tasks, open sockets and files are compared with those before the first manager, logon
  sessions are counted at the servers.
- A seed brings back the weather and what everybody does, not the order in which the
  machine lets things happen.

`python -m tests.soak --seconds 150 --seed N` is a short one. `make test` plays a small
part of it on virtual time.
"""


def page_of(report: Report, *, seconds: float, seed: int, apart: bool) -> str:
    """Text of the page; *apart*: the backup servers' clocks were."""
    return "\n".join(_lines(report, seconds, seed, apart)) + "\n"


def _lines(
    report: Report,
    seconds: float,
    seed: int,
    apart: bool,  # noqa: FBT001 - handed through
) -> Iterator[str]:
    yield _HEAD
    python = f"{platform.python_implementation()} {platform.python_version()}"
    clocks = "off" if apart else "right (`--one-clock`)"
    yield f"## The last run\n\n{seconds:g} seconds on {python}, seed {seed}; the backup"
    yield f"servers' clocks were {clocks}.\n"
    broken = Counter(each.kind for each in report.violations)
    yield from _table(
        ("what must not be", "how often"),
        ((f"{kind}: {says}", broken[kind]) for kind, says in PROMISES.items()),
    )
    yield from _table(("what there was", "number"), _figures(report))
    yield from _table(("what went wrong", "times"), sorted(report.faults.items()))
    yield from _table(("what the clients did, and were told", "times"), _told(report))
    yield "## Ways\n"
    yield from _table(
        ("way", "transport", "scheme", "format", "product"), map(_way, LANES)
    )


def _figures(report: Report) -> Iterator[tuple[str, object]]:
    yield "requests", f"{report.requests:,}"
    yield "faults", f"{sum(report.faults.values()):,}"
    yield "sessions", f"{report.sessions:,}"
    yield "logons", f"{report.logons:,}"
    yield "growth of memory, MiB", f"{report.growth / MIB:.1f}"
    yield "of it resident, MiB", f"{report.resident / MIB:.1f}"
    yield "turns of the loop", f"{report.turns.count:,}"
    yield "the longest, ms of CPU", f"{report.turns.longest * 1000:.0f}"
    yield "most in the garbage collector", f"{report.turns.collecting * 1000:.0f}"


def _told(report: Report) -> Iterator[tuple[str, object]]:
    for what, number in sorted(report.counts.items()):
        yield what, f"{number:,}"


def _way(lane: Lane) -> Sequence[object]:
    scheme = "https" if lane.is_tls else "http"
    return lane.name, lane.transport, scheme, lane.accept, lane.product


def _table(head: Sequence[object], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield _row(head)
    yield _row(["---"] * len(head))
    yield from map(_row, rows)
    yield ""


def _row(cells: Iterable[object]) -> str:
    return "| " + " | ".join(str(each).replace("|", "\\|") for each in cells) + " |"
