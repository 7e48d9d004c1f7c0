from datetime import UTC, datetime, timedelta

import pytest

from tests.cli.command import Invoke, Run
from veeam_async.cli.exits import Refusal
from veeam_async.cli.since import parse_since
from veeam_async.simulator import Simulator

NOW = datetime(2026, 11, 28, 12, 30, tzinfo=UTC).astimezone()  # a Saturday
MIDNIGHT = NOW.replace(hour=0, minute=0)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("24h", NOW - DAY),
        ("90 minutes ago", NOW - timedelta(minutes=90)),
        ("1.5d", NOW - 1.5 * DAY),
        ("2w", NOW - 14 * DAY),
        ("30S", NOW - timedelta(seconds=30)),
        ("now", NOW),
        ("today", MIDNIGHT),
        ("Yesterday 18:00", MIDNIGHT - timedelta(hours=6)),
        ("monday", MIDNIGHT - 5 * DAY),
        ("saturday 0:10", MIDNIGHT + timedelta(minutes=10)),
        ("0:10", MIDNIGHT + timedelta(minutes=10)),
        ("23:59:59", MIDNIGHT - timedelta(seconds=1)),
        ("2026-11-27", MIDNIGHT - DAY),
        ("2026-11-27 18:00", MIDNIGHT - timedelta(hours=6)),
        ("2026-11-27T18:00:00+02:00", datetime(2026, 11, 27, 16, tzinfo=UTC)),
        ("2026-11-27T18:00:00Z", datetime(2026, 11, 27, 18, tzinfo=UTC)),
    ],
)
def test_a_time_may_be_said_as_people_say_it(text: str, time: datetime) -> None:
    """An age, a day, a time of a day, a date; in this machine's zone."""
    found = parse_since(text, NOW)

    assert found == time
    assert found.tzinfo is not None


@pytest.mark.parametrize(
    "text",
    ["", "soon", "24", "yesterday 25:00", "9" * 9 + "w", "0001-01-01", "h", "1y"],
)
def test_what_says_no_time_is_refused(text: str) -> None:
    """With what would say one."""
    with pytest.raises(Refusal, match="--since takes 24h"):
        parse_since(text, NOW)


async def test_everything_that_selects_must_be_met(
    quick: Run, simulator: Simulator
) -> None:
    """Filter, state, result, jobs and time are joined by AND, in query and fetch."""
    day = 86_400
    wanted = [
        str(simulator.add_session(script=(), result="Failed", job_name=name))
        for name in ("SQL prod", "Mail")
    ]
    simulator.add_session(script=(), result="Success", job_name="SQL prod")
    simulator.add_session(
        script=(), result="Failed", job_name="SQL prod", created_in=-2 * day
    )
    simulator.add_session(script=(), result="Failed", job_name="Others")
    options = ("--since", "24h", "--result", "failed", "--state", "stopped")
    names = ("--job", "SQL prod", "--job", "Mail")
    patterns = ("--job", "sql*", "--job", "*AI*")
    for command in ("query", "fetch"):
        for jobs in (names, patterns):
            where = ("--where", "is_retry==false,is_retry==true")
            found = await quick(command, *options, *jobs, *where)

            assert found.code == 0
            assert sorted(row["id"] for row in found.rows) == sorted(wanted)
    few = await quick("query", *options, *patterns, "--limit", "1")
    both = await quick("query", "result==Failed", "--where", "job_name==Mail")

    assert len(few.rows) == 1
    assert [row["id"] for row in both.rows] == wanted[1:]


async def test_a_watch_of_some_jobs(quick: Run, simulator: Simulator) -> None:
    """By names on the server, by patterns here; others are passed over."""
    for name in ("SQL prod", "SQL test", "Mail"):
        simulator.add_session(script=[("Working", 36_000)], job_name=name)
    shown = [
        await quick("watch", "--timeout", "0.3", "--interval", "0.1", *jobs)
        for jobs in (("--job", "Mail"), ("--job", "sql*"))
    ]

    assert [each.code for each in shown] == [0, 0]
    assert [{row["session"]["job_name"] for row in each.rows} for each in shown] == [
        {"Mail"},
        {"SQL prod", "SQL test"},
    ]


def test_what_selects_goes_without_ids(invoke: Invoke) -> None:
    """It is one or the other; and a restore has no job."""
    ids = invoke("fetch", "0" * 8, "--since", "24h")
    watched = invoke("watch", "3f6a8c1e-52d7-4b90-a1c4-7d0e9b2f6a35", "--job", "x")
    restore = invoke("query", "--resource", "restore", "--job", "x*")

    assert [each.code for each in (ids, watched, restore)] == [2, 2, 2]
    assert "select: no ids" in ids.err
    assert "--job is for a watch of everything" in watched.err
    assert "cannot be queried by 'job_name'" in restore.err
