from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import pytest

from veeam_async import errors
from veeam_async.errors import (
    ApiError,
    AuthenticationFailed,
    BadRequest,
    BodyTooLarge,
    CertificateError,
    ConnectionFailed,
    DeadlineExceeded,
    DecodeError,
    IncompleteAnswer,
    InvalidId,
    JobAmbiguous,
    JobNotFound,
    LogonPaused,
    NotEnterpriseManager,
    NotFound,
    PasswordUnavailable,
    PermissionDenied,
    RequestTimeout,
    ServerError,
    ServerSilent,
    ServiceUnavailable,
    SessionFailed,
    SessionMissing,
    StartRefused,
    StartUnconfirmed,
    TaskFailed,
    VeeamError,
)
from veeam_async.models import BackupJobSession, Job, Link, Task, TaskResult

SESSION = BackupJobSession(
    uid="urn:veeam:BackupJobSession:88b395e2-81ff-439c-558c-188d97274c15",
    name="Mail@2026-03-02 01:15:09",
    job_type="Backup",
    creation_time=datetime(2026, 3, 2, tzinfo=UTC),
    state="Stopped",
    failure_message="The disk\nis full",
)
JOB = Job(
    uid="urn:veeam:Job:88b395e2-81ff-439c-558c-188d97274c15",
    name="SAP",
    job_type="Backup",
    links=(Link(rel="Up", href="/x", name="vbr01\n", type="BackupServerReference"),),
)
TASK = Task(
    task_id="task-1",
    state="Finished",
    operation="StartJob",
    result=TaskResult(success=False, message="Busy"),
)


def _answer(error: type[ApiError], status: int) -> ApiError:
    return error(
        status=status,
        message=" Cannot find job [7]",
        method="GET",
        url="https://em:9398/api/jobs/7",
        retry_after=3.5,
        advice="look again",
    )


EVERY: list[VeeamError] = [
    VeeamError("something"),
    InvalidId("7"),
    ConnectionFailed("refused", sent=False),
    CertificateError("not trusted", fingerprint="ab" * 32),
    RequestTimeout("no answer within 60 s"),
    ServerSilent("https://em:9398", since=SESSION.creation_time, seconds=181.0),
    _answer(ApiError, 418),
    _answer(BadRequest, 400),
    _answer(AuthenticationFailed, 401),
    _answer(PermissionDenied, 403),
    _answer(NotFound, 404),
    _answer(ServerError, 500),
    _answer(ServiceUnavailable, 503),
    DecodeError(
        media_type="text/html", kind="Task", problems=("a", "b"), excerpt="<html>"
    ),
    IncompleteAnswer(
        media_type="text/xml", kind="Job", came=100, promised=300, fault="page 2 …"
    ),
    BodyTooLarge(1024),
    NotEnterpriseManager(url="https://em", found="an HTML page"),
    PasswordUnavailable("OSError"),
    LogonPaused("the logon was refused", seconds=42.0),
    TaskFailed(TASK),
    StartRefused(TASK, job_id=UUID(int=7), running_id=UUID(int=8)),
    JobNotFound("SAP", nearest=("SAP HANA",), unread="the jobs of agents: no"),
    JobAmbiguous("SAP", jobs=(JOB, JOB)),
    SessionFailed(SESSION),
    StartUnconfirmed(UUID(int=7), checkpoint={"version": 1}),
    SessionMissing(
        UUID(int=7), seconds=300, reason="unknown", checkpoint={"version": 1}
    ),
    DeadlineExceeded(active=(UUID(int=7),), checkpoint={"version": 1}),
]


def test_every_error_is_here() -> None:
    """The list above holds one of each, so that the tests below leave none out."""
    defined = {
        found
        for found in vars(errors).values()
        if isinstance(found, type) and issubclass(found, VeeamError)
    }

    assert defined == {type(error) for error in EVERY}


@pytest.mark.parametrize("error", EVERY, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize(
    "again",
    [
        copy.copy,
        copy.deepcopy,
        *(
            lambda error, protocol=protocol: pickle.loads(  # noqa: S301 - our own
                pickle.dumps(error, protocol)
            )
            for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)
        ),
    ],
)
def test_copies_and_travels(
    error: VeeamError, again: Callable[[VeeamError], VeeamError]
) -> None:
    """A copied or pickled error keeps its class, text, attributes and notes."""
    error.add_note("seen in a test")

    found = again(error)

    assert type(found) is type(error)
    assert str(found) == str(error)
    assert vars(found) == vars(error)
    assert found.args == error.args
    error.__notes__.clear()


