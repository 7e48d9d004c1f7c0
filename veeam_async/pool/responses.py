"""What a response means: one of the API's errors, or a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias, TypeVar
from urllib.parse import unquote, urlsplit

import attrs

from veeam_async import codec
from veeam_async.errors import (
    ApiError,
    AuthenticationFailed,
    BadRequest,
    DecodeError,
    NotFound,
    PermissionDenied,
    ServerError,
    ServiceUnavailable,
    one_line,
)
from veeam_async.ids import is_task_id
from veeam_async.models import ErrorBody, Page, Task, UnreadableRow
from veeam_async.transport.exchange import Response

K = TypeVar("K")

Hide: TypeAlias = Callable[[bytes], bytes]
"""Takes the secrets out of what is shown."""

_ERRORS: dict[int, type[ApiError]] = {
    400: BadRequest,
    401: AuthenticationFailed,
    403: PermissionDenied,
    404: NotFound,
    503: ServiceUnavailable,
}
LARGE = codec.XML_ASIDE_ABOVE
"""Bytes of an answer above which a thread may decode it."""

_LOOKED_AT = 8192
"""Bytes: an excerpt shows a part of the first half of them."""

_LONGEST_ID = 60
"""Characters of a wrong id that an error shows."""

_REDIRECTS = (301, 302, 303, 307, 308)
_LOST_TASK = "in current rest session"
_REAL_YEARS = range(1970, 9000)


def check(response: Response, method: str, url: str) -> Response:
    """Pass a success through; raise the ApiError that any other *response* is."""
    if is_success(response):
        return response
    raise error_of(response, method, url)


def is_success(response: Response) -> bool:
    """Whether the server did what it was asked (RFC 9110, section 15.3)."""
    return 200 <= response.status < 300  # noqa: PLR2004 - as the section says


def error_of(
    response: Response, method: str, url: str, *, hide: Hide | None = None
) -> ApiError:
    """The ApiError that a *response* is which is no success.

    *hide* takes secrets out of what it says; as the response itself does, where none is
    given.
    """
    hide = hide or response.hide
    response.body = hide(response.body)
    message, advice = _said(response)
    return _error_for(response.status, message)(
        status=response.status,
        message=message,
        method=method,
        url=url,
        retry_after=_retry_after(response),
        advice=_advice(response, message, hide) or advice,
    )


def _said(response: Response) -> tuple[str | None, str | None]:
    """What the body says, and whose words those are where they are not the API's."""
    body = error_body(response)
    if body is not None:
        return body.message, None
    encoding = response.headers.get("content-encoding", "")
    if kind := codec.compression_of(response.body, encoding):
        return None, codec.compressed(kind)
    if title := codec.title_of(response.body):
        return title, "the title of an HTML page"
    return codec.words_of(response.body), None


def redirect_target(response: Response, hide: Hide | None = None) -> str | None:
    """Where a redirect leads, without user, query and fragment; None for nowhere.

    *hide* takes secrets out of it.
    """
    try:
        parts = urlsplit(response.headers["location"])
    except (KeyError, ValueError):
        return None
    origin = f"{parts.scheme}://" if parts.scheme else "//" if parts.netloc else ""
    place = origin + parts.netloc.rpartition("@")[2] + unquote(parts.path)
    shown = place.encode("utf-8", "replace")
    return one_line((hide(shown) if hide else shown).decode("utf-8", "replace")) or None


async def read(answer: Response, kind: type[K], *, strict: bool = False) -> K:
    """Decode the *kind* that a good *answer* holds, a large one in a thread.

    Raises DecodeError where the answer holds anything else; where *strict*, also for a
    page with rows that cannot be read.
    """
    if not is_large(answer):
        return read_now(answer, kind, strict=strict)
    if kind is Task:
        _hide_task(answer)
    try:
        found = await codec.decode_aside(
            answer.body, answer.headers.get("content-type"), kind, strict=strict
        )
    except DecodeError as error:
        failure = _explained(error, answer, kind, strict=strict)
    else:
        return _told(found, answer)
    raise failure


def read_now(answer: Response, kind: type[K], *, strict: bool = False) -> K:
    """Decode as `read` does, but never in a thread."""
    if kind is Task:
        _hide_task(answer)
    # Nearly every answer: no header of it has to be looked for.
    found = codec.decode_short(answer.body, kind)
    if found is not None:
        return found
    try:
        found = codec.decode(
            answer.body, answer.headers.get("content-type"), kind, strict=strict
        )
    except DecodeError as error:
        failure = _explained(error, answer, kind, strict=strict)
    else:
        return _told(found, answer)
    raise failure


