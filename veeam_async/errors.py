"""Every error that a caller of this library can catch, under one root.

An error's attributes hold the facts, and its text says what to do. No error shows a
password, a token or the id of a logon session.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias
from uuid import UUID

if TYPE_CHECKING:
    from veeam_async.models import Job, Session, Task

Json: TypeAlias = (
    "Mapping[str, Json] | list[Json] | tuple[Json, ...] | str | int | float | None"
)
"""A value of plain JSON types."""

_FAULT = HTTPStatus.INTERNAL_SERVER_ERROR

_MOST_NAMED = 3
"""Sessions that an error's text tells of."""

_MOST_TOLD = 10
"""Jobs of one name that an error's text tells of."""

_SHOWN = 400
"""Characters: an error's text cuts a longer message or value."""


class VeeamError(Exception):
    """The root: whatever this library raises for what a server or a network did."""

    answered: int | None = None
    """The status that came, though not the whole answer did; None otherwise."""

    def __reduce__(self) -> tuple[object, ...]:
        """Support copy and pickle, which cannot call `__init__` with keywords."""
        return (_again, (type(self), self.args), self.__dict__)


class InvalidId(VeeamError, ValueError):
    """*value* is not an id: no UUID, no URN and no Href that ends in one.

    Where it names a resource of another kind, *wanted_kind* is the one that was
    meant.
    """

    def __init__(
        self, value: object, *, kind: str | None = None, advice: str | None = None
    ) -> None:
        if kind is None:
            text = (
                "is not an id; give a UUID such as "
                "88b395e2-81ff-439c-558c-188d97274c15, or the UID or Href of a resource"
            )
        else:
            text = f"names another kind of resource than {kind}"
        said = f"{_shown(value)} {text}"
        super().__init__(f"{said}; {advice}" if advice else said)
        self.value = value
        self.wanted_kind = kind


class ConnectionFailed(VeeamError):
    """No usable answer came: DNS, refused, reset, TLS, proxy, an answer cut short.

    *sent*: the server may have seen the request. *passing*: the same request may
    succeed later. Both are True by default.
    """

    def __init__(
        self, message: str, *, sent: bool = True, passing: bool = True
    ) -> None:
        super().__init__(message)
        self.sent = sent
        self.passing = passing


class CertificateError(ConnectionFailed):
    """The server's certificate is not trusted, for a *reason*.

    *fingerprint* is the SHA-256 of the certificate in hexadecimal, None where the
    server showed none.
    """

    def __init__(
        self, reason: str, *, fingerprint: str | None, advice: str | None = None
    ) -> None:
        text = f"{reason}; {advice}" if advice else reason
        super().__init__(text, sent=False, passing=False)
        self.reason = reason
        self.fingerprint = fingerprint


class RequestTimeout(ConnectionFailed, TimeoutError):
    """The server did not connect, or did not answer, in the time it was given."""


class PasswordUnavailable(ConnectionFailed):
    """The callable that gives the password failed; its own error is the cause."""

    def __init__(self, found: str) -> None:
        super().__init__(
            f"the password callable failed ({found}): nothing was sent", sent=False
        )


class LogonPaused(ConnectionFailed):
    """A logon was refused, and until the next may be tried nothing is sent.

    *seconds* is how long that is; accounts lock where wrong passwords come too often.
    The refusal is the cause, where it is one of a password that has worked.
    """

    def __init__(self, reason: str, *, seconds: float) -> None:
        super().__init__(
            f"{reason}: nothing was sent, and nothing will be for {seconds:.0f} s; "
            "is the account locked, or its password another one?",
            sent=False,
        )
        self.seconds = seconds


class ServerSilent(RequestTimeout):
    """The server at *origin* has answered no request *since* an aware time.

    It may accept connections all the same. *seconds* is for how long. A fetch ends with
    it, a watch looks again at its own pace.
    """

    def __init__(self, origin: str, *, since: datetime, seconds: float) -> None:
        super().__init__(
            f"{origin} has answered no request since {since:%Y-%m-%d %H:%M:%S} UTC "
            f"({seconds:.0f} s): see whether its service runs, or what lies between, "
            "and try again"
        )
        self.origin = origin
        self.since = since
        self.seconds = seconds


class ApiError(VeeamError):
    """The server answered with an error.

    *status* is the HTTP status, *message* the server's own words (None where it gave
    none), *method* and *url* are the request's, *retry_after* is the wait in seconds
    that the server asked for (None where it did not).
    """

    def __init__(
        self,
        *,
        status: int,
        message: str | None,
        method: str,
        url: str,
        retry_after: float | None = None,
        advice: str | None = None,
    ) -> None:
        what = one_line(message) or _phrase(status)
        text = f"{method} {url} answered {status}: {what}"
        super().__init__(f"{text} ({advice})" if advice else text)
        self.status = status
        self.message = message
        self.method = method
        self.url = url
        self.retry_after = retry_after


