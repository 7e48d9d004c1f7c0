"""Conditions on fields, and the text that the server is asked with."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, get_type_hints

import pytest

from tests.support.bodies import behind_logon, uuid_of
from tests.support.fault_server import Answer, FaultServer
from veeam_async import (
    BackupJobSession,
    BackupTaskSession,
    EnterpriseManager,
    F,
    Job,
    ReplicaJobSession,
    RestoreSession,
    SessionState,
)
from veeam_async.filters import Condition, query_field

URN = f"urn:veeam:Job:{uuid_of(1)}"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def rendered(condition: Condition, kind: type = BackupJobSession) -> str:
    """The text of a filter."""
    return condition.render(kind)


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (F.state == "Working", 'State=="Working"'),
        (F.state != SessionState.STOPPED, 'State!="Stopped"'),
        (F.result < "Failed", 'Result<"Failed"'),
        (F.result <= "Failed", 'Result<="Failed"'),
        (F.result > "Success", 'Result>"Success"'),
        (F.result >= "Success", 'Result>="Success"'),
        (F.is_retry == True, "IsRetry==true"),  # noqa: E712 - a condition
        (F.is_retry != False, "IsRetry!=false"),  # noqa: E712 - a condition
        (F.uid == uuid_of(1), f'UID=="{uuid_of(1)}"'),
        (F.job_uid == URN, f'JobUid=="{URN}"'),
        (F.job_name == 'the "old" one', 'JobName=="the ""old"" one"'),
        (F.job_name == '"', 'JobName==""""'),
        (F.job_name == "", 'JobName==""'),
        (F.job_name == "a;b,(c)", 'JobName=="a;b,(c)"'),
        ("Working" == F.state, 'State=="Working"'),  # noqa: SIM300 - reflected on purpose
        (NOON < F.end_time, 'EndTime>"2026-03-02T12:00:00Z"'),  # noqa: SIM300 - the same
    ],
)  # fmt: skip
def test_a_comparison_renders_field_operator_and_value(
    condition: Condition, text: str
) -> None:
    """Text is quoted, quotes within are doubled, the server's names are used."""
    assert rendered(condition) == text


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (NOON, "2026-03-02T12:00:00Z"),
        (NOON.replace(microsecond=221420), "2026-03-02T12:00:00.221420Z"),
        (NOON.astimezone(timezone(timedelta(hours=-7))), "2026-03-02T12:00:00Z"),
        (NOON.astimezone(timezone(timedelta(seconds=19))), "2026-03-02T12:00:00Z"),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00Z"),
    ],
)
def test_a_time_is_sent_in_utc(moment: datetime, text: str) -> None:
    """With its Z, whatever zone it was given in."""
    assert rendered(F.creation_time >= moment) == f'CreationTime>="{text}"'


def test_a_time_without_a_zone_is_refused() -> None:
    """Nobody knows which one the server would take it for."""
    with pytest.raises(ValueError, match="creation_time needs a time with a time zone"):
        _ = F.creation_time >= datetime(2026, 3, 2)  # noqa: DTZ001 - on purpose


def test_a_time_that_utc_has_no_year_for_is_refused() -> None:
    """As any other misuse; west of Greenwich the calendar ends early."""
    west = timezone(timedelta(hours=-5))
    with pytest.raises(ValueError, match="no year of UTC"):
        _ = F.creation_time >= datetime(9999, 12, 31, 23, tzinfo=west)


@pytest.mark.parametrize("text", ["\ud800", "a\udcffb"])
async def test_a_text_that_cannot_be_sent_is_refused(text: str) -> None:
    """At once, by a sentence: half a surrogate, as other encodings leave it."""
    with pytest.raises(ValueError, match=r"F\.name takes Unicode text"):
        _ = F.name == text
    async with EnterpriseManager(
        "http://x", username="u", password="p", lazy=True
    ) as em:
        sessions = em.backup_sessions
        with pytest.raises(ValueError, match="where takes Unicode text"):
            sessions.query(f'Name=="{text}"')
        with pytest.raises(ValueError, match="where takes Unicode text"):
            sessions.watch(where=f'Name=="{text}"')


def test_conditions_nest_as_deep_as_a_program_joins_them() -> None:
    """Each level has its parentheses; text, fields and repr know no limit."""
    deep = F.name == "0"
    for number in range(1, 5001):
        other = F.name == str(number)
        deep = deep | other if number % 2 else deep & other

    text = rendered(deep)
    assert text.startswith("(" * 4999 + 'Name=="0",Name=="1")')
    assert text.endswith(',Name=="4999");Name=="5000"')
    assert deep.fields == {"name"}
    assert len(repr(deep)) < 250


