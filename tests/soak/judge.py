"""What was told beside what happened: every promise that was broken, in a sentence."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs

from tests.soak.actors import CLOCK
from tests.soak.journal import Line
from tests.soak.stage import Happened

PROMISES = {
    "lost": "sessions that ended and were not told, ids that were asked for in vain",
    "twice": "what was told or came twice, or was started twice",
    "missed": "sessions that a watch of everything did not show",
    "false": "ends that had not come: GONE, STOPPED or not found of what runs",
    "mixed up": "one session or run in place of another",
    "raised": "errors that nobody should see",
    "leaked": "tasks, sockets, files and logon sessions left behind",
    "grown": "growth of memory beyond 5 MiB",
    "busy": "turns in which the loop's thread worked for 100 ms and more",
}
"""The kinds of what can be wrong."""

_FIRST_LOOK = 10.0
"""Seconds that the first look of a watch of everything may take, which is made before
the storm: what ends before that is done may count as over before the watch."""

_SLACK = 30.0
"""Seconds that telling GONE may take longer, while looks fail."""


@attrs.frozen
class Violation:
    """A promise of that *kind*, broken as *says* tells."""

    kind: str
    says: str


def judge(
    lines: Iterable[Line], truths: Mapping[str, Sequence[Happened]], end: float
) -> list[Violation]:
    """All that is wrong with *lines*, where *truths* are by lane, and *end* is when."""
    by_actor: defaultdict[str, list[Line]] = defaultdict(list)
    for line in lines:
        by_actor[line.actor].append(line)
    found: list[Violation] = []
    for actor, own in by_actor.items():
        lane, _, role = actor.partition("/")
        truth = {each.id: each for each in truths[lane]}
        judged = _JUDGES[role.partition("-")[0]]
        for kind, says in (*_raised(own), *judged(own, truth, end)):
            found.append(Violation(kind, f"{actor}: {says}"))
    return found


Found = Iterator[tuple[str, str]]
Truth = Mapping[str, Happened]


def _raised(lines: list[Line]) -> Found:
    errors = Counter(line.details["error"] for line in lines if line.what == "raised")
    for error, times in errors.items():
        yield "raised", f"{error}, {times} times"


# ---------------------------------------------------------------- fetching


def _fetching(lines: list[Line], _truth: Truth, _end: float) -> Found:
    owed: set[str] = set()
    for line in lines:
        match line.what:
            case "fetch":
                owed = set(line.details["ids"])
            case "came":
                owed -= set(line.details["ids"])
            case "fetched twice":
                yield "twice", f"{line.details['id']} was fetched twice"
            case "fetch ended early":
                yield "lost", f"a fetch ended without {line.details['ids']}"
            case "mixed up":
                says = f"{line.details['came']} came for {line.details['id']}"
                yield "mixed up", says
    yield from (("lost", f"{each} never came") for each in sorted(owed))


# ---------------------------------------------------------------- watching


@attrs.define
class _Told:
    """What a watch told of a session, by when."""

    found: list[float] = attrs.field(factory=list)
    stopped: list[float] = attrs.field(factory=list)
    gone: list[float] = attrs.field(factory=list)

    def add(self, line: Line) -> None:
        """Take a line in, where it tells one of these."""
        times = {"FOUND": self.found, "STOPPED": self.stopped, "GONE": self.gone}
        if line.what in times:
            times[line.what].append(line.at)

    def doubled(self, session_id: str) -> Found:
        """What was told more than once."""
        if len(self.found) > 1:
            yield "twice", f"FOUND of {session_id} was told {len(self.found)} times"
        ends = len(self.stopped) + len(self.gone)
        if ends > 1:
            yield "twice", f"the end of {session_id} was told {ends} times"

    def untrue(self, session: Happened) -> Found:
        """What was told before it was so."""
        if any(at < session.ended - CLOCK for at in self.stopped):
            yield "false", f"STOPPED of {session.id}, which ran"
        if self.gone and not _is_removed(session, self.gone[0]):
            yield "false", f"GONE of {session.id}, which was there"


def _is_removed(session: Happened, by: float) -> bool:
    return session.removed is not None and session.removed <= by + CLOCK


def _watching_ids(lines: list[Line], truth: Truth, end: float) -> Found:
    for begun, told in _watches(lines):
        for session_id in begun.details["ids"]:
            of = told.get(session_id, _Told())
            session = truth[session_id]
            yield from of.doubled(session_id)
            yield from of.untrue(session)
            if not (of.stopped or of.gone) and _is_due(session, begun, end):
                yield "lost", f"the end of {session_id} was never told"
            if of.stopped and not of.found:
                yield "missed", f"{session_id} was STOPPED without FOUND"
        strangers = set(told) - set(begun.details["ids"])
        yield from (("mixed up", f"{each} was not watched") for each in strangers)


def _is_due(session: Happened, begun: Line, end: float) -> bool:
    """Whether a watch of ids must have told the end of a session by then."""
    if session.removed is not None:
        return session.removed + float(begun.details["gone_after"]) + _SLACK < end
    return session.ended + _SLACK < end


def _watching_all(lines: list[Line], truth: Truth, end: float) -> Found:
    for begun, told in _watches(lines):
        for session in truth.values():
            of = told.pop(session.id, _Told())
            yield from of.doubled(session.id)
            yield from of.untrue(session)
            if _must_be_shown(session, begun.at, end):
                yield from _unshown(of, session)
        yield from (("mixed up", f"{each} never was") for each in told)


def _must_be_shown(session: Happened, begin: float, end: float) -> bool:
    # Nobody can see what was removed before anybody looked, nor the end of it.
    is_seen = session.ended > begin + _FIRST_LOOK and session.removed is None
    return is_seen and max(session.ended, session.shown) + _SLACK < end


def _unshown(told: _Told, session: Happened) -> Found:
    seconds = session.ended - session.created
    if not told.found:
        yield "missed", f"{session.id}, which ran for {seconds:.1f} s"
    elif not told.stopped:
        yield "lost", f"the end of {session.id} was never told"


def _watches(lines: list[Line]) -> Iterator[tuple[Line, dict[str, _Told]]]:
    """Each watch of an actor: how it began, and what it told by session."""
    begun = {line.details["watch"]: line for line in lines if line.what == "watch"}
    told: dict[int, dict[str, _Told]] = {number: {} for number in begun}
    for line in lines:
        if "id" in line.details:
            of = told[line.details["watch"]].setdefault(line.details["id"], _Told())
            of.add(line)
    for number, line in begun.items():
        yield line, told[number]


# ----------------------------------------------------------------- waiting


def _waiting(lines: list[Line], truth: Truth, end: float) -> Found:
    owed: set[str] = set()
    for line in lines:
        if line.what == "waits":
            owed = set(line.details["ids"])
        elif line.what in {"waited", "not found"}:
            yield from _waited(line, owed, truth)
            owed.discard(line.details["id"])
    for each in sorted(owed):
        if truth[each].ended + _SLACK < end:
            yield "lost", f"the wait for {each} never ended"


def _waited(line: Line, owed: set[str], truth: Truth) -> Found:
    session_id = line.details["id"]
    if session_id not in owed:
        yield "mixed up", f"{session_id} came, for which nobody waited"
    elif line.what == "not found":
        yield "false", f"{session_id} was not found, which was there"
    elif line.at < truth[session_id].ended - CLOCK:
        yield "false", f"the wait for {session_id} ended while that ran"


# ------------------------------------------------------------ running jobs


def _running(lines: list[Line], truth: Truth, end: float) -> Found:
    starts = [line for line in lines if line.what == "start"]
    outcomes = {
        line.details["run"]: line
        for line in lines
        if line.what != "start" and "run" in line.details
    }
    until = [*(line.at for line in starts[1:]), end]
    for start, next_start in zip(starts, until, strict=True):
        begun = _begun(start, next_start, truth)
        firsts = [each for each in begun if not each.is_retry]
        number = start.details["run"]
        if len(firsts) > 1:
            yield "twice", f"run {number} was started {len(firsts)} times"
        yield from _outcome(start, outcomes.get(number), begun, end)


def _begun(start: Line, until: float, truth: Truth) -> list[Happened]:
    """Sessions of the job that a start began, retries too, the first one first."""
    began = [
        each
        for each in truth.values()
        if each.job == start.details["job"] and start.at < each.created + CLOCK <= until
    ]
    return sorted(began, key=lambda each: each.created)


def _outcome(
    start: Line, outcome: Line | None, begun: list[Happened], end: float
) -> Found:
    number = start.details["run"]
    what = None if outcome is None else outcome.what
    if outcome is None:
        if begun and begun[-1].ended + _SLACK < end:
            yield "lost", f"run {number} never ended: {begun[0].id}"
    elif what == "ran":
        yield from _ended(start, outcome, begun)
    elif what != "cut off" and begun:
        yield "lost", f"run {number} came to {what}, but began {begun[0].id}"


def _ended(start: Line, outcome: Line, begun: list[Happened]) -> Found:
    number, details = start.details["run"], outcome.details
    if not begun:
        yield "mixed up", f"run {number} ended, which never began"
        return
    wanted = begun[-1] if start.details["retries"] else begun[0]
    if details["session"] != begun[0].id or details["last"] != wanted.id:
        told = f"{details['session']} to {details['last']}"
        says = f"run {number} was told as {told}, and was {begun[0].id} to {wanted.id}"
        yield "mixed up", says
    elif outcome.at < wanted.ended - CLOCK:
        yield "false", f"run {number} was told to have ended while {wanted.id} ran"


_JUDGES = {
    "fetch": _fetching,
    "ids": _watching_ids,
    "all": _watching_all,
    "wait": _waiting,
    "run": _running,
}
