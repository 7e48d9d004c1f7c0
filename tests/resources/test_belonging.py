"""An answer belongs to its question: what is about something else is never taken."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from inspect import signature
from typing import Any, Literal

import aiohttp
import pytest

from tests.support.bodies import (
    JOB,
    TASK,
    behind_logon,
    each_by_id,
    page,
    row,
    session,
    task,
    uuid_of,
)
from tests.support.clients import gets, talking
from tests.support.fault_server import Act, Answer, Asked, Pieces, head
from tests.support.scripted import ScriptedServer
from veeam_async import (
    ApiError,
    BackupJobSession,
    ConnectionFailed,
    DecodeError,
    EnterpriseManager,
    HealthChanged,
    Link,
    NotFound,
    StartUnconfirmed,
    Task,
    VeeamError,
)
from veeam_async.resources.belonging import is_entity
from veeam_async.transport.exchange import Response

ONE = uuid_of(1)
HREF = "https://em.internal/api"
MINE, OTHERS = Answer(body=session(1)), Answer(body=session(2))
TRANSPORTS: tuple[Literal["auto", "aiohttp"], ...] = ("auto", "aiohttp")

Ask = Callable[[EnterpriseManager], Awaitable[Any]]


async def fetched(em: EnterpriseManager) -> object:
    """Fetch the one session."""
    async with em.backup_sessions.fetch([ONE]) as fetch:
        return (await anext(fetch)).result()


def following(path: str, kind: str) -> Ask:
    """Follow a link of that *kind*."""
    link = Link(rel="Up", href=f"{HREF}{path}", type=kind)
    return lambda em: em.follow(link)


def large(number: int, *, oddly: bool = False) -> Answer:
    """A session that is decoded in a thread; *oddly* laid out, if one may say so."""
    body = session(number).replace(b"}", b', "FailureMessage": "%b"}' % (b"x" * 70_000))
    return Answer(body=body.replace(b'"UID":', b'"UID"\n:') if oddly else body)


ASKING: dict[str, tuple[Ask, Act, Act]] = {
    "get": (lambda em: em.backup_sessions.get(ONE), OTHERS, MINE),
    "fetch": (fetched, OTHERS, MINE),
    "wait": (lambda em: em.backup_sessions.wait(ONE, interval=0.01), OTHERS, MINE),
    "a large one": (lambda em: em.backup_sessions.get(ONE), large(2), large(1)),
    "a large one, fetched": (fetched, large(2), large(1)),
    "a large one, laid out oddly": (fetched, large(2), large(1, oddly=True)),
    "a large link": (
        following(f"/backupSessions/{ONE}", "BackupJobSession"),
        large(2),
        large(1),
    ),
    "a link": (
        following(f"/backupSessions/{ONE}", "BackupJobSession"),
        OTHERS,
        MINE,
    ),
    "a reference": (
        following(f"/backupSessions/{ONE}", "BackupJobSessionReference"),
        Answer(body=session(2).replace(b'JobSession"}', b'JobSessionReference"}')),
        Answer(body=session(1).replace(b'JobSession"}', b'JobSessionReference"}')),
    ),
    "a task": (lambda em: em.tasks.get(TASK), task(), task()),
    "a task's end": (lambda em: em.tasks.wait(TASK, interval=0.01), task(), task()),
    "a task's link": (following(f"/tasks/{TASK}", "Task"), task(), task()),
    "a task, asked for as a session": (
        lambda em: em.backup_sessions.get(ONE),
        task(),
        MINE,
    ),
    "a session, asked for as a task": (lambda em: em.tasks.get(TASK), MINE, task()),
}


def case(name: str) -> tuple[Ask, Act, Act]:
    """How to ask, an answer about something else, and the right one."""
    ask, wrong, right = ASKING[name]
    if wrong == right:  # a task: of another id
        assert isinstance(wrong, Answer)
        wrong = Answer(body=wrong.body.replace(TASK.encode(), b"task-77"))
    return ask, wrong, right


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("name", ASKING)
async def test_an_answer_about_something_else_is_asked_again(
    name: str, transport: Literal["auto", "aiohttp"]
) -> None:
    """On another connection: the one that it came on is closed."""
    ask, wrong, right = case(name)
    async with talking(gets(wrong, right), transport=transport) as (em, server):
        found = await ask(em)

    first, second = [asked for asked in server.asked if asked.method == "GET"]
    assert first.connection != second.connection
    assert (found.task_id if isinstance(found, Task) else found.id) in (TASK, ONE)


@pytest.mark.parametrize("name", sorted(ASKING.keys() - {"wait", "a task's end"}))
async def test_nothing_but_answers_about_something_else_is_a_failed_connection(
    name: str,
) -> None:
    """After as many attempts as any other one; what waits goes on waiting."""
    ask, wrong, _ = case(name)
    async with talking(gets(wrong)) as (em, server):
        with pytest.raises(ConnectionFailed, match="about something else"):
            await ask(em)

    assert server.count("GET") == 5


async def test_a_watch_takes_it_for_a_failed_look() -> None:
    """It tells nothing of the other session, and looks again."""
    async with talking(gets(OTHERS, OTHERS, MINE)) as (em, server):
        events = [event async for event in em.backup_sessions.watch([ONE], interval=1)]

    assert {event.id for event in events} == {ONE}
    assert [str(event.kind) for event in events] == ["FOUND", "STOPPED"]
    assert server.count("GET") == 3


def test_the_uuid_alone_is_compared() -> None:
    """Whatever its case, the kind in front of it, and how the body is laid out."""
    body = json.loads(session(1))
    upper = body | {"UID": body["UID"].upper()}
    agent = body | {"UID": f"urn:veeam:AgentBackupJob:{ONE}"}
    camel = {key[0].lower() + key[1:]: value for key, value in body.items()}
    camel["uid"] = camel.pop("uID")
    text = f'<BackupJobSession Type="BackupJobSession" UID="urn:veeam:X:{ONE}" />'
    forms = [json.dumps(one).encode() for one in (body, upper, agent, camel)]
    forms += [json.dumps(body, separators=(",", ":")).encode()]
    forms += [json.dumps(body, indent=2).encode(), text.encode()]
    for form in forms:
        assert is_entity(str(ONE), BackupJobSession, Response(200, {}, form)), form


async def test_a_session_that_only_speaks_of_the_one_asked_for_is_another() -> None:
    """In a link, in a message, or as its job."""
    told = [
        {"FailureMessage": f"A retry of urn:veeam:BackupJobSession:{ONE}"},
        {"JobUid": f"urn:veeam:Job:{ONE}"},
        {"Links": [{"Rel": "Up", "Href": f"{HREF}/backupSessions/{ONE}"}]},
        {"FailureMessage": f'see "UID": "urn:veeam:BackupJobSession:{ONE}"'},
    ]
    other = json.loads(session(2))
    for each in told:
        for body in (other | each, each | other):
            wrong = Answer(body=json.dumps(body | each).encode())
            async with talking(gets(wrong, MINE)) as (em, server):
                assert (await em.backup_sessions.get(ONE)).id == ONE
            assert server.count("GET") == 2


async def test_what_only_cannot_be_read_stays_what_it_is() -> None:
    """The session that was asked for, broken; or nothing at all."""
    broken = session(1).replace(b'"JobType": "Backup"', b'"JobType": []')
    for body in (broken, b"{}", b"", b"<html><title>Proxy</title></html>"):
        async with talking(gets(Answer(body=body))) as (em, server):
            with pytest.raises(DecodeError):
                await em.backup_sessions.get(ONE)
        assert server.count("GET") == 1


# ---------------------------------------------------------------- lists


def task_sessions(*sessions: int, named: str = "JobSessionUid") -> Answer:
    """Task sessions, one of each session, which is *named* in a way."""
    return Answer(
        body=json.dumps(
            {
                "BackupTaskSessions": [
                    {
                        "UID": f"urn:veeam:BackupTaskSession:{uuid_of(100 + number)}",
                        "CreationTimeUTC": "2026-03-02T21:00:04Z",
                        "State": "Completed",
                        **_naming(number, named),
                    }
                    for number in sessions
                ]
            }
        ).encode()
    )


def _naming(number: int, named: str) -> dict[str, object]:
    if named == "JobSessionUid":
        uid = f"urn:veeam:BackupJobSession:{str(uuid_of(number)).upper()}"
        return {"JobSessionUid": uid}
    href = f"{HREF}/backupSessions/{uuid_of(number)}"
    kind = "BackupJobSessionReference"
    return {"Links": [{"Rel": named, "Href": href, "Type": kind}]}


def references(*paths: str) -> Answer:
    """References to what lies at *paths*, of the first backup session's job."""
    up = {"Rel": "Up", "Href": f"{HREF}/jobs/{JOB}", "Type": "JobReference"}
    refs = [
        {
            "UID": f"urn:veeam:X:{path.rpartition('/')[2]}",
            "Href": f"{HREF}{path}",
            "Links": [up],
        }
        for path in paths
    ]
    return Answer(body=json.dumps({"Refs": refs}).encode())