def test_or_is_always_in_parentheses_and_so_is_an_and_within_it() -> None:
    """Which of the two binds stronger is documented nowhere."""
    a, b, c, d = (F.name == letter for letter in "abcd")

    assert rendered(a & b) == 'Name=="a";Name=="b"'
    assert rendered(a | b) == '(Name=="a",Name=="b")'
    assert rendered(a & b & c) == 'Name=="a";Name=="b";Name=="c"'
    assert rendered(a & (b & c)) == rendered((a & b) & c)
    assert rendered(a | (b | c)) == '(Name=="a",Name=="b",Name=="c")'
    assert rendered(a & (b | c)) == 'Name=="a";(Name=="b",Name=="c")'
    assert rendered(a & b | c) == '((Name=="a";Name=="b"),Name=="c")'
    assert rendered((a | b) & (c | d)) == '(Name=="a",Name=="b");(Name=="c",Name=="d")'
    assert rendered(a | b & (c | d)) == (
        '(Name=="a",(Name=="b";(Name=="c",Name=="d")))'
    )


def test_in_is_an_or_of_equals() -> None:
    """A single value needs no parentheses; an iterator will do."""
    assert rendered(F.state.in_(["Working", "Starting"])) == (
        '(State=="Working",State=="Starting")'
    )
    assert rendered(F.state.in_(iter(["Working"]))) == 'State=="Working"'
    assert rendered(F.is_retry.in_([True]) & (F.name == "a")) == (
        'IsRetry==true;Name=="a"'
    )


@pytest.mark.parametrize("values", [[], "Working"])
def test_in_wants_values_and_a_text_is_none(values: Any) -> None:
    """Nothing would select nothing; the letters of a text are a mistake."""
    with pytest.raises(ValueError, match=r"F\.state\.in_\(\)"):
        F.state.in_(values)


# ---------------------------------------------------------------- fields


def test_an_unknown_field_is_an_attribute_error_that_lists_the_fields() -> None:
    """The names are those of the models, not those of the wire."""
    with pytest.raises(AttributeError, match="'creation'; there are backup_server_"):
        _ = F.creation  # type: ignore[attr-defined]  # misspelt
    with pytest.raises(AttributeError) as caught:
        _ = F.job_nam  # type: ignore[attr-defined]  # misspelt
    # By these two Python says which name was meant.
    assert (caught.value.name, caught.value.obj) == ("job_nam", F)
    assert not hasattr(F, "progress")
    assert not hasattr(F, "CreationTime")
    assert "creation_time" in dir(F)


def test_a_type_checker_knows_every_field_and_no_other() -> None:
    """As the ignored errors above show, which mypy would call needless else."""
    assert sorted(get_type_hints(type(F))) == dir(F)
    assert set(get_type_hints(type(F)).values()) == {type(F.state)}


def test_every_field_is_of_some_resource() -> None:
    """And each resource knows those of the reference's tables."""
    kinds = (
        BackupJobSession,
        ReplicaJobSession,
        RestoreSession,
        BackupTaskSession,
        Job,
    )

    def knows(kind: type, name: str) -> bool:
        try:
            return bool(query_field(name, kind))
        except ValueError:
            return False

    counts = {kind: sum(knows(kind, name) for name in dir(F)) for kind in kinds}
    assert all(any(knows(kind, name) for kind in kinds) for name in dir(F))
    # A restore session's JobType is Type there: two names for one field.
    assert list(counts.values()) == [12, 12, 11, 14, 10]


@pytest.mark.parametrize(
    ("field", "kind", "name"),
    [
        ("uid", BackupJobSession, "UID"),
        ("backup_server_uid", BackupJobSession, "BackupServerUid"),
        ("job_type", BackupJobSession, "JobType"),
        ("job_type", RestoreSession, "Type"),
        ("vm_display_name", RestoreSession, "VmDisplayName"),
        ("total_size", BackupTaskSession, "TotalSize"),
        ("next_run", Job, "NextRun"),
    ],
)
def test_the_same_field_may_have_another_name(
    field: str, kind: type, name: str
) -> None:
    """The query service has names of its own."""
    assert query_field(field, kind) == name
    assert rendered(getattr(F, field) == "x", kind) == f'{name}=="x"'


@pytest.mark.parametrize(
    ("condition", "kind"),
    [
        (F.is_retry == True, RestoreSession),  # noqa: E712 - a condition
        (F.total_size > 1, BackupJobSession),
        ((F.name == "a") & (F.state == "Stopped"), Job),
    ],
)
def test_a_field_that_the_resource_lacks_is_a_value_error(
    condition: Condition, kind: type
) -> None:
    """It lists those that the resource has."""
    with pytest.raises(ValueError, match=r"cannot be queried by .*only by .*name"):
        rendered(condition, kind)


