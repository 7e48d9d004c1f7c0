from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, product
from typing import Any

import orjson
import pytest
from cattrs import BaseValidationError

from tests.support.paths import BODIES
from veeam_async.codec import decode, from_dict, to_dict
from veeam_async.codec.compile import Structurer
from veeam_async.codec.decode import FAST
from veeam_async.codec.kinds import fold
from veeam_async.errors import DecodeError
from veeam_async.models import (
    ApiRoot,
    BackupJobSession,
    BackupTaskSession,
    EntityRef,
    Job,
    Link,
    LogonSession,
    Page,
    Task,
)

ROW = {
    "UID": "urn:veeam:BackupJobSession:2f3c7a50-9d1e-4b7a-8c55-0e9d6a1b7c01",
    "JobType": "Backup",
    "CreationTimeUTC": "2026-05-04T03:02:01Z",
    "State": "Working",
}
SESSION = decode(orjson.dumps(ROW), None, BackupJobSession)
REF = {"UID": ROW["UID"], "Type": "BackupJobSessionReference"}
X_ROW = (
    f'<BackupJobSession UID="{ROW["UID"]}"><JobType>Backup</JobType><CreationTimeUTC>'
    "2026-05-04T03:02:01Z</CreationTimeUTC><State>Working</State></BackupJobSession>"
)
X_ROWS = f"<BackupJobSessions>{X_ROW}</BackupJobSessions>"


def _rows(body: Any) -> tuple[BackupJobSession, ...]:
    data = body.encode() if isinstance(body, str) else orjson.dumps(body)
    return decode(data, None, Page[BackupJobSession]).rows


@pytest.mark.parametrize(
    ("name", "folded"),
    [
        ("CreationTimeUTC", "creationtime"),
        ("creationTimeUTC", "creationtime"),
        ("creation_time", "creationtime"),
        ("@CreationTimeUTC", "creationtime"),
        ("v:CreationTimeUTC", "creationtime"),
        ("UID", "uid"),
        ("@uid", "uid"),
        ("@xsi:nil", None),
        ("@xmlns:v", None),
    ],
)
def test_fold(name: str, folded: str | None) -> None:
    """All spellings of a name fold to the same, and fold only once."""
    assert fold(name) == folded
    assert folded is None or fold(folded) == folded


@pytest.mark.parametrize(
    "body",
    [
        {"BackupJobSessions": [ROW]},
        {"backupJobSessions": [ROW]},
        {"BACKUPJOBSESSIONS": [ROW]},
        {"BackupJobSessions": {"BackupJobSessions": [ROW]}},
        {"BackupJobSessions": {"BackupJobSession": [ROW]}},
        {"BackupJobSessions": {"BackupJobSession": ROW}},
        {"BackupJobSessions": ROW},
        {"Entities": {"BackupJobSessions": {"BackupJobSessions": [ROW]}}},
        {"Entities": {"Jobs": None, "BackupJobSessions": [ROW]}, "Refs": None},
        {"Entities": {"Jobs": [], "BackupJobSessions": [ROW]}, "Refs": ""},
        {"BackupJobSessions": [ROW], "Links": [], "Href": "h", "Type": "x"},
        X_ROWS,
        f"<QueryResult><Entities>{X_ROWS}<Jobs /></Entities></QueryResult>",
    ],
)
def test_one_row(body: Any) -> None:
    """One row is a list of one, in a single or a doubled wrapper or none."""
    assert _rows(body) == (SESSION,)


