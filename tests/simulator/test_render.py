import json
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from veeam_async.simulator import render
from veeam_async.simulator.documents import (
    ENTITY_LISTS,
    Collection,
    EntityLists,
    PagingInfo,
    QueryResult,
)
from veeam_async.simulator.entities import (
    BackupJobSession,
    BackupTaskSession,
    Link,
    Task,
    TaskResult,
)
from veeam_async.simulator.wire import camel

NS = "{http://www.veeam.com/ent/v1.0}"
NOON = datetime(2025, 10, 21, 12, tzinfo=UTC)

# What XML 1.0 can carry: no controls but tab, line feed and carriage return, no
# surrogates and not the two non-characters.
xml_texts = st.text(
    st.characters(
        exclude_categories=["Cs", "Cc"],
        exclude_characters="\ufffe\uffff",
        include_characters="\t\n\r\x85",
    )
)


def _session(**changes: Any) -> BackupJobSession:
    fields: dict[str, Any] = {
        "job_uid": "urn:veeam:Job:b81d2e64-0f3a-4c75-9e28-5a6c7d8e9f10",
        "job_name": "Mail Archive",
        "creation_time": NOON,
        "name": "Mail Archive@2025-10-21 12:00:00",
        "uid": "urn:veeam:BackupJobSession:3f6a8c1e-52d7-4b90-a1c4-7d0e9b2f6a35",
        "href": "https://localhost:9398/api/backupSessions/3f6a8c1e?format=Entity",
    }
    return BackupJobSession(**fields | changes)


@given(text=xml_texts)
def test_any_text_survives_an_xml_parser(text: str) -> None:
    """White space, quotes and markup come out of a parser as they went in."""
    session = _session(name=text, job_name=text)
    root = ET.fromstring(render(session, "xml"))  # noqa: S314 - our own bytes

    assert text == root.get("Name")
    assert text == (root.findtext(f"{NS}JobName") or "")


@given(text=xml_texts)
def test_any_text_survives_a_json_parser(text: str) -> None:
    """JSON carries every text in both spellings."""
    session = _session(name=text, job_name=text)

    assert text == json.loads(render(session, "json", "13"))["jobName"]
    assert text == json.loads(render(session, "json", "12"))["JobName"]


@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        ("UID", "uid"),
        ("JobUid", "jobUid"),
        ("CreationTimeUTC", "creationTimeUTC"),
        ("VAppRestorePoints", "vAppRestorePoints"),
        ("NASJobs", "nasJobs"),
        ("VCloudOrganizationConfigs", "vCloudOrganizationConfigs"),
    ],
)
def test_camel_case_is_the_recorded_one(wire: str, expected: str) -> None:
    """Leading capitals are lowered as the recorded keys of product 13 show."""
    assert expected == camel(wire)


@pytest.mark.parametrize(
    ("microseconds", "new", "old"),
    [
        (0, "12:00:00Z", "12:00:00Z"),
        (640_000, "12:00:00.64Z", "12:00:00.64Z"),
        (221_420, "12:00:00.22142Z", "12:00:00.221Z"),
        (3_406, "12:00:00.003406Z", "12:00:00.003Z"),
    ],
)
def test_fractions_have_their_products_digits(
    microseconds: int, new: str, old: str
) -> None:
    """Product 13 writes up to six digits, the others three, trailing zeros cut."""
    session = _session(creation_time=NOON + timedelta(microseconds=microseconds))

    created = json.loads(render(session, "json", "13"))["creationTimeUTC"]
    assert f"2025-10-21T{new}" == created
    created = json.loads(render(session, "json", "12"))["CreationTimeUTC"]
    assert f"2025-10-21T{old}" == created


def test_a_query_answer_names_every_list() -> None:
    """The JSON of entities doubles its key and leaves all other lists null."""
    held = Collection(root="BackupJobSessions", key="BackupJobSessions")
    result = QueryResult(
        entities=EntityLists(held=held), paging_info=PagingInfo(links=())
    )
    plain = json.loads(render(result, "json", "12"))

    assert list(plain) == ["Refs", "Entities", "Resources", "Links", "PagingInfo"]
    assert list(ENTITY_LISTS) == list(plain["Entities"])
    assert plain["Entities"].pop("BackupJobSessions") == {"BackupJobSessions": []}
    assert {None} == set(plain["Entities"].values())
    assert list(plain["PagingInfo"]) == ["Links", "PageNum", "PageSize", "PagesCount"]


def test_a_task_has_no_result_while_it_runs() -> None:
    """A running task's Result is missing in XML and null in JSON."""
    task = Task(
        task_id="task-9", operation="StartJob", href="http://em/api/tasks/task-9"
    )

    assert b"<Result" not in render(task, "xml")
    assert json.loads(render(task))["result"] is None


def test_a_finished_task_tells_its_success_as_an_attribute() -> None:
    """Success is an attribute of Result in XML and a boolean in JSON."""
    task = Task(
        task_id="task-1",
        state="Finished",
        operation="StopJobSession",
        result=TaskResult(message="Ok", success=True),
        links=(Link(rel="Delete", href="http://em/api/tasks/task-1"),),
        href="http://em/api/tasks/task-1",
    )

    assert b'<Result Success="true"><Message>Ok</Message></Result>' in render(
        task, "xml"
    )
    assert json.loads(render(task))["result"] == {"message": "Ok", "success": True}


def test_an_empty_text_is_an_empty_element() -> None:
    """An empty reason is `<Reason />`, an unknown VmUid is left out."""
    part = BackupTaskSession(
        job_session_uid="urn:veeam:BackupJobSession:3f6a8c1e",
        creation_time=NOON,
        name="vm@2025-10-21 12:00:00",
        uid="urn:veeam:BackupTaskSession:3f6a8c1e",
        href="http://em/api/backupTaskSessions/3f6a8c1e?format=Entity",
    )
    body = render(part, "xml")

    assert b"<Reason />" in body
    assert b"VmUid" not in body