# ---------------------------------------------------------------- misuse


def test_what_python_would_drop_half_of_is_a_type_error() -> None:
    """`and`, `or`, `not`, chained comparison, `in`, `if`."""
    a: Any = F.name == "a"
    b: Any = F.name == "b"
    misuses = (
        lambda: a and b,
        lambda: a or b,
        lambda: not a,
        lambda: NOON < F.creation_time < NOON,
        lambda: F.state in ("Working", "Starting"),
        lambda: 1 if a else 2,
    )
    for misuse in misuses:
        with pytest.raises(TypeError, match="no truth value"):
            misuse()


def test_a_bare_field_has_no_truth_either() -> None:
    """It must be compared with something."""
    field: Any = F.is_retry
    for misuse in (lambda: not field, lambda: field and F.state):
        with pytest.raises(TypeError, match=r"compare F\.is_retry with something"):
            misuse()


@pytest.mark.parametrize("value", [None, 1.5, b"x", date(2026, 3, 2), [], F.name])
def test_a_value_of_another_kind_is_a_type_error(value: Any) -> None:
    """It names the field."""
    with pytest.raises(TypeError, match=r"F\.state cannot be compared with"):
        _ = F.state == value


def test_conditions_join_with_conditions_only() -> None:
    """Raw text cannot be joined, since nobody knows its parentheses."""
    a: Any = F.name == "a"
    misuses = (
        lambda: a & 'State=="Working"',
        lambda: a | True,
        lambda: ~a,
        lambda: {F.name: 1},
    )
    for misuse in misuses:
        with pytest.raises(TypeError):
            misuse()


# ---------------------------------------------------------------- sent

EMPTY = b'{"Entities": {"BackupJobSessions": {"BackupJobSessions": []}}}'


async def target_of(where: Condition | str, **terms: Any) -> str:
    """The target that a query is asked with."""
    async with FaultServer(behind_logon(lambda _: Answer(body=EMPTY))) as server:
        async with EnterpriseManager(server.url, username="u", password="p") as em:
            query = em.backup_sessions.query(where, **terms)
            assert [row async for row in query] == []
        return next(a.target for a in server.asked if a.method == "GET")


async def test_everything_in_a_filter_is_percent_encoded() -> None:
    """A raw + would be a space, a raw & the end of the filter."""
    target = await target_of(F.job_name == "a+b & c% #d;é")

    assert target == (
        "/api/query?type=BackupJobSession&format=Entities"
        "&filter=JobName%3D%3D%22a%2Bb%20%26%20c%25%20%23d%3B%C3%A9%22"
        "&sortAsc=CreationTime&pageSize=100&page=1"
    )


async def test_raw_text_is_sent_as_the_filter_it_is() -> None:
    """Encoded, and otherwise untouched."""
    target = await target_of('state==Working , name!="x y"', order_by="-end_time")

    assert "&filter=state%3D%3DWorking%20%2C%20name%21%3D%22x%20y%22&" in target
    assert "&sortDesc=EndTime&" in target


def test_a_negative_number_is_quoted() -> None:
    """Unquoted only letters, digits and underscores are documented."""
    assert (F.total_size > -1).render(BackupTaskSession) == 'TotalSize>"-1"'


# ---------------------------------------------------------------- what is known already

A, B, C = F.name == "a", F.name == "b", F.name == "c"
YES, NO = F.job_type == "nasBACKUP", F.job_type != "NasBackup"


@pytest.mark.parametrize(
    ("condition", "left"),
    [
        (YES, True),
        (NO, False),
        (YES & NO, False),
        (YES | NO, True),
        (A & YES, A),
        (A & NO, False),
        (A | YES, True),
        (A | NO, A),
        ((A & NO) | (B & YES), B),
        ((A | NO) & (B | YES) & C, A & C),
        (A & B, A & B),
        (F.job_type > "NasBackup", F.job_type > "NasBackup"),
    ],
)
def test_what_is_known_is_not_asked_for(
    condition: Condition,
    left: Condition | bool,  # noqa: FBT001 - what is left
) -> None:
    """The rest selects the same, or everything is decided."""
    found = condition.settled({"job_type": "NasBackup"})

    if isinstance(left, Condition):
        assert isinstance(found, Condition)
        assert found.render(Job) == left.render(Job)
    else:
        assert found is left


def test_what_nests_deep_is_settled_too() -> None:
    """Without recursion, as it is written."""
    condition = A
    for _ in range(5000):
        condition = (condition & B) | NO

    assert isinstance(condition.settled({"job_type": "NasBackup"}), Condition)
