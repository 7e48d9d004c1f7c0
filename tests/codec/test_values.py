from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from veeam_async.codec import decode
from veeam_async.errors import DecodeError
from veeam_async.models import (
    BackupJobSession,
    BackupTaskSession,
    Job,
    JobType,
    Platform,
    SessionResult,
    SessionState,
    Task,
    TaskResult,
    TaskState,
)

UUID_TEXT = "2f3c7a50-9d1e-4b7a-8c55-0e9d6a1b7c01"
UID = f"urn:veeam:BackupJobSession:{UUID_TEXT}"
BASE = {
    "UID": UID,
    "JobType": "Backup",
    "CreationTimeUTC": "2026-05-04T03:02:01Z",
    "State": "Working",
}
FORMS = pytest.mark.parametrize("form", ["json", "xml"])
MAY = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)


def _session(form: str, **members: Any) -> BackupJobSession:
    """Decode a session with *members*; None leaves one out of XML, is null in JSON."""
    wire = {**BASE, **members}
    if form == "json":
        return decode(orjson.dumps(wire), "application/json", BackupJobSession)
    children = "".join(
        f"<{name}>{escape(str(value))}</{name}>"
        for name, value in wire.items()
        if value is not None and name != "UID"
    )
    head = f'<BackupJobSession UID="{wire["UID"]}">'
    return _from_xml(f"{head}{children}</BackupJobSession>")


def _from_xml(text: str) -> BackupJobSession:
    return decode(text.encode(), "application/xml", BackupJobSession)


@FORMS
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-05-04T03:02:01Z", MAY),
        ("2026-05-04T03:02:01", MAY),
        ("2026-05-04 03:02:01", MAY),
        ("2026-05-04T03:02:01+00:00", MAY),
        ("2026-05-04T05:32:01+02:30", MAY),
        ("2026-05-03T22:02:01-05:00", MAY),
        (" 2026-05-04T03:02:01Z\n", MAY),
        ("2026-05-04T03:02:01.7Z", MAY.replace(microsecond=700_000)),
        ("2026-05-04T03:02:01.7000000", MAY.replace(microsecond=700_000)),
        ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC)),
    ],
)
def test_times(form: str, text: str, expected: datetime) -> None:
    """A time is aware and in UTC, with or without zone, offset and fraction."""
    session = _session(form, CreationTimeUTC=text, EndTimeUTC=text)

    assert session.creation_time == session.end_time == expected
    assert session.creation_time.tzinfo is UTC


@FORMS
@pytest.mark.parametrize("digits", range(1, 10))
@pytest.mark.parametrize("zone", ["Z", "", "+01:00"])
def test_fractions(form: str, digits: int, zone: str) -> None:
    """One to nine digits of a second are read, those past the sixth cut."""
    fraction = "123456789"[:digits]
    session = _session(form, EndTimeUTC=f"2026-05-04T03:02:01.{fraction}{zone}")

    assert session.end_time is not None
    assert session.end_time.microsecond == int(fraction[:6].ljust(6, "0"))


@FORMS
@pytest.mark.parametrize(
    "never",
    [
        "0001-01-01T00:00:00",
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+02:00",
        "1753-01-01T00:00:00Z",
        "1900-01-01T00:00:00.0000000Z",
        "1969-12-31T23:59:59.999Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59.9999999Z",
        "9999-12-31T23:59:59.9999999",
        "9999-12-31T23:59:59.9999999-05:00",
        "9999-12-31T23:59:59-10:00",
        "0001-01-01T00:00:00+05:00",
        None,
    ],
)
def test_never(form: str, never: str | None) -> None:
    """The years that mean "never" are no end, and no next run.

    So is what lies beyond the calendar once it is in UTC.
    """
    assert _session(form, EndTimeUTC=never).end_time is None
    job = {"UID": f"urn:veeam:Job:{UUID_TEXT}", "JobType": "Backup", "NextRun": never}
    assert decode(orjson.dumps(job), "application/json", Job).next_run is None


