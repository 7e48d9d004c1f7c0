from __future__ import annotations

import tracemalloc
from typing import Any, cast

import orjson
import pytest

from tests.support.paths import BODIES
from veeam_async.codec import decode, from_dict
from veeam_async.errors import DecodeError
from veeam_async.models import (
    ApiRoot,
    BackupJobSession,
    BackupTaskSession,
    EntityRef,
    ErrorBody,
    Job,
    LogonSession,
    Page,
    ReplicaJobSession,
    Task,
)

SECRET = "c2f3a7b0-8f1e-4a57-bb0a-1e2d3c4b5a06"
KINDS: list[Any] = [
    ApiRoot,
    BackupJobSession,
    EntityRef,
    ErrorBody,
    Job,
    LogonSession,
    Task,
    Page[BackupJobSession],
    Page[EntityRef],
    Page[LogonSession],
]


def _body(name: str) -> bytes:
    return (BODIES / name).read_bytes()


def _refused(
    body: bytes, kind: Any = BackupJobSession, media_type: str | None = None
) -> DecodeError:
    with pytest.raises(DecodeError) as caught:
        decode(body, media_type, kind)
    assert caught.value.__cause__ is caught.value.__context__ is None
    return caught.value


def _sentence(
    body: bytes, kind: Any = BackupJobSession, media_type: str | None = None
) -> str:
    (problem,) = _refused(body, kind, media_type).problems
    return problem


@pytest.mark.parametrize(
    "body", [b"", b" ", b"\r\n\t ", b"\xef\xbb\xbf", b"\xef\xbb\xbf "]
)
@pytest.mark.parametrize("media_type", ["application/json", "text/html", None])
def test_empty(body: bytes, media_type: str | None) -> None:
    """Nothing and white space are an empty body, whatever the media type."""
    assert _sentence(body, media_type=media_type) == "the body is empty"


@pytest.mark.parametrize(
    "body",
    [
        b"<!doctype HTML><p>",
        b"\r\n  <HTML><BODY>Bad Gateway<br>",
        b"\xef\xbb\xbf<html/>",
        b'<?xml version="1.0"?><!DOCTYPE html PUBLIC "-//W3C//DTD" "x.dtd"><html/>',
        b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><br></html>',
        b"<!-- a proxy --><html><br></html>",
        b"<head><meta></head>",
    ],
)
@pytest.mark.parametrize("kind", [BackupJobSession, Page[EntityRef], ErrorBody])
def test_html(body: bytes, kind: Any) -> None:
    """HTML is called an HTML page, even as XHTML, whatever was asked for."""
    assert _sentence(body, kind, "application/xml") == "the body is an HTML page"
    assert _sentence(body, kind, "text/html; charset=utf-8") == (
        "the body is an HTML page"
    )


def test_html_with_a_title() -> None:
    """The title says who answered, and perhaps why."""
    body = b"<!DOCTYPE html>\n<html><head><title>IIS</title></head><br></html>"
    assert _sentence(body) == 'the body is an HTML page, titled "IIS"'


@pytest.mark.parametrize("body", [b"<h1>Bad<br>Gateway</h1>", b"Service Unavailable"])
def test_html_by_its_type(body: bytes) -> None:
    """The media type HTML is believed where a body is neither XML nor JSON."""
    assert _sentence(body, media_type="Text/HTML") == "the body is an HTML page"


def test_content_before_media_type() -> None:
    """A good body is read whatever its media type claims."""
    for media_type in ("text/html", "application/json", "text/plain", "", None):
        decode(_body("backup_session_12.xml"), media_type, BackupJobSession)
    far = b"\r\n" * 1000 + _body("backup_session_12.xml")
    assert decode(far, None, BackupJobSession)
    for media_type in ("text/html", "application/xml", "image/png", "", None):
        decode(_body("backup_session_13.json"), media_type, BackupJobSession)


