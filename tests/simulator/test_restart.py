import math
import urllib.error
import urllib.request
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from veeam_async.simulator import Faults, Simulator
from veeam_async.simulator.threaded import ThreadedSimulator

PATHS = ("/", "/backupServers", "/nowhere", "/query?type=Job", "/tasks/task-1")


@pytest.mark.parametrize(
    ("answer", "status"), [("404", 404), ("502", 502), ("503", 503), ("html", 200)]
)
async def test_everything_is_answered_alike(
    answer: Any, status: int, simulator: Simulator, caller: Any
) -> None:
    """Whatever is asked, logons too, a page in HTML comes with that status."""
    simulator.restart(math.inf, answer=answer)
    replies = [await caller.get(path) for path in PATHS]
    replies += [await caller.log_on()]

    for reply in replies:
        assert reply.status == status
        assert reply.headers["Content-Type"].startswith("text/html")
        assert b"</html>" in reply.body
        date = parsedate_to_datetime(reply.headers["Date"])
        assert abs((simulator.now - date).total_seconds()) < 3600
    assert simulator.stats.faults == {"restart": len(replies)}
    assert simulator.stats.logons == 1


async def test_the_service_may_say_so_itself(simulator: Simulator, caller: Any) -> None:
    """The 404 is then an error document, as for one session that is unknown."""
    simulator.restart(math.inf, is_page=False)
    reply = await caller.get(f"/backupSessions/{simulator.session_ids[0]}")

    assert (reply.status, reply.json["statusCode"]) == (404, 404)


async def test_afterwards_everything_is_as_it_was(
    simulator: Simulator, caller: Any
) -> None:
    """Sessions have gone on meanwhile, and the token lives."""
    before = simulator.running_ids
    path = f"/backupSessions/{before[-1]}?format=Entity"
    simulator.restart(math.inf)
    simulator.advance(1000)
    assert (await caller.get(path)).status == 404
    simulator.restart(0)
    reply = await caller.get(path)

    assert (reply.status, reply.json["state"]) == (200, "Stopped")


async def test_it_ends_by_itself(simulator: Simulator, caller: Any) -> None:
    """After the seconds the service answers again."""
    simulator.restart(0.05)
    while (await caller.get("/backupServers")).status != 200:
        assert simulator.stats.requests < 10_000

    assert simulator.stats.requests >= 2


async def test_faults_strike_the_same_requests(connect: Any) -> None:
    """Where the faults hit afterwards does not depend on how it answered before."""

    async def statuses(*, is_away: bool) -> list[int]:
        faults = Faults(server_error=0.3)
        async with Simulator(faults=faults) as simulator:
            caller = await connect(simulator)
            simulator.restart(math.inf if is_away else 0)
            for _ in range(10):
                await caller.get("/backupServers")
            simulator.restart(0)
            return [(await caller.get("/backupServers")).status for _ in range(30)]

    assert await statuses(is_away=True) == await statuses(is_away=False)


def test_one_in_a_thread_restarts_too() -> None:
    """It is told so from the thread that entered it."""
    with ThreadedSimulator(sessions=0, running=0) as simulator:
        simulator.restart(math.inf, answer="503")
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"{simulator.url}/api/")  # noqa: S310 - loopback
        caught.value.close()

        assert caught.value.code == 503


@pytest.mark.parametrize("settings", [{"seconds": -1}, {"seconds": 1, "answer": "200"}])
async def test_what_it_does_not_know_is_refused(
    settings: Any, simulator: Simulator
) -> None:
    """Time runs forwards, and there are four answers."""
    with pytest.raises(ValueError, match=r"restart|answer"):
        simulator.restart(**settings)