def read_task(answer: Response) -> Task:
    """Decode what answers an action: a Task that can be asked for by its id.

    Raises DecodeError where it is none: an id that nobody can use names nothing.
    """
    task = read_now(answer, Task)
    if is_task_id(task.task_id):
        return task
    said = repr(task.task_id[:_LONGEST_ID])
    media_type = answer.headers.get("content-type", "an unnamed media type")
    raise DecodeError(
        media_type=_hidden(media_type, answer),
        kind=Task.__name__,
        problems=(f"expected the id of a task, got {said} @ $.task_id",),
        excerpt="",
    )


def _hide_task(answer: Response) -> None:
    # An error shows a task as it is, and few are read.
    answer.body = answer.hide(answer.body)


def _told(found: K, answer: Response) -> K:
    """What was *found*, with no secret in what is told of rows that were left out."""
    if not isinstance(found, Page) or not found.unreadable:
        return found
    rows = tuple(_told_row(row, answer) for row in found.unreadable)
    return attrs.evolve(found, unreadable=rows)


def _told_row(row: UnreadableRow, answer: Response) -> UnreadableRow:
    reason = _hidden(row.reason, answer)
    is_shown = row.uid is None or _hidden(row.uid, answer) == row.uid
    return attrs.evolve(row, reason=reason, uid=row.uid if is_shown else None)


def _hidden(text: str, answer: Response) -> str:
    """*text* without the secrets that its *answer* repeats."""
    data = text.encode("utf-8", "replace")
    return answer.hide(data).decode("utf-8", "replace")


def _explained(
    error: DecodeError, answer: Response, kind: type[Any], *, strict: bool
) -> DecodeError:
    """The *error* without secrets, or a plainer one where the body is compressed.

    It has none of the codec's frames, whose variables are the body and parts of it.
    """
    body, media_type = answer.body, answer.headers.get("content-type")
    encoding = answer.headers.get("content-encoding", "")
    compression = codec.compression_of(body, encoding)
    # What is told of a body, or shown, may be cut in the middle of what must be hidden:
    # so it is read once more without that.
    hidden = answer.hide(body[: codec.LONGEST]) + body[codec.LONGEST :]
    if hidden != body:
        error = _again(hidden, media_type, kind, strict=strict) or error
    problems = (
        error.problems if compression is None else (codec.compressed(compression),)
    )
    is_shown = compression is None and hidden[:_LOOKED_AT] == body[:_LOOKED_AT]
    return DecodeError(
        media_type=_hidden(error.media_type, answer),
        kind=error.kind,
        problems=tuple(_hidden(problem, answer) for problem in problems),
        excerpt=_hidden(error.excerpt, answer) if is_shown else "",
    )


def _again(
    body: bytes, media_type: str | None, kind: type[Any], *, strict: bool
) -> DecodeError | None:
    """What reading *body* once more comes to, None where it is good by now."""
    try:
        codec.decode(body, media_type, kind, strict=strict)
    except DecodeError as error:
        return error
    return None


def sent_at(answer: Response) -> datetime | None:
    """The server's own time of *answer*, in whole seconds; None where it tells none."""
    return date_in(answer.headers)


def date_in(headers: Mapping[str, str]) -> datetime | None:
    """The time that the header Date tells; None where there is none."""
    return _date(headers.get("date", ""))


def is_large(answer: Response) -> bool:
    """Whether `read` may decode *answer* in a thread."""
    return len(answer.body) > LARGE


def error_body(response: Response) -> ErrorBody | None:
    """The server's own error in the body; None where that is anything else."""
    if len(response.body) > codec.LONGEST:
        return None
    try:
        body = codec.decode(
            response.body, response.headers.get("content-type"), ErrorBody
        )
    except DecodeError:
        return None
    return None if body == ErrorBody() else body


def _error_for(status: int, message: str | None) -> type[ApiError]:
    # A task lives in the logon session that began it; asked for one that it does not
    # know, the server answers 500 "… in current rest session".
    if status == 500 and _LOST_TASK in (message or "").lower():  # noqa: PLR2004
        return NotFound
    return _ERRORS.get(status, ServerError if status >= 500 else ApiError)  # noqa: PLR2004


def _advice(response: Response, message: str | None, hide: Hide | None) -> str | None:
    if response.status in _REDIRECTS:
        place = redirect_target(response, hide) or "nowhere"
        return (
            f"to {place}; redirects are not followed: a token must not leave its server"
        )
    if message and _LOST_TASK in message.lower():
        return "a task is known only to the logon session that began it"
    return None


def _retry_after(response: Response) -> float | None:
    """Seconds of Retry-After, which may be a date (RFC 9110, section 10.2.3)."""
    value = response.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    at = _date(value)
    return None if at is None else max(0.0, (at - datetime.now(UTC)).total_seconds())


def _date(value: str) -> datetime | None:
    """A date of HTTP in UTC; None for none, and for one that no clock shows.

    At the edges of the calendar the next calculation with it would be an error.
    """
    if not value:
        return None
    # Here, since it loads much that the date of a rare answer alone needs.
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - see above

    try:
        at = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if at.year not in _REAL_YEARS:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
