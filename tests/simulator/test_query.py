from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeAlias
from xml.etree import ElementTree as ET

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from veeam_async.simulator import Simulator, filters
from veeam_async.simulator.filters import (
    Field,
    boolean,
    enumeration,
    number,
    text,
    time,
)
from veeam_async.simulator.request import RefusalError

NS = "{http://www.veeam.com/ent/v1.0}"
PAGE = "/query?type=BackupJobSession&format=Entities"
NOW = datetime(2025, 10, 21, 12, tzinfo=UTC)
RESULTS = ("None", "Success", "Warning", "Failed")

# ------------------------------------------------------- the grammar, by itself


@attrs.frozen
class Row:
    """A record with one field of each kind."""

    name: str
    size: int
    is_retry: bool
    result: str
    end: datetime | None


FIELDS: dict[str, Field] = {
    "name": text(lambda row, _: row.name),
    "size": number(lambda row, _: row.size),
    "isretry": boolean(lambda row, _: row.is_retry),
    "result": enumeration(RESULTS, lambda row, _: row.result),
    "endtime": time(lambda row, _: row.end),
}
Truth: TypeAlias = Callable[[Row], bool]
Case: TypeAlias = tuple[str, Truth]

names = st.sampled_from(["a", "A", 'b "quoted"', "c & d", "e;f,(g)", "", "Köln + 1"])
times = st.datetimes(
    min_value=datetime(2025, 1, 1),  # noqa: DTZ001 - the zone comes next
    max_value=datetime(2025, 1, 3),  # noqa: DTZ001
    timezones=st.just(UTC),
)
rows = st.builds(
    Row,
    name=names,
    size=st.integers(-3, 3),
    is_retry=st.booleans(),
    result=st.sampled_from(RESULTS),
    end=st.none() | times,
)
ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
}
ops = st.sampled_from(sorted(ORDER))


def _quoted(value: str) -> str:
    doubled = value.replace('"', '""')
    return f'"{doubled}"'


def _name_case(op: str, value: str) -> Case:
    return f"Name{op}{_quoted(value)}", lambda row: ORDER[op](row.name, value)


def _size_case(op: str, value: int) -> Case:
    return f"size {op} {value}", lambda row: ORDER[op](row.size, value)


def _retry_case(op: str, value: bool) -> Case:  # noqa: FBT001 - drawn by position
    return f"IsRetry{op}{value}", lambda row: ORDER[op](row.is_retry, value)


def _result_case(op: str, value: str) -> Case:
    place = RESULTS.index(value)
    return f"RESULT{op}{value}", lambda row: ORDER[op](RESULTS.index(row.result), place)


def _end_case(op: str, value: datetime) -> Case:
    def truth(row: Row) -> bool:
        return op == "!=" if row.end is None else ORDER[op](row.end, value)

    return f'EndTime{op}"{value.isoformat()}"', truth


def _all(parts: list[Case]) -> Case:
    texts, truths = zip(*parts, strict=True)
    return f"({';'.join(texts)})", lambda row: all(truth(row) for truth in truths)


def _any(parts: list[Case]) -> Case:
    texts, truths = zip(*parts, strict=True)
    return f"( {','.join(texts)} )", lambda row: any(truth(row) for truth in truths)


comparisons = (
    st.builds(_name_case, ops, names)
    | st.builds(_size_case, ops, st.integers(-3, 3))
    | st.builds(_retry_case, st.sampled_from(["==", "!="]), st.booleans())
    | st.builds(_result_case, ops, st.sampled_from(RESULTS))
    | st.builds(_end_case, ops, times)
)
cases = st.recursive(
    comparisons,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map(_all)
        | st.lists(inner, min_size=1, max_size=3).map(_any)
    ),
    max_leaves=8,
)


