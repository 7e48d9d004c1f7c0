"""Faults of answers: statuses, redirects, what a logon gets, pages, entities, text."""

from __future__ import annotations

import gzip
import json
import random
import re
from collections.abc import Callable
from functools import partial
from itertools import groupby
from typing import Any

import attrs

from tests.faults.acts import Edited, Instead
from tests.faults.proxy import Act, Answer, Strike, pass_on
from tests.faults.table import Fault, Nature

_HTML = (
    b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head>"
    b"<body>Please enable JavaScript.</body></html>"
)
_ERROR = json.dumps({"message": "No.", "statusCode": 0}).encode()
_STRANGER = "0badcafe-0000-4000-8000-00000badcafe"
_UUID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _plain(status: int, body: bytes = _ERROR, *headers: tuple[str, str]) -> Answer:
    kind = "text/html" if body == _HTML else "application/json"
    return Answer(
        status=status, reason="X", headers=(("Content-Type", kind), *headers), body=body
    )


# ------------------------------------------------------------- statuses


_STATUSES: tuple[tuple[int, str, str], ...] = (
    (400, "BadRequest", "a bad request"),
    (403, "PermissionDenied", "a right that lacks"),
    (404, "NotFound", "nothing there"),
    (405, "ApiError", "a method that is not allowed"),
    (407, "ApiError", "a proxy that wants a logon, again and again"),
    (408, "ApiError", "a gateway that waited too long"),
    (425, "ApiError", "too early"),
    (429, "ApiError", "too many requests"),
    (500, "ServerError", "a fault of the server"),
    (501, "ServerError", "what the server does not know"),
    (502, "ServerError", "a bad gateway"),
    (503, "ServiceUnavailable", "an overload"),
    (504, "ServerError", "a gateway's time-out"),
    (520, "ServerError", "a large gateway's own word for a bad gateway"),
    (524, "ServerError", "a large gateway's own word for a time-out"),
    (599, "ServerError", "a status that nobody knows"),
)


def _statuses() -> list[Fault]:
    plain = [
        Fault(
            name=f"status-{status}",
            kind="status",
            says=f"{status} comes in place of the answer: {says}",
            nature=Nature.STATUS,
            status=status,
            error=error,
            act=Instead(_plain(status)),
        )
        for status, error, says in _STATUSES
    ]
    return plain + [
        Fault(
            name=f"retry-after-{name}",
            kind="status",
            says=f"503 comes with a Retry-After {says}",
            nature=Nature.STATUS,
            status=503,
            error="ServiceUnavailable",
            wait=wait,
            act=Instead(_plain(503, _ERROR, ("Retry-After", value))),
        )
        for name, wait, value, says in (
            ("seconds", 2.0, "2", "of two seconds"),
            ("day", 60.0, "86400", "of a day"),
            ("digits", 60.0, "9" * 5000, "of five thousand digits"),
            ("past", 0.0, "Sun, 06 Nov 1994 08:49:37 GMT", "that has passed"),
            (
                "edge",
                0.0,
                "Fri, 31 Dec 9999 23:59:59 GMT",
                "at the edge of the calendar",
            ),
            (
                "zone",
                0.0,
                "Mon, 01 Jan 0001 00:00:00 +2359",
                "before the calendar begins",
            ),
            ("words", 0.0, "soon", "in words"),
        )
    ]


def _redirects() -> list[Fault]:
    made = [
        Fault(
            name=f"redirect-{status}",
            kind="status",
            says=f"{status} redirects to another host, which must see no token",
            nature=Nature.STATUS,
            status=status,
            error="ApiError",
            act=Instead(_plain(status, b"", ("Location", "https://evil.invalid/api/"))),
        )
        for status in (301, 302, 303, 307, 308)
    ]
    loop = Fault(
        name="redirect-loop",
        kind="status",
        says="302 redirects to the address that was asked",
        nature=Nature.STATUS,
        status=302,
        error="ApiError",
        act=_Looped(),
    )
    nowhere = Fault(
        name="redirect-nowhere",
        kind="status",
        says="302 redirects to nowhere",
        nature=Nature.STATUS,
        status=302,
        error="ApiError",
        act=Instead(_plain(302, b"")),
    )
    return [*made, loop, nowhere]