async def tasks_of_one(em: EnterpriseManager) -> object:
    """The task sessions of the one session."""
    return await em.backup_sessions.task_sessions(ONE)


async def listed(em: EnterpriseManager) -> object:
    """The references of all backup sessions."""
    return await em.backup_sessions.references()


LISTS: dict[str, tuple[Ask, Act, Act]] = {
    "task sessions": (tasks_of_one, task_sessions(2, 2), task_sessions(1, 1)),
    "tasks by links": (tasks_of_one, task_sessions(2, named="Up"), task_sessions(1)),
    "references": (
        listed,
        references(f"/replicaSessions/{ONE}"),
        references(f"/BackupSessions/{ONE}"),
    ),
    "of jobs": (
        listed,
        references(f"/jobs/{JOB}"),
        references(f"/backupSessions/{ONE}"),
    ),
}


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("name", LISTS)
async def test_a_list_of_something_else_is_asked_again(
    name: str, transport: Literal["auto", "aiohttp"]
) -> None:
    """On another connection, and at last a failed one."""
    ask, wrong, right = LISTS[name]
    async with talking(gets(wrong, right), transport=transport) as (em, server):
        assert await ask(em)
    first, second = [asked for asked in server.asked if asked.method == "GET"]
    assert first.connection != second.connection

    async with talking(gets(wrong), transport=transport) as (em, server):
        with pytest.raises(ConnectionFailed, match="about something else"):
            await ask(em)
    assert server.count("GET") == 5


