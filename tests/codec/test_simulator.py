"""What the simulator writes of a model, the codec reads as the same model."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from veeam_async import models
from veeam_async.codec import decode
from veeam_async.models import (
    BackupJobSession,
    BackupTaskSession,
    EntityRef,
    ErrorBody,
    Job,
    JobType,
    Link,
    LogonSession,
    Page,
    PagingInfo,
    Platform,
    ReplicaJobSession,
    RestoreSession,
    SessionResult,
    SessionState,
    Task,
    TaskResult,
    TaskSessionState,
    TaskState,
)
from veeam_async.simulator import documents, entities, render

Media = Literal["json", "xml"]
Product = Literal["11", "12", "13"]
FORMS: list[tuple[Media, Product]] = [
    *(("xml", "12"), ("xml", "13")),
    *(("json", "11"), ("json", "12"), ("json", "13")),
]

# What XML 1.0 can carry.
texts = st.text(
    st.characters(
        exclude_categories=["Cs", "Cc"],
        exclude_characters="\ufffe\uffff",
        include_characters="\t\n\r\x85",
    ),
    max_size=20,
)
filled = texts.filter(bool)
words = filled.filter(lambda text: text == text.strip())
optional = st.none() | filled
numbers = st.integers(-(2**63), 2**63 - 1)
times = st.datetimes(datetime(1970, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001 - the strategy adds the zone
    lambda time: time.replace(microsecond=time.microsecond // 1000 * 1000)
)
links = st.lists(
    st.builds(Link, rel=filled, href=filled, name=optional, type=optional), max_size=3
).map(tuple)


def _open(enum: Any) -> st.SearchStrategy[Any]:
    known = {str(member) for member in enum} | {"None"}
    return st.sampled_from(enum) | words.filter(lambda text: text not in known)


def _identified(kind: type) -> dict[str, Any]:
    uids = st.uuids().map(lambda uuid: f"urn:veeam:{kind.__name__}:{uuid}")
    return {"uid": uids, "name": texts, "href": texts, "links": links}


run: dict[str, Any] = {
    "creation_time": times,
    "end_time": st.none() | times,
    "result": st.none() | _open(SessionResult),
}
session: dict[str, Any] = run | {
    "job_type": _open(JobType),
    "state": _open(SessionState),
    "progress": numbers,
    "failure_message": optional,
}
job_session: dict[str, Any] = session | {
    "job_uid": texts,
    "job_name": texts,
    "is_retry": st.booleans(),
}
sessions = st.builds(BackupJobSession, **_identified(BackupJobSession), **job_session)
references = st.builds(
    EntityRef,
    **_identified(BackupJobSession),
    type=words.map(lambda text: f"{text}Reference"),
)
tasks = st.builds(
    Task,
    task_id=filled,
    state=_open(TaskState),
    operation=texts,
    result=st.none() | st.builds(TaskResult, success=st.booleans(), message=optional),
    href=texts,
    links=links,
)
singles: st.SearchStrategy[Any] = st.one_of(
    sessions,
    references,
    tasks,
    st.builds(ReplicaJobSession, **_identified(ReplicaJobSession), **job_session),
    st.builds(
        RestoreSession,
        **_identified(RestoreSession),
        **session,
        vm_display_name=optional,
    ),
    st.builds(
        BackupTaskSession,
        **_identified(BackupTaskSession),
        **run,
        job_session_uid=texts,
        state=_open(TaskSessionState),
        reason=texts,
        total_size=numbers,
        vm_uid=optional,
        vm_display_name=optional,
    ),
    st.builds(
        Job,
        **_identified(Job),
        job_type=_open(JobType),
        platform=st.none() | _open(Platform),
        description=texts,
        schedule_configured=st.booleans(),
        schedule_enabled=st.booleans(),
        next_run=st.none() | times,
    ),
    st.builds(
        LogonSession, session_id=filled, user_name=texts, href=texts, links=links
    ),
)
pagings = st.builds(
    PagingInfo, page_num=numbers, page_size=numbers, pages_count=numbers, links=links
)


@pytest.mark.parametrize(("media", "product"), FORMS)
@given(singles)
def test_single_models(media: Media, product: Product, model: Any) -> None:
    """Every entity, in XML and in both spellings of JSON, comes back equal."""
    body = render(_other(model), media, product)

    assert decode(body, f"application/{media}", type(model)) == model


@pytest.mark.parametrize(("media", "product"), FORMS)
@given(st.lists(sessions | references | tasks, max_size=3), st.data())
def test_lists(
    media: Media, product: Product, rows: list[Any], data: st.DataObject
) -> None:
    """Collections and query pages of no, one and more rows come back equal."""
    kind = type(rows[0]) if rows else data.draw(st.sampled_from([EntityRef, Task]))
    held = tuple(row for row in rows if type(row) is kind)
    paging = data.draw(pagings)
    page: Any = Page
    collection = _collection(kind, held)

    plain = decode(render(collection, media, product), None, page[kind])
    queried = decode(
        render(_query(kind, collection, paging), media, product), None, page[kind]
    )

    assert plain == Page(rows=held)
    assert queried == Page(rows=held, paging=paging)


@pytest.mark.parametrize(("media", "product"), FORMS)
@given(words, st.integers(400, 599), optional)
def test_errors(
    media: Media, product: Product, message: str, status: int, trace: str | None
) -> None:
    """The server's errors come back equal."""
    error = documents.Error(message=message, status_code=status, stack_trace=trace)

    found = decode(render(error, media, product), None, ErrorBody)

    assert found == ErrorBody(message=message, status_code=status, stack_trace=trace)


@pytest.mark.parametrize(("media", "product"), FORMS)
@given(st.lists(words, max_size=3), links)
def test_roots(
    media: Media, product: Product, names: list[str], held: tuple[Link, ...]
) -> None:
    """The root document comes back with its versions and links."""
    others = tuple(_other(link) for link in held)
    versions = tuple(
        documents.SupportedVersion(name=name, links=others) for name in names
    )
    root = documents.EnterpriseManager(
        supported_versions=documents.Collection(
            root="SupportedVersions", key="SupportedVersions", items=versions
        ),
        links=others,
    )

    found = decode(render(root, media, product), None, models.ApiRoot)

    assert names == [version.name for version in found.supported_versions]
    assert found.links == held
    assert all(version.links == held for version in found.supported_versions)


def _other(model: Any) -> Any:
    """The simulator's own value for *model*."""
    name = type(model).__name__
    kind: Any = getattr(entities, name, None) or getattr(documents, name)
    return kind(
        **{
            field.name: _plain(getattr(model, field.name))
            for field in attrs.fields(kind)
            if hasattr(model, field.name)
        }
    )


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_other(item) for item in value)
    return _other(value) if attrs.has(type(value)) else value


def _collection(kind: type, rows: tuple[Any, ...]) -> documents.Collection:
    others = tuple(_other(row) for row in rows)
    if kind is EntityRef:
        return documents.Collection(root="EntityReferences", key="Refs", items=others)
    name = f"{kind.__name__}s"
    return documents.Collection(root=name, key=name, items=others)


def _query(kind: type, held: documents.Collection, paging: PagingInfo) -> Any:
    info = _other(paging)
    if kind is EntityRef:
        refs = attrs.evolve(held, root="Refs")
        return documents.QueryResult(refs=refs, paging_info=info)
    lists = documents.EntityLists(held=held)
    return documents.QueryResult(entities=lists, paging_info=info)