@attrs.frozen
class _Looped:
    """Redirect to the same address."""

    async def __call__(self, strike: Strike) -> bool:
        answer = _plain(302, b"", ("Location", strike.asked.target))
        await strike.line.write(answer.wire())
        return True


# ------------------------------------------------------------- headers


def _headers() -> list[Fault]:
    rows = (
        ("date-edge", "Date", "Fri, 31 Dec 9999 23:59:59 -2359", "a Date past the end"),
        ("date-start", "Date", "Mon, 01 Jan 0001 00:00:00 GMT", "a Date at year 1"),
        ("date-words", "Date", "yesterday", "a Date in words"),
        ("type-none", "Content-Type", "", "an empty Content-Type"),
        ("type-text", "Content-Type", "text/plain", "a Content-Type of plain text"),
        ("type-xml", "Content-Type", "application/xml", "JSON said to be XML"),
        (
            "type-charset",
            "Content-Type",
            "application/json; charset=klingon",
            "a charset that nobody knows",
        ),
        (
            "cookie",
            "Set-Cookie",
            "X-RestSvcSessionId=another; path=/",
            "a cookie with another token",
        ),
        ("alt-svc", "Alt-Svc", 'h3=":443"', "an offer of another protocol"),
    )
    return [
        Fault(
            name=name,
            kind="header",
            says=f"the answer has {says}",
            nature=Nature.HARMLESS,
            act=Edited(partial(_with_header, header, value)),
        )
        for name, header, value, says in rows
    ]


def _with_header(name: str, value: str, answer: Answer) -> Answer:
    return answer.with_header(name, value)


# ------------------------------------------------------------- whole bodies


def _whole(body: bytes, kind: str | None = None) -> Edited:
    def edit(answer: Answer) -> Answer:
        if not answer.body:
            return answer
        made = attrs.evolve(answer, body=body)
        return made.with_header("Content-Type", kind) if kind else made

    return Edited(edit)


def _gzipped(answer: Answer) -> Answer:
    if not answer.body:
        return answer
    packed = attrs.evolve(answer, body=gzip.compress(answer.body))
    return packed.with_header("Content-Encoding", "gzip")


