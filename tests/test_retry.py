"""What is tried again, how often, and after how long."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from veeam_async import (
    ApiError,
    BodyTooLarge,
    CertificateError,
    ConnectionFailed,
    DecodeError,
    InvalidId,
    NotEnterpriseManager,
    NotFound,
    PermissionDenied,
    RequestTimeout,
    Retry,
    ServerError,
    ServiceUnavailable,
    Timeout,
    VeeamError,
)
from veeam_async.retry import MAX_RETRY_AFTER, NEVER, asked


def api_error(
    status: int, kind: type[ApiError] = ApiError, after: float | None = None
) -> ApiError:
    """Make the error of a status."""
    return kind(
        status=status,
        message=None,
        method="GET",
        url="http://em/api/x",
        retry_after=after,
    )


def attempts(retry: Retry, error: VeeamError) -> int:
    """Tell how many attempts an error that never ends is worth."""
    attempt = 1
    while retry.wait(error, attempt, lambda: 0.5) is not None:
        attempt += 1
    return attempt


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ConnectionFailed("reset"), 7),
        (ConnectionFailed("refused", sent=False), 7),
        (RequestTimeout("late"), 7),
        (api_error(429), 7),
        (api_error(502, ServerError), 7),
        (api_error(503, ServiceUnavailable), 7),
        (api_error(504, ServerError), 7),
        (api_error(500, ServerError), 3),
        (api_error(500, NotFound), 1),
        (api_error(501, ServerError), 1),
        (api_error(505, ServerError), 1),
        (api_error(302), 1),
        (api_error(400), 1),
        (api_error(401), 1),
        (api_error(403, PermissionDenied), 1),
        (api_error(404, NotFound), 1),
        (api_error(408), 7),
        (api_error(425), 7),
        *((api_error(status, ServerError), 7) for status in range(520, 525)),
        (api_error(519, ServerError), 1),
        (api_error(525, ServerError), 1),
        (api_error(407), 1),
        (CertificateError("untrusted", fingerprint=None), 1),
        (BodyTooLarge(1), 1),
        (InvalidId("x"), 1),
        (NotEnterpriseManager(url="u", found="f"), 1),
        (DecodeError(media_type="m", kind="k", problems=(), excerpt=""), 1),
        (VeeamError("any"), 1),
    ],
    ids=lambda value: str(value)[:40],
)
def test_the_table_of_what_is_tried_again(error: VeeamError, expected: int) -> None:
    """Of seven attempts those that fit the error."""
    assert attempts(Retry(attempts=7), error) == expected


@pytest.mark.parametrize("most", [1, 2, 3])
def test_a_500_gets_no_more_attempts_than_were_asked_for(most: int) -> None:
    """Its own limit only lowers."""
    assert attempts(Retry(attempts=most), api_error(500, ServerError)) == most


def test_never_is_one_attempt() -> None:
    """Whatever the error."""
    assert attempts(NEVER, ConnectionFailed("reset")) == 1


def test_waits_double_up_to_the_longest() -> None:
    """The bounds of the random times, that is."""
    retry = Retry(attempts=9, wait_initial=0.2, wait_max=2)
    bounds = [retry.wait(ConnectionFailed("x"), n, lambda: 1.0) for n in range(1, 9)]

    assert bounds == pytest.approx([0.2, 0.4, 0.8, 1.6, 2, 2, 2, 2])


def test_the_jitter_is_full() -> None:
    """From nothing at all to the bound."""
    retry = Retry(wait_initial=4)
    waits = [
        retry.wait(ConnectionFailed("x"), 1, lambda u=u: u)  # type: ignore[misc]  # mypy sees no type in a default
        for u in (0.0, 0.25, 0.999)
    ]

    assert waits == pytest.approx([0, 1, 3.996])


@pytest.mark.parametrize(
    ("after", "expected"), [(None, 0), (0, 0), (7.5, 7.5), (60, 60), (3600, 60)]
)
def test_retry_after_is_believed_up_to_a_minute(
    after: float | None, expected: float
) -> None:
    """And infinity as well."""
    error = api_error(503, ServiceUnavailable, after)

    assert asked(error) == expected
    assert Retry().wait(error, 1, lambda: 0.0) == expected
    assert asked(api_error(503, after=math.inf)) == MAX_RETRY_AFTER


def test_what_asks_for_nothing_is_asked_nothing() -> None:
    """Errors without the attribute, and no error."""
    assert asked(ConnectionFailed("x")) == 0
    assert asked(None) == 0


def test_a_wait_is_never_shorter_than_what_was_asked_for() -> None:
    """Nor is the jitter added to it."""
    error = api_error(503, ServiceUnavailable, 1.0)
    retry = Retry(wait_initial=8)

    assert retry.wait(error, 1, lambda: 0.0) == 1
    assert retry.wait(error, 1, lambda: 0.5) == 4


@given(
    st.builds(
        Retry,
        attempts=st.integers(1, 10**6),
        wait_initial=st.floats(0, 1e6),
        wait_max=st.floats(0, 1e6),
    ),
    st.integers(1, 10**6),
    st.floats(0, 1, exclude_max=True),
    st.none() | st.floats(0, 1e9),
)
def test_waits_stay_in_their_bounds(
    retry: Retry, attempt: int, random: float, after: float | None
) -> None:
    """Never negative, never above the longest of the two limits, never another one."""
    wait = retry.wait(api_error(503, after=after), attempt, lambda: random)

    if attempt >= retry.attempts:
        assert wait is None
    else:
        assert wait is not None
        assert min(after or 0, MAX_RETRY_AFTER) <= wait
        assert wait <= max(retry.wait_max, min(after or 0, MAX_RETRY_AFTER))


@pytest.mark.parametrize(
    "wrong",
    [
        {"attempts": 0},
        {"wait_initial": -1},
        {"wait_max": -0.1},
        {"wait_max": math.nan},
        {"attempts": "5"},
        {"wait_max": None},
    ],
)
def test_numbers_out_of_their_range_are_refused(wrong: dict[str, Any]) -> None:
    """At once, not at the first failure."""
    with pytest.raises(ValueError, match="must be"):
        Retry(**wrong)


@pytest.mark.parametrize("name", ["connect", "request"])
@pytest.mark.parametrize("wrong", [0, -1, math.nan, None, "5", Decimal(5)])
def test_a_time_out_that_is_no_number_of_seconds_is_refused(
    name: str, wrong: Any
) -> None:
    """Where it is said, not where it is first counted from."""
    with pytest.raises(ValueError, match=f"{name} is a number of seconds above 0"):
        Timeout(**{name: wrong})