@pytest.mark.parametrize(
    "declaration",
    [
        b"<!DOCTYPE BackupJobSession>",
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd">',
        b'<!DOCTYPE a [<!ENTITY x "boo">]>',
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        b'<!DOCTYPE a [<!ATTLIST a b CDATA "c">]>',
        b'<!DOCTYPE a [<!ENTITY % x "boo"> %x;]>',
    ],
)
def test_doctype(declaration: bytes) -> None:
    """XML with any DOCTYPE is refused before it is looked at."""
    body = declaration + _body("backup_session_9u4.xml")

    assert _sentence(body) == "the XML is refused: it has a DOCTYPE"


def test_depth() -> None:
    """64 levels pass, 65 do not."""
    start, end = b"<BackupJobSessions>", b"</BackupJobSessions>"
    nested = b"<x>" * 63 + b"</x>" * 63

    assert _sentence(start + nested + end, Page[BackupJobSession]).startswith("'x' was")
    assert _sentence(start + b"<x>" + nested + b"</x>" + end) == (
        "the XML nests deeper than 64 levels"
    )
    assert _sentence(b"<a>" * 1_000_000) == "the XML nests deeper than 64 levels"


def test_siblings_are_not_depth() -> None:
    """An element that has ended does not count any more."""
    many = b"<Novelty><a><b /></a></Novelty>" * 50
    body = _body("backup_session_9u4.xml").replace(b"<JobUid>", many + b"<JobUid>")

    assert decode(body, None, BackupJobSession) == decode(
        _body("backup_session_9u4.xml"), None, BackupJobSession
    )


def test_nesting_without_content() -> None:
    """A body that is little else but nested elements is refused early."""
    body = b"<BackupJobSessions>" + b"<a><b><c/></b></a>" * 9000
    assert _sentence(body) == "the XML is little else but nested elements"


def test_names_without_end() -> None:
    """A body whose elements have ever new names is refused early."""
    body = b"<BackupJobSessions>" + b"".join(b"<a%d/>" % n for n in range(9000))
    assert _sentence(body) == "the XML has more than 2000 element names"


def test_dense_bodies_pass() -> None:
    """The densest body that a server sends, a list of tasks, is far from the bound."""
    task = b"<Task><Links><Link/></Links><TaskId>t</TaskId><State>s</State></Task>"
    link = task.replace(
        b"<Link/>", b'<Link Rel="Delete" Href="https://e/api/tasks/t"/>'
    )
    body = b"<Tasks>" + link * 5000 + b"</Tasks>"

    assert len(decode(body, None, Page[Task]).rows) == 5000


def test_long_tags() -> None:
    """A tag of more than 256 KiB is refused, a text of any length is read."""
    row = _body("backup_session_9u4.xml")
    flood = b"".join(b' a%d=""' % number for number in range(40_000))
    giant = b' a="' + b">" * 300_000 + b'"'
    text = b"<JobName>" + b"x > ' \" " * 400_000 + b"</JobName>"
    data = b"<JobName><![CDATA[" + b"x > ' \"" * 400_000 + b"]]></JobName>"

    for attributes in (flood, giant, giant.replace(b'"', b"'")):
        odd = row.replace(b" Type=", attributes + b" Type=", 1)
        assert _sentence(odd) == "the XML has a tag of over 262144 bytes"
    for long in (text, data):
        start, end = row.split(b"<JobName>")[0], row.split(b"</JobName>")[1]
        assert len(decode(start + long + end, None, BackupJobSession).job_name) > 10**6
    comment = b"<!--" + b"x" * 600_000 + b"-->"
    assert decode(row.replace(b"<State>", comment + b"<State>"), None, BackupJobSession)


@pytest.mark.parametrize(
    "name",
    ["backup_session_12.xml", "backup_session_9u4.xml", "bom_backup_session_13.xml"],
)
def test_xml_cut_anywhere(name: str) -> None:
    """XML that ends anywhere in the middle of its grammar is called cut off."""
    body = _body(name)

    for length in range(4, len(body)):
        assert _sentence(body[:length]) == "the XML ends before it is complete", length


