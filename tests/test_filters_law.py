"""The law of filters: the server selects what Python selects by the same condition."""

from __future__ import annotations

import operator
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeAlias

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.simulated import client
from veeam_async import (
    BackupJobSession,
    F,
    JobType,
    SessionResult,
    SessionState,
)
from veeam_async.filters import Condition
from veeam_async.simulator import Simulator

Accept: TypeAlias = Literal["json", "xml"]

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    op.__name__: op
    for op in (
        operator.eq,
        operator.ne,
        operator.lt,
        operator.le,
        operator.gt,
        operator.ge,
    )
}
EQUALITY = st.sampled_from(["eq", "ne"])
ANY = st.sampled_from(sorted(OPERATORS))
STATES = list(SessionState)
RESULTS = ["None", *SessionResult]
# Those that the simulator's jobs have.
JOB_TYPES = [JobType.BACKUP, JobType.BACKUP_COPY, JobType.NAS_BACKUP]


@attrs.frozen
class Leaf:
    """A comparison: with *value*, or with the field of the session *pick*, shifted."""

    field: str
    op: str
    value: Any = None
    pick: int = 0
    shift: timedelta = timedelta()

    def operand(self, rows: list[BackupJobSession]) -> Any:
        """What the field is compared with."""
        if self.value is not None:
            return self.value
        found = getattr(rows[self.pick % len(rows)], self.field)
        if found is None:
            return rows[0].creation_time
        return found + self.shift if isinstance(found, datetime) else found

    def condition(self, rows: list[BackupJobSession]) -> Condition:
        """The same condition, written with `F`."""
        made = OPERATORS[self.op](getattr(F, self.field), self.operand(rows))
        assert isinstance(made, Condition)
        return made

    def holds(self, row: BackupJobSession, rows: list[BackupJobSession]) -> bool:
        """Python's own answer; a missing value differs from everything."""
        found, operand = getattr(row, self.field), self.operand(rows)
        if self.field == "state":
            found, operand = STATES.index(found), STATES.index(operand)
        if self.field == "result":
            found, operand = RESULTS.index(found or "None"), RESULTS.index(operand)
        if found is None:
            return self.op == "ne"
        return bool(OPERATORS[self.op](found, operand))


@attrs.frozen
class Joined:
    """Several parts, all or any of which must hold."""

    is_and: bool
    parts: list[Any]

    def condition(self, rows: list[BackupJobSession]) -> Condition:
        """The same condition, written with `F`."""
        conditions: list[Condition] = [part.condition(rows) for part in self.parts]
        first, *others = conditions
        for other in others:
            first = first & other if self.is_and else first | other
        return first

    def holds(self, row: BackupJobSession, rows: list[BackupJobSession]) -> bool:
        """Python's own answer."""
        quantifier = all if self.is_and else any
        return quantifier(part.holds(row, rows) for part in self.parts)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
SHIFTS = st.sampled_from([timedelta(), timedelta(microseconds=1), timedelta(hours=-9)])
PICKS = st.integers(0, 1000)
LEAVES = st.one_of(
    st.builds(Leaf, st.sampled_from(["name", "job_name"]), ANY, pick=PICKS),
    st.builds(Leaf, st.sampled_from(["name", "job_name"]), ANY, TEXT),
    st.builds(Leaf, st.just("state"), ANY, st.sampled_from(STATES)),
    st.builds(Leaf, st.just("result"), ANY, st.sampled_from(RESULTS)),
    st.builds(Leaf, st.just("job_type"), EQUALITY, st.sampled_from(JOB_TYPES)),
    st.builds(Leaf, st.sampled_from(["uid", "job_uid"]), EQUALITY, pick=PICKS),
    st.builds(Leaf, st.just("is_retry"), EQUALITY, st.booleans()),
    st.builds(
        Leaf,
        st.sampled_from(["creation_time", "end_time"]),
        ANY,
        pick=PICKS,
        shift=SHIFTS,
    ),
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda parts: st.builds(
        Joined, st.booleans(), st.lists(parts, min_size=2, max_size=3)
    ),
    max_leaves=8,
)


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    """A simulator whose time stands still; some of its sessions run."""
    start = datetime(2026, 3, 2, 12, tzinfo=UTC)
    async with Simulator(sessions=60, running=15, speed=0, start=start) as simulator:
        simulator.add_session(script=(), job_name='100 % "safe" + A&B; (C), \\ü')
        yield simulator


@pytest.mark.parametrize("accept", ["json", "xml"])
@given(conditions=st.lists(CONDITIONS, min_size=1, max_size=4))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_the_server_selects_what_python_selects(
    simulator: Simulator, accept: Accept, conditions: list[Leaf | Joined]
) -> None:
    """Each row that the condition holds for, and no other, each once."""
    async with client(simulator, accept=accept) as em:
        rows = [row async for row in em.backup_sessions.query(page_size=1000)]
        assert len(rows) == 61
        for condition in conditions:
            query = em.backup_sessions.query(condition.condition(rows))
            found = [row.uid async for row in query]

            assert found == [row.uid for row in rows if condition.holds(row, rows)]


async def test_the_sessions_are_worth_the_law(simulator: Simulator) -> None:
    """There are running ones, missing ends, all results, and an awkward name."""
    async with client(simulator) as em:
        rows = [row async for row in em.backup_sessions.query(page_size=7)]

        awkward = [r for r in rows if '"safe"' in r.job_name]
        named = em.backup_sessions.query(F.job_name == awkward[0].job_name)
        assert [row async for row in named] == awkward

    assert {row.result for row in rows} == {None, *SessionResult}
    assert {row.end_time is None for row in rows} == {True, False}
    assert {row.is_retry for row in rows} == {True, False}
    assert {row.job_type for row in rows} >= set(JOB_TYPES)