@FORMS
@pytest.mark.parametrize(
    "bad",
    [
        "yesterday",
        "2026-13-01T00:00:00Z",
        "2026-05-04T03:02:61Z",
        "2026-05-04T03:02:600Z",
        "2026-13-01T00:00:60Z",
        "9999-12-31T23:59:60Z",
        "0000-01-01T00:00:00Z",
        "2026-05-04T03:02:01.5Zebra",
        "1900-01-01T00:00:00 or so",
        "9999-12-32T23:59:59Z",
    ],
)
def test_bad_times(form: str, bad: str) -> None:
    """A text that is no time is refused with its path, also if it begins as "never"."""
    with pytest.raises(DecodeError) as caught:
        _session(form, EndTimeUTC=bad)

    assert caught.value.problems == (f"expected a time, got {bad!r} @ $.end_time",)


@FORMS
@pytest.mark.parametrize("rest", ["Z", ".9Z", "+00:00", ""])
def test_a_leap_second_is_the_first_of_the_next_minute(form: str, rest: str) -> None:
    """As a clock shows it that knows none; its row is not lost."""
    session = _session(form, EndTimeUTC=f"2016-12-31T23:59:60{rest}")

    assert session.end_time is not None
    assert session.end_time.replace(microsecond=0) == datetime(2017, 1, 1, tzinfo=UTC)


@FORMS
@pytest.mark.parametrize(
    "edge", ["9999-12-31T23:59:59-10:00", "0001-01-01T00:00:00+10:00"]
)
def test_a_creation_that_utc_has_no_year_for_is_refused(form: str, edge: str) -> None:
    """It names its path; only an end has a "never"."""
    with pytest.raises(DecodeError, match=r"expected a time, .* @ \$\.creation_time"):
        _session(form, CreationTimeUTC=edge)


@FORMS
@pytest.mark.parametrize("digits", ["9" * 20, "9" * 300, "9" * 5000, "-" + "9" * 300])
def test_a_number_that_json_could_not_carry_is_refused(form: str, digits: str) -> None:
    """A model that is shown, saved or queued has to become JSON again."""
    with pytest.raises(DecodeError, match=r"expected a whole number, .*progress"):
        _session(form, Progress=digits)


@FORMS
def test_enums_are_members(form: str) -> None:
    """A known value is the member, so that it can be compared by identity."""
    session = _session(form, State=" Stopped\n", Result="Warning", JobType="BackupCopy")

    assert session.state is SessionState.STOPPED
    assert session.result is SessionResult.WARNING
    assert session.job_type is JobType.BACKUP_COPY


@FORMS
def test_enums_are_open(form: str) -> None:
    """An unknown value stays the plain text that it is."""
    session = _session(form, State="Idle", Result="Partly", JobType="QuantumBackup")

    assert (session.state, session.result) == ("Idle", "Partly")
    assert type(session.state) is type(session.job_type) is str
    assert session.job_type == "QuantumBackup"


@FORMS
@pytest.mark.parametrize("none", ["None", "", None])
def test_no_result(form: str, none: str | None) -> None:
    """The text None, an empty and an absent result mean that there is none."""
    assert _session(form, Result=none).result is None


@FORMS
@pytest.mark.parametrize("state", ["None", "none"])
def test_none_is_a_result_only(form: str, state: str) -> None:
    """The text None is special as a result, nowhere else."""
    assert _session(form, State=state, JobName="None").state == state


@pytest.mark.parametrize("empty", ["<{0} />", "<{0}></{0}>", "", "<{0}>\n </{0}>"])
def test_empty_elements(empty: str) -> None:
    """Absent, empty and blank elements mean the same, but for blank texts."""
    names = ("EndTimeUTC", "Result", "Progress", "IsRetry", "JobUid", "Links")
    start = f'<BackupJobSession UID="{UID}"><JobType>Backup</JobType>'
    needed = "<CreationTimeUTC>2026-05-04T03:02:01</CreationTimeUTC><State>X</State>"
    nothing = "".join(empty.format(name) for name in names if "\n" not in empty)
    blank = "".join(
        empty.format(name) for name in names if name != "JobUid" and "\n" in empty
    )

    session = _from_xml(f"{start}{needed}{nothing}{blank}</BackupJobSession>")

    assert session == decode(
        orjson.dumps({**BASE, "State": "X"} | dict.fromkeys(names)),
        None,
        BackupJobSession,
    )
    assert (session.end_time, session.result, session.progress) == (None, None, 0)
    assert (session.is_retry, session.job_uid, session.links) == (False, "", ())


