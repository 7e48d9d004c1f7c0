"""What an answer's status, headers and body say, when it is not a success."""

from __future__ import annotations

import gzip
import json
import zlib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from veeam_async import (
    ApiError,
    AuthenticationFailed,
    BadRequest,
    NotFound,
    PermissionDenied,
    ServerError,
    ServiceUnavailable,
)
from veeam_async.pool import responses
from veeam_async.pool.responses import Hide, check, error_body, sent_at
from veeam_async.transport.exchange import Response

URL = "https://em/api/jobs/1"
XML = (
    '<Error xmlns="http://www.veeam.com/ent/v1.0" Message=" ID 5 is invalid. Type: Job"'
    ' StatusCode="400"><FirstChanceExceptionMessage/><StackTrace/></Error>'
)
WORDS = " ID 5 is invalid. Type: Job"
PASCAL = {
    "FirstChanceExceptionMessage": None,
    "Message": WORDS,
    "StackTrace": None,
    "Status": None,
    "StatusCode": 400,
}
CAMEL = {name[0].lower() + name[1:]: value for name, value in PASCAL.items()}


def answer(
    status: int, body: bytes | str = b"", media_type: str | None = None, **headers: str
) -> Response:
    """Make an answer."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    if media_type is not None:
        names["content-type"] = media_type
    return Response(status, names, body.encode() if isinstance(body, str) else body)


def error_of(response: Response, hide: Hide | None = None) -> ApiError:
    """Give the error that an answer is."""
    if hide is not None:
        return responses.error_of(response, "GET", URL, hide=hide)
    with pytest.raises(ApiError) as caught:
        check(response, "GET", URL)
    return caught.value


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_a_success_is_given_back(status: int) -> None:
    """Whatever its body."""
    response = answer(status, b"anything")
    assert check(response, "GET", URL) is response


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (304, ApiError),
        (400, BadRequest),
        (401, AuthenticationFailed),
        (403, PermissionDenied),
        (404, NotFound),
        (409, ApiError),
        (429, ApiError),
        (500, ServerError),
        (502, ServerError),
        (503, ServiceUnavailable),
        (599, ServerError),
        (999, ServerError),
        (100, ApiError),
    ],
)
def test_a_status_has_its_class(status: int, kind: type[ApiError]) -> None:
    """An unknown one the nearest."""
    error = error_of(answer(status))

    assert type(error) is kind
    assert (error.status, error.method, error.url) == (status, "GET", URL)


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (XML, "application/xml; charset=utf-8"),
        (f'<?xml version="1.0" encoding="utf-8"?>\n{XML}', "text/xml"),
        (json.dumps(PASCAL), "application/json; charset=utf-8"),
        (json.dumps(CAMEL), "application/json"),
        (json.dumps(PASCAL), "application/xml"),
        (XML, "application/json"),
        (XML, None),
        (json.dumps(CAMEL), None),
    ],
)
def test_the_servers_words_are_found_in_each_of_its_forms(
    body: str, media_type: str | None
) -> None:
    """Also where the media type is the other one, or missing."""
    error = error_of(answer(400, body, media_type))

    assert error.message == WORDS
    assert str(error) == f"GET {URL} answered 400: ID 5 is invalid. Type: Job"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"null",
        b"[]",
        b"{}",
        b'"text"',
        b"{",
        b"<",
        b"<html><body>Bad Gateway</body></html>",
        b"<!DOCTYPE html><html></html>",
        b"\xff\xfe\x00",
        b'{"Message": {"a": 1}}',
        b'{"error": "x"}',
        b"<Error/>",
        b"[" * 5000,
        b"<a>" * 5000,
    ],
)
@pytest.mark.parametrize("media_type", [None, "application/json", "text/html", "?"])
def test_a_body_of_another_kind_is_no_words(
    body: bytes, media_type: str | None
) -> None:
    """Proxies and http.sys have bodies of their own; the status remains."""
    error = error_of(answer(404, body, media_type))

    assert error.message is None
    assert str(error) == f"GET {URL} answered 404: Not Found"


PAGES = {
    "plain": ("<html><head><title>502 Bad Gateway</title>", "502 Bad Gateway"),
    "upper": ("<!DOCTYPE HTML><HTML><TITLE >Bad Request</TITLE >", "Bad Request"),
    "lines": ("<html><title>\r\n Sign  in\n</title>", "Sign in"),
    "references": ("<title>A &amp; B &#x1b;[31m &#233;</title>", "A & B [31m é"),
    "long": (f"<title>{'x' * 9000}</title>", "x" * 200),
    "digits": (f"<title>&#{'9' * 9000};</title>", "�"),
    "empty": ("<html><title> </title>", None),
    "open": ("<html><title>x", None),
    "cut": ("<html><title", None),
}


@pytest.mark.parametrize("name", PAGES)
def test_the_title_of_an_html_page_is_told(name: str) -> None:
    """Whoever stands between says there what is wrong."""
    page, title = PAGES[name]
    error = error_of(answer(502, page, "text/html"))

    if title is None:
        assert error.message is None
    else:
        assert error.message == title
        assert f"answered 502: {title} (the title of an HTML page)" in str(error)


PROBLEM = {"title": "One or more validation errors occurred.", "status": 400}
PROBLEMS = {
    "as told": (
        PROBLEM | {"errors": {"id": ["The value 'x' is not valid."]}},
        "One or more validation errors occurred. id: The value 'x' is not valid.",
    ),
    "detail": (PROBLEM | {"title": "No", "detail": "Not so."}, "No Not so."),
    "no lists": (
        {"Errors": {"a": "1", "": "2", "b": None, "c": [3, "4"]}},
        "a: 1 2 c: 4",
    ),
    "many": ({"errors": {f"f{n}": ["no"] * 99 for n in range(99)}}, None),
    "odd": ({"title": 5, "detail": ["x"], "errors": ["x"]}, ""),
}


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_a_problem_says_what_is_wrong_with_which_field(name: str, bom: bytes) -> None:
    """As frameworks answer before the server's own code is reached (RFC 9457)."""
    body, words = PROBLEMS[name]
    problem = bom + json.dumps(body).encode()
    error = error_of(answer(400, problem, "application/problem+json"))

    if words is None:
        assert len(error.message or "") == 25 * len("f0: no ") - 1
    else:
        assert error.message == (words or None)
        assert str(error).endswith(f"answered 400: {words or 'Bad Request'}")


