"""Reprs: one short line each, which leads with what matters."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import veeam_async
from tests.support.simulated import SOON, simulated
from veeam_async import (
    BackupJobSession,
    BackupTaskSession,
    ConnectionFailed,
    EnterpriseManager,
    EntityRef,
    EventKind,
    F,
    Fetched,
    HealthChanged,
    Job,
    JobType,
    Link,
    ReplicaJobSession,
    RestoreSession,
    SessionChanged,
    SessionGone,
    SessionResult,
    SessionState,
    Task,
    TaskResult,
    UnreadableRow,
    models,
)
from veeam_async.models import Page, PagingInfo

ID = "26a55215-81ff-439c-558c-188d97274c15"
UID = f"urn:veeam:BackupJobSession:{ID}"
BEGAN = datetime(2026, 3, 2, 21, tzinfo=UTC)
EDGE = datetime.max.replace(tzinfo=UTC)
LONGEST = 140

RUNNING = BackupJobSession(
    uid=UID,
    href=f"https://em.example.com:9398/api/backupSessions/{ID}?format=Entity",
    name="SAP HANA@2026-03-02 21:00:00",
    job_name="SAP HANA",
    job_type=JobType.BACKUP,
    creation_time=BEGAN,
    state=SessionState.WORKING,
    progress=90,
)
FAILED = attrs.evolve(
    RUNNING, state=SessionState.STOPPED, result=SessionResult.FAILED, progress=100
)
REFUSED = ConnectionFailed("refused by 10.0.0.1:9398")
SEEN: dict[str, Any] = {"observed_at": BEGAN, "sequence": 7}

CHANGED = SessionChanged(
    kind=EventKind.STOPPED,
    id=UUID(ID),
    session=FAILED,
    previous=RUNNING,
    not_before=BEGAN,
    skipped=False,
    **SEEN,
)
DEGRADED = HealthChanged(
    kind=EventKind.DEGRADED, id=None, error=REFUSED, since=BEGAN, **SEEN
)

SHOWN = {
    f"<BackupJobSession 'SAP HANA' Working 90% {ID}>": RUNNING,
    f"<BackupJobSession 'SAP HANA' Stopped Failed {ID}>": FAILED,
    f"<BackupJobSession 'SAP HANA' Stopped {ID}>": attrs.evolve(FAILED, result=None),
    f"<BackupJobSession 'nightly' Working 90% {ID}>": attrs.evolve(
        RUNNING, job_name="", name="nightly"
    ),
    f"<RestoreSession 'srv-1' Stopped Success {ID}>": RestoreSession(
        uid=UID,
        name="FLR_[srv-1]",
        vm_display_name="srv-1",
        job_type="FileLevelRestore",
        creation_time=BEGAN,
        state="Stopped",
        result="Success",
    ),
    f"<BackupTaskSession 'srv-1' InProgress {ID}>": BackupTaskSession(
        uid=UID,
        name="srv-1@2026",
        vm_display_name="srv-1",
        creation_time=BEGAN,
        state="InProgress",
        result="Success",
    ),
    f"<Job 'SAP HANA' Backup next run 2026-03-02 21:00:00Z {ID}>": Job(
        uid=UID,
        name="SAP HANA",
        job_type="Backup",
        schedule_configured=True,
        schedule_enabled=True,
        next_run=BEGAN,
    ),
    f'<Job "O\'Brien" Backup disabled {ID}>': Job(
        uid=UID, name="O'Brien", job_type="Backup", schedule_configured=True
    ),
    "<Task task-12 StartJob Running>": Task(
        task_id="task-12", state="Running", operation="StartJob"
    ),
    "<Task task-12 StartJob Finished failed: no licence>": Task(
        task_id="task-12",
        state="Finished",
        operation="StartJob",
        result=TaskResult(success=False, message="no licence"),
    ),
    "<TaskResult succeeded>": TaskResult(success=True),
    f"<EntityRef 'SAP HANA' JobReference {ID}>": EntityRef(
        uid=UID, name="SAP HANA", type="JobReference"
    ),
    "<EntityRef 'srv-1' urn:veeam:Vm:vm-7>": EntityRef(
        uid="urn:veeam:Vm:vm-7", name="srv-1"
    ),
    f"<Link Up JobReference: /api/jobs/{ID}>": Link(
        rel="Up", href=f"https://u:pw@em.test:9398/api/jobs/{ID}", type="JobReference"
    ),
    "<Link Delete: /api/logonSessions/…>": Link(
        rel="Delete", href=f"/api/logonSessions/{ID}"
    ),
    f"<SessionChanged STOPPED 'SAP HANA' Stopped Failed {ID} was Working #7>": CHANGED,
    f"<SessionChanged FOUND 'SAP HANA' Working 90% {ID} #7>": attrs.evolve(
        CHANGED, kind=EventKind.FOUND, session=RUNNING, previous=None
    ),
    f"<SessionGone 'SAP HANA' last seen Working 90% {ID} #7>": SessionGone(
        id=UUID(ID), session=RUNNING, **SEEN
    ),
    f"<SessionGone never seen {ID} #7>": SessionGone(id=UUID(ID), session=None, **SEEN),
    "<HealthChanged DEGRADED server since 2026-03-02 21:00:00Z #7 "
    "ConnectionFailed: refused by 10.0.0.1:9398>": DEGRADED,
    f"<HealthChanged RECOVERED session {ID} since 2026-03-02 21:00:00Z #7>": (
        HealthChanged(
            kind=EventKind.RECOVERED,
            id=UUID(ID),
            error=None,
            since=BEGAN,
            scope="session",
            **SEEN,
        )
    ),
    f"<Fetched 'SAP HANA' Stopped Failed {ID}>": Fetched(id=ID, session=FAILED),
    f"<Fetched {ID} ConnectionFailed: refused by 10.0.0.1:9398>": Fetched(
        id=UID, error=REFUSED
    ),
    "<Page 1 rows and 1 unreadable (page 2 of 3)>": Page(
        rows=(RUNNING,),
        unreadable=(UnreadableRow(index=0, reason="none"),),
        paging=PagingInfo(page_num=2, pages_count=3),
    ),
    f"<UnreadableRow 3 {ID}: no State>": UnreadableRow(
        index=3, reason="no State", uid=UID
    ),
    "F.state": F.state,
    '<Condition state=="Working">': F.state == "Working",
    '<Condition (state=="Working";name!="a")>': (F.state == "Working")
    & (F.name != "a"),
}


@pytest.mark.parametrize("text", SHOWN)
def test_what_matters_comes_first(text: str) -> None:
    """A name, a state, a result or how far it is, and the id in full, to be pasted."""
    assert repr(SHOWN[text]) == text


# ---------------------------------------------------------------- hostile texts

texts = st.text() | st.sampled_from(
    [
        "\x1b[2J\x07" * 40,
        "\r\n" * 90,
        "\u202egnp.exe",
        "\u200b" * 200,
        "\ud800",
        "\x85\u2028" * 99,
        "'\"\\" * 60,
        "x" * 100_000,
        "名" * 300,
    ]
)
times = st.datetimes(timezones=st.none() | st.sampled_from([UTC])) | st.sampled_from(
    [
        EDGE,
        datetime.min.replace(tzinfo=UTC),
        BEGAN.astimezone(timezone(timedelta(hours=23))),
    ]
)
maybe = st.none() | texts
numbers = st.integers() | st.sampled_from([10**5000, -(2**64)])
uids = st.just(UID) | texts
session_parts: dict[str, Any] = {
    "uid": uids,
    "href": texts,
    "name": texts,
    "job_type": texts,
    "creation_time": times,
    "state": texts | st.sampled_from(list(SessionState)),
    "result": maybe,
    "progress": numbers,
    "failure_message": maybe,
}
links = st.builds(Link, rel=texts, href=texts, name=maybe, type=maybe)
of_jobs = st.sampled_from([BackupJobSession, ReplicaJobSession]).flatmap(
    lambda kind: st.builds(kind, job_uid=uids, job_name=texts, **session_parts)
)
restores = st.builds(RestoreSession, vm_display_name=maybe, **session_parts)
sessions = of_jobs | restores
errors = st.builds(ConnectionFailed, texts)
results = st.builds(TaskResult, success=st.booleans(), message=maybe)
pages = st.builds(PagingInfo, page_num=numbers, page_size=numbers, pages_count=numbers)
ids = st.just(UUID(ID))
kinds = st.sampled_from(list(EventKind)) | texts
seen: dict[str, Any] = {"id": ids, "observed_at": times, "sequence": numbers}

VALUES = {
    "session": sessions,
    "task session": st.builds(
        BackupTaskSession,
        uid=uids,
        name=texts,
        creation_time=times,
        state=texts,
        result=maybe,
        reason=texts,
        vm_display_name=maybe,
    ),
    "job": st.builds(
        Job,
        uid=uids,
        name=texts,
        job_type=texts,
        schedule_configured=st.booleans(),
        next_run=st.none() | times,
    ),
    "task": st.builds(
        Task, task_id=texts, state=texts, operation=texts, result=st.none() | results
    ),
    "task's result": results,
    "reference": st.builds(EntityRef, uid=uids, name=texts, type=maybe),
    "link": links,
    "change": st.builds(
        SessionChanged,
        kind=kinds,
        session=sessions,
        previous=st.none() | sessions,
        not_before=st.none(),
        skipped=st.booleans(),
        **seen,
    ),
    "end": st.builds(SessionGone, session=st.none() | sessions, **seen),
    "health": st.builds(
        HealthChanged,
        kind=kinds,
        error=st.none() | errors,
        since=times,
        scope=texts,
        **seen | {"id": st.none() | ids},
    ),
    "fetched": st.builds(Fetched, id=texts, session=sessions)
    | st.builds(Fetched, id=texts | ids, error=errors)
    | st.builds(Fetched, id=texts, session=texts),
    "page": st.builds(Page, rows=st.just((RUNNING,) * 3), paging=st.none() | pages),
    "paging": pages,
    "row": st.builds(UnreadableRow, index=numbers, reason=texts, uid=maybe),
    "condition": st.builds(lambda text: F.name == text, st.text()),
    "conditions": st.builds(
        lambda found: F.name.in_(found) & (F.state != "x"),
        st.lists(st.text(), min_size=1),
    ),
}


@pytest.mark.parametrize("name", VALUES)
def test_any_text_leaves_one_short_line(name: str) -> None:
    """Whatever a server sends: 140 characters at most, none that a terminal obeys."""

    @given(VALUES[name])
    def check(value: Any) -> None:
        shown = repr(value)
        assert len(shown) <= LONGEST, len(shown)
        assert shown.isprintable()
        assert shown[0] + shown[-1] == "<>"

    check()


@given(sessions, texts)
def test_the_id_is_always_whole(session: Any, name: str) -> None:
    """However long the names and words before it are."""
    found = attrs.evolve(session, uid=UID, name=name)

    assert f" {ID}>" in repr(found)
    assert f" {ID} #" in repr(SessionGone(id=UUID(ID), session=found, **SEEN))
    assert f" {ID} " in repr(attrs.evolve(CHANGED, session=found, previous=session))


def test_every_model_and_event_is_shown_so() -> None:
    """None that users get is left with a repr of all its fields."""
    public = (getattr(veeam_async, name) for name in veeam_async.__all__)
    long = {
        each.__name__
        for each in (*vars(models).values(), *public)
        if isinstance(each, type) and attrs.has(each) and _is_written_by_attrs(each)
    }

    assert long == {
        "ApiRoot",  # of the wire alone
        "ErrorBody",
        "LogonSession",
        "SupportedVersion",
        "RequestDone",  # small, and all of it matters
        "Retry",
        "Timeout",
        "WatchStats",
        "Fingerprint",
    }


def _is_written_by_attrs(kind: Any) -> bool:
    return bool("attrs" in kind.__repr__.__code__.co_filename)


def test_nothing_but_the_repr_has_changed() -> None:
    """What two sessions are equal by, and copies, go by every field as before."""
    other = attrs.evolve(RUNNING, failure_message="x")

    assert repr(other) == repr(RUNNING)
    assert other != RUNNING
    assert attrs.evolve(other, failure_message=None) == RUNNING
    assert hash(attrs.evolve(RUNNING)) == hash(RUNNING)
    assert pickle.loads(pickle.dumps(CHANGED)) == CHANGED  # noqa: S301 - our own


# ---------------------------------------------------------------- what is held


def shown_by(em: EnterpriseManager) -> dict[str, object]:
    """The parts of a manager, by what they say of themselves."""
    at = "at https://em.test:9398"
    newest = em.backup_sessions.query(F.job_name == "a\x1b", order_by="-end_time")
    return {
        f"<BackupSessions of BackupJobSession {at}>": em.backup_sessions,
        f"<JobSessions of ReplicaJobSession {at}>": em.replica_sessions,
        f"<JobSessions of RestoreSession {at}>": em.restore_sessions,
        f"<Entities of BackupTaskSession {at}>": em.task_sessions,
        f"<Jobs of Job {at}>": em.jobs,
        f"<Tasks {at}>": em.tasks,
        "<JobQuery of Job by Name, open, 0 rows taken>": em.jobs.query(),
        "<Query of BackupJobSession by -EndTime, open, 0 rows taken: "
        'where JobName=="a\\x1b">': newest,
        "<Fetch open, 0 results taken>": em.backup_sessions.fetch([ID]),
        "<Watch open of 1 BackupJobSessions active, 0 events told>": (
            em.backup_sessions.watch([ID])
        ),
        "<Watch open of everything: 0 RestoreSessions active, 0 events told>": (
            em.restore_sessions.watch()
        ),
    }


async def test_what_a_manager_gives_says_what_it_is() -> None:
    """And of which server: several may be open."""
    em = EnterpriseManager("https://em.test:9398", username="u", password="s3cret")

    for text, value in shown_by(em).items():
        assert repr(value) == text

    long = EnterpriseManager(f"https://{'a.' * 99}b", username="u", password="p")
    for value in shown_by(long).values():
        assert len(repr(value)) <= LONGEST


async def test_an_iterator_says_how_far_it_is() -> None:
    """While it is iterated, and when it is over."""
    async with simulated(sessions=5, running=0) as (em, _, _):
        ids = [each.id for each in await em.backup_sessions.references()]
        found = em.backup_sessions.query()
        fetch = em.backup_sessions.fetch(ids)
        watch = em.backup_sessions.watch(ids, interval=SOON)
        assert [1 async for _ in found] == [1 async for _ in fetch]
        await anext(watch)

    assert repr(found).endswith(" by CreationTime, over, 5 rows taken>")
    assert repr(fetch) == "<Fetch over, 5 results taken>"
    assert repr(watch).startswith("<Watch over of ")
    assert repr(watch).endswith(" BackupJobSessions active, 1 events told>")


def test_a_condition_of_any_depth_is_shown_at_once() -> None:
    """A program joins them as deep as it likes."""
    deep = F.name == "0"
    for number in range(5000):
        deep = (deep | (F.name == str(number))) & (F.state != "x")

    assert len(repr(deep)) <= LONGEST