@given(case=cases, row=rows)
def test_a_filter_selects_what_its_words_say(case: Case, row: Row) -> None:
    """Whatever is nested, the predicate agrees with Python's own evaluation."""
    words, truth = case

    assert truth(row) == filters.parse(words, FIELDS)(row, NOW)


@given(words=st.text(st.sampled_from('nameSIZE=!<>;,()" 1x%'), max_size=20))
def test_whatever_is_asked_is_selected_or_refused(words: str) -> None:
    """No text makes the parser raise anything but a refusal with status 400."""
    row = Row(name="n", size=1, is_retry=False, result="None", end=None)

    assert _asked(words, row) in {True, False, 400}


def _asked(words: str, row: Row) -> bool | int:
    try:
        return filters.parse(words, FIELDS)(row, NOW)
    except RefusalError as refusal:
        return refusal.status


def test_and_binds_tighter_than_or() -> None:
    """Without parentheses `a,b;c` is a or (b and c)."""
    row = Row(name="n", size=1, is_retry=False, result="None", end=None)

    assert filters.parse("size==1,size==2;size==3", FIELDS)(row, NOW)
    assert filters.parse("size==3;size==2,size==1", FIELDS)(row, NOW)


def test_deep_nesting_is_refused() -> None:
    """A thousand parentheses are a bad request, no recursion error."""
    with pytest.raises(RefusalError, match="deeply"):
        filters.parse("(" * 1000 + "size==1" + ")" * 1000, FIELDS)


# --------------------------------------------------------------- over the wire


async def test_a_filter_is_applied_by_the_server(
    simulator: Simulator, caller: Any
) -> None:
    """Selected over the wire is what Python selects from all rows."""
    rows = (await caller.get("/backupSessions?format=Entity")).json["backupJobSessions"]
    edge = rows[100]["creationTimeUTC"]
    words = f'State=="Stopped";(Result>=Warning,IsRetry==true,CreationTime>"{edge}")'
    expected = {
        row["uid"]
        for row in rows
        if row["state"] == "Stopped"
        and (
            row["result"] in {"Warning", "Failed"}
            or row["isRetry"]
            or datetime.fromisoformat(row["creationTimeUTC"])
            > datetime.fromisoformat(edge)
        )
    }

    assert expected == {row["uid"] for row in await caller.query(words)}
    assert expected


@pytest.mark.parametrize("form", ["urn:veeam:BackupJobSession:{0}", "{0}"])
@pytest.mark.parametrize("quote", ["", '"'])
async def test_ids_are_urns_or_bare(
    simulator: Simulator, caller: Any, form: str, quote: str
) -> None:
    """An id is found as a URN and bare, quoted and not, several at once by or."""
    ids = simulator.session_ids[:3]
    words = ",".join(f"uid=={quote}{form.format(id_)}{quote}" for id_ in ids)
    found = await caller.query(words)

    assert [str(id_) for id_ in ids] == [row["uid"].rpartition(":")[2] for row in found]


@pytest.mark.parametrize(
    "literal",
    [
        '"2025-08-15T06:00:00Z"',
        '"2025-08-15T06:00:00.1234567Z"',
        '"2025-08-15T08:00:00+02:00"',
        "2025-08-15T06:00:00",
        "2025-08-15",
        '"2025-08-15 06:00:00"',
    ],
)
async def test_times_come_in_many_spellings(caller: Any, literal: str) -> None:
    """Times with and without zone, quoted and bare, and bare dates all work."""
    for field in ("CreationTime", "creationtimeutc"):
        assert len(await caller.query(f"{field}>={literal}")) == 200
        assert await caller.query(f"{field}<{literal}") == []


async def test_a_missing_end_compares_with_nothing(
    simulator: Simulator, caller: Any
) -> None:
    """The end of a running session is neither before nor after, but different."""
    running = len(simulator.running_ids)

    assert running == 20
    assert len(await caller.query('EndTime>="2000-01-01"')) == 180
    assert len(await caller.query('EndTime<"2000-01-01"')) == 0
    assert len(await caller.query('EndTime!="2000-01-01"')) == 200


