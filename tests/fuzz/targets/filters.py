"""Filters: conditions that the simulator must understand, and texts that it may not."""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from typing import Any, cast
from uuid import UUID

import attrs

from tests.fuzz.mutation import LARGEST, NUMBERS, TEXTS, TIMES, Mutator, Seed, seed
from tests.fuzz.target import Make, Target, Unreached, is_plain_value_error
from veeam_async import (
    BackupJobSession,
    BackupTaskSession,
    F,
    SessionResult,
    TaskSessionState,
)
from veeam_async.filters import Condition
from veeam_async.simulator import filters as server
from veeam_async.simulator.request import RefusalError
from veeam_async.watch.options import narrowing

_NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
_ID = UUID("77c0a1d2-0b7e-4f4e-8f0c-5f6b2f1f9c02")
_STATES = tuple(TaskSessionState)
_RESULTS = ("None", *SessionResult)

ROW: dict[str, Any] = {
    "uid": _ID,
    "job_uid": UUID(int=0),
    "name": 'A "quoted"; (name), \\ü',
    "job_name": "",
    "reason": "x\ny",
    "creation_time": _NOW,
    "end_time": None,
    "state": _STATES[1],
    "result": _RESULTS[2],
    "total_size": 4096,
}
"""The one row that filters select from."""


def _value(name: str) -> Callable[[Any, datetime], Any]:
    return lambda row, _now: row[name]


FIELDS: dict[str, server.Field] = {
    "uid": server.uid(_value("uid")),
    "jobuid": server.uid(_value("job_uid")),
    "name": server.text(_value("name")),
    "jobname": server.text(_value("job_name")),
    "reason": server.text(_value("reason")),
    "creationtime": server.time(_value("creation_time")),
    "endtime": server.time(_value("end_time")),
    "state": server.enumeration(_STATES, _value("state")),
    "result": server.enumeration(_RESULTS, _value("result")),
    "totalsize": server.number(_value("total_size")),
}

# ---------------------------------------------------------------- conditions

_OPERATORS = (
    operator.eq,
    operator.ne,
    operator.lt,
    operator.le,
    operator.gt,
    operator.ge,
)
_TIMES = (
    _NOW,
    _NOW - timedelta(microseconds=1),
    _NOW.astimezone(timezone(timedelta(hours=5, minutes=45))),
    datetime.min.replace(tzinfo=UTC),
    datetime.max.replace(tzinfo=UTC),
    datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
    datetime.max.replace(tzinfo=timezone(timedelta(hours=-14))),
    datetime(1970, 1, 1, tzinfo=timezone(timedelta(seconds=30))),
    datetime(1, 1, 1),  # noqa: DTZ001 - it is refused
)
_NUMBERS = (0, -1, 4096, 4097, 10**17, True, False)
_DEEPEST = 60
"""Levels: the simulator takes 64, of what a client nests as deep as it likes."""


@attrs.define
class _Made:
    """A *condition*, whether the row *holds* it, and how deep it is."""

    condition: Condition
    holds: bool
    depth: int = 0


class _Reader:
    """Makes a condition of bytes, each of which decides on something."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def is_over(self) -> bool:
        """Whether no byte is left."""
        return self._at >= len(self._data)

    def byte(self) -> int:
        """The next byte; behind the last one zero."""
        self._at += 1
        return 0 if self._at > len(self._data) else self._data[self._at - 1]

    def text(self) -> str:
        """As many bytes as the next one says, as text."""
        size = self.byte()
        found = self._data[self._at : self._at + size]
        self._at += size
        # Half a surrogate is refused, whatever stands beside it.
        return found.decode("utf-8", "replace" if size % 16 else "surrogateescape")

    def leaf(self) -> _Made:
        """One comparison."""
        names = sorted(ROW)
        name = names[self.byte() % len(names)]
        value = ROW[name]
        ordered = not isinstance(value, UUID)
        compare = _OPERATORS[self.byte() % (6 if ordered else 2)]
        operand = self._operand(name)
        condition = cast("Condition", compare(getattr(F, name), operand))
        return _Made(condition, _holds(name, compare, operand))

    def _operand(self, name: str) -> Any:
        if name in ("uid", "job_uid"):
            return (_ID, UUID(int=0), f"urn:veeam:Job:{_ID}")[self.byte() % 3]
        if name in ("creation_time", "end_time"):
            return _TIMES[self.byte() % len(_TIMES)]
        if name == "state":
            return _STATES[self.byte() % len(_STATES)]
        if name == "result":
            return _RESULTS[self.byte() % len(_RESULTS)]
        if name == "total_size":
            return _NUMBERS[self.byte() % 5]
        return self.text()

    def condition(self) -> _Made:
        """All bytes as one condition, by the rules of a stack machine."""
        made = [self.leaf()]
        while not self.is_over:
            action = self.byte() % 3
            if action == 0 or len(made) == 1:
                made.append(self.leaf())
            else:
                second, first = made.pop(), made.pop()
                made.append(_joined(first, second, is_and=action == 1))
        while len(made) > 1:
            second, first = made.pop(), made.pop()
            made.append(_joined(first, second, is_and=len(made) % 2 == 0))
        return made[0]


def _joined(first: _Made, second: _Made, *, is_and: bool) -> _Made:
    depth = max(first.depth, second.depth) + 1
    if is_and:
        both = first.holds and second.holds
        return _Made(first.condition & second.condition, both, depth)
    either = first.holds or second.holds
    return _Made(first.condition | second.condition, either, depth)


def _holds(name: str, compare: Callable[[Any, Any], Any], operand: Any) -> bool:
    """Python's own answer; a missing value differs from everything."""
    value = ROW[name]
    if value is None:
        return compare is operator.ne
    if name in ("uid", "job_uid"):
        operand = UUID(str(operand).rpartition(":")[2])
    if name in ("state", "result"):
        places = _STATES if name == "state" else _RESULTS
        value, operand = places.index(value), places.index(operand)
    if isinstance(operand, datetime) and operand.tzinfo is None:
        operand = operand.replace(tzinfo=UTC)  # refused before it is compared
    return bool(compare(value, operand))