class BadRequest(ApiError):
    """400: the server did not understand an id, a filter or a body."""


class AuthenticationFailed(ApiError):
    """401: wrong user or password, or a fresh token that was refused."""


class PermissionDenied(ApiError):
    """403: the user's role lacks the right."""


class NotFound(ApiError):
    """404: there is no such resource, or it is older than the server remembers."""


class ServerError(ApiError):
    """5xx: the server failed."""


class ServiceUnavailable(ServerError):
    """503: the server is overloaded or in maintenance."""


class DecodeError(VeeamError):
    """A body is not what was asked for.

    *media_type* is what the server called it, *kind* what was expected, *problems*
    holds one sentence for each fault, with its path, and *excerpt* is the beginning of
    the body.
    """

    def __init__(
        self, *, media_type: str, kind: str, problems: tuple[str, ...], excerpt: str
    ) -> None:
        shown = "; ".join(problems[:5]) + (" …" if problems[5:] else "")
        text = f"cannot read a {kind} from {media_type}: {shown}"
        super().__init__(f"{text}. It begins: {excerpt}" if excerpt else text)
        self.media_type = media_type
        self.kind = kind
        self.problems = problems
        self.excerpt = excerpt


class IncompleteAnswer(DecodeError):
    """Pages of a query did not hold what the first of them promised.

    *came* is how many rows came, *promised* how many there are at most by the first
    page, and *fault* what is wrong with the page that is missing.
    """

    def __init__(
        self, *, media_type: str, kind: str, came: int, promised: int, fault: str
    ) -> None:
        told = f"up to {promised} rows" if promised else "an unknown number of rows"
        problem = (
            f"{came} of {told} that the server promised came, then {fault}; "
            "query again, or for fewer rows at a time with `where`"
        )
        super().__init__(
            media_type=media_type or "an unnamed media type",
            kind=f"whole list of {kind}",
            problems=(problem,),
            excerpt="",
        )
        self.came = came
        self.promised = promised
        self.fault = fault