def _half(answer: Answer) -> Answer:
    return attrs.evolve(answer, body=answer.body[: len(answer.body) // 2])


def _doctype(answer: Answer) -> Answer:
    if not answer.body:
        return answer
    body = b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'
    return attrs.evolve(answer, body=body).with_header(
        "Content-Type", "application/xml"
    )


def _bodies() -> list[Fault]:
    rows: list[tuple[str, str, Act]] = [
        ("html", "200 with an HTML page", _whole(_HTML, "text/html")),
        ("empty", "200 with an empty body", _whole(b"")),
        ("null", "the body is null", _whole(b"null")),
        ("list", "the body is an empty list", _whole(b"[]")),
        ("number", "the body is a number", _whole(b"7")),
        ("object", "the body is {}", _whole(b"{}")),
        ("half", "the body ends in the middle of its grammar", Edited(_half)),
        ("gzip", "the body is compressed", Edited(_gzipped)),
        ("deep", "the body nests two thousand deep", _whole(b'{"a":' * 2000)),
        ("doctype", "the body is XML with a DOCTYPE", Edited(_doctype)),
        ("garbled", "the body is random bytes", _whole(bytes(range(128, 256)) * 2)),
    ]
    return [
        Fault(
            name=f"body-{name}",
            kind="body",
            says=says,
            nature=Nature.UNREADABLE,
            act=act,
        )
        for name, says, act in rows
    ]


BODY_HTML_STATUS = [
    Fault(
        name=f"html-{status}",
        kind="status",
        says=f"{status} with an HTML page, as a gateway gives it",
        nature=Nature.STATUS,
        status=status,
        error=error,
        act=Instead(_plain(status, _HTML)),
    )
    for status, error in (
        (404, "NotFound"),
        (502, "ServerError"),
        (503, "ServiceUnavailable"),
    )
]


# ------------------------------------------------------------- 401s


def _refusals() -> list[Fault]:
    rows = (
        ("401", "401 to a token that lives", ()),
        (
            "401-negotiate",
            "401 that asks for Negotiate before Basic",
            (
                ("WWW-Authenticate", "Negotiate"),
                ("WWW-Authenticate", 'Basic realm="em"'),
            ),
        ),
        ("401-basic", "401 that asks for Basic", (("WWW-Authenticate", "Basic"),)),
    )
    return [
        Fault(
            name=name,
            kind="logon",
            says=says,
            nature=Nature.UNAUTHORIZED,
            status=401,
            error="AuthenticationFailed",
            act=Instead(_plain(401, _ERROR, *headers)),
        )
        for name, says, headers in rows
    ]


# ------------------------------------------------------------- pages and entities


Edit = Callable[[Any], Any]


def _json(edit: Edit) -> Edited:
    """An edit of JSON's values; what is no JSON is left alone."""

    def made(answer: Answer) -> Answer:
        try:
            told = json.loads(answer.body)
        except ValueError:
            return answer
        return attrs.evolve(answer, body=json.dumps(edit(told)).encode())

    return Edited(made)


def _each_page(change: Callable[[dict[str, Any]], None]) -> Edit:
    def edit(told: Any) -> Any:
        if isinstance(told, dict) and told.get("pagingInfo"):
            change(told)
        return told

    return edit


def _no_paging(page: dict[str, Any]) -> None:
    page["pagingInfo"] = None


def _first_again(page: dict[str, Any]) -> None:
    page["pagingInfo"]["pageNum"] = 1


def _no_rows(page: dict[str, Any]) -> None:
    page["entities"] = None


def _rows_of(page: dict[str, Any]) -> list[Any]:
    for outer in (page.get("entities") or {}).values():
        if isinstance(outer, dict):
            for rows in outer.values():
                if isinstance(rows, list):
                    return rows
    return []


def _null_row(page: dict[str, Any]) -> None:
    _rows_of(page).insert(1, None)


def _reversed(page: dict[str, Any]) -> None:
    _rows_of(page).reverse()


def _doubled(page: dict[str, Any]) -> None:
    rows = _rows_of(page)
    rows += rows


_PAGE = re.compile(r"pageSize=(\d+)&page=(\d+)$")


@attrs.frozen
class _Reordered:
    """Give a page of a query whose rows of one time come in an order of its own."""

    async def __call__(self, strike: Strike) -> bool:
        target = strike.asked.target
        found = _PAGE.search(target)
        if found is None:
            return await pass_on(strike)
        size, number = int(found[1]), int(found[2])
        answer = await strike.answer(_PAGE.sub("pageSize=1000&page=1", target))
        told = json.loads(answer.body)
        rows = _rows_of(told)
        pages = max(1, -(-len(rows) // size))
        rows[:] = _shuffled(rows, strike.rng)[(number - 1) * size : number * size]
        told["pagingInfo"] |= {
            "pageNum": number,
            "pageSize": size,
            "pagesCount": pages,
        }
        body = json.dumps(told).encode()
        await strike.line.write(attrs.evolve(answer, body=body).wire())
        return True


def _shuffled(rows: list[Any], rng: random.Random) -> list[Any]:
    """The *rows*, those of one time in another order."""
    made = []
    for _, tied in groupby(rows, lambda row: row.get("creationTimeUTC") or row["uid"]):
        group = list(tied)
        rng.shuffle(group)
        made += group
    return made


def _other_page(page: dict[str, Any]) -> None:
    page["pagingInfo"]["pageNum"] = 7


def _many_pages(page: dict[str, Any]) -> None:
    page["pagingInfo"]["pagesCount"] = 5_000_000


def _without_token(answer: Answer) -> Answer:
    hidden = ("x-restsvcsessionid", "set-cookie")
    kept = tuple(each for each in answer.headers if each[0].lower() not in hidden)
    return attrs.evolve(answer, headers=kept)


def _stranger(answer: Answer) -> Answer:
    """What is asked about, as if it were another."""
    found = _UUID.search(answer.body)
    own = re.search(rb'"uid": ?"[^"]*?(%b)"' % _UUID.pattern, answer.body)
    named = own[1] if own else found[0] if found else None
    body = answer.body
    if named is not None:
        body = body.replace(named, _STRANGER.encode())
    return attrs.evolve(answer, body=re.sub(rb"task-\d+", b"task-99", body))


def _other_task(answer: Answer) -> Answer:
    body = re.sub(rb'"taskId": ?"task-\d+"', b'"taskId":"task-99"', answer.body)
    return attrs.evolve(answer, body=body)


_LOGON_FOREIGN = {"open": Nature.FOREIGN, "renew": Nature.FOREIGN}
"""No Enterprise Manager, by what it answers to a logon."""

_BY_ID = (
    *("get", "fetch", "job", "job-nas", "follow", "task"),
    *("watch", "wait", "wait-all"),
    *("run-session", "run-wait", "run-watch", "task-wait"),
)
"""Operations that ask for one thing by its id."""


@attrs.frozen
class _OfAnother:
    """Answer as if another had been asked for, where one was asked for by its id."""

    async def __call__(self, strike: Strike) -> bool:
        answer = await strike.answer()
        asked = strike.asked.target.partition("?")[0].removesuffix("/")
        if re.search(r"/(?:[0-9a-f-]{36}|task-\d+)$", asked) and answer.body:
            answer = _stranger(answer)
        await strike.line.write(answer.wire())
        return True


# ------------------------------------------------------------- text


_OWN_KEY = re.compile(rb'"(?:uid|taskId|sessionId)":')
_OWN_TAG = re.compile(rb"<[A-Za-z]+ [^>]*UID=[^>]*[^/]>|<Task[ >][^>]*>")


def _noted(note: bytes, answer: Answer) -> Answer:
    """One more text in the first thing that an answer in JSON or XML is about."""
    body = answer.body
    if body.startswith(b"{"):
        own = _OWN_KEY.search(body)
        at, more = own.start() if own else 0, b'"note": "%b", ' % note
    else:
        own = _OWN_TAG.search(body)
        at, more = own.end() if own else 0, b"<Note>%b</Note>" % note
    if own is None:
        return answer
    return attrs.evolve(answer, body=body[:at] + more + body[at:])


def _declared(encoding: bytes, answer: Answer) -> Answer:
    body = answer.body.replace(b'encoding="utf-8"', b'encoding="%b"' % encoding, 1)
    return attrs.evolve(answer, body=body)


def _marked(answer: Answer) -> Answer:
    return attrs.evolve(answer, body=b"\xef\xbb\xbf" * bool(answer.body) + answer.body)


def _texts() -> list[Fault]:
    rows: list[tuple[str, str, str, Act]] = [
        ("surrogate", "json", "half a surrogate", _edit(_noted, b"\\ud83d")),
        ("control", "json", "a raw control character", _edit(_noted, b"a\x07b")),
        ("escape", "json", "an escaped control character", _edit(_noted, b"\\u001b")),
        ("bytes", "json", "bytes that are no UTF-8", _edit(_noted, b"B\xfcro")),
        ("mark", "json", "a byte order mark", Edited(_marked)),
        ("none", "xml", "nothing odd", Edited(partial(_noted, b"x"))),
        (
            "reference",
            "xml",
            "a reference to a control character",
            _edit(_noted, b"&#x1B;"),
        ),
        ("half", "xml", "a reference to half a surrogate", _edit(_noted, b"&#xD83D;")),
        ("raw", "xml", "a raw control character", _edit(_noted, b"a\x07b")),
        ("latin", "xml", "bytes that are no UTF-8", _edit(_noted, b"B\xfcro")),
        ("utf8", "xml", "an encoding spelt utf8", _edit(_declared, b"utf8")),
        ("utf-16", "xml", "utf-16 declared over UTF-8", _edit(_declared, b"utf-16")),
        (
            "klingon",
            "xml",
            "an encoding that nobody knows",
            _edit(_declared, b"klingon"),
        ),
        ("xml-mark", "xml", "a byte order mark", Edited(_marked)),
    ]
    return [
        Fault(
            name=f"text-{name}",
            kind="text",
            says=f"the answer in {accept.upper()} has {says}",
            nature=Nature.HARMLESS,
            accept=accept,
            act=act,
        )
        for name, accept, says, act in rows
    ]


def _edit(edit: Callable[[bytes, Answer], Answer], given: bytes) -> Edited:
    return Edited(partial(edit, given))


# ------------------------------------------------------------- all of them


ANSWER_FAULTS: tuple[Fault, ...] = (
    *_statuses(),
    *_redirects(),
    *BODY_HTML_STATUS,
    *_headers(),
    *_bodies(),
    *_refusals(),
    Fault(
        name="page-no-paging",
        kind="page",
        says="a page comes without its PagingInfo",
        nature=Nature.PARTIAL,
        act=_json(_each_page(_no_paging)),
    ),
    Fault(
        name="page-first-again",
        kind="page",
        says="a page says that it is the first one",
        nature=Nature.HARMLESS,
        natures=dict.fromkeys(("query-by", "jobs"), Nature.PARTIAL),
        act=_json(_each_page(_first_again)),
    ),
    Fault(
        name="page-no-rows",
        kind="page",
        says="a page comes without its rows",
        nature=Nature.PARTIAL,
        natures={"watch-all": Nature.EMPTY},
        act=_json(_each_page(_no_rows)),
    ),
    Fault(
        name="page-null-row",
        kind="page",
        says="a row of a page is null",
        nature=Nature.HARMLESS,
        act=_json(_each_page(_null_row)),
    ),
    Fault(
        name="page-reversed",
        kind="page",
        says="the rows of a page come in another order",
        nature=Nature.HARMLESS,
        act=_json(_each_page(_reversed)),
    ),
    Fault(
        name="page-doubled",
        kind="page",
        says="each row of a page comes twice",
        nature=Nature.HARMLESS,
        act=_json(_each_page(_doubled)),
    ),
    Fault(
        name="page-other",
        kind="page",
        says="a page comes whose number is another",
        nature=Nature.PARTIAL,
        act=_json(_each_page(_other_page)),
    ),
    Fault(
        name="page-endless",
        kind="page",
        says="a page says that there are millions",
        nature=Nature.PARTIAL,
        act=_json(_each_page(_many_pages)),
    ),
    Fault(
        name="page-ties",
        kind="page",
        says="rows of one time come in another order on each page",
        nature=Nature.HARMLESS,
        natures={"query-by": Nature.UNSTABLE},
        act=_Reordered(),
    ),
    *_texts(),
    Fault(
        name="html-200",
        kind="body",
        says="200 with an HTML page, and the server knows nothing of it",
        nature=Nature.UNREADABLE,
        natures=_LOGON_FOREIGN,
        act=Instead(_plain(200, _HTML)),
        unseen=True,
    ),
    Fault(
        name="html-typeless",
        kind="body",
        says="the same without a Content-Type",
        nature=Nature.UNREADABLE,
        natures=_LOGON_FOREIGN,
        act=Instead(Answer(status=200, body=_HTML)),
        unseen=True,
    ),
    Fault(
        name="status-204",
        kind="body",
        says="204 without a body, and the server knows nothing of it",
        nature=Nature.UNREADABLE,
        natures=_LOGON_FOREIGN,
        act=Instead(_plain(204, b"")),
        unseen=True,
    ),
    Fault(
        name="token-none",
        kind="logon",
        says="the answer to a logon holds no token",
        nature=Nature.HARMLESS,
        natures=_LOGON_FOREIGN,
        act=Edited(_without_token),
    ),
    Fault(
        name="another",
        kind="answer",
        says="the answer is about another session, job or task than was asked for",
        nature=Nature.HARMLESS,
        natures=dict.fromkeys(_BY_ID, Nature.STRANGE),
        act=_OfAnother(),
    ),
    Fault(
        name="another-task",
        kind="answer",
        says="a task has the id of another, which its own links do not lead to",
        nature=Nature.HARMLESS,
        natures=dict.fromkeys(
            (
                *("start", "stop-job", "retry-job", "stop"),
                *("start-agents", "stop-nas", "sync", "toggle"),
                *("task", "run-session", "task-wait"),
            ),
            Nature.STRANGE,
        ),
        act=Edited(_other_task),
    ),
)