def take_condition(data: bytes) -> None:
    """Let the simulator select the row by a condition; it must do as Python does."""
    made = _Reader(data).condition()
    text = made.condition.render(BackupTaskSession)
    repr(made.condition)
    assert made.condition.fields <= set(ROW)
    if made.depth > _DEEPEST:
        raise Unreached
    predicate = server.parse(text, FIELDS)
    assert predicate(ROW, _NOW) == made.holds, text


def _condition_maker() -> Make:
    def make(random: Random) -> bytes:
        pieces = [random.randbytes(random.choice((3, 9, 27, 81)))]
        while random.random() < _LONGER:
            text = random.choice(TEXTS)[:255]
            pieces += [
                random.randbytes(2),
                bytes((len(text),)),
                text,
                random.randbytes(random.randrange(200)),
            ]
        return b"".join(pieces)[:LARGEST]

    return make


_LONGER = 0.5

# ---------------------------------------------------------------- texts

_SEEDS = (
    'State=="Working"',
    'JobType!="Backup";(State==Working,State=="Postprocessing")',
    "TotalSize>=4096;TotalSize<-1",
    'Name=="A ""quoted""; (name), \\ü"',
    'CreationTime>="2026-03-02T12:00:00.123Z",EndTime<2026-03-02',
    "UID==urn:veeam:Job:77c0a1d2-0b7e-4f4e-8f0c-5f6b2f1f9c02",
    'JobName==Mail servers;(Result==None,(Result!="Failed";Reason>"x"))',
)
_WORDS = (
    b"(",
    b")",
    b";",
    b",",
    b"==",
    b"=",
    b"<>",
    b">=",
    b'"',
    b'""',
    b'"""',
    b"state",
    b"STATE ",
    b"EndTime\t==",
    b" " * 500,
    b"(" * 70,
    b'Name=="',
    b"a " * 3000,
    *TIMES,
    *(b'"%b"' % time for time in TIMES),
    *NUMBERS,
    *TEXTS,
)


def _seeds() -> list[Seed]:
    return [seed(text.encode()) for text in _SEEDS]


def take_text(data: bytes) -> None:
    """Select the row by a text, and narrow a watch by it."""
    text = data.decode("utf-8", "replace")
    narrowed: Exception | None = None
    try:
        narrowing(text, BackupJobSession)
    except ValueError as error:
        narrowed = error
    server.parse(text, FIELDS)(ROW, _NOW)
    if narrowed is not None:
        raise narrowed


def _is_own(error: BaseException) -> bool:
    return isinstance(error, RefusalError) or is_plain_value_error(error)


TARGETS = (
    Target(
        name="conditions",
        about="conditions made with `F`, which the simulator selects by as Python does",
        open_maker=_condition_maker,
        open_feed=lambda: take_condition,
        own=is_plain_value_error,
    ),
    Target(
        name="filters",
        about="texts to the simulator's parser, and to a watch as `where`",
        open_maker=lambda: Mutator(_seeds(), _WORDS).make,
        open_feed=lambda: take_text,
        own=_is_own,
    ),
)
