"""A watch against a server of two clocks, over a socket."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime

import pytest

from tests.support.simulated import client
from veeam_async.simulator import Simulator

SPEED = 60.0
ROUNDS = 12


@pytest.mark.parametrize("offset", [1200.0, -1200.0, 86400.0, -86400.0])
async def test_brief_runs_of_two_servers_are_told_over_a_socket(offset: float) -> None:
    """Each once, though one session is dated a year ahead, wherever our clock is."""
    simulator = Simulator(
        sessions=0,
        speed=SPEED,
        start=datetime(2026, 3, 2, 21, tzinfo=UTC),
        clock_offsets=(0.0, offset),
    )
    told = defaultdict(list)
    async with simulator:
        jobs = [simulator.job_ids_of(each)[0] for each in simulator.server_ids]
        for job in jobs:
            simulator.add_session(script=(), created_in=-100, job_id=job)
        simulator.add_session(
            script=(), created_in=-90, job_id=jobs[0], clock_offset=365 * 86400
        )
        brief = {
            simulator.add_session(
                script=[("Working", 1)], created_in=60.0 + 11 * n, job_id=jobs[n % 2]
            )
            for n in range(ROUNDS)
        }
        async with client(simulator) as em:
            async for event in em.backup_sessions.watch(interval=0.1, timeout=60):
                told[event.id].append(str(event.kind))
                if sum(kinds[-1] == "STOPPED" for kinds in told.values()) == ROUNDS:
                    break

    assert dict(told) == {each: ["FOUND", "STOPPED"] for each in brief}
