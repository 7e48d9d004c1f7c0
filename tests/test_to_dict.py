"""What a model's JSON has beside its fields: its id, its job's, how long it took."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import attrs
import pytest

from tests.support.bodies import uuid_of
from tests.support.simulated import SOON, simulated
from veeam_async import (
    BackupJobSession,
    BackupTaskSession,
    EntityRef,
    EventKind,
    Fetched,
    Job,
    Link,
    RestoreSession,
    SessionChanged,
    SessionGone,
    Task,
    from_dict,
    to_dict,
)
from veeam_async.errors import Json
from veeam_async.models import Page

ID, JOB = str(uuid_of(1)), str(uuid_of(2))
BEGAN = datetime(2026, 3, 2, 21, tzinfo=UTC)
ENDED = BEGAN + timedelta(minutes=12, seconds=3.25)
DERIVED = {"id", "job_id", "duration"}

SESSION = BackupJobSession(
    uid=f"urn:veeam:BackupJobSession:{ID.upper()}",
    job_uid=f"urn:veeam:Job:{JOB}",
    job_type="Backup",
    creation_time=BEGAN,
    end_time=ENDED,
    state="Stopped",
)
RUNNING = attrs.evolve(SESSION, end_time=None, state="Working", job_uid="")
RESTORE = RestoreSession(
    uid=f"urn:veeam:RestoreSession:{ID}",
    job_type="RestoreVm",
    creation_time=BEGAN,
    end_time=BEGAN,
    state="Stopped",
)
TASK_SESSION = BackupTaskSession(
    uid=f"urn:veeam:BackupTaskSession:{ID}",
    creation_time=BEGAN,
    end_time=ENDED,
    state="Completed",
)

GIVEN: dict[str, tuple[Any, dict[str, Json]]] = {
    "session": (SESSION, {"id": ID, "job_id": JOB, "duration": 723.25}),
    "running": (RUNNING, {"id": ID, "job_id": None, "duration": None}),
    "restore": (RESTORE, {"id": ID, "duration": 0.0}),
    "task session": (TASK_SESSION, {"id": ID, "duration": 723.25}),
    "job": (Job(uid=f"urn:veeam:Job:{JOB}", job_type="Backup"), {"id": JOB}),
    "reference": (EntityRef(uid=f"urn:veeam:Job:{JOB}"), {"id": JOB}),
    "machine": (EntityRef(uid="urn:veeam:Vm:vm-7"), {"id": None}),
    "task": (Task(task_id="task-1", state="Running"), {}),
    "link": (Link(rel="Up", href="/"), {}),
}


@pytest.mark.parametrize("name", GIVEN)
def test_what_has_an_id_gives_it(name: str) -> None:
    """As plain JSON, at its beginning; `from_dict` passes it over."""
    model, more = GIVEN[name]
    data = json.loads(json.dumps(to_dict(model)))

    assert {key: data[key] for key in data if key in DERIVED} == more
    assert next(iter(data)) == "id" or not more
    assert data.keys() - DERIVED == set(attrs.fields_dict(type(model)))
    assert from_dict(type(model), data) == model
    lied = data | {"id": "?", "job_id": 7, "duration": []}
    assert from_dict(type(model), lied) == model


def test_events_and_lists_carry_models_so() -> None:
    """Wherever a session stands in what is given."""
    seen: dict[str, Any] = {"id": UUID(ID), "observed_at": BEGAN, "sequence": 1}
    changed = SessionChanged(
        kind=EventKind.STOPPED,
        session=SESSION,
        previous=RUNNING,
        not_before=None,
        skipped=False,
        **seen,
    )
    whole = to_dict(SESSION)

    assert to_dict(changed)["session"] == whole
    assert to_dict(changed)["previous"] == to_dict(RUNNING)
    assert to_dict(SessionGone(session=SESSION, **seen))["session"] == whole
    assert to_dict(Fetched(id=ID, session=SESSION))["session"] == whole
    assert to_dict(Page(rows=(SESSION,)))["rows"] == [whole]
    assert from_dict(Page[BackupJobSession], to_dict(Page(rows=(SESSION,)))) == Page(
        rows=(SESSION,)
    )


async def test_checkpoints_and_recordings_hold_fields_alone() -> None:
    """Their formats are as they were."""
    lines: list[Any] = []
    async with simulated(sessions=3, running=3) as (em, _, _):
        ids = [each.id for each in await em.backup_sessions.references()]
        watch = em.backup_sessions.watch(ids, interval=SOON, record=lines.append)
        async for _ in watch:
            lines += [watch.checkpoint()]

    sessions = [each for each in dicts_in(lines) if "creation_time" in each]
    assert len(sessions) > 6
    assert [each for each in sessions if each.keys() & DERIVED] == []


def dicts_in(data: Any) -> Iterator[dict[str, Any]]:
    """All the objects of *data*, however deep."""
    if isinstance(data, dict):
        yield data
        data = list(data.values())
    if isinstance(data, list | tuple):
        for each in data:
            yield from dicts_in(each)