async def test_plus_is_a_space(simulator: Simulator, caller: Any) -> None:
    """In the raw query + and %20 are spaces, %2B is a plus; & must be escaped."""
    simulator.add_session(job_name="A + B & C")
    for raw in ("A%20%2B%20B%20%26%20C", "A+%2B+B+%26+C"):
        reply = await caller.get(f'{PAGE}&filter=JobName=="{raw}"')

        assert (
            len(reply.json["entities"]["backupJobSessions"]["backupJobSessions"]) == 1
        )


async def test_text_is_compared_by_case(caller: Any) -> None:
    """Names are compared with their case and with all their spaces."""
    found = await caller.query('JobName=="Web  Farm  (two  spaces)"')

    assert found
    assert await caller.query('JobName=="web  farm  (two  spaces)"') == []
    assert await caller.query('JobName=="Web Farm (two spaces)"') == []


@pytest.mark.parametrize(
    "query",
    [
        "format=Entities",
        "type=Nothing",
        "type=Job&format=Everything",
        "type=BackupJobSession&filter=Progress==1",
        "type=BackupJobSession&filter=JobName",
        "type=BackupJobSession&filter=JobName=x",
        "type=BackupJobSession&filter=JobName==x;",
        "type=BackupJobSession&filter=(JobName==x",
        "type=BackupJobSession&filter=JobName==x)",
        "type=BackupJobSession&filter=JobName==O'Brien",
        'type=BackupJobSession&filter=JobName=="x',
        "type=BackupJobSession&filter=State==Finished",
        "type=BackupJobSession&filter=IsRetry==maybe",
        "type=BackupJobSession&filter=IsRetry>true",
        "type=BackupJobSession&filter=UID==99999",
        "type=BackupJobSession&filter=UID>%223f6a8c1e-52d7-4b90-a1c4-7d0e9b2f6a35%22",
        "type=BackupJobSession&filter=CreationTime>yesterday",
        "type=BackupJobSession&filter=CreationTime>2025-13-01",
        "type=BackupJobSession&filter=CreationTime>%220001-01-01T00:00:00%2B14:00%22",
        "type=BackupJobSession&filter=EndTime<9999-12-31T23:59:59-14:00",
        "type=BackupTaskSession&filter=TotalSize>much",
        "type=BackupJobSession&sortAsc=Progress",
        "type=BackupJobSession&pageSize=0",
        "type=BackupJobSession&pageSize=many",
        "type=BackupJobSession&page=-1",
    ],
)
async def test_what_it_does_not_understand_is_refused(caller: Any, query: str) -> None:
    """Everything outside of the grammar is 400 with an error document."""
    reply = await caller.get(f"/query?{query}")

    assert reply.status == 400
    assert reply.json["statusCode"] == 400
    assert reply.json["message"]


async def test_without_a_page_size_a_page_has_100_rows(caller: Any) -> None:
    """All sessions come in pages of 100, each of them once, joined by Next links."""
    seen: list[str] = []
    path: str | None = PAGE
    pages = []
    while path is not None:
        answer = (await caller.get(path)).json
        rows = answer["entities"]["backupJobSessions"]["backupJobSessions"]
        paging = answer["pagingInfo"]
        seen += [row["uid"] for row in rows]
        links = {link["rel"]: link["href"] for link in paging["links"]}
        pages.append((len(rows), paging["pageNum"], sorted(links)))
        path = links["Next"].partition("/api")[2] if "Next" in links else None

    assert pages == [
        (100, 1, ["First", "Last", "Next"]),
        (100, 2, ["First", "Last", "Previous"]),
    ]
    assert len(set(seen)) == 200


