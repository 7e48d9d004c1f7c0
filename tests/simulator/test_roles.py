from typing import Any

import pytest

from tests.support.simulated import client
from veeam_async import PermissionDenied
from veeam_async.simulator import Simulator
from veeam_async.simulator.roles import ROLES

READS_OF_JOBS = (
    "/jobs",
    "/jobs/{job}?format=Entity",
    "/nas/jobs",
    "/agents/jobs",
    "/query?type=Job&format=Entities",
)
READS_OF_SESSIONS = (
    "/backupSessions?format=Entity",
    "/backupSessions/{session}?format=Entity",
    "/backupSessions/{session}/taskSessions",
    "/backupTaskSessions",
    "/agents/backupSessions",
    "/query?type=BackupJobSession&format=Entities",
    "/query?TYPE=backupjobsession",
    "/query?type=BackupTaskSession",
    "/replicaSessions",
)
OTHER_READS = ("/restoreSessions", "/backupServers", "/logonSessions", "/tasks")
ORDERS = ("/backupSessions/{session}?action=stop", "/jobs/{job}?action=start")

ADMINISTRATOR, USER, OPERATOR = ROLES


def _filled(simulator: Simulator, path: str) -> str:
    """Path with the ids of a session and of a job."""
    session, job = simulator.session_ids[0], simulator.job_ids[0]
    return path.format(session=session, job=job)


@pytest.mark.parametrize(
    ("role", "allowed", "refused"),
    [
        (ADMINISTRATOR, READS_OF_JOBS + READS_OF_SESSIONS + OTHER_READS, ()),
        (USER, READS_OF_SESSIONS + OTHER_READS, READS_OF_JOBS),
        (OPERATOR, OTHER_READS, READS_OF_JOBS + READS_OF_SESSIONS),
    ],
)
async def test_what_a_role_may_read(
    role: Any, allowed: tuple[str, ...], refused: tuple[str, ...], connect: Any
) -> None:
    """What the role has no right to is a 403 with an error document."""
    async with Simulator(role=role) as simulator:
        caller = await connect(simulator)
        for path in allowed:
            assert (await caller.get(_filled(simulator, path))).status == 200
        for path in refused:
            reply = await caller.get(_filled(simulator, path))
            assert (reply.status, reply.json["statusCode"]) == (403, 403)


@pytest.mark.parametrize(
    ("role", "status"), [(ADMINISTRATOR, 202), (USER, 403), (OPERATOR, 403)]
)
async def test_who_may_order(role: Any, status: int, connect: Any) -> None:
    """A Portal Administrator alone stops sessions and starts jobs."""
    async with Simulator(role=role) as simulator:
        caller = await connect(simulator)
        running = simulator.running_ids
        for path in ORDERS:
            assert (await caller.post(_filled(simulator, path))).status == status

        assert len(simulator.running_ids) == len(running)


async def test_a_path_in_capitals_is_refused_too(connect: Any) -> None:
    """A right does not depend on how a path is spelt."""
    async with Simulator(role=OPERATOR) as simulator:
        caller = await connect(simulator)

        assert (await caller.get("/BACKUPSESSIONS")).status == 403


async def test_who_is_not_logged_on_is_told_that_first(connect: Any) -> None:
    """A 401 comes before a 403, and a 404 of an unknown path too."""
    async with Simulator(role=OPERATOR) as simulator:
        caller = await connect(simulator, is_logged_on=False)

        assert (await caller.get("/jobs")).status == 401
        assert (await caller.get("/nowhere")).status == 404


async def test_everybody_may_log_out(connect: Any) -> None:
    """Logging on and out is no matter of rights."""
    async with Simulator(role=OPERATOR) as simulator:
        caller = await connect(simulator)
        [logon] = (await caller.get("/logonSessions")).json["logonSessions"]
        path = f"/logonSessions/{logon['sessionId']}"

        assert (await caller.send("DELETE", path)).status == 204


async def test_the_client_tells_a_missing_right() -> None:
    """A Restore Operator's GET of a session is PermissionDenied."""
    async with (
        Simulator(role=OPERATOR) as simulator,
        client(simulator) as em,
    ):
        with pytest.raises(PermissionDenied):
            await em.backup_sessions.get(simulator.session_ids[0])


def test_an_unknown_role_is_refused() -> None:
    """There are three roles."""
    with pytest.raises(ValueError, match="Portal User"):
        Simulator(role="Backup Viewer")  # type: ignore[arg-type]  # the point of it
