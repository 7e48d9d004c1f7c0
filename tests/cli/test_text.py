from datetime import UTC, datetime, timedelta, timezone

import pytest

from veeam_async.cli.render.words import (
    byte_size,
    count,
    date_time,
    duration,
    one_line,
    printable,
    rate,
    seconds,
    time_of_day,
)

LAST = datetime.max.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (0, "0s"),
        (59, "59s"),
        (61, "1m 01s"),
        (3600, "1h 00m"),
        (90_000, "1d 01h"),
        (-5, "0s"),
    ],
)
def test_a_duration_has_its_two_largest_units(length: int, text: str) -> None:
    """So it can be compared at a glance."""
    assert text == duration(timedelta(seconds=length))


def test_numbers_as_text() -> None:
    """Sizes, rates, counts and seconds are short."""
    assert [count(n, "session") for n in (1, 2000)] == ["1 session", "2,000 sessions"]
    assert [byte_size(n) for n in (512, 1536, 25 * 2**30, 2**51)] == [
        "512 B",
        "1.5 KB",
        "25.0 GB",
        "2048.0 TB",
    ]
    assert [rate(1, 2), rate(1000, 1), rate(1, 0)] == ["0.5/s", "1,000/s", "0.0/s"]
    assert [seconds(0.5), seconds(12.34)] == ["0.50 s", "12.3 s"]


def test_missing_times_are_empty() -> None:
    """A time that is not known is not shown."""
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)

    assert (duration(None), date_time(None)) == ("", "")
    assert f"{noon.astimezone():%Y-%m-%d %H:%M}" == date_time(noon)


def test_the_edges_of_the_calendar_are_shown_in_some_zone() -> None:
    """Those of UTC, where this machine's has no such year."""
    for hours in (-14, 14):
        zone = timezone(timedelta(hours=hours))
        for there in (datetime.min.replace(tzinfo=zone), LAST.replace(tzinfo=zone)):
            assert date_time(there)[4:5] == "-"
            assert time_of_day(there)[2:3] == ":"


def test_names_cannot_steer_a_terminal() -> None:
    """Escape sequences and line breaks of a server come through as plain text."""
    assert printable("a\x1b[2Jb") == "a�[2Jb"
    assert one_line("a\n b\t c") == "a b c"