def test_nil() -> None:
    """An element with xsi:nil is absent, whatever it would hold."""
    xsi = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    names = ("EndTimeUTC", "Result", "FailureMessage", "Links", "JobUid", "Progress")
    nil = "".join(f'<{name} xsi:nil="true" />' for name in names)
    session = _from_xml(
        f'<BackupJobSession {xsi} UID="{UID}">{nil}<JobType>Backup</JobType>'
        "<CreationTimeUTC>2026-05-04T03:02:01Z</CreationTimeUTC>"
        "<State>Working</State></BackupJobSession>"
    )
    task = decode(
        f"<Task {xsi}><TaskId>task-1</TaskId><State>Running</State>"
        '<Result xsi:nil="true" /></Task>'.encode(),
        None,
        Task,
    )

    assert session == _session("json")
    assert task.result is None


@FORMS
def test_text_keeps_its_white_space(form: str) -> None:
    """Double, leading and trailing spaces of a text are kept, and no text is None."""
    session = _session(form, JobName="  a  b\tc ", FailureMessage="full ")

    assert session.job_name == "  a  b\tc "
    assert session.failure_message == "full "
    assert _session(form, JobName=None, FailureMessage="").failure_message is None
    assert _session(form, JobName=None).job_name == ""


def test_xml_entities() -> None:
    """The entities that the server writes, and CDATA, are read as what they mean."""
    wire = "&lt;A&gt; &amp; &quot;B&quot; &#39;C&#39; &#x2F;<![CDATA[ <d> ]]>&#228;"
    session = _from_xml(
        f'<BackupJobSession UID="{UID}" Name="a&#x2F;b &amp; c"><JobName>{wire}'
        "</JobName><JobType>Backup</JobType><State>Working</State>"
        "<CreationTimeUTC>2026-05-04T03:02:01Z</CreationTimeUTC></BackupJobSession>"
    )

    assert session.job_name == "<A> & \"B\" 'C' / <d> ä"
    assert session.name == "a/b & c"


def test_json_escapes() -> None:
    """Escaped slashes, quotes, backslashes and code points are read as they mean."""
    body = orjson.dumps({**BASE, "JobName": "?"}).replace(
        b'"?"', rb'"a\/b \u00e4 \ud83d\ude00 \"q\" P\\C"'
    )

    assert decode(body, None, BackupJobSession).job_name == 'a/b ä 😀 "q" P\\C'


@pytest.mark.parametrize("value", [100, "100", " 100 ", "+100", 100.0])
def test_numbers(value: object) -> None:
    """A number may be text, as XML has it."""
    body = orjson.dumps({**BASE, "Progress": value})

    assert decode(body, None, BackupJobSession).progress == 100


@pytest.mark.parametrize(
    "value", ["half", "1_0", "6.5", 6.5, True, [1], {"a": 1}, "٣", "9" * 5000, "0x1"]
)
def test_bad_numbers(value: object) -> None:
    """Anything but a whole number is refused and shown in a few words."""
    with pytest.raises(DecodeError) as caught:
        decode(orjson.dumps({**BASE, "Progress": value}), None, BackupJobSession)

    (problem,) = caught.value.problems
    assert problem.startswith("expected a whole number, got ")
    assert problem.endswith(" @ $.progress")
    assert len(problem) < 120