@pytest.mark.parametrize(
    ("ask", "right"),
    [
        (tasks_of_one, task_sessions()),
        (tasks_of_one, task_sessions(2, named="Related")),
        (tasks_of_one, task_sessions(1, named="Up")),
        (tasks_of_one, task_sessions(2, 1)),
        (listed, references()),
        (listed, references("/somewhere")),
        (listed, references(f"/jobs/{JOB}", f"/backupSessions/{ONE}")),
    ],
)
async def test_a_list_that_names_nothing_else_is_taken(ask: Ask, right: Act) -> None:
    """Where nothing names what it is about, or one row does."""
    async with talking(gets(right)) as (em, server):
        await ask(em)

    assert server.count("GET") == 1


async def test_a_list_that_cannot_be_read_stays_what_it_is() -> None:
    """It is no answer to another question."""
    async with talking(gets(Answer(body=b"<html></html>"))) as (em, server):
        for ask in (tasks_of_one, listed):
            with pytest.raises(DecodeError):
                await ask(em)

    assert server.count("GET") == 2


# ---------------------------------------------------------------- actions


def changed(answer: Answer, **members: object) -> Answer:
    """The same answer with other *members* in its body."""
    body = json.loads(answer.body) | members
    return Answer(status=202, body=json.dumps(body).encode())


def linked(path: str, kind: str) -> list[dict[str, str]]:
    """Links of a task, of which one leads to *path*."""
    own = {"Rel": "Delete", "Href": f"{HREF}/tasks/{TASK}"}
    return [own, {"Rel": "Related", "Href": f"{HREF}{path}", "Type": kind}]


NO_TASK_IDS: list[object] = [
    *("task-", " task-12 ", "task-12\n", "job-1", "task-1.5", "task-\u0661", "-"),
    *("tas\u212a-12", str(uuid_of(5)), "", " ", None, 12, 1.5, True, [], {}),
    *("task-1/../../logonSessions", "task-1\r\nX: y", "task-1?x=1"),
    *("1" * 10_000, "task-" + "1" * 10_000),
]

WRONG_TASKS = {
    "another job's": changed(task(), Links=linked(f"/jobs/{uuid_of(5)}", "Job")),
    "another job's reference": changed(
        task(), Links=linked(f"/jobs/{uuid_of(5)}?format=Entity", "JobReference")
    ),
    "another task's link": changed(task(), Links=linked("/tasks/task-8", "Task")),
    "another task's address": changed(task(), Href=f"{HREF}/tasks/task-77"),
    **{
        f"task id {value!r}"[:60]: changed(task(), TaskId=value, Href=None)
        for value in NO_TASK_IDS
    },
    "a session": Answer(body=session(1)),
    "nothing": Answer(status=204, body=b""),
    "a page": Answer(body=b"<html></html>"),
}


@pytest.mark.parametrize("name", WRONG_TASKS)
async def test_a_start_that_something_else_answers_is_unconfirmed(name: str) -> None:
    """It is sent once, and the connection of that answer is not used again."""
    server = ScriptedServer(started=WRONG_TASKS[name])
    async with talking(server) as (em, seen):
        with pytest.raises(StartUnconfirmed):
            await em.jobs.start(JOB)
        await em.jobs.get(JOB)

    (posted,) = [a for a in seen.asked if a.target.endswith("action=start")]
    after = seen.asked[seen.asked.index(posted) + 1]
    assert after.connection != posted.connection


