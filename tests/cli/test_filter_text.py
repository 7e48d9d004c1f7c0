import pytest

from tests.cli.command import Invoke
from veeam_async import BackupJobSession, RestoreSession
from veeam_async.cli.exits import Refusal
from veeam_async.cli.filter_text import server_filter
from veeam_async.filters import query_field


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("state==Working", "state==Working"),
        ("creation_time>=2026-01-31", "CreationTime>=2026-01-31"),
        ("CREATIONTIME>=2026-01-31T18:00:00Z", "CREATIONTIME>=2026-01-31T18:00:00Z"),
        ("CreationTimeUTC>=2026-01-31", "CreationTime>=2026-01-31"),
        ("started>=2026-01-31", "CreationTime>=2026-01-31"),
        ('job_name=="a;b,(c)"', 'JobName=="a;b,(c)"'),
        ('job_name=="say ""x"""', 'JobName=="say ""x"""'),
        ("job_name==SAP  HANA;is_retry==true", 'JobName=="SAP  HANA";IsRetry==true'),
        ("(state==Working,result!=Failed)", "(state==Working,result!=Failed)"),
        (
            " ( end_time < 2026-01-31 18:00 ) ; uid != 5 ",
            ' ( EndTime < "2026-01-31 18:00" ) ; uid != 5 ',
        ),
        (
            "((result==Failed);(state==x)),name==y",
            "((result==Failed);(state==x)),name==y",
        ),
    ],
)
def test_a_filter_may_be_in_either_vocabulary(typed: str, sent: str) -> None:
    """The model's names and EM's, in any case; values of several words are quoted."""
    assert server_filter(typed, BackupJobSession) == sent


@pytest.mark.parametrize(
    ("typed", "said", "place"),
    [
        ("foo==1;state==x", "there is no field 'foo' to filter by; there are ", "foo"),
        ("state==x,(creationtme>=1)", "did you mean creation_time?", "creationtme"),
        ("progress==1", "there is no field 'progress' to filter by", "progress"),
        ("state=Working", "one = compares nothing", "="),
        ("state==Working && result==x", "; is AND, a comma is OR", "&&"),
        ("state==Working and result==x", "; is AND, a comma is OR", "and"),
        ("state==Working result==Failed", "; for AND, or a comma", "=="),
        ("state=='Working'", "double quotes, not in single ones", "'Working'"),
        ('job_name=="SAP', "these quotes are not closed", '"'),
        ("(state==x;(name==y)", "this parenthesis is not closed", "("),
        ("state==x)", "this parenthesis closes none", ")"),
        ("(state==x) name==y", "; for AND, or a comma", "name"),
        (";state==x", "a field's name is missing here", ";"),
        ("state;x", "an operator is missing here", ";"),
        ("state==;x", "a value is missing here", ";"),
        ('"state"==x', "a field's name is missing here", '"state"'),
    ],
)
def test_an_error_points_at_what_was_typed(typed: str, said: str, place: str) -> None:
    """What is wrong comes first, then the text with carets below the place."""
    with pytest.raises(Refusal) as caught:
        server_filter(typed, BackupJobSession)
    shown, carets = caught.value.more

    assert said in str(caught.value)
    assert shown == f"  {typed}"
    assert carets.strip() == "^" * len(place)
    assert shown[carets.index("^") :].startswith(place)


@pytest.mark.parametrize("typed", ["state", "state==", "state==x;", "(", "state==x,"])
def test_a_filter_that_ends_too_early(typed: str) -> None:
    """The caret stands behind it."""
    with pytest.raises(Refusal, match=r"the filter ends where .* is missing") as caught:
        server_filter(typed, BackupJobSession)

    assert caught.value.more == (f"  {typed}", f"  {' ' * len(typed)}^")


def test_a_place_far_to_the_right_is_shown() -> None:
    """In a window around it; wide characters count for two columns."""
    typed = f'job_name=="{"夌" * 40}";' + "state==x;" * 10 + "bad==1" + ";state==x" * 9
    with pytest.raises(Refusal) as caught:
        server_filter(typed, BackupJobSession)
    shown, carets = caught.value.more

    assert shown.startswith("  …")
    assert shown[carets.index("^") :].startswith("bad==1")
    assert len(shown) < 80
    with pytest.raises(Refusal) as caught:
        server_filter('name=="夌夌";bad==1', BackupJobSession)
    assert caught.value.more[1] == " " * 15 + "^^^"


def test_each_kind_has_its_own_fields() -> None:
    """What EM calls a restore's Type is its job_type, and a restore has no job."""
    assert server_filter("job_type==x", RestoreSession) == "Type==x"
    with pytest.raises(Refusal, match=r"no field 'job_name'.*there are .*vm_display"):
        server_filter("job_name==x", RestoreSession)


def test_the_library_orders_by_either_vocabulary() -> None:
    """EM's own name in any case, also with the UTC that the wire adds."""
    for name in ("creation_time", "CreationTime", "creationtime", "CreationTimeUTC"):
        assert query_field(name, BackupJobSession) == "CreationTime"


def test_a_filter_is_refused_before_anybody_is_asked(invoke: Invoke) -> None:
    """On standard error, with exit code 2, and with the fields that there are."""
    for command in (("query",), ("watch", "--where"), ("fetch", "--filter")):
        ended = invoke(*command, "foo==1")

        assert (ended.code, ended.out) == (2, "")
        assert ended.err.startswith("veeam-async: there is no field 'foo' to filter")
        assert ended.err.splitlines()[1:] == ["  foo==1", "  ^^^"]
    ended = invoke("query", "--order-by", "foo")
    assert ended.code == 2
    assert "only by backup_server_name, " in ended.err
