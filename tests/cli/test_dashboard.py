from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tests.cli.events import changed, dashboard_of, ended, gone, session
from veeam_async import EventKind
from veeam_async.cli.render.dashboard import Dashboard
from veeam_async.cli.render.words import Event

numbers = st.integers(0, 30)
changes: st.SearchStrategy[Event] = st.one_of(
    st.builds(changed, st.just(EventKind.FOUND), st.builds(session, numbers)),
    st.builds(
        changed,
        st.sampled_from([EventKind.CHANGED, EventKind.PROGRESSED]),
        st.builds(session, numbers, st.sampled_from(["Working", "Stopping"])),
    ),
    st.builds(ended, numbers, st.sampled_from(["Success", "Failed"])),
    st.builds(gone, numbers),
)


def _numbers(dashboard: Dashboard, limit: int, now: float) -> list[int]:
    return [row.session_id.int for row in dashboard.rows(limit, now)]


def test_rows_stand_still_while_all_fit() -> None:
    """Only an end moves a row: below those that run, the latest end first."""
    dashboard = dashboard_of(5)
    for number, now in ((1, 10.0), (3, 20.0)):
        dashboard.update(ended(number), now)
    dashboard.update(changed(EventKind.CHANGED, session(4, "Stopping")), now=30.0)

    assert _numbers(dashboard, limit=5, now=30.0) == [0, 2, 4, 3, 1]


def test_what_just_changed_comes_first_where_not_all_fit() -> None:
    """For a moment; then what runs comes first again."""
    dashboard = dashboard_of(5)
    dashboard.update(ended(4), now=10.0)

    assert _numbers(dashboard, limit=3, now=11.0) == [4, 0, 1]
    assert _numbers(dashboard, limit=3, now=20.0) == [0, 1, 2]


def test_many_changes_at_once_leave_room_for_what_runs() -> None:
    """Half of the rows show what changed, and it keeps its place while it is fresh."""
    dashboard = dashboard_of(1000)
    for number in range(500, 700):
        dashboard.update(
            changed(EventKind.CHANGED, session(number, "Stopping")), now=10.0
        )
    first = _numbers(dashboard, limit=8, now=10.0)
    for number in range(700, 900):
        dashboard.update(
            changed(EventKind.CHANGED, session(number, "Stopping")), now=12.0
        )
    later = _numbers(dashboard, limit=8, now=12.0)
    last = _numbers(dashboard, limit=8, now=13.0)

    assert first == [699, 698, 697, 696, 0, 1, 2, 3]
    assert later == first
    assert last == [899, 898, 897, 896, 0, 1, 2, 3]


def test_what_failed_is_not_missed_among_others() -> None:
    """It stands on top, and for longer, however many others just ended."""
    dashboard = dashboard_of(100)
    dashboard.update(changed(EventKind.CHANGED, session(50, "Stopping")), now=9.0)
    dashboard.update(ended(50, "Failed"), now=10.0)
    dashboard.update(gone(51, session(51)), now=10.0)
    for number in range(60, 90):
        dashboard.update(ended(number), now=10.0)

    assert _numbers(dashboard, limit=8, now=10.0) == [51, 50, 89, 88, 0, 1, 2, 3]
    assert _numbers(dashboard, limit=8, now=24.0) == [51, 50, 0, 1, 2, 3, 4, 5]
    assert _numbers(dashboard, limit=8, now=25.0) == [0, 1, 2, 3, 4, 5, 6, 7]


def test_progress_is_no_change() -> None:
    """A row that only progressed stays where it is."""
    dashboard = dashboard_of(4)
    dashboard.update(changed(EventKind.PROGRESSED, session(3)), now=10.0)

    assert _numbers(dashboard, limit=2, now=10.0) == [0, 1]


def test_a_session_that_is_gone_counts_as_gone() -> None:
    """Also one that was never seen."""
    dashboard = dashboard_of(1)
    dashboard.update(gone(0, session(0)), now=1.0)
    dashboard.update(gone(7), now=1.0)

    assert dict(dashboard.counts) == {"Gone": 2}


def test_what_ended_long_ago_is_but_a_count() -> None:
    """However long a watch lasts, it keeps only the rows that a screen could show."""
    dashboard = Dashboard()
    for number in range(3000):
        dashboard.update(changed(EventKind.FOUND, session(number)), float(number))
        dashboard.update(
            ended(number, "Failed" if number == 1 else "Success"), float(number)
        )
    kept = _numbers(dashboard, limit=3000, now=3000.0)

    assert dict(dashboard.counts) == {"Success": 2999, "Failed": 1}
    assert dashboard.total == 3000
    assert kept == list(range(2999, 2499, -1))


@given(
    events=st.lists(st.tuples(changes, st.floats(0.0, 20.0)), max_size=80),
    limit=st.integers(1, 40),
)
def test_counts_and_rows_agree(events: list[tuple[Event, float]], limit: int) -> None:
    """Each session is counted once, as it was last seen, and has one row at limit."""
    dashboard, last, now = Dashboard(), {}, 0.0
    for event, seconds in events:
        now += seconds
        dashboard.update(event, now)
        shown = dashboard.rows(limit, now)
        last[event.id] = next(
            row for row in dashboard.rows(31, now) if row.session_id == event.id
        )

        assert (
            len({row.session_id for row in shown})
            == len(shown)
            == min(limit, len(last))
        )
        assert {row.session_id: row for row in shown}.items() <= last.items()

    assert dashboard.counts == Counter(row.outcome for row in last.values())
    assert dashboard.total == len(last)