@pytest.mark.parametrize("task_id", ["task-7", "Task-7", "TASK-7", "7"])
@pytest.mark.parametrize("later", ["task-7", "tAsK-7"])
async def test_the_case_of_a_tasks_id_does_not_matter(task_id: str, later: str) -> None:
    """Nor in later answers: the run finds its session, and the task its end."""
    finished = changed(task(session=1), TaskId=later)
    server = ScriptedServer(
        started=changed(task("Running"), TaskId=task_id, Href=None),
        tasks=[finished, finished, finished],
        fresh=[row(1, at=1.0)],
    )
    async with talking(server) as (em, _):
        run = await em.jobs.start(JOB)
        assert run.task is not None
        await em.tasks.wait(run.task.task_id, interval=0.001)
        found = await run.session(interval=0.001)
        assert await em.jobs.resume(run.to_dict()).session() == found

    assert found.id == uuid_of(1)


@pytest.mark.parametrize("name", WRONG_TASKS)
@pytest.mark.parametrize("action", ["stop", "retry"])
async def test_another_action_that_something_else_answers_has_an_error(
    name: str, action: str
) -> None:
    """That is no success, and no refusal."""
    acts: Callable[[Asked], Act] = behind_logon(lambda _: WRONG_TASKS[name])
    async with talking(acts) as (em, server):
        with pytest.raises(VeeamError) as caught:
            await getattr(em.jobs, action)(JOB)

    assert not isinstance(caught.value, ApiError)
    assert server.count("POST", "/api/jobs") == 1


async def test_a_task_may_lead_to_what_it_made_and_to_whom_it_acts_on() -> None:
    """A new session is no other resource; Operation is not compared."""
    links = linked(f"/backupSessions/{uuid_of(9)}?format=Entity", "BackupJobSession")
    links += linked(f"/jobs/{str(JOB).upper()}?format=Entity", "Job")
    right = changed(task(), Links=links, Operation="SomethingElse")
    async with talking(ScriptedServer(started=right, stopped=right)) as (em, _):
        run = await em.jobs.start(JOB)
        stopped = await em.jobs.stop(JOB)

    assert run.task == stopped


# ---------------------------------------------------------------- idle connections


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_late_answer_does_not_become_that_of_an_action(
    transport: Literal["auto", "aiohttp"],
) -> None:
    """The task of another stop, behind an answer: the server's own word counts."""
    late = changed(task(), Operation="StopJob").body
    headers = {"Content-Type": "application/json"}
    told = Pieces(
        parts=[
            head(200, {**headers, "Content-Length": str(len(MINE.body))}) + MINE.body,
            head(202, {**headers, "Content-Length": str(len(late))}) + late,
        ],
        keep=True,
    )

    def act(asked: Asked) -> Act:
        return told if asked.method == "GET" else Answer(status=404)

    async with talking(behind_logon(act), transport=transport) as (em, _):
        await em.backup_sessions.get(ONE)
        with pytest.raises(NotFound):
            await em.jobs.stop(JOB)


def test_aiohttp_still_chooses_its_connections_as_we_know_it() -> None:
    """What the transport overrides is there, and is called with the same."""
    of_connector = vars(aiohttp.BaseConnector)
    releases = of_connector["_release"].__code__.co_varnames
    assert releases[:4] == ("self", "key", "protocol", "should_close")
    connect = aiohttp.BaseConnector.connect.__code__
    assert connect.co_varnames[:2] == ("self", "req")
    assert "_create_connection" in connect.co_names
    assert "_factory" in of_connector["__init__"].__code__.co_names
    connects = vars(aiohttp.TCPConnector)
    opens = signature(connects["_wrap_create_connection"]).parameters
    assert list(opens)[:2] == ["self", "args"]
    directly = connects["_create_direct_connection"].__code__.co_names
    assert {"_wrap_create_connection", "_factory"} <= set(directly)


async def test_a_watch_takes_no_page_for_another_one() -> None:
    """Its connection is closed, the list has failed, and GETs show the sessions."""
    ids = [uuid_of(number) for number in (1, 2)]
    one_by_one = {uuid_of(number): Answer(body=session(number)) for number in (1, 2)}
    script = each_by_id(one_by_one, Answer(body=page(range(5, 9), 2, 2)))
    async with talking(behind_logon(script)) as (em, server):
        watch = em.backup_sessions.watch(ids, strategy="query", patience=0)
        events = [event async for event in watch]

    told = [event for event in events if not isinstance(event, HealthChanged)]
    assert [str(event.kind) for event in told] == ["FOUND", "STOPPED"] * 2
    (lists,) = [event for event in events if isinstance(event, HealthChanged)]
    assert lists.scope == "list"
    assert isinstance(lists.error, ConnectionFailed)
    (first, second) = server.asked[1:3]
    assert second.connection != first.connection
