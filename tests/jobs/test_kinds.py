"""Jobs of all kinds: of `/jobs`, of agents, of file shares."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import unquote

import attrs
import pytest

from tests.support.bodies import (
    BASE,
    DENIED,
    JOB,
    LOST,
    PATHS,
    behind_logon,
    error,
    job,
    row,
    task,
    uuid_of,
)
from tests.support.clients import talking
from tests.support.fault_server import Act, Answer, Asked, FaultServer
from tests.support.scripted import ScriptedServer
from tests.support.simulated import SOON
from veeam_async import (
    AgentBackupJob,
    EntityRef,
    F,
    InvalidId,
    Job,
    JobAmbiguous,
    JobNotFound,
    Link,
    NasJob,
    NotFound,
    PermissionDenied,
    ServerError,
    StartRefused,
)
from veeam_async.codec import decode
from veeam_async.models import Page

VM, AGENT, NAS = JOB, uuid_of(-2), uuid_of(-3)
IDS = {"Job": VM, "AgentBackupJob": AGENT, "NasJob": NAS}
CLASSES = {"Job": Job, "AgentBackupJob": AgentBackupJob, "NasJob": NasJob}


def site(**given: Any) -> ScriptedServer:
    """One job of each kind."""
    jobs = {kind: [job(kind, IDS[kind], f"the {kind}")] for kind in PATHS}
    return ScriptedServer(jobs=jobs, **given)


def asked(server: FaultServer, method: str = "GET") -> list[str]:
    """The paths that were asked for, without logon and logout."""
    paths = [unquote(each.target) for each in server.asked if each.method == method]
    return [
        path.removeprefix("/api").partition("?format")[0]
        for path in paths
        if "sessionMngr" not in path
    ]


# ---------------------------------------------------------------- to read one


@pytest.mark.parametrize("kind", PATHS)
async def test_a_bare_uuid_finds_a_job_of_any_kind(kind: str) -> None:
    """Kind after kind is asked; from then on its own alone."""
    async with talking(site()) as (em, server):
        found = await em.jobs.get(IDS[kind])
        first = asked(server)
        assert await em.jobs.get(str(IDS[kind])) == found

        again = asked(server)[len(first) :]
    assert type(found) is CLASSES[kind]
    assert found.name == f"the {kind}"
    order = list(PATHS)
    tried = order[: order.index(kind) + 1]
    assert first == [f"{PATHS[each]}/{IDS[kind]}" for each in tried]
    assert again == [f"{PATHS[kind]}/{IDS[kind]}"]


@pytest.mark.parametrize(
    ("given", "path"),
    [
        (f"urn:veeam:AgentBackupJob:{AGENT}", "/agents/jobs"),
        (f"URN:veeam:NASJob:{NAS}", "/nas/jobs"),
        (f"{BASE}/agents/jobs/{AGENT}?format=Entity", "/agents/jobs"),
        (f"/api/nas/jobs/{NAS}/", "/nas/jobs"),
    ],
)
async def test_an_id_that_names_its_kind_goes_there_at_once(
    given: str, path: str
) -> None:
    """And nowhere else, also where there is no such job."""
    async with talking(site()) as (em, server):
        await em.jobs.get(given)
        assert [each.rpartition("/")[0] for each in asked(server)] == [path]
    async with talking(ScriptedServer(jobs={})) as (em, server):
        with pytest.raises(NotFound):
            await em.jobs.get(given)
        assert [each.rpartition("/")[0] for each in asked(server)] == [path]


@pytest.mark.parametrize(
    "given", [f"urn:veeam:Job:{NAS}", f"{BASE}/jobs/{NAS}", f"/api/jobs/{NAS}"]
)
async def test_what_sessions_call_their_job_may_be_of_any_kind(given: str) -> None:
    """Those of file shares say `Job`, and link to /jobs."""
    async with talking(site()) as (em, _):
        assert isinstance(await em.jobs.get(given), NasJob)


async def test_a_job_that_nobody_knows_is_not_found() -> None:
    """In the words of `/jobs`, unless one of the others may have it."""
    refused: dict[str, Act] = {"AgentBackupJob": error(400, "what?")}
    async with talking(ScriptedServer(jobs={}, refused=refused)) as (em, server):
        with pytest.raises(NotFound, match=rf"/jobs/{VM}\?.*Cannot find job"):
            await em.jobs.get(VM)

        assert len(asked(server)) == 3
    async with talking(ScriptedServer(jobs={}, refused={"NasJob": DENIED})) as (em, _):
        with pytest.raises(PermissionDenied, match="/nas/jobs/"):
            await em.jobs.get(VM)


async def test_an_agents_job_is_shown_to_who_may_not_read_the_others() -> None:
    """Of a job that is found nowhere else it is not known whether there is one."""
    async with talking(site(refused={"Job": DENIED})) as (em, _):
        assert (await em.jobs.get(AGENT)).id == AGENT
        with pytest.raises(PermissionDenied, match="Portal Administrator alone"):
            await em.jobs.get(VM)


async def test_a_server_that_fails_says_nothing_about_a_job() -> None:
    """Its error is raised, no NotFound."""
    broken: dict[str, Act] = {"AgentBackupJob": error(500, "Object reference")}
    async with talking(ScriptedServer(jobs={}, refused=broken)) as (em, _):
        with pytest.raises(ServerError):
            await em.jobs.get(NAS)


@pytest.mark.parametrize("named", [{"Type": "NasJob"}, {"JobType": "NasBackup"}])
async def test_a_file_shares_job_may_be_shown_among_the_others(
    named: dict[str, str],
) -> None:
    """It is one none the less, with actions of its own."""
    shown = {**job("Job", NAS, "Shares"), **named}
    if "Type" in named:
        shown |= {"UID": f"urn:veeam:NasJob:{NAS}"}
        del shown["JobType"]
    kinds = ScriptedServer(jobs={"Job": [shown], "NasJob": [shown]})
    async with talking(kinds) as (em, server):
        found = await em.jobs.get(NAS)
        await em.jobs.stop(NAS)

        assert asked(server, "POST") == [f"/nas/jobs/{NAS}/stop"]
    assert isinstance(found, NasJob)


async def test_a_job_may_be_acted_on_where_it_is_shown() -> None:
    """Where a server knows no addresses of its own for its kind."""
    shown = {**job("Job", NAS, "Shares"), "JobType": "NasBackup"}
    kinds = ScriptedServer(jobs={"Job": [shown]})
    kinds.fresh = of_job("NasJob", [row(1, at=1)])
    async with talking(kinds) as (em, server):
        for _ in range(2):
            assert isinstance(await em.jobs.get(NAS), NasJob)
        await em.jobs.stop(NAS)
        run = await em.jobs.start(NAS)

        assert (await run.session(interval=SOON)).id == uuid_of(1)
    assert asked(server, "POST") == [
        *(f"/nas/jobs/{NAS}/stop", f"/jobs/{NAS}?action=stop"),
        *(f"/nas/jobs/{NAS}/start", f"/jobs/{NAS}?action=start"),
    ]


async def test_a_job_that_was_read_is_acted_on_itself() -> None:
    """By another manager too, which has not looked for it."""
    async with talking(site()) as (em, _):
        jobs = [job async for job in em.jobs.query()]
    async with talking(site()) as (em, server):
        for each in jobs:
            await em.jobs.retry(each)
            assert (await em.jobs.get(each)).id == each.id
            await em.jobs.start(each)

        assert len(asked(server, "POST")) == 6


async def test_a_name_is_no_id() -> None:
    """The error says what to do with a name."""
    async with talking(site()) as (em, server):
        for call in (em.jobs.get, em.jobs.start, em.jobs.stop, em.backup_sessions.last):
            with pytest.raises(InvalidId, match=r"em\.jobs\.find\(name\)"):
                await call("SAP HANA")
            with pytest.raises(InvalidId, match=r"another kind of resource than Job$"):
                await call(f"urn:veeam:BackupJobSession:{VM}")

        assert asked(server) == []


async def test_a_refused_logon_is_no_refused_kind() -> None:
    """Nothing else is asked for, and nothing is left out."""
    other: Callable[[Asked], Act] = site()

    def act(one: Asked) -> Act:
        return DENIED if one.method == "POST" else other(one)

    async with talking(act, lazy=True) as (em, server):
        for call in (em.jobs.get(NAS), em.jobs.query().all(), em.jobs.references()):
            with pytest.raises(PermissionDenied, match="sessionMngr"):
                await call

        assert server.count("GET") == 0
        assert server.count("POST") == 1


# ---------------------------------------------------------------- to list them


async def test_a_query_gives_the_jobs_of_all_kinds() -> None:
    """One kind after the other, each in the order that was asked for."""
    kinds = site()
    for kind in PATHS:
        kinds.jobs[kind] += [job(kind, uuid_of(len(kind) + n), f"{n}") for n in (1, 2)]
    async with talking(kinds) as (em, server):
        names = [each.name async for each in em.jobs.query(page_size=2)]
        down = [each.name async for each in em.jobs.query(order_by="-name")]
        del server.asked[:]
        some = [each async for each in em.jobs.query(limit=4)]
        types = [each.partition("type=")[2].split("&")[0] for each in asked(server)]

    assert names == [name for kind in PATHS for name in ("1", "2", f"the {kind}")]
    assert down == [name for kind in PATHS for name in (f"the {kind}", "2", "1")]
    assert [type(each) for each in some] == [Job] * 3 + [AgentBackupJob]
    assert types == ["Job", "AgentBackupJob"]


async def test_what_was_listed_is_looked_for_at_its_own_address() -> None:
    """Nothing is tried elsewhere, to act on it neither."""
    async with talking(site()) as (em, server):
        [_, agents, shares] = [each async for each in em.jobs.query()]
        del server.asked[:]
        await em.jobs.get(agents.id)
        await em.jobs.retry(shares.id)

        assert asked(server) == [f"/agents/jobs/{AGENT}"]
        assert asked(server, "POST") == [f"/nas/jobs/{NAS}/retry"]


async def test_a_filter_is_for_each_kind() -> None:
    """Fields are called the same for all of them."""
    async with talking(site()) as (em, _):
        found = [each async for each in em.jobs.query(F.name == "the NasJob")]
        with pytest.raises(ValueError, match="cannot be queried by 'state'"):
            em.jobs.query(F.state == "Working")
        with pytest.raises(ValueError, match="at least"):
            em.jobs.query(limit=-1)

    assert [each.id for each in found] == [NAS]


@pytest.mark.parametrize("status", [400, 403, 404])
@pytest.mark.parametrize("kind", PATHS)
async def test_a_kind_that_is_refused_is_left_out_and_told_once(
    kind: str, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """By one warning for all queries, and by each query."""
    refused: dict[str, Act] = {kind: error(status, "Not for you")}
    async with talking(site(refused=refused)) as (em, _):
        with caplog.at_level(logging.WARNING):
            [each async for each in em.jobs.query()]
            query = em.jobs.query()
            found = [each.id async for each in query]
            references = await em.jobs.references()

    assert list(query.left_out) == [CLASSES[kind]]
    assert query.left_out[CLASSES[kind]].status == status
    expected = [IDS[each] for each in PATHS if each != kind]
    assert found == [each.id for each in references] == expected
    (told,) = caplog.messages
    assert "are left out" in told
    assert "Not for you" in told


async def test_a_list_of_nothing_says_why() -> None:
    """Where `/jobs` is refused, and there is nothing else."""
    kinds = site(refused={"Job": DENIED})
    kinds.jobs.clear()
    async with talking(kinds) as (em, _):
        with pytest.raises(PermissionDenied, match="Portal Administrator alone"):
            [each async for each in em.jobs.query()]
        with pytest.raises(PermissionDenied, match="Portal Administrator alone"):
            await em.jobs.references()
        assert [each async for each in em.jobs.query(limit=0)] == []
    old: dict[str, Act] = {"AgentBackupJob": error(404, "x"), "NasJob": error(404, "x")}
    async with talking(ScriptedServer(jobs={}, refused=old)) as (em, _):
        assert [each async for each in em.jobs.query()] == []


async def test_a_query_of_all_kinds_is_read_in_one_call_too() -> None:
    """In a list, its first, and counted by one request for each kind."""
    kinds = site()
    kinds.jobs["Job"].append(job("Job", uuid_of(7), "another"))
    async with talking(kinds) as (em, server):
        query = em.jobs.query()
        assert [each.name for each in await query.all()] == [
            *("another", "the Job"),
            *("the AgentBackupJob", "the NasJob"),
        ]
        first = await query.first()
        assert first is not None
        assert first.name == "another"
        del server.asked[:]
        assert await query.count() == 4
        assert len(server.asked) == 3
        assert await em.jobs.query(limit=1).count() == 1
        assert await em.jobs.query(limit=0).first() is None
        assert len([each async for each in query]) == 4
        with pytest.raises(RuntimeError, match="iterated to its end"):
            [each async for each in query]
        kinds.refused["NasJob"] = DENIED
        assert await query.count() == 3
        assert list(query.left_out) == [NasJob]
        kinds.refused = dict.fromkeys(PATHS, DENIED)
        with pytest.raises(PermissionDenied):
            await query.count()
        assert repr(query).startswith("<JobQuery of Job by Name, over")


async def test_half_a_list_is_no_list() -> None:
    """A refusal later than at its first page is an error."""
    kinds = site()
    kinds.jobs["Job"] += [job("Job", uuid_of(n), f"{n}") for n in range(3)]

    def act(one: Asked) -> Act:
        is_second = "type=Job&" in one.target and "page=2" in one.target
        return DENIED if is_second else kinds(one)

    async with talking(act) as (em, _):
        with pytest.raises(PermissionDenied):
            [each async for each in em.jobs.query(page_size=2)]


async def test_a_job_that_two_kinds_list_comes_once() -> None:
    """Whether `/jobs` has others too is documented in part."""
    kinds = site()
    shares = {**job("NasJob", NAS, "the NasJob"), "JobType": "NasBackup"}
    kinds.jobs["Job"].append(shares)
    async with talking(kinds) as (em, _):
        found = [each async for each in em.jobs.query()]

    assert [each.id for each in found] == [VM, NAS, AGENT]
    assert isinstance(found[1], NasJob)


async def test_references_are_those_of_all_kinds() -> None:
    """Wherever their links lead."""
    kinds = site()
    for each in kinds.jobs["NasJob"]:
        each["Href"] = each["Href"].replace("/nas/jobs/", "/jobs/")
    async with talking(kinds) as (em, server):
        found = await em.jobs.references()

        assert asked(server) == list(PATHS.values())
    assert [each.id for each in found] == list(IDS.values())


# ---------------------------------------------------------------- to act on them

ACTIONS = {
    "stop": "stop",
    "retry": "retry",
    "sync": "sync",
    "toggle_schedule": "toggleScheduleEnabled",
}


@pytest.mark.parametrize("name", ACTIONS)
@pytest.mark.parametrize("kind", PATHS)
async def test_each_kind_has_its_own_addresses(kind: str, name: str) -> None:
    """A bare UUID is acted on once, where the job is."""
    async with talking(site()) as (em, server):
        given = f"{BASE}{PATHS[kind]}/{IDS[kind]}"
        found = await getattr(em.jobs, name)(given)
        one = asked(server, "POST")
        await getattr(em.jobs, name)(IDS[kind])

        here = f"{PATHS[kind]}/{IDS[kind]}"
        action = ACTIONS[name]
        own = f"{here}/{action}" if kind == "NasJob" else f"{here}?action={action}"
        elsewhere = f"/jobs/{IDS[kind]}?action={action}"
        assert one == [own]
        again = [own] if kind == "Job" else [elsewhere, own]
        assert asked(server, "POST")[1:] == again
    assert found.task_id == "task-7"


async def test_an_action_on_a_job_that_nobody_knows_is_sent_once() -> None:
    """The answer to it is the error."""
    async with talking(ScriptedServer(jobs={})) as (em, server):
        with pytest.raises(NotFound, match="POST"):
            await em.jobs.stop(VM)
        given = f"urn:veeam:NasJob:{NAS}"
        with pytest.raises(NotFound, match="POST"):
            await em.jobs.stop(given)

        assert len(asked(server, "POST")) == 2


async def test_a_copy_job_that_is_started_says_what_to_do_instead() -> None:
    """The server's 400 alone does not."""
    copies = job("Job", VM, "Copies")
    copies["Links"].append({"Rel": "Sync", "Href": f"{BASE}/jobs/{VM}?action=sync"})
    kinds = ScriptedServer(jobs={"Job": [copies]}, started=error(400, "No"))
    async with talking(kinds) as (em, _):
        with pytest.raises(Exception, match=r"em\.jobs\.sync\(id\)"):
            await em.jobs.start(VM)