@pytest.mark.parametrize(
    "body",
    [
        {"BackupJobSessions": []},
        {"BackupJobSessions": None},
        {"BackupJobSessions": {"BackupJobSessions": []}},
        {"BackupJobSessions": {"BackupJobSessions": None}},
        {"Entities": {"BackupJobSessions": {"BackupJobSessions": []}}},
        {"Entities": {"BackupJobSessions": {}}},
        {"Entities": None, "Refs": None, "Resources": None},
        "<BackupJobSessions />",
        "<BackupJobSessions>\n  </BackupJobSessions>",
        '<BackupJobSessions xmlns="urn:x" xmlns:xsi="urn:y" xsi:nil="true" />',
        "<QueryResult><Entities><BackupJobSessions /></Entities></QueryResult>",
        "<QueryResult><Entities>\n</Entities></QueryResult>",
        {"PagingInfo": {"PageNum": 1, "PageSize": 100, "PagesCount": 1}},
    ],
)
def test_no_row(body: Any) -> None:
    """An empty list, one that is null, and one that is not named are an empty tuple."""
    assert _rows(body) == ()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"Links": None, "Type": "", "Href": None},
        {"Jobs": None},
        {"PagingInfo": None},
        "<QueryResult />",
        '<QueryResult xmlns="urn:x">\n  </QueryResult>',
        "<QueryResult><Links /></QueryResult>",
    ],
)
def test_no_list(body: Any) -> None:
    """What names no list of its kind is no empty list."""
    with pytest.raises(DecodeError, match="the answer is empty"):
        _rows(body)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"Refs": [REF]}, "references were answered where BackupJobSession entities"),
        (
            {"Refs": {"Refs": [REF]}, "Entities": None},
            "references were answered where BackupJobSession entities",
        ),
        ({"Jobs": [ROW]}, "'jobs' was answered where BackupJobSession rows"),
        (
            {"Entities": {"Jobs": {"Jobs": [ROW]}}},
            "'jobs' was answered where BackupJobSession rows",
        ),
        (
            {"BackupJobSessions": [ROW], "Jobs": [ROW]},
            "'jobs' was answered where BackupJobSession rows",
        ),
        ("<EntityReferences />", "a list of references was answered where a page"),
        (
            "<Jobs><Job /></Jobs>",
            "'Jobs' was answered where a page of BackupJobSession",
        ),
        (
            f"<BackupJobSessions>{X_ROW}<Job a='b'/></BackupJobSessions>",
            "'job' was answered where BackupJobSession rows",
        ),
        (ROW, "was answered where BackupJobSession rows were asked"),
        (X_ROW, "'BackupJobSession' was answered where a page of BackupJobSession"),
        ({"BackupJobSessions": "none"}, "expected a list"),
        ({"BackupJobSessions": 7}, "expected a list"),
        ({"Entities": 7}, "expected a list"),
        ({"PagingInfo": 7}, "expected an object @ $.paging"),
        (
            {"PagingInfo": {"PageNum": "one"}},
            "expected a whole number, got 'one' @ $.paging.page_num",
        ),
    ],
)
def test_foreign_rows(body: Any, sentence: str) -> None:
    """A page that holds rows of another kind, or no rows, is refused."""
    with pytest.raises(DecodeError) as caught:
        _rows(body)

    assert any(sentence in problem for problem in caught.value.problems)
    assert caught.value.kind == "page of BackupJobSession"


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"BackupJobSessions": [None]}, r"the value is missing @ $.rows[0].uid"),
        ({"BackupJobSessions": [[]]}, "expected an object @ $.rows[0]"),
        ({"BackupJobSessions": {"Jobs": [ROW]}}, "the value is missing @ $.rows[0]."),
    ],
)
def test_rows_that_are_none(body: Any, sentence: str) -> None:
    """Rows that are no objects of the kind are refused, or left out of the page."""
    data = orjson.dumps(body)
    with pytest.raises(DecodeError) as caught:
        decode(data, None, Page[BackupJobSession], strict=True)
    page = decode(data, None, Page[BackupJobSession])

    assert any(sentence in problem for problem in caught.value.problems)
    assert (page.rows, [row.index for row in page.unreadable]) == ((), [0])


@pytest.mark.parametrize(
    "body",
    [
        {"Entities": {"BackupJobSessions": {"BackupJobSessions": [ROW]}}},
        {"BackupJobSessions": [ROW]},
        "<BackupJobSessions />",
    ],
)
def test_entities_for_references(body: Any) -> None:
    """Entities are refused where references were asked for."""
    data = body.encode() if isinstance(body, str) else orjson.dumps(body)

    with pytest.raises(DecodeError, match=r"was asked|were asked"):
        decode(data, None, Page[EntityRef])


def test_wrappers_end() -> None:
    """A list wrapped in itself a thousand times is refused, and exhausts no stack."""
    for name in (b"Entities", b"BackupJobSessions"):
        body = b'{"%s":' % name * 1000 + b"{}" + b"}" * 1000
        with pytest.raises(DecodeError, match="expected a list"):
            decode(body, None, Page[BackupJobSession])


@pytest.mark.parametrize("links", [[], None, {}, "", {"Link": None}])
def test_no_links(links: object) -> None:
    """Links that are absent, null or empty are no links."""
    body = orjson.dumps({**ROW, "Links": links})

    assert decode(body, None, BackupJobSession).links == ()


@pytest.mark.parametrize(
    "links",
    [
        [{"Rel": "Up", "Href": "h"}],
        {"Rel": "Up", "Href": "h"},
        {"Link": {"Rel": "Up", "Href": "h"}},
        {"Links": [{"rel": "Up", "href": "h", "name": None, "type": ""}]},
    ],
)
def test_one_link(links: object) -> None:
    """A single link is found bare, in a list and in a wrapper."""
    body = orjson.dumps({**ROW, "Links": links})

    assert decode(body, None, BackupJobSession).links == (Link(rel="Up", href="h"),)