@pytest.mark.parametrize(
    ("body", "encoding", "kind"),
    [
        (gzip.compress(json.dumps(PASCAL).encode()), "", "gzip"),
        (gzip.compress(b"x"), "gzip", "gzip"),
        (zlib.compress(b"x"), "deflate", "deflate"),
        (b"\x28\xb5\x2f\xfd\x00", "zstd", "zstd"),
        (b"\x0b\x02\x80", "br", "br"),
    ],
    ids=["json", "gzip", "deflate", "zstd", "br"],
)
def test_an_error_that_is_compressed_says_so(
    body: bytes, encoding: str, kind: str
) -> None:
    """Its words would only be guessed at otherwise."""
    error = error_of(answer(400, body, content_encoding=encoding))

    assert error.message is None
    assert f"compressed ({kind}) although no compression was asked for" in str(error)


@pytest.mark.parametrize("encoding", ["gzip", "br", "identity"])
def test_a_body_that_only_claims_to_be_compressed_is_read(encoding: str) -> None:
    """Some proxy has inflated it, and left the header."""
    error = error_of(answer(400, json.dumps(PASCAL), content_encoding=encoding))

    assert error.message == WORDS


def test_a_page_of_megabytes_is_not_read_for_an_error() -> None:
    """To parse it would hold the loop up."""
    body = json.dumps(PASCAL | {"StackTrace": "x" * 1_000_000})
    assert error_body(answer(400, body, "application/json")) is None