@pytest.mark.parametrize("name", ["backup_session_10.json", "backup_session_13.json"])
def test_json_cut_anywhere(name: str) -> None:
    """JSON that ends anywhere in the middle of its grammar is called cut off."""
    body = _body(name)

    for length in range(1, len(body)):
        assert _sentence(body[:length]) == "the JSON ends before it is complete", length


def test_xml_not_utf8() -> None:
    """XML that is no UTF-8 is read as it declares, else with its bad bytes lost."""
    body = _body("bom_backup_session_13.xml").removeprefix(b"\xef\xbb\xbf")
    latin = body.decode().encode("latin-1")

    assert decode(latin, None, BackupJobSession).job_name == "\ufffdrchiv\\S\ufffdd"
    for name in ("ISO-8859-1", "windows-1252", "Windows-1252"):
        declared = latin.replace(b'"utf-8"', f'"{name}"'.encode())
        assert decode(declared, None, BackupJobSession).job_name == "Ärchiv\\Süd"
    wide = body.decode().replace("utf-8", "utf-16").encode("utf-16")
    assert decode(wide, "Application/XML", BackupJobSession).job_name == "Ärchiv\\Süd"


def test_json_not_utf8() -> None:
    """JSON with bytes that are no UTF-8 is read, each of them lost by itself."""
    for odd, read in (
        (b"\xff", "\ufffd"),
        (b"\xed\xa0\x80", "\ufffd" * 3),
        (b"\xc3\x28", "\ufffd("),
        (b"\xe2\x82x", "\ufffd\ufffdx"),
    ):
        found = decode(b'{"Message":"' + odd + b'"}', None, ErrorBody)
        assert found.message == read


def test_not_utf8_and_malformed() -> None:
    """What is wrong besides the encoding is told, once that is mended."""
    assert _sentence(b'{"JobName":"\xff"') == "the JSON ends before it is complete"
    assert _sentence(b"<a>\xff") == "the XML ends before it is complete"
    assert _sentence(b'{"JobName":"\xff" 7}').startswith("the JSON is malformed: ")


@pytest.mark.parametrize(
    "encoding",
    ["x-evil", "utf-7", "gbk", "rot13", "unicode_escape", "idna", "utf-32", "u" * 99],
)
def test_unknown_encoding(encoding: str) -> None:
    """An encoding that no server uses is never looked up: the body is UTF-8 in fact."""
    body = _body("bom_backup_session_13.xml").removeprefix(b"\xef\xbb\xbf")
    odd = body.replace(b'"utf-8"', f'"{encoding}"'.encode())

    assert odd != body
    assert decode(odd, None, BackupJobSession) == decode(body, None, BackupJobSession)
    bad = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE a><a/>'.encode()
    assert _sentence(bad) == "the XML is refused: it has a DOCTYPE"


@pytest.mark.parametrize(
    "body",
    [
        b"<a></b>",
        b"<a b='1' b='2'/>",
        b"<a>&undefined;</a>",
        b"<a/><b/>",
        b"<a b=c/>",
        b"<v:a",
        b"<a/> {}",
        b"<\xffa>&undefined;</a>",
    ],
)
def test_malformed_xml(body: bytes) -> None:
    """XML that breaks its own grammar is malformed, or cut."""
    assert _sentence(body).startswith(("the XML is malformed: ", "the XML ends before"))


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b'{"a":nan}', "the JSON is malformed: "),
        (b'{"a":1,}', "the JSON is malformed: "),
        (b'{"a":1} {"b":2}', "the JSON is malformed: "),
        (b"{'a':1}", "the JSON is malformed: "),
        (b'{"a":' + b"[" * 2000 + b"]" * 2000 + b"}", "the JSON nests deeper than"),
        (b"[]", "the JSON is no object"),
        (b'[{"UID":"x"}]', "the JSON is no object"),
        (b"null", "the JSON is no object"),
        (b"12", "the JSON is no object"),
        (b'"text"', "the JSON is no object"),
        (b"Service Unavailable", "the body is neither JSON nor XML"),
        (b"\x00\x01\x02", "the body is neither JSON nor XML"),
        (b"\x1f\x8b\x08\x00gzip", "the body is compressed (gzip) although"),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_bad_json(body: bytes, sentence: str, kind: Any) -> None:
    """What is no JSON object is refused for every kind."""
    assert _sentence(body, kind).startswith(sentence)


