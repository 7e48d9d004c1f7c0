from __future__ import annotations

import contextlib
import json
from collections import OrderedDict
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import attrs
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.paths import BODIES
from veeam_async import models
from veeam_async.codec import decode, from_dict, to_dict
from veeam_async.codec.kinds import fold
from veeam_async.errors import DecodeError
from veeam_async.models import (
    ApiRoot,
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
    SupportedVersion,
    Task,
    TaskResult,
    TaskSessionState,
    TaskState,
)

INDEX = json.loads((BODIES / "index.json").read_text("utf-8"))["bodies"]

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
filled = texts.filter(bool)
words = filled.map(str.strip).filter(bool)
numbers = st.integers(-(2**63), 2**63 - 1)
times = st.datetimes(timezones=st.just(UTC))
ends = st.none() | st.datetimes(datetime(1970, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the strategy adds the zone
optional = st.none() | filled
links = st.builds(Link, rel=filled, href=filled, name=optional, type=optional)
linked: dict[str, Any] = {
    "href": texts,
    "links": st.lists(links, max_size=3).map(tuple),
}
results = st.none() | st.sampled_from(SessionResult) | words.filter("None".__ne__)


def _open(enum: Any) -> st.SearchStrategy[str]:
    """Members of *enum*, and texts that are no member."""
    known = {str(member) for member in enum}
    return st.sampled_from(enum) | words.filter(lambda text: text not in known)


def _identified(kind: str) -> dict[str, Any]:
    uids = st.uuids().map(lambda uuid: f"urn:veeam:{kind}:{uuid}")
    return {**linked, "uid": uids, "name": texts}


run: dict[str, Any] = {
    "job_type": _open(JobType),
    "creation_time": times,
    "end_time": ends,
    "state": _open(SessionState),
    "result": results,
    "progress": numbers,
    "failure_message": optional,
}
job_run: dict[str, Any] = {**run, "job_uid": texts, "job_name": texts} | {
    "is_retry": st.booleans()
}
sessions = st.builds(BackupJobSession, **_identified("BackupJobSession"), **job_run)
versions = st.builds(SupportedVersion, name=filled, links=linked["links"])
tasks = st.builds(
    Task,
    **linked,
    task_id=filled,
    state=_open(TaskState),
    operation=texts,
    result=st.none() | st.builds(TaskResult, success=st.booleans(), message=optional),
)
everything: st.SearchStrategy[tuple[Any, Any]] = st.one_of(
    sessions.map(lambda model: (BackupJobSession, model)),
    tasks.map(lambda model: (Task, model)),
    st.builds(ReplicaJobSession, **_identified("ReplicaJobSession"), **job_run).map(
        lambda model: (ReplicaJobSession, model)
    ),
    st.builds(
        RestoreSession,
        **_identified("RestoreSession"),
        **run,
        vm_display_name=optional,
    ).map(lambda model: (RestoreSession, model)),
    st.builds(
        BackupTaskSession,
        **_identified("BackupTaskSession"),
        job_session_uid=texts,
        creation_time=times,
        end_time=ends,
        state=_open(TaskSessionState),
        result=results,
        reason=texts,
        total_size=numbers,
        vm_uid=optional,
        vm_display_name=optional,
    ).map(lambda model: (BackupTaskSession, model)),
    st.builds(
        Job,
        **_identified("Job"),
        job_type=_open(JobType),
        platform=st.none() | _open(Platform),
        description=texts,
        schedule_configured=st.booleans(),
        schedule_enabled=st.booleans(),
        next_run=ends,
    ).map(lambda model: (Job, model)),
    st.builds(EntityRef, **linked, uid=filled, name=texts, type=optional).map(
        lambda model: (EntityRef, model)
    ),
    st.builds(LogonSession, **linked, session_id=filled, user_name=texts).map(
        lambda model: (LogonSession, model)
    ),
    st.builds(
        ApiRoot, **linked, supported_versions=st.lists(versions, max_size=3).map(tuple)
    ).map(lambda model: (ApiRoot, model)),
    st.builds(
        ErrorBody,
        message=optional,
        status_code=st.none() | numbers,
        status=optional,
        first_chance_exception_message=optional,
        stack_trace=optional,
    ).map(lambda model: (ErrorBody, model)),
    st.builds(
        Page,
        rows=st.lists(sessions, max_size=3).map(tuple),
        paging=st.none()
        | st.builds(
            PagingInfo,
            page_num=numbers,
            page_size=numbers,
            pages_count=numbers,
            links=linked["links"],
        ),
    ).map(lambda model: (Page[BackupJobSession], model)),
)
KINDS: list[Any] = [
    *(ApiRoot, BackupJobSession, BackupTaskSession, EntityRef, ErrorBody, Job),
    *(LogonSession, ReplicaJobSession, RestoreSession, Task),
    *(Page[BackupJobSession], Page[EntityRef], Page[LogonSession], Page[Task]),
]
kinds = st.sampled_from(KINDS)
json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | texts,
    lambda values: st.lists(values) | st.dictionaries(texts, values),
)
members = [
    *("Type", "UID", "Links", "Entities", "BackupJobSessions", "Refs", "PagingInfo"),
    *("State", "CreationTimeUTC", "JobType", "Result", "#text", "@", "SessionId"),
    *("Message", "StatusCode", "EndTimeUTC", "TaskId", "SupportedVersions", "Tasks"),
]
likely = st.recursive(
    json_values,
    lambda values: (
        st.dictionaries(st.sampled_from(members), values) | st.lists(values, max_size=3)
    ),
)


@given(everything)
def test_round_trip(pair: tuple[Any, Any]) -> None:
    """A model goes through plain JSON types, and real JSON, and comes back equal."""
    kind, model = pair

    data = json.loads(json.dumps(to_dict(model)))

    assert from_dict(kind, data) == model
    assert to_dict(from_dict(kind, data)) == to_dict(model)


@given(everything)
def test_members_come_back_as_members(pair: tuple[Any, Any]) -> None:
    """What was an enum member before the round trip is the same member after it."""
    kind, model = pair

    again = from_dict(kind, to_dict(model))

    for name in ("state", "result", "job_type", "platform"):
        assert type(getattr(again, name, None)) is type(getattr(model, name, None))


def test_to_dict_of_other_values() -> None:
    """Values that are no models, such as events, become plain types too."""

    @attrs.frozen
    class Event:
        id: UUID
        error: Exception
        at: datetime
        seen: tuple[Link, ...]

    summer = timezone(timedelta(hours=2))
    event = Event(
        UUID(int=7),
        ValueError("no"),
        datetime(2026, 7, 1, 12, tzinfo=summer),
        (Link(rel="Up", href="h"),),
    )

    assert to_dict(event) == {
        "id": "00000000-0000-0000-0000-000000000007",
        "error": "no",
        "at": "2026-07-01T10:00:00Z",
        "seen": [{"rel": "Up", "href": "h", "name": None, "type": None}],
    }


def test_from_dict_of_other_mappings() -> None:
    """A subclass of dict is as good as a dict, a tuple as a list."""
    data = OrderedDict(rel="Up", href="h")

    assert from_dict(Link, data) == Link(rel="Up", href="h")
    assert from_dict(Task, {"task_id": "t", "state": "x", "links": (data,)}).links


@given(st.binary(), st.sampled_from(["application/json", "text/xml", ""]), kinds)
def test_random_bytes(body: bytes, media_type: str, kind: Any) -> None:
    """Any bytes are refused with a DecodeError and nothing else."""
    for start in (b"", b"<", b"{", b"<?xml ", b'{"', b"<a>"):
        with contextlib.suppress(DecodeError):
            decode(start + body, media_type, kind)


@given(likely, kinds)
def test_random_json(tree: Any, kind: Any) -> None:
    """Any JSON is decoded or refused with a DecodeError."""
    with contextlib.suppress(DecodeError, TypeError):
        body = orjson.dumps(tree)
        _raises_nothing_else(body, kind)


@given(likely, kinds)
def test_random_data(data: Any, kind: Any) -> None:
    """Any plain data is structured or refused with a DecodeError."""
    with contextlib.suppress(DecodeError):
        from_dict(kind, data)


@given(st.data(), st.sampled_from(INDEX), kinds)
def test_mutated_bodies(data: st.DataObject, entry: Any, kind: Any) -> None:
    """A good body with a few bytes changed, cut or doubled does no other harm."""
    body = bytearray((BODIES / entry["file"]).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        end = data.draw(st.integers(at, min(at + 40, len(body))))
        body[at:end] = data.draw(
            st.binary(max_size=4) | st.just(bytes(body[at:end]) * 2)
        )
        body = body or bytearray(b"x")

    _raises_nothing_else(bytes(body), kind)
    _raises_nothing_else(bytes(body), _kind(entry["kind"]))


def _raises_nothing_else(body: bytes, kind: Any) -> None:
    refused = None
    try:
        decode(body, None, kind)
    except DecodeError as error:
        refused = error
    if refused is not None:
        assert refused.problems
        assert refused.__context__ is None
        assert str(refused).isprintable()


def _kind(name: str) -> Any:
    row: Any = getattr(models, name.removeprefix("Page[").removesuffix("]"))
    page: Any = Page
    return page[row] if name.startswith("Page") else row


@pytest.mark.parametrize(
    "entry",
    [entry for entry in INDEX if entry["file"].endswith("json")],
    ids=lambda entry: entry["file"],
)
@settings(max_examples=10)
@given(st.randoms(use_true_random=False))
def test_key_case(entry: Any, random: Any) -> None:
    """Neither the case of the keys of JSON nor their order changes what it says."""
    body = (BODIES / entry["file"]).read_bytes()
    kind = _kind(entry["kind"])

    def scramble(tree: Any) -> Any:
        if isinstance(tree, list):
            return [scramble(item) for item in tree]
        if not isinstance(tree, dict):
            return tree
        pairs = [(_cased(key, random), scramble(value)) for key, value in tree.items()]
        random.shuffle(pairs)
        return dict(pairs)

    scrambled = orjson.dumps(scramble(orjson.loads(body)))
    assert decode(scrambled, None, kind) == decode(body, None, kind)


def _cased(key: str, random: Any) -> str:
    return "".join(random.choice((char.lower(), char.upper())) for char in key)


@pytest.mark.parametrize(
    "entry",
    [entry for entry in INDEX if entry["file"].endswith("json")],
    ids=lambda entry: entry["file"],
)
def test_no_two_members_fold_to_one(entry: Any) -> None:
    """In no body do two members of one object mean the same field."""

    def visit(tree: Any) -> None:
        if isinstance(tree, dict):
            folded = [fold(key) for key in tree]
            assert len(set(folded)) == len(folded)
        for item in tree.values() if isinstance(tree, dict) else tree:
            if isinstance(item, dict | list):
                visit(item)

    visit(orjson.loads((BODIES / entry["file"]).read_bytes()))


names = st.from_regex(r"[A-Z][a-z]{1,8}([A-Z][a-z]{1,8}){0,3}(UTC)?", fullmatch=True)


@given(names)
def test_fold_laws(name: str) -> None:
    """PascalCase, camelCase, snake_case, an attribute and a prefix are one name."""
    snake = "".join(f"_{char.lower()}" if char.isupper() else char for char in name)
    spellings = (
        name,
        name[0].lower() + name[1:],
        name.upper(),
        snake.removeprefix("_"),
        f"@{name}",
        f"v:{name}",
        name.removesuffix("UTC"),
    )
    (folded,) = {fold(spelling) for spelling in spellings}

    assert folded is not None
    assert fold(folded) == folded
    assert fold(f"@x:{name}") is None