async def test_an_empty_answer_is_one_page(caller: Any) -> None:
    """Nothing found is an empty list on page one of one, in XML an empty element."""
    path = f"{PAGE}&filter=JobName==nothing"
    plain = (await caller.get(path)).json
    root = (await caller.get(path, accept="application/xml")).xml

    assert plain["entities"]["backupJobSessions"]["backupJobSessions"] == []
    assert plain["pagingInfo"]["pagesCount"] == 1
    held = root.find(f"{NS}Entities/{NS}BackupJobSessions")
    assert held is not None
    assert list(held) == []


async def test_references_are_the_default_form(caller: Any) -> None:
    """Without a format there are references, doubled in JSON, and no entities."""
    for query in ("type=backupserver", "type=BackupServer&format=references"):
        plain = (await caller.get(f"/query?{query}")).json
        root = (await caller.get(f"/query?{query}", accept="application/xml")).xml

        assert len(plain["refs"]["refs"]) == 2
        assert plain["entities"] is None
        assert len(root.findall(f"{NS}Refs/{NS}Ref")) == 2
        assert root.find(f"{NS}Entities") is None


@pytest.mark.parametrize(
    ("product", "expected"),
    [
        ("12", "filter=jobname%3d%3d%22A+b%3a+c%2b%22%3bstate!%3d%22Stopped%22"),
        ("13", "filter=jobname%3D%3D%22A+b%3A+c%2B%22;state!%3D%22Stopped%22"),
    ],
)
async def test_links_echo_the_query(connect: Any, product: Any, expected: str) -> None:
    """Links repeat the query in the product's own escaping, with size and page."""
    async with Simulator(product=product) as simulator:
        caller = await connect(simulator)
        words = 'jobname=="A%20b:%20c%2B";state!="Stopped"'
        path = f"/query?type=BackupJobSession&pageSize=7&filter={words}&format=entities"
        plain = (await caller.get(path)).json
        paging = plain.get("pagingInfo") or plain["PagingInfo"]
        link = (paging.get("links") or paging["Links"])[0]
        href = link.get("href") or link["Href"]

        assert (
            f"{simulator.url}/api/query?type=BackupJobSession&{expected}"
            "&format=entities&pageSize=7&page=1"
        ) == href


async def test_rows_can_be_sorted(caller: Any) -> None:
    """Both orders work; what has no end comes first in the rising order."""
    rising = await caller.query("", sortAsc="EndTime")
    falling = await caller.query("", sortDesc="creationtime")
    ends = [row.get("endTimeUTC") for row in rising]
    created = [datetime.fromisoformat(row["creationTimeUTC"]) for row in falling]

    assert ends[:20] == [None] * 20
    assert sorted(ends[20:], key=datetime.fromisoformat) == ends[20:]
    assert sorted(created, reverse=True) == created


@pytest.mark.parametrize(
    ("type_", "filter_"),
    [
        ("Job", 'Name!="x";ScheduleEnabled==true;NextRun>"2000-01-01"'),
        ("job", "JobType==Backup,Platform==Hyperv"),
        ("ReplicaJobSession", "JobType==Replica"),
        ("RestoreSession", 'Type==RestoreVm;VmDisplayName!="x"'),
        ("BackupTaskSession", "State==Completed;TotalSize>0"),
        ("Repository", ""),
    ],
)
async def test_other_types_can_be_queried(
    caller: Any, type_: str, filter_: str
) -> None:
    """Jobs, replications, restores, task sessions and repositories answer too."""
    reply = await caller.get(f"/query?type={type_}&filter={filter_}")

    assert reply.status == 200
    assert reply.json["refs"]["refs"]


async def test_the_query_service_shows_its_types(caller: Any) -> None:
    """Each address that /querySvc shows can be asked."""
    links = (await caller.get("/querySvc")).json["links"]

    assert "BackupJobSession" in [link["name"] for link in links]
    for link in links:
        assert (await caller.get(link["href"].partition("/api")[2])).status == 200