@pytest.mark.parametrize(
    ("name", "kind", "sentence"),
    [
        ("reference_12.json", BackupJobSession, "a reference was answered where"),
        ("reference_13.json", Job, "a reference was answered where Job was asked"),
        ("reference_12.xml", BackupJobSession, "a reference was answered where"),
        ("backup_session_10.json", EntityRef, "'BackupJobSession' was answered where"),
        ("backup_session_13.json", EntityRef, "'BackupJobSession' was answered where"),
        ("backup_session_12.xml", EntityRef, "'BackupJobSession' was answered where"),
        ("replica_session_12.json", BackupJobSession, "'ReplicaJobSession' was"),
        ("replica_session_9u4.xml", BackupJobSession, "'ReplicaJobSession' was"),
        ("backup_session_13.json", ReplicaJobSession, "'BackupJobSession' was"),
        ("task_session_13.json", BackupJobSession, "'BackupTaskSession' was answered"),
        ("backup_session_12.xml", BackupTaskSession, "'BackupJobSession' was answered"),
        ("references_12.xml", Page[BackupJobSession], "a list of references was"),
        (
            "references_13.json",
            Page[BackupJobSession],
            "references were answered where",
        ),
        ("query_references_12.xml", Page[BackupJobSession], "references were answered"),
        ("query_sessions_12.json", Page[EntityRef], "entities were answered where"),
        ("query_sessions_13.xml", Page[EntityRef], "entities were answered where"),
        ("tasks_12.json", Page[Job], "'tasks' was answered where Job rows were asked"),
        ("error_400_9u4.json", BackupJobSession, "an error was answered where"),
        ("error_400_13.json", Task, "an error was answered where Task was asked"),
        ("error_400_12.json", Page[Task], "an error was answered where a page of Task"),
        ("error_500_12.xml", BackupJobSession, "an error was answered where"),
        ("error_500_12.xml", Page[EntityRef], "an error was answered where a page of"),
        ("logon_12.json", BackupJobSession, "'LogonSession' was answered where"),
        ("logon_12.xml", ApiRoot, "'LogonSession' was answered where ApiRoot was"),
    ],
)
def test_wrong_kind(name: str, kind: Any, sentence: str) -> None:
    """A body of another kind is refused with what it is instead."""
    assert _sentence(_body(name), kind).startswith(sentence)


def test_no_error_body() -> None:
    """An object is an error body where it has at least one member of an error."""
    assert _sentence(b'{"a":1}', ErrorBody) == (
        "the JSON has none of the members of an error"
    )
    assert decode(b'{"message":"no"}', None, ErrorBody).message == "no"
    assert decode(b'{"StatusCode":"500"}', None, ErrorBody).status_code == 500


def test_every_bad_field_is_named() -> None:
    """All faults of a body are listed, each with the path of the model's fields."""
    body = orjson.dumps(
        {
            "Progress": "half",
            "creationTimeUTC": "soon",
            "State": ["Working"],
            "JobType": None,
            "Links": [{"Rel": "Up", "Href": "h"}, {"Rel": "Up"}, 7],
        }
    )

    error = _refused(body, media_type="application/json; charset=utf-8")

    assert sorted(error.problems) == [
        "expected a time, got 'soon' @ $.creation_time",
        "expected a whole number, got 'half' @ $.progress",
        "expected an object @ $.links[2]",
        "expected text, got a list @ $.state",
        "the value is missing @ $.job_type",
        "the value is missing @ $.links[1].href",
        "the value is missing @ $.uid",
    ]
    assert (error.media_type, error.kind) == ("application/json", "BackupJobSession")
    assert error.excerpt == body.decode()[:120]
    assert all(part in str(error) for part in (error.kind, error.media_type, " @ $."))