def _spellings(name: str) -> Iterator[str]:
    for letters in product(*({char.lower(), char.upper()} for char in name)):
        yield "".join(letters)


def test_thousands_of_shapes() -> None:
    """However many shapes a server sends, few are remembered and all are right."""
    names = islice(_spellings("CreationTimeUTC"), 3000)
    rows = [
        {
            **{name: ROW[name] for name in ("UID", "JobType", "State")},
            key: f"{ROW[key0]}",
        }
        for key0 in ("CreationTimeUTC",)
        for key in names
    ]

    assert set(_rows({"BackupJobSessions": rows})) == {SESSION}
    made = FAST.for_kind(BackupJobSession).shapes
    assert len(made) <= 64


def test_huge_shapes_are_not_remembered() -> None:
    """An object with a hundred thousand keys, or a huge one, leaves nothing behind."""
    made = FAST.for_kind(BackupJobSession).shapes
    for odd in ({f"k{n}": n for n in range(100_000)}, {"k" * 100_000: 1}):
        assert decode(orjson.dumps({**odd, **ROW}), None, BackupJobSession) == SESSION
        assert (*odd, *ROW) not in made


def test_unknown_members_are_passed_over() -> None:
    """A member that a newer server adds does no harm, whatever it holds."""
    odd = {"Novelty": {"a": [1, {}]}, "": None, "_": 1, "@": 2, "#text": "x", ":": 3}

    assert decode(orjson.dumps({**odd, **ROW}), None, BackupJobSession) == SESSION


def test_first_spelling_wins() -> None:
    """Of two spellings of one member the first is taken."""
    body = orjson.dumps({**ROW, "state": "Stopped"})

    assert decode(body, None, BackupJobSession).state == "Working"


def test_first_spelling_wins_in_every_row() -> None:
    """So it does in a row that has the members of the one before in another order."""
    both = {**ROW, "state": "Stopped"}
    turned = dict(reversed(both.items()))

    found = _rows({"BackupJobSessions": [both, turned]})
    assert [row.state for row in found] == ["Working", "Stopped"]


def test_rows_that_differ_by_an_unknown_member() -> None:
    """A member that the first row lacks is read, where another is gone with it."""
    rows = [{**ROW, "Novelty": 1}, {**ROW, "Result": "Failed"}]

    found = _rows({"BackupJobSessions": rows})
    assert [row.result for row in found] == [None, "Failed"]


@pytest.mark.parametrize("careful", [False, True])
def test_what_is_required_stays_so_however_many_shapes_came(*, careful: bool) -> None:
    """An object of a shape that is not remembered needs no less than others."""
    structurer = Structurer(careful=careful)
    for number in range(100):
        tree = {"SupportedVersions": [], f"Novelty{number}": number}
        assert structurer.structure(tree, ApiRoot).supported_versions == ()

    for many in (1, 2):
        with pytest.raises((KeyError, BaseValidationError)):
            structurer.structure({"Href": "h", "Novelty": many}, ApiRoot)


def test_root_needs_its_versions() -> None:
    """An object without supported versions is no root document."""
    with pytest.raises(DecodeError, match=r"supported_versions"):
        decode(b'{"Links":[]}', None, ApiRoot)


def test_whole_answers_of_other_kinds() -> None:
    """Collections of tasks, task sessions and logons decode like those of sessions."""
    logon = {"SessionId": "x", "UserName": "y"}

    assert decode(b'{"Tasks":[{"TaskId":"t","State":"x"}]}', None, Page[Task]).rows
    assert decode(
        orjson.dumps({"LogonSessions": [logon]}), None, Page[LogonSession]
    ).rows
    query = {"Resources": {"Tasks": {"Tasks": [{"TaskId": "t", "State": "x"}]}}}
    assert len(decode(orjson.dumps(query), None, Page[Task]).rows) == 1
    assert decode(b"<Jobs/>", None, Page[Job]).rows == ()
    assert decode(b"<BackupTaskSessions/>", None, Page[BackupTaskSession]).rows == ()


def test_a_page_is_a_model_too() -> None:
    """A page goes through plain JSON types and back."""
    body = (BODIES / "query_sessions_12.json").read_bytes()
    page = decode(body, None, Page[BackupJobSession])

    data = orjson.loads(orjson.dumps(to_dict(page)))

    assert from_dict(Page[BackupJobSession], data) == page
