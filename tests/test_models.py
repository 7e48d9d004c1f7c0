from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import attrs
import pytest

from veeam_async import models
from veeam_async.models import (
    BackupJobSession,
    BackupTaskSession,
    EntityRef,
    Link,
    LogonSession,
    Page,
    RestoreSession,
    SessionResult,
    SessionState,
    Task,
    TaskSessionState,
    TaskState,
)

UUID_TEXT = "88b395e2-81ff-439c-558c-188d97274c15"
BEGAN = datetime(2026, 3, 2, 1, 15, tzinfo=UTC)
LINKS = (
    Link(rel="Up", href="/a", type="BackupServerReference"),
    Link(rel="Up", href="/b", type="JobReference"),
    Link(rel="Stop", href="/c"),
)
SESSION = BackupJobSession(
    uid=f"urn:veeam:BackupJobSession:{UUID_TEXT}",
    job_uid=f"urn:veeam:Job:{UUID_TEXT}",
    job_type="Backup",
    creation_time=BEGAN,
    state=SessionState.WORKING,
    links=LINKS,
)


def test_fields_of_the_parameter_table() -> None:
    """A backup session has the fields of the reference's table and no others."""
    names = {field.name for field in attrs.fields(BackupJobSession)}

    assert names == {
        *("uid", "name", "href", "links", "job_uid", "job_name", "job_type"),
        *("creation_time", "end_time", "state", "result", "progress", "is_retry"),
        "failure_message",
    }


@pytest.mark.parametrize(
    "model",
    [
        found
        for found in vars(models).values()
        if isinstance(found, type) and attrs.has(found)
    ],
    ids=lambda model: model.__name__,
)
def test_models_are_frozen_and_slotted(model: type[attrs.AttrsInstance]) -> None:
    """No model can be changed, nor get an attribute more; all are keyword-only."""
    assert not hasattr(model, "__dict__") or "__slots__" in vars(model)
    assert all(field.kw_only for field in attrs.fields(model))
    assert model.__doc__


def test_frozen() -> None:
    """A field cannot be set."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        SESSION.state = "Stopped"  # type: ignore[misc]  # that is the point


def test_members_are_the_text_of_the_wire() -> None:
    """An enum member equals its text, and looks like it in a message."""
    assert set(SessionState) > {"Working", "Stopped"}
    assert f"{TaskSessionState.IN_PROGRESS}" == "InProgress"
    assert list(SessionResult) == ["Success", "Warning", "Failed"]


def test_ids() -> None:
    """The UUIDs are taken from the UIDs; a job that is gone has none."""
    assert SESSION.id == UUID(UUID_TEXT)
    assert SESSION.job_id == UUID(UUID_TEXT)
    assert attrs.evolve(SESSION, job_uid="").job_id is None
    with pytest.raises(ValueError, match="badly formed"):
        _ = EntityRef(uid="urn:VMware:Vm:x.vm-7").id


def test_link_selects_by_rel_and_type() -> None:
    """The same Rel occurs more than once; the Type tells them apart."""
    found = SESSION.link("Up", "JobReference")

    assert found is LINKS[1]
    assert SESSION.link("Up") is LINKS[0]
    assert SESSION.link("Stop") is LINKS[2]
    assert SESSION.link("Up", "Job") is None
    assert SESSION.link("Down") is None


@pytest.mark.parametrize(
    ("state", "result", "progress", "stopped"),
    [
        ("Stopped", None, 0, True),
        (SessionState.STOPPED, SessionResult.FAILED, 50, True),
        (SessionState.STOPPING, SessionResult.SUCCESS, 100, False),
        ("Dreaming", SessionResult.SUCCESS, 100, False),
    ],
)
def test_only_the_state_means_stopped(
    state: SessionState | str,
    result: SessionResult | None,
    progress: int,
    stopped: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """Neither progress nor result tells whether a session has ended."""
    session = attrs.evolve(SESSION, state=state, result=result, progress=progress)

    assert session.is_stopped is stopped


def test_duration() -> None:
    """A session, or a task session, lasts from its creation to its end."""
    ended = BEGAN + timedelta(minutes=3)
    task = BackupTaskSession(uid="u", creation_time=BEGAN, state="Completed")

    assert SESSION.duration is None
    assert attrs.evolve(SESSION, end_time=ended).duration == timedelta(minutes=3)
    assert task.duration is None
    assert attrs.evolve(task, end_time=ended).duration == timedelta(minutes=3)
    assert task.is_completed


def test_restore_belongs_to_no_job() -> None:
    """A restore session has no job fields."""
    assert not hasattr(RestoreSession, "job_uid")


def test_task() -> None:
    """A task is over when Finished, and links to what it made."""
    made = Link(rel="Related", href="/new", type="BackupJobSession")
    task = Task(task_id="task-1", state=TaskState.FINISHED, links=(*LINKS, made))

    assert task.is_finished
    assert task.related == (made,)
    assert not attrs.evolve(task, state="OperationFinished").is_finished


def test_logon_session_shows_no_secret() -> None:
    """The repr of a logon shows its user alone, also inside a page."""
    secret = Link(rel="Delete", href=f"/api/logonSessions/{UUID_TEXT}")
    logon = LogonSession(
        session_id=UUID_TEXT, user_name="ranger", href=secret.href, links=(secret,)
    )

    assert repr(logon) == "LogonSession(user_name='ranger')"
    assert UUID_TEXT not in repr(Page(rows=(logon,)))
