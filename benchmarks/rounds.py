"""Run a subject: its clients in turns, each round in a fresh process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import attrs

from benchmarks.affinity import cores
from benchmarks.case import Case, Errand, Round
from benchmarks.fresh import FailedError, run
from benchmarks.plan import Subject
from benchmarks.serving import Serving, server
from benchmarks.summary import Summary, summarise


@attrs.frozen(kw_only=True)
class Outcome:
    """What a subject came to; *absent* are the clients that are missing, and why."""

    subject: Subject
    summaries: dict[str, Summary]
    absent: dict[str, str]


def run_subject(subject: Subject, absent: dict[str, str], pem: Path) -> Outcome:
    """Measure all cases of *subject* but those of clients that are *absent*."""
    missing = dict(absent)
    rounds: dict[str, list[Round]] = {case.client: [] for case in subject.cases}
    with _server(subject.cases[0], pem) as serving:
        for case in _in_turns(subject):
            if case.client in missing:
                continue
            try:
                one = _round(_errand(case, subject, serving, pem))
            except FailedError as error:
                missing[case.client] = str(error)
            else:
                rounds[case.client].append(one)
                _show(subject, case, one)
    return Outcome(
        subject=subject,
        summaries={
            case.client: summarise(case, rounds[case.client])
            for case in subject.cases
            if case.client not in missing
        },
        absent={name: missing[name] for name in rounds if name in missing},
    )


def _round(errand: Errand) -> Round:
    fixed = errand.case.fixed_threshold
    return Round(**run("one_round", errand.to_json(), fixed=fixed))


def _in_turns(subject: Subject) -> Iterator[Case]:
    for _ in range(subject.rounds):
        yield from subject.cases


def _server(case: Case, pem: Path) -> AbstractContextManager[Serving]:
    return server(
        size=case.size,
        latency=case.latency,
        certificate=pem if case.tls else None,
        core=cores()[1],
    )


def _errand(case: Case, subject: Subject, serving: Serving, pem: Path) -> Errand:
    return Errand(
        case=case,
        url=serving.url,
        control=serving.control,
        ca_file=str(pem.with_name("ca.pem")) if case.tls else None,
        core=cores()[0],
        seconds=subject.seconds,
    )


def _show(subject: Subject, case: Case, one: Round) -> None:
    """Tell on standard error what goes on."""
    wall, cpu = one.wall / one.count * 1e6, one.cpu / one.count * 1e6
    print(
        f"{subject.key:16} {case.client:24} {wall:7.1f} µs, CPU {cpu:7.1f} µs",
        file=sys.stderr,
        flush=True,
    )