def _refused_page(rows: list[dict[str, str]]) -> DecodeError:
    with pytest.raises(DecodeError) as caught:
        decode(orjson.dumps({"Tasks": rows}), None, Page[Task], strict=True)
    return caught.value


def test_very_many_bad_rows() -> None:
    """However many rows of a page cannot be read, the others are given."""
    bad, good = {"TaskId": "t"}, {"TaskId": "t", "State": "x"}
    page = decode(orjson.dumps({"Tasks": [bad] * 5_000 + [good]}), None, Page[Task])

    assert len(page.rows) == 1
    assert [row.index for row in page.unreadable] == list(range(5_000))
    assert page.unreadable[0].reason == "the value is missing @ $.state"
    assert page.unreadable[-1].reason == "one of very many that cannot be read"


def test_paths_in_a_page() -> None:
    """Bad rows of a page are listed by their index; of very many, the first ones."""
    bad, good = {"TaskId": "t"}, {"TaskId": "t", "State": "x"}
    some = _refused_page([good, bad, good, bad])
    many = _refused_page([bad] * 50_000)

    assert some.problems == (
        "the value is missing @ $.rows[1].state",
        "the value is missing @ $.rows[3].state",
    )
    assert 10 < len(many.problems) < 100
    assert len(str(many)) < 1000


def test_excerpt() -> None:
    """The excerpt is one short, printable line, each run of white space one space."""
    error = _refused(b'{"State":\r\n\t "\\u001b[31m",' + b'"x":"\x7f\xc3\xa4",' * 99)

    assert error.excerpt.startswith('{"State": "\\u001b[31m","x":"�ä"')
    assert len(error.excerpt) == 120
    assert error.excerpt.isprintable()


def test_no_media_type() -> None:
    """An answer without a Content-Type is named so."""
    assert _refused(b"{}").media_type == "an unnamed media type"
    assert _refused(b"{}", media_type="").media_type == "an unnamed media type"


LOGONS = [_body(f"logon_{form}") for form in ("12.json", "13.json", "12.xml")]


def _error(body: bytes, media_type: str, kind: Any) -> DecodeError | None:
    try:
        decode(body, media_type, kind)
    except DecodeError as error:
        return error
    return None


@pytest.mark.parametrize("body", LOGONS)
@pytest.mark.parametrize("kind", KINDS)
def test_secrets_of_a_logon(body: bytes, kind: Any) -> None:
    """No error shows the id of a logon session, whatever was asked and is wrong."""
    broken = [
        body,
        body[:-1],
        body[:350],
        body.replace(b"SessionId", b"SessionIds"),
        body.replace(b"sessionId", b"sessionIds"),
        body.replace(b'"FOREST', b'7,"x":"FOREST'),
        body.replace(b"<UserName>", b"<UserName><x/>"),
        body.replace(b'"Links"', b'"Links":7,"x"'),
        body.replace(b'"Type"', b'"x"').replace(b'"type"', b'"x"'),
        body.replace(b'"LogonSession"', b'["LogonSession"]'),
        body.decode().encode("utf-16"),
        b"\xff" + body,
        b"[" + body,
    ]
    for wrong in broken:
        for media_type in ("application/json", "application/xml", "text/html"):
            error = _error(wrong, media_type, kind)
            assert SECRET not in f"{error} {error!r} {vars(error or object)}"
            assert error is None or error.__cause__ is error.__context__ is None


def test_a_bad_logon_names_paths_alone() -> None:
    """The faults of a logon are listed without the values."""
    body = orjson.dumps({"SessionId": [SECRET], "Links": [{"Rel": {"x": SECRET}}]})

    error = _refused(body, LogonSession)

    assert sorted(error.problems) == [
        "unusable @ $.links[0].href",
        "unusable @ $.links[0].rel",
        "unusable @ $.session_id",
    ]
    assert error.excerpt == ""


# ---------------------------------------------------------------- out of proportion


def _members(count: int, form: str = '"k%06d":1') -> bytes:
    return (",".join(form % number for number in range(count))).encode()