@pytest.mark.parametrize("type_", ["FileLevelRestore", "RestoreVm"])
async def test_restores_are_queried_by_their_type(connect: Any, type_: str) -> None:
    """Type, which is the JobType of a restore, takes both of the reference's values."""
    async with Simulator(sessions=400) as simulator:
        caller = await connect(simulator)
        path = f"/query?type=RestoreSession&format=Entities&filter=Type=={type_}"
        found = (await caller.get(path)).json["entities"]["restoreSessions"]
        [rows] = found.values()

        assert {row["jobType"] for row in rows} == {type_}


TASKS = "/query?type=task"


async def _stopped(caller: Any, simulator: Simulator) -> list[str]:
    """Ids of the tasks of stopping 16 sessions, the first of them twice."""
    sessions = [simulator.running_ids[0], *simulator.running_ids[:16]]
    paths = [f"/backupSessions/{session}?action=stop" for session in sessions]
    return [(await caller.post(path)).json["taskId"] for path in paths]


@pytest.mark.parametrize("form", ["", "&format=References", "&format=Entities"])
async def test_tasks_are_queried_in_pages_of_15(
    connect: Any, simulator: Simulator, form: str
) -> None:
    """The tasks of the logon session, in one form, 15 where no size is asked for."""
    caller = await connect(simulator)
    ids = await _stopped(caller, simulator)
    pages = [
        (await caller.get(f"{TASKS}{form}{page}")).json
        for page in ("", "&page=2", "&pageSize=20")
    ]
    found = [page["resources"]["tasks"]["tasks"] for page in pages]

    assert [[row["taskId"] for row in rows] for rows in found] == [
        ids[:15],
        ids[15:],
        ids,
    ]
    assert [page["pagingInfo"]["pagesCount"] for page in pages] == [2, 2, 1]
    assert found[2] == (await caller.get("/tasks")).json["tasks"]
    assert [(page["refs"], page["entities"]) for page in pages] == [(None, None)] * 3


async def test_tasks_in_xml_are_resources(connect: Any, simulator: Simulator) -> None:
    """In XML they stand as in the list of all, within Resources."""
    caller = await connect(simulator)
    await _stopped(caller, simulator)
    xml = "application/xml"
    page = (await caller.get(f"{TASKS}&pageSize=20", accept=xml)).xml
    rows = page.findall(f"{NS}Resources/{NS}Tasks/{NS}Task")
    whole = (await caller.get("/tasks", accept=xml)).xml.findall(f"{NS}Task")

    assert [ET.tostring(row) for row in rows] == [ET.tostring(row) for row in whole]
    assert len(rows) == 17


async def test_tasks_have_three_fields(connect: Any) -> None:
    """Filters and orders take TaskId, State and Operation; each logon has its own."""
    simulator = Simulator(sessions=30, running=20, speed=0)
    async with simulator:
        caller = await connect(simulator)
        ids = await _stopped(caller, simulator)
        started = await caller.post(f"/jobs/{simulator.job_ids[0]}?action=clone")

        async def found(query: str) -> list[str]:
            answer = (await caller.get(f"{TASKS}&pageSize=99{query}")).json
            rows = answer["resources"]["tasks"]["tasks"]
            return [row["taskId"] for row in rows]

        clone = started.json["taskId"]
        assert await found("&filter=Operation==CloneJob") == [clone]
        assert await found(f'&filter=TaskId=="{ids[3]}"') == [ids[3]]
        assert await found("&filter=State==Finished") == []
        assert await found("&sortAsc=Operation") == [clone, *ids]
        simulator.advance(60)
        assert await found("&filter=State==Finished") == [*ids, clone]
        assert (await caller.get(f"{TASKS}&filter=Name==x")).status == 400
        assert (await caller.get(f"{TASKS}&sortAsc=Name")).status == 400
        assert (await caller.get(f"{TASKS}&format=x")).status == 400
        await caller.log_on()
        assert await found("") == []