# ---------------------------------------------------------------- their runs


def of_job(kind: str, rows: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    """The *rows* of sessions as those of the job of a *kind*."""
    return [{**each, "JobUid": f"urn:veeam:Job:{IDS[kind]}"} for each in rows]


@pytest.mark.parametrize("kind", PATHS)
async def test_a_run_of_any_kind_finds_its_session(kind: str) -> None:
    """By the job's sessions, of which a child is no run; and so does a saved run."""
    parent = {
        "Rel": "Up",
        "Name": "Parent session",
        "Href": f"{BASE}/backupSessions/{uuid_of(2)}",
        "Type": "BackupJobSessionReference",
    }
    fresh = [row(3, at=1, links=[parent]), row(2, at=2)]
    kinds = site(fresh=of_job(kind, fresh))
    async with talking(kinds) as (em, server):
        prepared = await em.jobs.prepare(IDS[kind])
        run = await em.jobs.start(prepared)
        session = await run.session(interval=SOON)
        resumed = await em.jobs.resume(prepared.to_dict()).session(interval=SOON)
        stopped = await run.stop()

        posted = asked(server, "POST")
    start = f"{PATHS[kind]}/{IDS[kind]}"
    own = f"{start}/start" if kind == "NasJob" else f"{start}?action=start"
    assert posted == [own, f"/backupSessions/{uuid_of(2)}?action=stop"]
    assert session.id == resumed.id == uuid_of(2)
    assert session.job_id == run.job_id == IDS[kind]
    assert stopped.task_id == "task-7"


# ---------------------------------------------------------------- a job that runs

REFUSED = task("Finished", success=False, message='Job "x" is already running.')


@pytest.mark.parametrize("looks", [0, 1, 3])
async def test_starting_a_job_that_runs_says_so(looks: int) -> None:
    """At `start`, once the task says so, with the session that runs."""
    script = ScriptedServer(
        rows=[row(2, at=-60), row(1, at=-600, state="Stopped")],
        tasks=[*[task("Running")] * looks, REFUSED],
    )
    if not looks:
        script.started = attrs.evolve(REFUSED, status=202)
    async with talking(script) as (em, server):
        with pytest.raises(StartRefused, match="is already running; its session") as no:
            await em.jobs.start(JOB)

        assert server.count("GET", "/api/tasks") == (looks + 1 if looks else 0)
        assert server.count("POST", "/api/jobs") == 1
    assert no.value.job_id == JOB
    assert no.value.running_id == uuid_of(2)
    assert str(uuid_of(2)) in str(no.value)


async def test_a_server_that_takes_another_start_is_believed() -> None:
    """The session that runs already is then not the run."""
    script = ScriptedServer(rows=[row(1, at=-60)], fresh=[row(2, at=5)])
    async with talking(script) as (em, _):
        run = await em.jobs.start(JOB)
        session = await run.session(interval=SOON)

    assert session.id == uuid_of(2)


async def test_a_task_that_cannot_be_read_does_not_hold_up_a_start() -> None:
    """Nor end it: the run itself looks again."""
    script = ScriptedServer(rows=[row(1, at=-60)], fresh=[row(2, at=5)], tasks=[LOST])
    async with talking(script) as (em, _):
        run = await em.jobs.start(JOB)
        session = await run.session(interval=SOON)

    assert session.id == uuid_of(2)


async def test_the_start_of_a_job_that_rests_asks_for_nothing_more() -> None:
    """A refusal for another reason is told by the run."""
    script = ScriptedServer(rows=[row(1, at=-60, state="Stopped")], tasks=[REFUSED])
    async with talking(script) as (em, server):
        run = await em.jobs.start(JOB)
        assert server.count("GET", "/api/tasks") == 0
        with pytest.raises(StartRefused, match=r"already running\.$") as no:
            await run.session(interval=SOON)

    assert no.value.running_id is None


# ---------------------------------------------------------------- by name


async def test_the_job_of_a_name_is_found_whatever_its_kind() -> None:
    """By a filter alone, without reading all jobs."""
    async with talking(site()) as (em, server):
        for kind in PATHS:
            found = await em.jobs.find(f" the {kind} ")
            assert found.id == IDS[kind]

        assert len(asked(server)) == 9
        assert all("filter=" in each for each in asked(server))


@pytest.mark.parametrize("is_exact", [True, False])
async def test_exact_case_wins(is_exact: bool) -> None:  # noqa: FBT001 - a parameter of a test
    """Where no name is written exactly so, the one in other case is meant."""
    kinds = ScriptedServer(
        jobs={
            "Job": [job("Job", VM, "SAP HANA"), job("Job", uuid_of(9), "Mail")],
            "AgentBackupJob": [job("AgentBackupJob", AGENT, "Sap Hana")],
        },
        is_exact=is_exact,
    )
    async with talking(kinds) as (em, _):
        assert (await em.jobs.find("SAP HANA")).id == VM
        assert (await em.jobs.find("Sap Hana")).id == AGENT
        assert (await em.jobs.find("mail")).id == uuid_of(9)
        with pytest.raises(JobAmbiguous):
            await em.jobs.find("sap hana")
        for nothing in ("", "  "):
            with pytest.raises(ValueError, match="name"):
                await em.jobs.find(nothing)


async def test_a_name_of_many_jobs_is_ambiguous() -> None:
    """The error has the id, the kind and the backup server of each."""
    kinds = ScriptedServer(
        jobs={
            "Job": [job("Job", VM, "SQL"), job("Job", uuid_of(9), "SQL", on="vbr02")],
            "NasJob": [job("NasJob", NAS, "SQL")],
        }
    )
    async with talking(kinds) as (em, _):
        with pytest.raises(JobAmbiguous) as many:
            await em.jobs.find("SQL")

    assert isinstance(many.value, LookupError)
    assert {each.id for each in many.value.jobs} == {VM, uuid_of(9), NAS}
    said = str(many.value)
    assert "3 jobs are called 'SQL'" in said
    assert f"{uuid_of(9)} (Backup on vbr02)" in said
    assert f"{NAS} (NasBackup on vbr01)" in said


async def test_a_name_that_no_job_has_names_the_nearest() -> None:
    """And says which jobs were not shown, where some were not."""
    names = ("SAP HANA", "SAP BW", "Mail servers", "File servers")
    jobs = [job("Job", uuid_of(n), name) for n, name in enumerate(names)]
    kinds = ScriptedServer(jobs={"Job": jobs}, refused={"AgentBackupJob": DENIED})
    async with talking(kinds) as (em, _):
        with pytest.raises(JobNotFound) as typo:
            await em.jobs.find("SAP HNAA")
        with pytest.raises(JobNotFound) as part:
            await em.jobs.find("Servers")
        with pytest.raises(JobNotFound) as nothing:
            await em.jobs.find("xyz")

    assert isinstance(typo.value, LookupError)
    assert typo.value.nearest[0] == "SAP HANA"
    assert "no job is called 'SAP HNAA'; did you mean 'SAP HANA'" in str(typo.value)
    assert set(part.value.nearest) == {"Mail servers", "File servers"}
    assert nothing.value.nearest == ()
    assert "jobs of agents: " in str(nothing.value)
    assert "403: Access denied" in str(nothing.value)


async def test_a_name_that_no_filter_takes_is_found_all_the_same(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """How quotes are written in a filter is not certain."""
    name = 'The "big" one'
    kinds = ScriptedServer(jobs={"Job": [job("Job", VM, name)]})

    def act(one: Asked) -> Act:
        return error(400, "filter") if "filter=" in one.target else kinds(one)

    async with talking(act) as (em, _):
        assert (await em.jobs.find(name)).id == VM
    async with talking(site(refused={"Job": DENIED})) as (em, _):
        assert (await em.jobs.find("the NasJob")).id == NAS
        assert caplog.messages == []
    refused = dict.fromkeys(PATHS, DENIED)
    async with talking(site(refused=refused)) as (em, _):
        with pytest.raises(PermissionDenied):
            await em.jobs.find("x")


# ---------------------------------------------------------------- links and bodies


@pytest.mark.parametrize("kind", PATHS)
@pytest.mark.parametrize("path", ["its own", "/jobs"])
async def test_a_link_to_a_job_of_any_kind_is_followed(kind: str, path: str) -> None:
    """To its reference and to itself, also where a session links to `/jobs`."""
    where = PATHS[kind] if path == "its own" else path
    href = f"{BASE}{where}/{IDS[kind]}"
    async with talking(site()) as (em, _):
        up = await em.follow(Link(rel="Up", href=href, type="JobReference"))
        for type_ in ("Job", kind):
            link = Link(rel="Alternate", href=f"{href}?format=Entity", type=type_)
            found = await em.follow(link)
            assert type(found) is CLASSES[kind]

    assert isinstance(up, EntityRef)
    assert up.id == IDS[kind]


async def test_a_link_to_a_job_that_is_gone_is_not_found_at_its_own_path() -> None:
    """That of a session is tried elsewhere, that to another kind is not."""
    async with talking(ScriptedServer(jobs={})) as (em, server):
        for path, times in (("/jobs", 3), ("/nas/jobs", 1)):
            link = Link(rel="Up", href=f"{BASE}{path}/{NAS}", type="JobReference")
            del server.asked[:]
            with pytest.raises(NotFound, match=f"api{path}/"):
                await em.follow(link)
            assert len(server.asked) == times


AGENT_XML = f"""<AgentBackupJob xmlns="http://www.veeam.com/ent/v1.0"
 Type="AgentBackupJob" Href="{BASE}/agents/jobs/{AGENT}?format=Entity"
 Name="Server Backup" UID="urn:veeam:AgentBackupJob:{AGENT}"><Links>
 <Link Rel="Start" Href="{BASE}/agents/jobs/{AGENT}?action=start" /></Links>
 <JobType>AgentBackup</JobType><Platform>AgentForWindows</Platform>
 <ScheduleConfigured>true</ScheduleConfigured></AgentBackupJob>""".encode()
NAS_XML = f"""<NASJob xmlns="http://www.veeam.com/ent/v1.0" Type="NasJob"
 Name="Shares" UID="urn:veeam:NasJob:{NAS}" />""".encode()


async def test_a_job_is_read_of_xml() -> None:
    """The root of a file share's job is spelt in capitals; it has no type."""

    def act(one: Asked) -> Act:
        found = AGENT_XML if "agents" in one.target else NAS_XML
        is_own = "/jobs/" in one.target and "api/jobs" not in one.target
        body = Answer(body=found, media_type="application/xml")
        return body if is_own else error(404, "Cannot find job")

    async with talking(behind_logon(act), accept="xml") as (em, _):
        agents = await em.jobs.get(f"urn:veeam:AgentBackupJob:{AGENT}")
        shares = await em.jobs.get(f"urn:veeam:NasJob:{NAS}")

    assert isinstance(agents, AgentBackupJob)
    assert (agents.name, agents.platform) == ("Server Backup", "AgentForWindows")
    assert isinstance(shares, NasJob)
    assert (shares.name, shares.job_type) == ("Shares", "NasBackup")


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (AgentBackupJob, "AgentBackupJobs"),
        (AgentBackupJob, "AgentJobs"),
        (AgentBackupJob, "Jobs"),
        (NasJob, "NasJobs"),
        (NasJob, "NASJobs"),
        (NasJob, "nasJobs"),
        (NasJob, "Jobs"),
    ],
)
def test_a_list_of_jobs_may_be_called_otherwise(kind: type[Job], name: str) -> None:
    """Nothing documents the names of all of them."""
    rows = [job(kind.__name__, NAS, "one")]
    for body in ({name: rows}, {"Entities": {name: {name: rows}}}):
        page: Page[Any] = decode(json.dumps(body).encode(), None, Page[kind])  # type: ignore[valid-type]  # known at run time only
        assert [each.name for each in page.rows] == ["one"]