@pytest.mark.parametrize(
    ("child", "parents"),
    [
        (InvalidId, (VeeamError, ValueError)),
        (ConnectionFailed, (VeeamError,)),
        (CertificateError, (ConnectionFailed,)),
        (RequestTimeout, (ConnectionFailed, TimeoutError)),
        (PasswordUnavailable, (ConnectionFailed,)),
        (LogonPaused, (ConnectionFailed,)),
        (BadRequest, (ApiError,)),
        (AuthenticationFailed, (ApiError,)),
        (PermissionDenied, (ApiError,)),
        (NotFound, (ApiError,)),
        (ServerError, (ApiError,)),
        (ServiceUnavailable, (ServerError,)),
        (DeadlineExceeded, (VeeamError, TimeoutError)),
    ],
)
def test_tree(child: type[VeeamError], parents: tuple[type, ...]) -> None:
    """The tree is the design's, so that a broad except catches what it should."""
    assert all(issubclass(child, parent) for parent in parents)
    assert issubclass(child, VeeamError)
    assert child.__doc__


def test_api_error() -> None:
    """It tells the request, the status, the server's words and what to do."""
    error = _answer(NotFound, 404)

    assert str(error) == (
        "GET https://em:9398/api/jobs/7 answered 404: Cannot find job [7] (look again)"
    )
    assert (error.status, error.method) == (404, "GET")
    assert error.message == " Cannot find job [7]"
    assert error.url == "https://em:9398/api/jobs/7"
    assert error.retry_after == 3.5


@pytest.mark.parametrize(
    ("status", "message", "said"),
    [
        (404, None, "Not Found"),
        (503, "  ", "Service Unavailable"),
        (799, "", "an unknown status"),
        (524, None, "A Timeout Occurred"),
        (500, "one\r\n\ttwo \x1b[31mred", "one two �[31mred"),
    ],
)
def test_api_error_words(status: int, message: str | None, said: str) -> None:
    """Without a message the status speaks; with one it takes one printable line."""
    error = ApiError(status=status, message=message, method="GET", url="/")

    assert str(error) == f"GET / answered {status}: {said}"
    assert error.retry_after is None


def test_words_of_the_server_are_cut() -> None:
    """A message of any length does not fill a log."""
    error = ApiError(status=500, message="x" * 100_000, method="GET", url="/")

    assert len(str(error)) < 500
    assert error.message == "x" * 100_000


def test_connection_errors() -> None:
    """They tell whether the server may have seen the request."""
    assert ConnectionFailed("reset").sent
    assert not CertificateError("x", fingerprint=None).sent


def test_decode_error() -> None:
    """It names kind, media type and the first five faults, and shows the beginning."""
    faults = tuple(f"bad @ $.rows[{n}].state" for n in range(7))
    error = DecodeError(
        media_type="application/json", kind="Job", problems=faults, excerpt="{…"
    )

    assert str(error) == (
        "cannot read a Job from application/json: "
        + "; ".join(faults[:5])
        + " …. It begins: {…"
    )
    assert error.problems == faults


def test_failures() -> None:
    """What failed on the server is told with the server's own words."""
    silent = Task(task_id="task-2", state="Finished", operation="StopJob")

    assert str(TaskFailed(TASK)) == "StartJob failed: Busy"
    assert str(TaskFailed(silent)) == "StopJob failed: without a message"
    assert str(SessionFailed(SESSION)) == (
        "session 'Mail@2026-03-02 01:15:09' failed: The disk is full"
    )
    assert SessionFailed(SESSION).session is SESSION


def test_what_to_do_is_in_the_text() -> None:
    """An error that the caller can mend says how."""
    assert "max_body_size" in str(BodyTooLarge(1))
    assert "9398" in str(NotEnterpriseManager(url="https://em", found="HTML"))
    late = DeadlineExceeded(active=(UUID(int=1),), checkpoint={})
    assert "1 of the watched sessions" in str(late)
    assert "resume" in str(late)