class BodyTooLarge(VeeamError):
    """An answer is larger than *limit* bytes, the client's `max_body_size`."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"the answer is larger than {limit} bytes; "
            "ask for smaller pages, or raise max_body_size"
        )
        self.limit = limit


class NotEnterpriseManager(VeeamError):
    """What answered at *url* is not Enterprise Manager; *found* says what it is."""

    def __init__(self, *, url: str, found: str) -> None:
        super().__init__(
            f"{url} is not the API of Enterprise Manager: {found}. "
            "Its API usually listens at https://<host>:9398/api/"
        )
        self.url = url
        self.found = found


class TaskFailed(VeeamError):
    """The operation of *task* failed on the server."""

    def __init__(self, task: Task, *, advice: str | None = None) -> None:
        said = one_line(task.result.message if task.result else None)
        text = f"{task.operation} failed: {said or 'without a message'}"
        super().__init__(f"{text.rstrip('.')}; {advice}" if advice else text)
        self.task = task


class StartRefused(TaskFailed):
    """The *task* of a start says that job *job_id* was not started.

    *running_id* is a session of the job that ran when the start was sent, None where
    none was seen.
    """

    def __init__(
        self, task: Task, *, job_id: UUID, running_id: UUID | None = None
    ) -> None:
        advice = None
        if running_id is not None:
            what = "wait for the end of that one, or stop it, and start the job again"
            advice = f"its session {running_id} runs: {what}"
        super().__init__(task, advice=advice)
        self.job_id = job_id
        self.running_id = running_id


class JobNotFound(VeeamError, LookupError):
    """No job is called *name*; *nearest* are the names that are most like it.

    *unread* says of which jobs it is not known, since the server refused to show them.
    """

    def __init__(
        self, name: str, *, nearest: tuple[str, ...] = (), unread: str | None = None
    ) -> None:
        shown = one_line(name)
        text = f"no job is called {shown!r}"
        if nearest:
            text += f"; did you mean {' or '.join(repr(one_line(n)) for n in nearest)}?"
        if unread is not None:
            text += f"; there may be one among those that are not shown: {unread}"
        super().__init__(text)
        self.name = name
        self.nearest = nearest
        self.unread = unread


class JobAmbiguous(VeeamError, LookupError):
    """More than one job is called *name*: *jobs*."""

    def __init__(self, name: str, *, jobs: tuple[Job, ...]) -> None:
        told = [f"{job.id} ({_place_of(job)})" for job in jobs[:_MOST_TOLD]]
        if jobs[_MOST_TOLD:]:
            told.append(f"{len(jobs) - _MOST_TOLD} more")
        super().__init__(
            f"{len(jobs)} jobs are called {one_line(name)!r}; give the id of one: "
            f"{', '.join(told)}"
        )
        self.name = name
        self.jobs = jobs


def _place_of(job: Job) -> str:
    """The type and backup server of *job*, which tell it from others of its name."""
    server = job.link("Up", "BackupServerReference")
    on = f" on {one_line(server.name)}" if server is not None and server.name else ""
    return f"{one_line(job.job_type)}{on}"


class SessionFailed(VeeamError):
    """The *session* ended with the result Failed, or before it was what was *wanted*.

    *wanted* is the state that was waited for, None where that was the end.
    """

    def __init__(self, session: Session, *, wanted: str | None = None) -> None:
        said = one_line(session.failure_message) or "without a failure message"
        what = f"failed: {said}"
        if wanted is not None:
            what = f"stopped ({session.result}) before it was {wanted}"
        super().__init__(f"session {session.name!r} {what}")
        self.session = session
        self.wanted = wanted


class StartUnconfirmed(VeeamError):
    """A start was sent, and no answer says whether it was taken; the cause says why.

    `em.jobs.resume(error.checkpoint)` gives the run, whose `session()` finds out.
    """

    def __init__(self, job_id: UUID, *, checkpoint: Json) -> None:
        super().__init__(
            f"whether job {job_id} was started is not known: before starting it again "
            "look with em.jobs.resume(error.checkpoint).session()"
        )
        self.job_id = job_id
        self.checkpoint = checkpoint


class SessionMissing(VeeamError):
    """The server showed no session for a run of *job_id* within *seconds*.

    *reason* says what is known of the run, *checkpoint* is what `em.jobs.resume` takes
    to look again.
    """

    def __init__(
        self, job_id: UUID, *, seconds: float, reason: str, checkpoint: Json
    ) -> None:
        super().__init__(
            f"no session of job {job_id} was shown within {seconds:g} s of its start: "
            f"{reason}"
        )
        self.job_id = job_id
        self.seconds = seconds
        self.reason = reason
        self.checkpoint = checkpoint


def _seen_so_far(
    seen: Mapping[UUID, Session | None], errors: Mapping[UUID, VeeamError]
) -> str:
    """What is known of sessions that had not ended: of the first few of them."""
    told = [
        f"{session_id} was {_state_of(session)}"
        for session_id, session in islice(seen.items(), _MOST_NAMED)
    ]
    if len(seen) > _MOST_NAMED:
        told.append(f"{len(seen) - _MOST_NAMED} more")
    if errors:
        told.append(f"the last error: {list(errors.values())[-1]}")
    return f" ({'; '.join(told)})" if told else ""


def _state_of(session: Session | None) -> str:
    if session is None:
        return "never seen"
    return f"{session.state} ({session.progress} %) when last seen"


class DeadlineExceeded(VeeamError, TimeoutError):
    """The time given to a watch, a run or a task ran out.

    *active* are the sessions that had not ended, *last_seen* shows each as it was then,
    None where it was not seen, and *errors* has the last error that a look at one met.
    *checkpoint* is what `watch(resume=…)` takes to go on; of a run what
    `em.jobs.resume` takes, of a task None.
    """

    def __init__(
        self,
        *,
        active: tuple[UUID, ...],
        checkpoint: Json,
        message: str | None = None,
        last_seen: Mapping[UUID, Session | None] | None = None,
        errors: Mapping[UUID, VeeamError] | None = None,
    ) -> None:
        self.last_seen: Mapping[UUID, Session | None] = last_seen or {}
        self.errors: Mapping[UUID, VeeamError] = errors or {}
        text = (
            message
            or f"{len(active)} of the watched sessions had not ended in time; "
            "watch(resume=error.checkpoint) goes on with them"
        )
        super().__init__(text + _seen_so_far(self.last_seen, self.errors))
        self.active = active
        self.checkpoint = checkpoint


# --------------------------------------------------------- what an error means
#
# Errors are classified here alone; the code that retries, polls, limits or lists asks
# these functions.

_OVERLOADED = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
_RETRIED = (
    *_OVERLOADED,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.GATEWAY_TIMEOUT,
    *range(520, 525),  # a 502 or 504 in the words of one large gateway, Cloudflare's
)
_GATEWAY_PHRASES = {
    520: "Web Server Returned an Unknown Error",
    521: "Web Server Is Down",
    522: "Connection Timed Out",
    523: "Origin Is Unreachable",
    524: "A Timeout Occurred",
}
_UNSUPPORTED = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.NOT_IMPLEMENTED,
)
_FAULT_ATTEMPTS = 3
"""For a 500: it is often final (an unknown task, say), so two more must do."""


def is_fatal(error: VeeamError, *, proven: bool) -> bool:
    """Every other request would meet *error* as well.

    *proven*: a logon has succeeded before, so the address and its certificate are
    right, and an answer of another kind may pass.
    """
    if isinstance(error, AuthenticationFailed | PermissionDenied):
        return error.method == "POST"  # the logon's
    return not proven and isinstance(error, NotEnterpriseManager | CertificateError)


def ends_fetch(error: VeeamError, *, proven: bool) -> bool:
    """*error* would meet every other id of a fetch as well."""
    # To a watch they are one failed look; here they would be that of every id.
    if isinstance(error, LogonPaused | ServerSilent):
        return True
    return is_fatal(error, proven=proven)


def ends_waiting(error: VeeamError, *, proven: bool) -> bool:
    """*error* is the end of a wait for what was begun on the server.

    Whatever else it is, unreadable, late, missing or refused, the next look may differ.
    """
    final = isinstance(error, TaskFailed | SessionFailed | InvalidId)
    return final or is_lost_task(error) or is_fatal(error, proven=proven)


def is_lost_task(error: VeeamError) -> bool:
    """The server says of a task that this logon session does not know it."""
    # In its own words, with a 500: a plain 404 is also what a restart looks like.
    return isinstance(error, NotFound) and error.status != HTTPStatus.NOT_FOUND


def is_passing(error: VeeamError) -> bool:
    """The same request may succeed later."""
    if isinstance(error, ConnectionFailed):
        return error.passing
    return isinstance(error, ServerError) or _status(error) in _RETRIED


def attempts_worth(error: VeeamError) -> float:
    """How many attempts *error* is worth, the failed one included; inf: no limit."""
    if isinstance(error, ConnectionFailed):
        return float("inf") if error.passing else 1
    status = _status(error)
    if isinstance(error, NotFound):
        return 1  # also where it is a 500: an unknown task
    if status in _RETRIED:
        return float("inf")
    return _FAULT_ATTEMPTS if status == _FAULT else 1


def is_overload(outcome: object) -> bool:
    """*outcome* shows an overloaded server: 429, 503, or no answer in time."""
    # Not 408, 425 and what gateways say: those tell of one exchange, or of the way to
    # the server, and to ask for less would mend neither.
    if isinstance(outcome, RequestTimeout):
        return outcome.sent
    return _status(outcome) in _OVERLOADED


def is_refusal(outcome: object) -> bool:
    """A status below 500 refused this one request, for good."""
    status = _status(outcome)
    return status is not None and status < _FAULT and status not in _RETRIED


def is_unsupported(error: VeeamError) -> bool:
    """A server that lacks this kind of request may answer with this status."""
    return _status(error) in _UNSUPPORTED


def is_fault(error: VeeamError) -> bool:
    """An error with the status 500."""
    return _status(error) == _FAULT


def never_sent(error: VeeamError) -> bool:
    """The request did not reach the server: even an action can be repeated."""
    return isinstance(error, ConnectionFailed) and not error.sent


def may_have_acted(error: VeeamError) -> bool:
    """An action that met *error* may have been carried out all the same."""
    if isinstance(error, ConnectionFailed):
        return error.sent
    if isinstance(error, ServiceUnavailable):
        return False  # a 503 turns the request away before it acts
    if _status(error) == HTTPStatus.REQUEST_TIMEOUT:
        return True  # some gateways say so where it was the server that was slow
    return isinstance(error, ServerError | DecodeError | BodyTooLarge)


def _status(outcome: object) -> int | None:
    return outcome.status if isinstance(outcome, ApiError) else None


def _again(error: type[VeeamError], args: tuple[object, ...]) -> VeeamError:
    """An error made without `__init__`; the caller restores its attributes."""
    made = error.__new__(error)
    made.args = args  # a TimeoutError takes them in its __init__ alone
    return made


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return _GATEWAY_PHRASES.get(status, "an unknown status")


def one_line(said: str | None) -> str:
    """The server's words on one line, cut, with nothing that a terminal acts on."""
    words = " ".join((said or "").split())
    shown = "".join(char if char.isprintable() else "�" for char in words)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except RecursionError:
        text = f"a {type(value).__name__} that nests too deep"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