ROWS = b'{"Entities":{"BackupJobSessions":{"BackupJobSessions":[%b]}}}'
DENSE = {
    "names": b"{%b}" % _members(400_000),
    "names of an entity": b'{"Type":"BackupJobSession",%b}' % _members(400_000),
    "names with spaces": b"{%b}" % _members(400_000, '"k%06d" \n : 1'),
    "names with escapes": b"{%b}" % _members(400_000, '"\\u006b%06d":1'),
    "names of a row": ROWS % (b"{%b}" % _members(400_000)),
    "names of many rows": ROWS
    % b",".join(b"{%b}" % _members(20, f'"k{row:05}%02d":1') for row in range(20_000)),
    "objects": ROWS % b",".join([b"{}"] * 1_500_000),
    "lists": b'{"Links":[%b]}' % b",".join([b"[]"] * 1_500_000),
    "values": b'{"Links":[%b]}' % b",".join([b'"a"'] * 1_200_000),
}


@pytest.mark.parametrize("name", DENSE)
@pytest.mark.parametrize("kind", [BackupJobSession, Page[BackupJobSession], ErrorBody])
def test_json_that_would_take_many_times_its_size_is_refused(
    name: str, kind: Any
) -> None:
    """It is told by samples, before anything of it is made."""
    tracemalloc.start()
    try:
        sentence = _sentence(DENSE[name], kind, "application/json")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert sentence.startswith("the JSON is little else but ")
    assert most < 1024 * 1024


LISTS = {
    "query_sessions_12.json": Page[BackupJobSession],
    "query_sessions_13.json": Page[BackupJobSession],
    "references_13.json": Page[EntityRef],
    "references_9u4.json": Page[EntityRef],
    "query_references_12.json": Page[EntityRef],
    "task_sessions_12.json": Page[BackupTaskSession],
    "tasks_12.json": Page[Task],
}


def _repeated(tree: Any, times: int) -> Any:
    """A tree with the rows of its first list so many times."""
    if isinstance(tree, list):
        return tree * times
    for name, value in tree.items():
        if isinstance(value, dict | list) and value and name.lower() != "links":
            return {**tree, name: _repeated(value, times)}
    return tree


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("size", [2_500_000, 5_000_000])
def test_real_lists_of_any_size_are_read(name: str, size: int) -> None:
    """What the samples of a large body are held to is far from all that is real."""
    body = _body(name)
    times = 2 * size // len(body)
    few: Page[Any] = decode(body, "application/json", LISTS[name])
    large = orjson.dumps(_repeated(orjson.loads(body), times))

    assert len(large) > 2 * 1024 * 1024
    assert len(decode(large, "application/json", LISTS[name]).rows) == (
        len(few.rows) * times
    )


@pytest.mark.parametrize("data", [None, [], "x", 7, ()])
def test_from_dict_wants_an_object(data: Any) -> None:
    """What is no object is refused."""
    with pytest.raises(DecodeError, match="an object was expected"):
        from_dict(Task, data)


def test_from_dict_names_faults() -> None:
    """A bad field of a checkpoint is named by its path, without an excerpt."""
    with pytest.raises(DecodeError) as caught:
        from_dict(Task, {"task_id": 7, "links": [{}]})

    assert caught.value.media_type == "plain JSON types"
    assert len(caught.value.problems) == 4
    assert caught.value.excerpt == ""
    assert "It begins" not in str(caught.value)


def test_from_dict_hides_a_logon() -> None:
    """The values of a logon are not shown here either."""
    with pytest.raises(DecodeError) as caught:
        from_dict(LogonSession, {"session_id": [SECRET], "href": {"x": SECRET}})

    assert SECRET not in f"{caught.value} {vars(caught.value)}"
    assert caught.value.__context__ is None


@pytest.mark.parametrize("links", [{1: 2}, [{None: 1}], [[1]], {(): {}}])
def test_from_dict_with_keys_of_no_text(links: Any) -> None:
    """Keys that JSON does not know end in a DecodeError too."""
    data = cast("Any", {"task_id": "t", "state": "x", "links": links, 7: 7})

    with pytest.raises(DecodeError):
        from_dict(Task, data)