@given(
    st.binary(max_size=200) | st.text(max_size=200).map(str.encode),
    st.none() | st.text(max_size=30),
    st.text(max_size=30) | st.from_regex(r"\w{3}, \d+ \w{3} \d+ \d+:\d+:\d+ \S+"),
)
def test_no_answer_makes_the_reading_of_an_error_fail(
    body: bytes, media_type: str | None, retry_after: str
) -> None:
    """Whatever the body, the media type and the headers are."""
    error = error_of(answer(503, body, media_type, retry_after=retry_after))
    assert error.retry_after is None or error.retry_after >= 0


# ---------------------------------------------------------------- advice


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_says_that_it_is_not_followed(status: int) -> None:
    """A token must not leave its server."""
    error = error_of(answer(status, location="https://other.example:9398/api/x"))

    assert "redirects are not followed" in str(error)
    assert "(to https://other.example:9398/api/x; " in str(error)


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("/login?next=s3cret#s3cret", "to /login; "),
        ("https://user:s3cret@em:9398/%61?x=s3cret", "to https://em:9398/a; "),
        ("//em/x?s3cret", "to //em/x; "),
        ("/a%1b[31m%0a", "to /a�[31m; "),
        ("http://[::1", "to nowhere; "),
        ("", "to nowhere; "),
        ("/x/%73ecret/y", "to /x/(hidden)/y; "),
    ],
)
def test_the_target_of_a_redirect_is_told_without_its_secrets(
    location: str, shown: str
) -> None:
    """A query may hold what was sent, and so may the path."""
    response = answer(302, location=location)
    error = error_of(response, hide=lambda text: text.replace(b"secret", b"(hidden)"))

    assert shown in str(error)
    assert "s3cret" not in str(error)


def test_a_lost_task_is_not_found_although_it_is_a_500() -> None:
    """The server's words tell; in another case too."""
    words = {
        "Message": "There is no backup task with id [task-1] In Current Rest Session"
    }
    error = error_of(answer(500, json.dumps(words), "application/json"))

    assert type(error) is NotFound
    assert "only to the logon session that began it" in str(error)


# ---------------------------------------------------------------- Retry-After


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 7 ", 7),
        ("Mon, 01 Jan 2001 00:00:00 GMT", 0),
        ("Mon, 01 Jan 2001 00:00:00", 0),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("²", None),
        ("Mon, 99 Foo 2001 99:99:99 GMT", None),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("Mon, 01 Jan 2001 00:00:00 +99999999999999999999", None),
    ],
)
def test_retry_after_in_all_its_forms(value: str, seconds: float | None) -> None:
    """A number of seconds or a date; anything else is as good as absent."""
    assert error_of(answer(503, retry_after=value)).retry_after == seconds


EDGES = [
    *("Fri, 31 Dec 9999 23:59:59 -0500", "Fri, 31 Dec 9999 23:59:59 GMT"),
    *("Mon, 01 Jan 0100 00:00:00 +0500", "Wed, 31 Dec 1969 23:59:59 GMT"),
    f"Mon, 01 Jan {'9' * 4301} 00:00:00 GMT",
]


@pytest.mark.parametrize("date", EDGES)
def test_a_date_at_the_edge_of_the_calendar_is_none(date: str) -> None:
    """Whatever is calculated with it next would be an OverflowError."""
    assert sent_at(answer(200, date=date)) is None
    assert error_of(answer(503, retry_after=date)).retry_after is None


def test_a_date_is_told_in_utc() -> None:
    """Whatever zone the server wrote it in."""
    told = sent_at(answer(200, date="Mon, 02 Mar 2026 12:00:00 -0500"))

    assert told is not None
    assert told.isoformat() == "2026-03-02T17:00:00+00:00"


def test_retry_after_as_a_date_counts_from_now() -> None:
    """In whole seconds, as HTTP has it."""
    at = datetime.now(UTC) + timedelta(seconds=90)
    error = error_of(answer(503, retry_after=format_datetime(at, usegmt=True)))

    assert error.retry_after is not None
    assert 80 < error.retry_after <= 90


def test_without_retry_after_there_is_none() -> None:
    """None, not zero: the server asked for nothing."""
    assert error_of(answer(503)).retry_after is None