@FORMS
@pytest.mark.parametrize(
    ("value", "expected"),
    [("true", True), ("True", True), ("false", False), ("1", True), ("0", False)],
)
def test_flags_as_text(form: str, value: str, expected: object) -> None:
    """Texts are read as what they say: "false" is False."""
    assert _session(form, IsRetry=value).is_retry is expected


@pytest.mark.parametrize("value", ["yes", 1, 0.0, [], {}, "falsch"])
def test_bad_flags(value: object) -> None:
    """Anything else than true and false is refused, not taken for one of them."""
    with pytest.raises(DecodeError, match=r"expected true or false, got .*is_retry"):
        decode(orjson.dumps({**BASE, "IsRetry": value}), None, BackupJobSession)


@pytest.mark.parametrize("value", [7, True, [], ["a"], {"a": "b"}, {}, 1.5])
@pytest.mark.parametrize("name", ["JobName", "FailureMessage", "State", "JobUid"])
def test_bad_texts(name: str, value: object) -> None:
    """Anything but text is refused, also where the text is optional."""
    with pytest.raises(DecodeError, match="expected text, got "):
        decode(orjson.dumps({**BASE, name: value}), None, BackupJobSession)


def test_element_in_a_text() -> None:
    """A text that holds an element is refused, one with an attribute is a text."""
    start = f'<BackupJobSession UID="{UID}"><JobType>Backup</JobType>'
    end = "<CreationTimeUTC>2026-05-04</CreationTimeUTC></BackupJobSession>"

    found = _from_xml(f'{start}<State lang="en">Working</State>{end}')
    with pytest.raises(DecodeError, match=r"got an object @ \$\.state"):
        _from_xml(f"{start}<State>Work<b/>ing</State>{end}")
    with pytest.raises(DecodeError, match=r"got a list @ \$\.state"):
        _from_xml(f"{start}<State>Working</State><State>Stopped</State>{end}")

    assert found.state is SessionState.WORKING


@pytest.mark.parametrize(
    "uid", ["x", "urn:veeam:BackupJobSession:7", f"{UID}.vm-1", UUID_TEXT[:-1]]
)
@FORMS
def test_bad_uids(form: str, uid: str) -> None:
    """The UID of an entity must end in a UUID, which is its id."""
    with pytest.raises(DecodeError, match=r"ends in a UUID, got .* @ \$\.uid"):
        _session(form, UID=uid)


@FORMS
def test_job_is_gone(form: str) -> None:
    """A session whose job was deleted has an empty job_uid and no job_id."""
    for gone in ("", None):
        session = _session(form, JobUid=gone)
        assert (session.job_uid, session.job_id) == ("", None)


def test_open_enums_of_the_others() -> None:
    """Platforms, task states and task session states are open too."""
    job = {"UID": f"urn:veeam:Job:{UUID_TEXT}", "JobType": "New", "Platform": "VMware"}
    task = {"TaskId": "task-1", "State": "Finished"}
    work = {**BASE, "State": "Queued", "Reason": None}

    assert decode(orjson.dumps(job), None, Job).platform is Platform.VMWARE
    assert decode(orjson.dumps(task), None, Task).state is TaskState.FINISHED
    assert decode(orjson.dumps(work), None, BackupTaskSession).state == "Queued"
    assert decode(orjson.dumps(work), None, BackupTaskSession).reason == ""


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"Success": True, "Message": "Ok"}, TaskResult(success=True, message="Ok")),
        ({"success": False, "message": None}, TaskResult(success=False)),
        ({"Success": "true"}, TaskResult(success=True)),
        (None, None),
        ("", None),
        ({}, None),
    ],
)
def test_task_results(result: object, expected: TaskResult | None) -> None:
    """A task's Result comes in either spelling, and is None while it runs."""
    task = {"TaskId": "task-1", "State": "Running", "Result": result}

    assert decode(orjson.dumps(task), None, Task).result == expected


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
def test_any_text_survives(text: str) -> None:
    """Any text without control characters comes through JSON and XML unchanged."""
    assert _session("json", JobName=text).job_name == text
    assert _session("xml", JobName=text).job_name == text
