"""Judge the last runs of jobs, as a monitoring system is told of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

import attrs

from veeam_async import SessionResult
from veeam_async.cli.last_runs import JobsSession, LastRuns
from veeam_async.cli.name_patterns import ANY, NamePattern
from veeam_async.cli.plugin import State
from veeam_async.cli.render.words import count, duration, one_line, zoned
from veeam_async.cli.thresholds import Limits, performance

_NAMED = 3
"""Jobs that the summary names of each kind of trouble."""


@attrs.frozen(kw_only=True)
class Fine:
    """How many jobs may have *failed*, ended with a warning, or not run at all.

    And how many seconds a session may be *running*, or a job's last success be ago.
    """

    failed: Limits
    warned: Limits
    missing: Limits
    running: Limits
    age: Limits


@attrs.frozen
class Success:
    """When a job last ended with Success or Warning; None: never, as far as is seen."""

    name: str
    at: datetime | None


@attrs.frozen(kw_only=True)
class Answer:
    """An answer to a monitoring system."""

    state: State
    summary: str
    data: Sequence[str]
    details: Sequence[str]


@attrs.frozen
class _Trouble:
    """A job that something is wrong with, and what."""

    state: State
    name: str
    what: str


class Judge:
    """Judges *jobs*, which ran *since* then, by what is *fine*.

    *reason_of* tells why a session failed. Judge what matters, then ask for the answer.
    """

    def __init__(
        self,
        jobs: Sequence[LastRuns],
        fine: Fine,
        *,
        since: datetime,
        reason_of: Callable[[JobsSession], str],
    ) -> None:
        self._jobs = jobs
        self._fine = fine
        self._since = since
        self._reason_of = reason_of
        self._states = [State.OK]
        self._summary: list[str] = []
        self._details: list[str] = []
        self._data = [performance("jobs", len(jobs))]

    def answer(self) -> Answer:
        """All that was judged so far, together."""
        return Answer(
            state=max(self._states),
            summary="; ".join([*self._summary, self._ran()]),
            data=self._data,
            details=self._details,
        )

    def results(self) -> None:
        """Judge how the jobs ended: those that failed, those with a warning."""
        for metric, result, verb in (
            ("failed", SessionResult.FAILED, "failed"),
            ("warned", SessionResult.WARNING, "ended with a warning"),
        ):
            limits: Limits = getattr(self._fine, metric)
            ended = [job.verdict for job in self._jobs if job.ended_with(result)]
            state = limits.state(len(ended))
            self._tell(verb, [self._ended(each, state) for each in ended if each])
            self._measure(metric, len(ended), limits, state)

    def missing(self, patterns: Sequence[NamePattern]) -> None:
        """Judge that no job ran of those that *patterns* mean."""
        limits = self._fine.missing
        state = limits.state(len(patterns))
        what = f"no session since {zoned(self._since)}: --since looks further back"
        self._tell(
            "did not run",
            [
                _Trouble(state, "any job" if each == ANY else each.text, what)
                for each in patterns
            ],
        )
        self._measure("missing", len(patterns), limits, state)

    def running(self, now: datetime) -> None:
        """Judge how long sessions have been running."""
        limits = self._fine.running
        running = [
            (session, _since(session.creation_time, now))
            for job in self._jobs
            for session in job.running
        ]
        self._data.append(performance("running", len(running)))
        late = [
            _Trouble(state, _name(session), f"running for {duration(length)}")
            for session, length in running
            if (state := limits.state(length.total_seconds()))
        ]
        self._tell("run for too long", late)
        longest = max((length for _, length in running), default=timedelta())
        state = max((each.state for each in late), default=State.OK)
        self._measure("longest_run", longest.total_seconds(), limits, state, "s")

    def age(self, successes: Sequence[Success], now: datetime) -> None:
        """Judge how long ago jobs last succeeded; never is the worst."""
        limits = self._fine.age
        late = [
            _Trouble(state, each.name, _last_success(each))
            for each in successes
            if (state := _state_of_age(each, limits, now))
        ]
        self._tell("had no success for too long", late)
        known = [_since(each.at, now) for each in successes if each.at]
        is_known = len(known) == len(successes) and known
        oldest = max(known).total_seconds() if is_known else None
        state = max((each.state for each in late), default=State.OK)
        self._measure("success_age", oldest, limits, state, "s")

    def _measure(
        self,
        metric: str,
        value: float | None,
        limits: Limits,
        state: State,
        unit: str = "",
    ) -> None:
        self._states.append(state)
        self._data.append(performance(metric, value, limits, unit))

    def _tell(self, verb: str, troubles: Sequence[_Trouble]) -> None:
        if not troubles:
            return
        self._summary.append(f"{len(troubles):,} {verb}: {_names(troubles)}")
        self._details += [
            f"[{each.state.name}] {each.name}: {each.what}" for each in troubles
        ]

    def _ended(self, session: JobsSession, state: State) -> _Trouble:
        at = zoned(session.end_time or session.creation_time)
        reason = ""
        if session.result == SessionResult.FAILED or session.failure_message:
            reason = f": {self._reason_of(session)}"
        return _Trouble(state, _name(session), f"{session.result} at {at}{reason}")

    def _ran(self) -> str:
        running = sum(bool(job.running) for job in self._jobs)
        now = f", {running:,} of them now" if running else ""
        return f"{count(len(self._jobs), 'job')} ran since {zoned(self._since)}{now}"


def _since(begun: datetime, now: datetime) -> timedelta:
    # A backup server whose clock is ahead dates what has just begun in the future.
    return max(now - begun, timedelta())


def _state_of_age(success: Success, limits: Limits, now: datetime) -> State:
    if success.at is not None:
        return limits.state(_since(success.at, now).total_seconds())
    return State.WARNING if limits.critical is None else State.CRITICAL


def _last_success(success: Success) -> str:
    if success.at is None:
        return "never a success, as far back as the server remembers"
    return f"the last success was at {zoned(success.at)}"


def _name(session: JobsSession) -> str:
    return session.job_name or session.name


def _names(troubles: Iterable[_Trouble]) -> str:
    names = list(dict.fromkeys(one_line(each.name) for each in troubles))
    more = f" and {len(names) - _NAMED:,} more" if names[_NAMED:] else ""
    return f"{', '.join(names[:_NAMED])}{more}"
